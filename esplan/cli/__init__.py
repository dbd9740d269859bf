"""Typer: options → command → view → exit code. Only here is anything printed or exited."""

from __future__ import annotations

import os
import sys

import typer

from esplan.arguments import arranged
from esplan.cli.commands import app
from esplan.cli.doctor import doctor
from esplan.cli.job import job
from esplan.cli.maintain import maintain
from esplan.cli.options import Globals
from esplan.cli.sandbox import sandbox
from esplan.cli.sizing import sizing
from esplan.errors import EsplanError, InvalidInput, UsageError

app.command()(sizing)
app.command()(maintain)
app.add_typer(job)
app.add_typer(sandbox)
app.command()(doctor)

INTERRUPTED = 130
"""Typer's own answer to Ctrl-C, and a shell's."""


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit code and never raises for what a user can cause."""
    from typer.exceptions import TyperException

    try:
        code = int(app(arranged(arguments), standalone_mode=False) or 0)
        sys.stdout.flush()
    except OSError as error:
        return _unwritten(error, arguments)
    except TyperException as error:
        return _fail(UsageError(error.format_message(), remedy="see esplan --help"), arguments)
    except EsplanError as error:
        return _fail(error, arguments)
    except typer.Abort:
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return code


def _unwritten(error: OSError, arguments: list[str]) -> int:
    """A full disk behind stdout. What is still in the buffer would fail once more at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    what = EsplanError(
        "the output cannot be written",
        where=str(error.filename or ""),
        why=error.strerror or str(error),
        remedy="make room, or send it somewhere else; an apply goes on from where it is",
    )
    return _fail(what, [one for one in arguments if one != "--json"])


def _fail(error: EsplanError, arguments: list[str]) -> int:
    """Show an error where its reader looks for it; diagnostics are results, so on stdout."""
    from esplan.views import progress, text

    color = "--no-color" not in arguments and not os.environ.get("NO_COLOR")
    given = Globals(None, None, None, color, json=False, quiet=False, verbose=False)
    if "--json" in arguments:
        progress.Events(print).emit("error", exit_code=error.exit_code, **text.error_parts(error))
        return error.exit_code
    if isinstance(error, InvalidInput):
        for one in error.diagnostics:
            given.show(text.diagnostic(one))
    given.show(text.error(error), stderr=True)
    return error.exit_code
