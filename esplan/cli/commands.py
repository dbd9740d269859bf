"""The commands of esplan, but for the sandbox's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan.cli.apply import apply
from esplan.cli.options import Globals, chosen, result
from esplan.cli.saved import FormatOption, save_and_show
from esplan.cli.show import show
from esplan.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.desired import Desired
    from esplan.plan import Plan

app = typer.Typer(
    name="esplan",
    help="Plan, review and apply changes to the aliases and indices of an Elasticsearch cluster."
    "\n\nExamples:\n    esplan init\n"
    "    esplan plan -d desired/ -o plans/release.json --env ppte\n"
    "    esplan apply plans/release.json --env ppte --approve DIGEST",
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 success, 1 error, 2 changes (plan --detailed-exitcode), drift, or "
    "findings (doctor), 3 stopped and can be resumed, 4 refused, 5 locked, 64 usage, "
    "130 interrupted. "
    "Global options work in any place.",
)

Paths = Annotated[
    list[Path] | None, typer.Option("-d", "--desired", help="Desired file or folder.")
]
JobPath = Annotated[
    Path | None, typer.Option("--job", help="A legacy job config, instead of desired files.")
]
OracleOption = Annotated[
    Literal["cluster", "sandbox"] | None,
    typer.Option("--oracle", help="Ask a server whether the rules are right: on empty indices."),
]
Output = Annotated[
    str | None, typer.Option("-o", "--output", help="Save the plan (plans/… without a path).")
]
DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes.")
]
AllowDelete = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Delete what alias.NAME leaves; or index.NAME."),
]
AllowDiscard = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Leave the documents of alias.NAME behind."),
]


@app.callback()
def main(
    ctx: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(help="The cluster (or ESPLAN_URL).")] = None,
    cloud_id: Annotated[
        str | None, typer.Option(help="The cluster's cloud id (or ESPLAN_CLOUD_ID).")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="DANGER: take any certificate (or ESPLAN_INSECURE).")
    ] = False,
    env: Annotated[str | None, typer.Option(help="An environment of esplan.yaml.")] = None,
    config: Annotated[Path | None, typer.Option(help="Another esplan.yaml.")] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours (or NO_COLOR).")] = False,
    json: Annotated[bool, typer.Option("--json", help="Results and progress as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Each request, on stderr; plans unfolded.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Credentials come from ESPLAN_API_KEY, or ESPLAN_USERNAME and ESPLAN_PASSWORD."""
    from esplan.views import version as said

    if version:
        print(said.event(said.facts()) if json else said.line(said.facts()))
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())
    color = not (no_color or os.environ.get("NO_COLOR"))
    ctx.obj = Globals(
        url, env, config, color, json, quiet, verbose, cloud_id=cloud_id, insecure=insecure
    )


@app.command()
def validate(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATHS...", help="Files or folders.")],
) -> int:
    """Check desired files offline: every error at once, as file:line:column: message.

    Examples:
        esplan validate desired/
        esplan validate desired/ --env ppte
    """
    from esplan import config
    from esplan.commands.validate import validate as command
    from esplan.views import text

    given = chosen(ctx)
    found = command(paths, config.environment(given.env, config=given.config).variables)
    if found.diagnostics:
        raise InvalidInput(found.diagnostics)
    counts = {"files": found.files, "aliases": found.aliases, "indices": found.indices}
    result(given, text.valid(found), "valid", counts)
    return 0


