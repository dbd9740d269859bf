"""How an apply goes: bars in a terminal, plain lines in a log, NDJSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.views.progress.bars import Bars
from esplan.views.progress.events import FORMAT_VERSION, Events, Silent
from esplan.views.progress.lines import Lines
from esplan.views.progress.work import Work

if TYPE_CHECKING:
    from rich.console import Console

    from esplan.plan import Plan

__all__ = ["FORMAT_VERSION", "Bars", "Events", "Lines", "Silent", "Work", "listener"]


def listener(
    console: Console, plan: Plan | None = None, *, width: int = 1, looked_at: bool = True
) -> Bars | Lines:
    """Bars where somebody looks, lines where nobody does.

    `looked_at`: whether it is a terminal; a console that is told to use colours thinks so, too.
    """
    kind = Bars if looked_at and console.is_interactive else Lines
    return kind(console, plan, width)
