"""What hooks said: notes for people, events for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from esplan.views.clean import shortened
from esplan.views.progress import Events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.hooks import Ran
    from esplan.run import Listener

LINES, WIDTH = 20, 200
"""Of a hook's output, in a log."""


def told(listener: Listener, ran: Ran) -> None:
    """An event with everything; or lines, where there is something to say."""
    if isinstance(listener, Events):
        listener.emit("hook", **asdict(ran))
        return
    for line in _lines(ran):
        listener.note(line)


def _lines(ran: Ran) -> Iterator[str]:
    said = [one for one in ran.output.splitlines() if one.strip()]
    for line in said[:LINES]:
        yield f"{ran.hook}: {shortened(line.rstrip(), WIDTH)}"
    if len(said) > LINES:
        yield f"{ran.hook}: … and {len(said) - LINES} more lines"
    if ran.outcome != "ok":
        at = f" {ran.step or ran.address}".rstrip()
        goes_on = "" if ran.on.startswith("before_") else "; the apply goes on as it is"
        yield f"WARNING: the hook {ran.hook} failed on {ran.on}{at}: {ran.why}{goes_on}"
