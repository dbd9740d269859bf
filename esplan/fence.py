"""The fence: an alias whose name has the token of the last holder of the lock.

A call that switches or deletes takes it off and puts it on again (`steps.request.fenced`): the
cluster refuses the call of an earlier holder whole, because its fence is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import OutcomeUnknown, ServerError
from esplan.plan import FENCE, STATE_INDEX
from esplan.request import there

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON


def fences(cluster: Cluster) -> list[str]:
    """The fence aliases there are: one, but for an index that somebody has changed by hand."""
    path = f"/{STATE_INDEX}/_alias/{FENCE.format_map({'token': '*'})}"
    found = there(cluster.read(path), path)  # a fence that is overlooked fences nobody off
    return sorted(found.get(STATE_INDEX, {}).get("aliases", {}))


def rotate_fence(cluster: Cluster, token: str, old: list[str]) -> bool:
    """Put our fence alias in the place of the `old`, in one call; False when they are not there."""
    gone = [{"index": STATE_INDEX, "alias": alias, "must_exist": True} for alias in old]
    actions: list[JSON] = [{"remove": one} for one in gone]
    fence = {"index": STATE_INDEX, "alias": FENCE.format(token=token), "is_hidden": True}
    try:
        cluster.change("POST", "/_aliases", None, {"actions": [*actions, {"add": fence}]})
    except OutcomeUnknown:
        if FENCE.format(token=token) not in fences(cluster):
            raise
    except ServerError as error:
        if error.status != 404:  # noqa: PLR2004  (HTTP's own number)
            raise
        return False
    return True