@app.command()
def plan(
    ctx: typer.Context,
    desired: Paths = None,
    *,
    job: JobPath = None,
    output: Output = None,
    target: Annotated[list[str] | None, typer.Option(help="Only this address.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not this address.")] = None,
    allow_delete: AllowDelete = None,
    allow_close: Annotated[list[str] | None, typer.Option(help="May be closed a moment.")] = None,
    allow_discard: AllowDiscard = None,
    oracle: OracleOption = None,
    format_: FormatOption = "text",
    detailed_exitcode: DetailedExitcode = False,
) -> int:
    """Compare desired files with the cluster, and plan the way there. Changes nothing.

    A transform of a copy (migrate.script …) is tried on some documents, in a throwaway index.

    Examples:
        esplan plan -d desired/ -o plans/release.json --env ppte
        esplan plan -d desired/ --target alias.classes --detailed-exitcode
        esplan plan --job job.json -o plans/customer.json --url http://localhost:9200
    """
    from esplan import live
    from esplan.commands import plan as commands
    from esplan.commands.oracle import asked

    given = chosen(ctx)
    asked_for = wanted(given, desired or [], job)
    with given.cluster() as cluster, asked(oracle, cluster) as server:
        live.require_cluster(cluster, given.settings().cluster_uuid)
        _require_privileges(cluster, asked_for, target or [], exclude or [])
        made = commands.plan(
            cluster,
            asked_for,
            target=target or (),
            exclude=exclude or (),
            allow_delete=allow_delete or (),
            allow_close=allow_close or (),
            allow_discard=allow_discard or (),
            asked=server,
            connect=given.other,
        )
        made = _tried(cluster, made)
    if job:
        commands.refuse_nothing_to_release(made, asked_for)
    save_and_show(given, made, output, format_)
    return 2 if detailed_exitcode and made.steps else 0


def _require_privileges(
    cluster: Cluster, wanted: Desired, target: list[str], exclude: list[str]
) -> None:
    """What may not be seen would be taken for what is not there."""
    from esplan import privileges
    from esplan.commands.plan import chosen as chosen_objects

    privileges.require_plan(cluster, chosen_objects(wanted.state, target, exclude))


def _tried(cluster: Cluster, made: Plan) -> Plan:
    """The plan, after the server was asked whether it can be carried out."""
    from esplan.commands import remainder, sample, seen, trial, versions

    whole = sample.tried(cluster, trial.tried(cluster, seen.tried(cluster, made)))
    return remainder.noted(cluster, versions.noted(cluster, whole))


def wanted(given: Globals, paths: list[Path], job: Path | None) -> Desired:
    """What the desired files say, or the job."""
    from esplan import desired
    from esplan.commands.job import desired_of

    if bool(paths) == bool(job):
        raise UsageError(
            "give -d PATH or --job FILE, and not both", code="ESP-1002", remedy="see esplan --help"
        )
    if job:
        return desired_of(job, given.config)
    return desired.read(paths, given.settings().variables)


app.command()(show)
app.command()(apply)


@app.command()
def status(
    ctx: typer.Context,
    plan: Annotated[Path | None, typer.Argument(help="Only the apply of this plan.")] = None,
) -> int:
    """Show the lock, unfinished applies, and running tasks with their progress.

    Examples:
        esplan status --url http://localhost:9200
        esplan status plans/release.json --env prod
    """
    from dataclasses import asdict

    from esplan import planfile
    from esplan.commands.status import status as command
    from esplan.views import text

    given = chosen(ctx)
    digest = planfile.read(plan).digest if plan else ""
    with given.cluster() as cluster:
        found = command(cluster, digest)
    if given.json:
        result(given, "", "status", asdict(found))
    else:
        given.show(text.status(found))
    return 0


@app.command()
def unlock(
    ctx: typer.Context,
    lock_id: Annotated[str, typer.Argument(metavar="LOCK_ID")],
    *,
    force: Annotated[
        bool,
        typer.Option("--force", help="Do not watch for a minute whether the holder still lives."),
    ] = False,
) -> int:
    """Remove the lock of an apply that is dead. A holder on another machine is watched first.

    Examples:
        esplan unlock 5f1c9a7be0d24c11 --env prod
    """
    from dataclasses import asdict

    from esplan import lock
    from esplan.views import text

    given = chosen(ctx)
    with given.cluster() as cluster:
        holder = lock.remove(cluster, lock_id, given.listener().note, force=force)
    result(given, text.unlocked(holder), "unlocked", asdict(holder))
    return 0
