"""The commands of esplan, but for the sandbox's."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan import __version__
from esplan.arguments import DEFAULT_OUTPUT
from esplan.cli.options import Globals, chosen, result
from esplan.errors import InvalidInput, Refused, UsageError

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.desired import Desired
    from esplan.plan import Plan

app = typer.Typer(
    name="esplan",
    help="Plan, review and apply changes to the aliases and indices of an Elasticsearch cluster.",
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 success, 1 error, 2 changes (plan --detailed-exitcode), drift, or "
    "findings (doctor), 3 stopped and can be resumed, 4 refused, 5 locked, 64 usage, "
    "130 interrupted. "
    "Global options work in any place.",
)

PATIENCE = 90.0
"""Seconds for which an apply repeats a read: a node that restarts is back within them."""

Format = Literal["text", "json"]
Phase = Literal["prepare", "switch", "finish"]
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
AllowDelete = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Delete what alias.NAME leaves; or index.NAME."),
]
AllowDiscard = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Leave the documents of alias.NAME behind."),
]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask for consent.")]
Approve = Annotated[
    str | None, typer.Option(metavar="DIGEST", help="Consent to the plan of this digest.")
]
AllowMany = Annotated[bool, typer.Option("--allow-many", help="Although it changes many objects.")]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="When an object fails, go on with the others.")
]
PlanPath = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")]


@app.callback()
def main(
    ctx: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(help="The cluster (or ESPLAN_URL).")] = None,
    env: Annotated[str | None, typer.Option(help="An environment of esplan.yaml.")] = None,
    config: Annotated[Path | None, typer.Option(help="Another esplan.yaml.")] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours (or NO_COLOR).")] = False,
    json: Annotated[bool, typer.Option("--json", help="Results and progress as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Each request, on stderr.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Credentials come from ESPLAN_API_KEY, or ESPLAN_USERNAME and ESPLAN_PASSWORD."""
    if version:
        print(f"esplan {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())
    color = not (no_color or os.environ.get("NO_COLOR"))
    ctx.obj = Globals(url, env, config, color, json, quiet, verbose)


@app.command()
def validate(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATHS...", help="Files or folders.")],
) -> int:
    """Check desired files offline: every error at once, as file:line:column: message.

    Example: esplan validate desired/
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
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Save the plan (plans/… without a path).")
    ] = None,
    target: Annotated[list[str] | None, typer.Option(help="Only this address.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not this address.")] = None,
    allow_delete: AllowDelete = None,
    allow_close: Annotated[list[str] | None, typer.Option(help="May be closed a moment.")] = None,
    allow_discard: AllowDiscard = None,
    oracle: OracleOption = None,
    format_: Annotated[Format, typer.Option("--format", help="How to show it.")] = "text",
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes.")
    ] = False,
) -> int:
    """Compare desired files with the cluster, and plan the way there. Changes nothing.

    A transform of a copy (migrate.script …) is tried on some documents, in a throwaway index.
    Example: esplan plan -d desired/ -o plans/release.json --url http://localhost:9201
    """
    from esplan import live
    from esplan.commands import plan as commands
    from esplan.commands.oracle import asked

    given = chosen(ctx)
    wanted = _wanted(given, desired or [], job)
    with given.cluster() as cluster, asked(oracle, cluster) as server:
        live.require_cluster(cluster, given.settings().cluster_uuid)
        made = commands.plan(
            cluster,
            wanted,
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
        commands.refuse_nothing_to_release(made, wanted)
    save_and_show(given, made, output, format_)
    return 2 if detailed_exitcode and made.steps else 0


def _tried(cluster: Cluster, made: Plan) -> Plan:
    """The plan, after the server was asked whether it can be carried out."""
    from esplan.commands import sample, trial

    trial.refuse_unaccepted(cluster, made)
    return sample.tried(cluster, made)


def save_and_show(given: Globals, made: Plan, output: str | None, format_: Format) -> None:
    """The plan in its file, if one was asked for, and on the screen."""
    from esplan import journal, planfile

    path = _plan_path(output, made)
    if path:
        journal.set_aside(path)
        planfile.write(made, path)
    _show_plan(given, made, str(path or ""), format_)


def _wanted(given: Globals, paths: list[Path], job: Path | None) -> Desired:
    """What the desired files say, or the job."""
    from esplan import desired
    from esplan.commands.job import desired_of

    if bool(paths) == bool(job):
        raise UsageError("give -d PATH or --job FILE, and not both", remedy="see esplan --help")
    if job:
        return desired_of(job, given.config)
    return desired.read(paths, given.settings().variables)


def _plan_path(output: str | None, plan: Plan) -> Path | None:
    if output != DEFAULT_OUTPUT:
        return Path(output) if output else None
    stamp = plan.created_at[:19].replace(":", "").replace("T", "-")
    return Path("plans") / f"{stamp}-{plan.digest[:8]}.json"


def _show_plan(given: Globals, plan: Plan, path: str, format_: Format) -> None:
    from esplan import planfile
    from esplan.views import text

    if given.json or format_ == "json":
        print(planfile.dumps(plan), end="")
        return
    given.show(text.plan(plan, path))


@app.command()
def show(
    ctx: typer.Context,
    plan: PlanPath,
    *,
    format_: Annotated[Format, typer.Option("--format", help="How to show it.")] = "text",
) -> int:
    """Show a saved plan, also when it has gone stale.

    Example: esplan show plans/release.json
    """
    from esplan import planfile

    _show_plan(chosen(ctx), planfile.read(plan), str(plan), format_)
    return 0


@app.command()
def apply(
    ctx: typer.Context,
    plan: PlanPath,
    *,
    auto_approve: AutoApprove = False,
    approve: Approve = None,
    through: Annotated[Phase, typer.Option(help="Stop after this phase.")] = "finish",
    allow_many: AllowMany = False,
    keep_going: KeepGoing = False,
    parallel: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="So many objects side by side.")
    ] = 1,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Take an unfinished apply back instead.")
    ] = False,
) -> int:
    """Carry out a plan, or go on with it after an interruption.

    Example: esplan apply plans/release.json --approve 3f9a…
    """
    from esplan import planfile, safety
    from esplan.commands import apply as commands
    from esplan.views import text

    given, made = chosen(ctx), planfile.read(plan)
    listener = given.listener(together=parallel > 1)
    with given.cluster() as cluster:
        commands.require_cluster(cluster, made)
        cluster.patience = PATIENCE
        if not abandon:
            safety.require(made, allow_many=allow_many)
        _consent(given, made, plan, approve, auto_approve=auto_approve)
        try:
            if abandon:
                return _abandoned(given, cluster, made, plan)
            how = partial(commands.apply, through=through, allow_many=allow_many)
            how = partial(how, keep_going=keep_going, parallel=parallel)
            outcome = how(
                cluster, made, plan, listener, connect=partial(given.other, patience=PATIENCE)
            )
        finally:
            listener.close()
    result(given, text.applied(outcome), "applied", vars(outcome))
    return 0


def _abandoned(given: Globals, cluster: Cluster, made: Plan, path: Path) -> int:
    from esplan.commands import apply as commands
    from esplan.views import text

    commands.abandon(cluster, made, path, given.listener())
    result(given, text.abandoned(), "abandoned", {})
    return 0


def _consent(
    given: Globals, plan: Plan, path: Path, approve: str | None, *, auto_approve: bool
) -> None:
    """Refuse unless somebody has said yes to exactly this plan."""
    if approve is not None and approve != plan.digest:
        raise Refused(
            f"--approve names another plan: the digest of {path} is {plan.digest}",
            remedy="review this plan, and approve the digest that `esplan show` prints",
        )
    if auto_approve or approve is not None or not plan.steps:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            "nobody has approved this plan, and there is no terminal to ask on",
            remedy=f"review it with `esplan show {path}`, then pass --approve DIGEST",
        )
    _show_plan(given, plan, str(path), "text")
    answer = given.console(stderr=True).input("\nApply this plan? Only 'yes' does it: ")
    if answer.strip() != "yes":
        raise Refused("the plan was not approved", remedy="nothing was changed")


@app.command()
def status(
    ctx: typer.Context,
    plan: Annotated[Path | None, typer.Argument(help="Only the apply of this plan.")] = None,
) -> int:
    """Show the lock, unfinished applies, and running tasks with their progress.

    Example: esplan status --url http://localhost:9201
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
def unlock(ctx: typer.Context, lock_id: Annotated[str, typer.Argument(metavar="LOCK_ID")]) -> int:
    """Remove the lock of an apply that is certainly dead.

    Example: esplan unlock 5f1c9a7be0d24c11
    """
    from dataclasses import asdict

    from esplan import lock
    from esplan.views import text

    given = chosen(ctx)
    with given.cluster() as cluster:
        holder = lock.remove(cluster, lock_id)
    result(given, text.unlocked(holder), "unlocked", asdict(holder))
    return 0
