"""`esplan explain`: what the code of an error means, and what to do about it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from esplan.cli.options import chosen


def explain(
    ctx: typer.Context,
    codes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CODE...]", help="Codes of errors; all of them unless given."),
    ] = None,
    *,
    format_: Annotated[
        Literal["text", "json", "markdown"], typer.Option("--format", help="How to show it.")
    ] = "text",
) -> int:
    """Explain the code of an error: what it means, why it happens, what to do. Needs no cluster.

    Example: esplan explain ESP-4102
    """
    from esplan.commands.explain import explain as command
    from esplan.views import explain as view
    from esplan.views.progress import Events

    given = chosen(ctx)
    found = command(codes or [])
    if given.json or format_ == "json":
        Events(print).emit("explained", codes=[view.parts(one) for one in found])
    elif format_ == "markdown":
        print(view.page(found), end="")
    else:
        given.show(view.text(found) if codes else view.table(found))
    return 0
