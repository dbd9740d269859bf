"""Typer: options → command → view → exit code. Only here is anything printed or exited."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from esplan.arguments import arranged
from esplan.cli.adopt import adopt
from esplan.cli.commands import app
from esplan.cli.completion import QUESTION, completion, reply
from esplan.cli.doctor import doctor
from esplan.cli.drift import drift
from esplan.cli.explain import explain
from esplan.cli.help import lay_out
from esplan.cli.init import init
from esplan.cli.job import job
from esplan.cli.maintain import maintain
from esplan.cli.options import Globals
from esplan.cli.privileges import privileges
from esplan.cli.rollback import rollback
from esplan.cli.sandbox import sandbox
from esplan.cli.schema import schema
from esplan.cli.sizing import sizing
from esplan.cli.throttle import throttle
from esplan.cli.verify import verify
from esplan.errors import EsplanError, InvalidInput, UsageError

if TYPE_CHECKING:
    from typing import TextIO

app.command()(init)
app.command()(schema)
app.command()(completion)
app.command()(sizing)
app.command()(maintain)
app.add_typer(job)
app.add_typer(sandbox)
app.command()(doctor)
app.command()(adopt)
app.command()(drift)
app.command()(verify)
app.command()(rollback)
app.command()(privileges)
app.command()(explain)
app.command(context_settings={"ignore_unknown_options": True})(throttle)  # -1 is a rate
lay_out(app)

INTERRUPTED = 130
"""Typer's own answer to Ctrl-C, and a shell's."""

NO_READER = 141
"""A shell's code for a tool that SIGPIPE has ended: `esplan … | head -1`."""


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit code and never raises for what a user can cause."""
    try:
        code = _run(arguments)
        _flush(sys.stdout)
    except (BrokenPipeError, SystemExit):  # rich exits where a print raises
        code = NO_READER
    except OSError as error:
        if error.filename:  # a stream has none: this is another file, and not expected
            raise
        code = _fail(_unwritten(error), [one for one in arguments if one != "--json"])
    _discard_unwritten()
    return code


def _flush(stream: TextIO | None) -> None:
    """There is no stream where the caller has closed it."""
    if stream:
        stream.flush()


def _unwritten(error: OSError) -> EsplanError:
    return EsplanError(
        "the output cannot be written",
        code="ESP-6001",
        why=error.strerror or str(error),
        remedy="make room, or send it somewhere else; an apply goes on from where it is",
    )


def _discard_unwritten() -> None:
    """What is left in a buffer would fail once more, with a traceback, when Python ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            _flush(stream)
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _run(arguments: list[str]) -> int:
    if arguments[:1] == [QUESTION]:
        return reply(app, arguments[1:])
    from typer.exceptions import TyperException

    try:
        code = int(app(arranged(arguments), standalone_mode=False) or 0)
    except TyperException as error:
        return _fail(
            UsageError(error.format_message(), code="ESP-1001", remedy="see esplan --help"),
            arguments,
        )
    except EsplanError as error:
        return _fail(error, arguments)
    except typer.Abort:
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return code


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
    with suppress(OSError):  # a full disk behind stderr: the code says it all the same
        given.show(text.error(error), stderr=True)
    return error.exit_code
