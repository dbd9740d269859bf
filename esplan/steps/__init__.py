"""Step kinds, one file each: describe, probe, execute, undo.

`describe` builds the step for the plan; `probe` says whether its effect is there; `execute`
sends it and returns evidence for the journal; `undo` takes it back while nothing depends on it.
A new kind is a new file and one line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from esplan.steps import (
    await_health,
    backfill,
    block_writes,
    catch_up,
    close_index,
    create_index,
    delete_index,
    force_merge,
    guard_index,
    mark_writes,
    open_index,
    protect_index,
    put_mapping,
    reindex,
    remote_copy,
    remote_reindex,
    resize_index,
    retire_index,
    unblock_writes,
    update_aliases,
    update_settings,
    verify,
)

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run


class StepKind(Protocol):
    """What a module of this package offers to apply."""

    REPEAT: bool
    """Sent even when `probe` says that the effect is there."""

    def probe(self, step: Step, run: Run, /) -> bool:
        """True when the step's effect is there already."""

    def execute(self, step: Step, run: Run, /) -> JSON:
        """Send it. Returns evidence; raises StepFailed, Refused, ServerError, OutcomeUnknown."""

    def undo(self, step: Step, run: Run, /) -> None:
        """Take it back, whether or not it was carried out. Must be safe to repeat."""


KINDS: dict[str, StepKind] = {
    "await_health": await_health,
    "backfill": backfill,
    "block_writes": block_writes,
    "catch_up": catch_up,
    "close_index": close_index,
    "create_index": create_index,
    "delete_index": delete_index,
    "force_merge": force_merge,
    "guard_index": guard_index,
    "mark_writes": mark_writes,
    "open_index": open_index,
    "protect_index": protect_index,
    "put_mapping": put_mapping,
    "reindex": reindex,
    "remote_copy": remote_copy,
    "remote_reindex": remote_reindex,
    "resize_index": resize_index,
    "retire_index": retire_index,
    "unblock_writes": unblock_writes,
    "update_aliases": update_aliases,
    "update_settings": update_settings,
    "verify": verify,
}
