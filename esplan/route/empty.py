"""`migrate.data: discard`: a new, empty index behind the alias."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esplan import naming, safety
from esplan.errors import UsageError
from esplan.plan import Change
from esplan.route.context import Context, Routed
from esplan.route.replace import Replacement
from esplan.route.source import new_body
from esplan.route.target import lifecycle, made_with
from esplan.steps import await_health, create_index, retire_index, update_aliases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.diff import Comparison
    from esplan.model import JSON, Alias, Index
    from esplan.plan import Reason, Step

DISCARD = "discard"
"""The route of such a change: by it its need of consent is found again."""


def discard(
    comparison: Comparison,
    alias: Alias,
    old: Index,
    reasons: tuple[Reason, ...],
    context: Context,
) -> Routed:
    """The other colour, empty: create, switch, and delete the old one if asked.

    Nothing is copied, so nothing is blocked or proven, and the old index may be closed or keep no
    `_source`.
    """
    target = naming.next_index(alias, old, context.live, context.today)
    body = new_body(old.body, alias.body)
    address = str(comparison.address)
    made = _Empty(address, alias, old, target, body, comparison, context)
    change = Change(
        address,
        "replace",
        DISCARD,
        old.name,
        target,
        reasons,
        comparison.before,
        comparison.after,
    )
    return Routed(change, made.steps(), made.warnings())


COPIED = ("proven", "nothing_rejected", "heir")
"""Checks that are about a copy."""


@dataclass(frozen=True)
class _Empty(Replacement):
    """A replacement without a copy."""

    def steps(self) -> tuple[Step, ...]:
        """The same order as that of a copy."""
        serves = await_health.describe(self.address, self.target)
        return (self._create(), serves, self._switch(), *self._after())

    def _create(self) -> Step:
        """As it is to be from the start, but for its lifecycle, which acts through the alias."""
        made = create_index.describe(
            self.address,
            self.context.plan_id,
            self.target,
            made_with(self.body, {}),
            {},
            filled=False,
        )
        discards: JSON = {"discards": self.source.documents}
        checks = (*made.preconditions, *self._consented())
        arguments = {**made.arguments, **discards}
        return self._promised(replace(made, preconditions=checks, arguments=arguments))

    def _consented(self) -> tuple[JSON, ...]:
        """What was written since the plan was shown is not what somebody has consented to lose."""
        if self.source.documents is None:
            return ()  # it is closed, or nobody could count: "every document" was consented to
        most = {"documents": self.source.documents}
        return ({"check": "consented", "index": self.source.name, **most},)

    def _switch(self) -> Step:
        name, old, new = self.alias.name, self.source.name, self.target
        options = self.alias.options
        return update_aliases.describe(
            self.address,
            f"switch the alias {name} from {old} to {new}, which is empty",
            [
                {"remove": {"index": old, "alias": name, "must_exist": True}},
                {"add": {"index": new, "alias": name, **options}},
            ],
            {name: {new: options}},
            [
                {"remove": {"index": new, "alias": name, "must_exist": True}},
                {"add": {"index": old, "alias": name, **self._old_options()}},
            ],
            (self._still(), self._unchanged(), self._ours(), self._on(), *self._consented()),
        )

    def _after(self) -> tuple[Step, ...]:
        policy = lifecycle(self.address, self.target, self.body)
        if not self.alias.finish.delete_old:
            return policy
        return (*self._retired(), *policy, self._delete())

    def _retired(self) -> tuple[Step, ...]:
        """What clients write to it by its own name from now on is refused, and not lost."""
        is_open = self.source.is_open
        return (retire_index.describe(self.address, self.source),) if is_open else ()

    def _deletable(self) -> tuple[JSON, ...]:
        """All but the proof: somebody has consented by name that these documents go."""
        kept = (one for one in super()._deletable() if one["check"] not in COPIED)
        closed = {} if self.source.is_open else {"closed": True}
        checks = (one | closed if one["check"] == "left" else one for one in kept)
        return (*checks, *self._consented())

    def warnings(self) -> tuple[str, ...]:
        """What is lost, and where it still is."""
        old, new = self.source.name, self.target
        found = [f"{self.address}: {_said(self.source.documents)} of {old} will not be in {new}"]
        if others := self.context.staying(self.alias.name, self.source):
            found.append(f"{self.address}: {', '.join(others)} stays on {old}")
        if not self.alias.finish.delete_old:
            found.append(f"{self.address}: {old} is kept (finish.delete_old is false)")
        return tuple(found)


def _said(documents: int | None) -> str:
    if documents is None:
        return "every document"
    return f"{documents:,} document{'' if documents == 1 else 's'}"


def needs(routed: Sequence[Routed], allowed: Sequence[str]) -> list[JSON]:
    """The consent that is missing. Raises UsageError for one that nothing needs."""
    asking = {one.change.address: one for one in routed if one.change.route == DISCARD}
    if unused := [address for address in allowed if address not in asking]:
        raise UsageError(
            f"--allow-discard {', '.join(unused)}: this plan would discard nothing there",
            code="ESP-1005",
            remedy="name an alias (alias.NAME) whose file says migrate: {data: discard}, and "
            "whose change needs a new index",
        )
    return [_need(one) for address, one in asking.items() if address not in allowed]


def _need(routed: Routed) -> JSON:
    """The first warning says what is lost."""
    change = routed.change
    parts = {"address": change.address, "index": change.index}
    return {"consent": safety.DISCARD, **parts, "why": routed.warnings[0]}
