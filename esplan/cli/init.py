"""`esplan init`: options → command → view."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from esplan.cli.options import chosen, result


def init(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where; the working folder unless given.")
    ] = Path(),
) -> int:
    """Write a commented start: esplan.yaml, a desired file, a hook. Overwrites nothing.

    Examples:
        esplan init
        esplan init search/
    """
    from esplan.commands.init import init as command
    from esplan.views import init as views

    given = chosen(ctx)
    begun = command(folder)
    if given.json:
        parts = {"folder": str(folder), "written": list(begun.written), "left": begun.kept}
        result(given, "", "begun", parts)
    else:
        given.show(views.text(begun))
    return 0
