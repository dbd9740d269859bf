"""`esplan adopt`: options → command → view."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from esplan.arguments import DEFAULT_OUTPUT
from esplan.cli.options import Globals, chosen, result
from esplan.cli.saved import save_and_show
from esplan.errors import UsageError


def adopt(
    ctx: typer.Context,
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN...", help="Names or wildcards of aliases and indices; all without."
        ),
    ] = None,
    *,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="A folder; with --alias a plan file.")
    ] = None,
    alias: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Plan this new alias for one index that has none."),
    ] = None,
) -> int:
    """Write desired files for what is live: planning them shows no change.

    Examples:
        esplan adopt 'classes*' -o desired/
        esplan adopt audit-2026 --alias audit -o plans/audit.json
    """
    given = chosen(ctx)
    if alias is not None:
        return _wrap(given, alias, patterns or [], output)
    if output == DEFAULT_OUTPUT:
        raise UsageError(
            "-o needs a folder", code="ESP-1002", remedy="without -o the files go to stdout as one"
        )
    return _adopt(given, patterns or [], Path(output) if output else None)


def _adopt(given: Globals, patterns: list[str], folder: Path | None) -> int:
    from esplan import live
    from esplan.adopt import document
    from esplan.commands import adopt as commands
    from esplan.views import adopt as views

    with given.cluster() as cluster:
        live.require_cluster(cluster, given.settings().cluster_uuid)
        made = commands.adopt(cluster, patterns, views.folder if folder else views.one)
    if folder:
        done = commands.write(made.texts, folder)
        parts = {"folder": str(folder), "files": sorted(made.texts)}
        result(given, views.written(str(folder), done), "adopted", parts)
    elif given.json:
        print(json.dumps(document(made.found.objects), indent=2, ensure_ascii=False))
    else:
        sys.stdout.write(made.texts[views.ONE])
    if not given.quiet and not given.json:
        given.show(views.left_out(made.found.left_out), stderr=True)
    return 0


def _wrap(given: Globals, alias: str, patterns: list[str], output: str | None) -> int:
    from esplan import live
    from esplan.commands import adopt as commands
    from esplan.views import adopt as views

    if len(patterns) != 1:
        raise UsageError(
            "--alias needs exactly one index",
            code="ESP-1002",
            remedy="esplan adopt INDEX --alias NAME -o FILE",
        )
    with given.cluster() as cluster:
        live.require_cluster(cluster, given.settings().cluster_uuid)
        made, after = commands.wrap(cluster, alias, patterns[0])
    save_and_show(given, made, output, "text")
    if not given.json:
        given.show(views.afterwards(alias, after))
    return 0
