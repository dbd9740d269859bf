"""The help of every command: its docstring, with the examples as they stand there."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

TITLE = "Examples:"

AS_IT_STANDS = "\b"
"""What Typer takes as: the lines of the paragraph below are not to be filled."""


def lay_out(app: typer.Typer) -> None:
    """Give the app, its groups and every command a help whose examples keep their lines."""
    app.info.help = laid_out(app.info.help or "")
    for command in app.registered_commands:
        command.help = laid_out(inspect.getdoc(command.callback) or "")
    for group in app.registered_groups:
        if group.typer_instance:
            lay_out(group.typer_instance)


def laid_out(text: str) -> str:
    """The same text; what Typer would fill into one paragraph stays as lines."""
    return text.replace(f"\n{TITLE}\n", f"\n{AS_IT_STANDS}\n{TITLE}\n")
