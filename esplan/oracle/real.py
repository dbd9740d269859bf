"""Is a difference real? And does the server return the definition that it was given?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import diff
from esplan.diff import projected, shown
from esplan.oracle.model import Answer
from esplan.route.rules import json_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.diff import Path
    from esplan.model import JSON, Body
    from esplan.oracle.definition import Pair
    from esplan.oracle.model import Verdict


def echo(address: str, sent: Body, returned: Body) -> Answer:
    """A definition that comes back as another one would be planned again, for ever."""
    found = differing(projected(returned, sent), shown(sent))
    said = f"no: {', '.join(map(json_path, found))} come back otherwise" if found else "yes"
    question = "does the definition come back as it was sent?"
    return Answer(address, question, "yes", said, "disagrees" if found else "agrees")


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
