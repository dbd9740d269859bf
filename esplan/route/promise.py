"""What a rollback needs of the index that it leaves, and what it promises of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import normalize, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.model import JSON, Index
    from esplan.plan import Step


def back(steps: Sequence[Step], new: Index, old: Index) -> JSON:
    """The new index as it is now; fields that the plan did not make it with count as added since.

    `steps`: those of the plan that is rolled back.
    """
    known, body = _made_with(steps, new), new.body
    mappings = whole.pruned(body.mappings, known) if known else body.mappings
    return whole.kept(replace(new, body=replace(body, mappings=mappings)), old.name)


def _made_with(steps: Sequence[Step], new: Index) -> JSON:
    """The mapping that the new index began with; {} where the plan does not say."""
    for step in steps:
        if step.kind == "create_index":
            sent: JSON = (step.request or {})["body"]["mappings"]
            return normalize.canonical_mappings(sent, new.body.settings)
        if step.kind == "resize_index":  # its source's
            taken: JSON = step.arguments.get(whole.WHOLE, {}).get("mappings", {})
            return taken
    return {}
