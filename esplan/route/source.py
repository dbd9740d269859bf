"""The index that is left: whether it can be copied, what is taken along, whether it may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import kept, naming, synthetic
from esplan.errors import Refused
from esplan.model import UNNUMBERED, Body
from esplan.route import rules
from esplan.route.context import EXPANSION, REPLICAS

if TYPE_CHECKING:
    from esplan.diff import Comparison
    from esplan.model import Alias, Index
    from esplan.route.context import Context

NEVER_CARRIED = ("index.blocks.",)
"""Live settings that are a condition, not a definition: a new index does not inherit them."""


def copyable(comparison: Comparison, alias: Alias) -> Index:
    """The index to copy from, if a copy of it can be whole."""
    source = comparison.index
    if source is None or not source.is_open:
        raise Refused(
            f"alias.{alias.name}: the index behind it is closed, and cannot be copied",
            code="ESP-4108",
            remedy="open it first (POST /<index>/_open)",
        )
    if kept.is_frozen(source.body.settings):
        raise Refused(
            f"alias.{alias.name}: {source.name} is frozen, and cannot be copied",
            code="ESP-4119",
            why="searches leave a frozen index out",
            remedy=f"unfreeze it first: POST /{source.name}/_unfreeze",
        )
    if source.body.unnumbered:
        _refuse_uncounted(alias, source)
    _refuse_incomplete(f"alias.{alias.name}", source)
    return source


def _refuse_incomplete(address: str, source: Index) -> None:
    """What a client reads of a document is not all of it, so a copy would lose the rest."""
    if lossy := source.body.lossy:
        raise Refused(
            f"{address}: {source.name} does not keep the whole _source "
            f"(mappings._source.{lossy[0]}), so its documents cannot be copied",
            code="ESP-4110",
            remedy="load the new index from where the data came from, or undo the change "
            "that needs a new index",
        )
    if why := synthetic.unsure(source.body.settings, source.body.mappings):
        raise Refused(
            f"{address}: {source.name} may not give back the whole of its documents, so they "
            "cannot be copied",
            code="ESP-4125",
            why=why,
            remedy=synthetic.REMEDY,
        )


def _refuse_uncounted(alias: Alias, source: Index) -> None:
    """What needs sequence numbers: a plain copy under the write block does not."""
    why = f"it has no sequence numbers ({UNNUMBERED})"
    if alias.migrate.writes == "catch-up":
        raise Refused(
            f"alias.{alias.name}: nobody can tell what clients write to {source.name} meanwhile",
            code="ESP-4114",
            why=why,
            remedy="declare migrate: {writes: block}",
        )
    if alias.migrate.tolerance:
        raise Refused(
            f"alias.{alias.name}: documents of {source.name} that are rejected cannot be left out",
            code="ESP-4115",
            why=why,
            remedy="take migrate.max_rejected and on_rejected out; correct the documents, or "
            "leave them out with migrate.query",
        )


def new_body(live: Body, desired: Body) -> Body:
    """The new index: as desired, with the settings and fields that only live has kept.

    A declared number of replicas ends their automatic expansion, which would override it.
    """
    carried = {n: v for n, v in live.settings.items() if not n.startswith(NEVER_CARRIED)}
    if REPLICAS in desired.settings:
        carried.pop(EXPANSION, None)
    mappings = desired.mappings if desired.exact else rules.merged(live.mappings, desired.mappings)
    return Body({**carried, **desired.settings}, mappings, creation=desired.creation)


def refuse_undeletable(alias: Alias, old: Index, context: Context) -> None:
    """Only what esplan made, or what the file's own pattern names, and only unused."""
    named = f"index.{old.name}" in context.allowed
    known = old.mark or naming.matches(alias.naming, old.name) or named
    if not known:
        raise Refused(
            f"alias.{alias.name}: delete_old would delete {old.name}, which esplan did not make "
            f"and whose name is not of the pattern {alias.naming.pattern}",
            code="ESP-4113",
            remedy="set finish.delete_old: false, and delete the index by hand afterwards",
        )
    others = context.staying(alias.name, old, deleted=True)
    if others:
        raise Refused(
            f"alias.{alias.name}: delete_old would delete {old.name}, which also serves "
            f"{', '.join(others)}",
            code="ESP-4112",
            remedy="move these aliases first, or set finish.delete_old: false",
        )
