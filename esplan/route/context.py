"""What the routes share: what they are given, and what they give back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esplan.activity import QUIET, Activity
from esplan.plan import digest

if TYPE_CHECKING:
    from datetime import date

    from esplan.layout import Layout
    from esplan.model import JSON, Alias, Body, Index, State
    from esplan.origin import Origin
    from esplan.plan import Change, Step


REPLICAS = "index.number_of_replicas"
SHARDS = "index.number_of_shards"
EXPANSION = "index.auto_expand_replicas"


@dataclass(frozen=True)
class Context:
    """What the routes need beside one comparison.

    `activity`: of indices to force merge. `allowed`: addresses that may be deleted, by name.
    `closable`: addresses that may be closed for a moment. `layouts`: of indices whose number of
    shards may change by hard links. `leaving`: by the name of an alias, itself and the others of
    its group that leave their index in the same call, by name. `origins`: by the name of an alias,
    what a new index is filled from in another cluster. `closed`: of closed indices that
    may be deleted, the version of their settings, which each opening and closing moves.
    """

    plan_id: str
    live: State
    today: date
    activity: Activity = QUIET
    allowed: frozenset[str] = frozenset()
    closable: frozenset[str] = frozenset()
    layouts: dict[str, Layout] = field(default_factory=dict)
    leaving: dict[str, dict[str, Alias]] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    closed: dict[str, int | None] = field(default_factory=dict)

    def staying(self, alias: str, index: Index, *, deleted: bool = False) -> list[str]:
        """The other aliases that are on an index still when this one has left it.

        `deleted`: and those that leave it, too, but whose files keep their old index.
        """
        leaving = self.leaving.get(alias, {})
        with_it = [leaving[name] for name in index.aliases if name in leaving]
        gone = {one.name for one in with_it if one.finish.delete_old or not deleted}
        return sorted(set(index.aliases) - gone - {alias})


@dataclass(frozen=True)
class Routed:
    """One object's change, its steps in order, and what a reviewer should be warned of."""

    change: Change
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()


def unchanged(index: str, desired: Body, before: JSON, *sections: str) -> JSON:
    """The precondition that what the plan was made from is still there.

    `before` is the live definition, cut down to what `desired` speaks of.
    """
    return {
        "check": "body",
        "index": index,
        "sections": list(sections),
        "exact": desired.exact,
        "fingerprint": digest({name: before[name] for name in sections}),
    }
