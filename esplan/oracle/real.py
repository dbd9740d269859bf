"""Is a difference real? And does the server return the definition that it was given?"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import diff
from esplan.diff import projected
from esplan.model import Index, State
from esplan.oracle.model import Answer
from esplan.route.rules import json_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.diff import Difference, Path
    from esplan.model import JSON, Body
    from esplan.oracle.definition import Pair
    from esplan.oracle.model import Verdict


def echo(address: str, sent: Body, index: Index) -> Answer:
    """A definition that comes back as another one would be planned again, for ever."""
    wanted, there = Index(index.name, sent), replace(index, aliases={})
    (compared,) = diff.compare(State({index.name: wanted}), State({index.name: there}))
    found = "; ".join(map(_otherwise, compared.differences))
    question = "does the definition come back as it was sent?"
    if not found:
        return Answer(address, question, "yes", "yes", "agrees")
    return Answer(address, question, "yes", f"no: {found[:300]}", "disagrees")


def _otherwise(one: Difference) -> str:
    """What came back in place of what was sent."""
    sent, back = json.dumps(one.after), json.dumps(one.before)
    return f"{json_path(one.path)} comes back as {back}, not as {sent}"


def answers(address: str, pair: Pair, before: Body, after: Body) -> Iterator[Answer]:
    """One for every difference, and one for every other that the server sees.

    `before` and `after` are the two definitions as the server returns them.
    """
    wanted = pair.after
    seen = set(differing(projected(before, wanted), projected(after, wanted)))
    claimed = {one.path for one in pair.differences}
    for path in sorted(seen | claimed):
        rule, server = _said(path in claimed), _said(path in seen)
        verdict: Verdict = "agrees" if rule == server else "disagrees"
        yield Answer(address, f"is {json_path(path)} different?", rule, server, verdict)


def differing(before: JSON, after: JSON) -> list[Path]:
    """The paths at which two definitions differ."""
    return sorted(one.path for one in diff.differences(before, after))


def _said(is_so: bool) -> str:  # noqa: FBT001  (the one thing that it says)
    return "yes" if is_so else "no"
