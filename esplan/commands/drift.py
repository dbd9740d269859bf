"""`esplan drift`: desired files and a cluster → where it is not as they say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from esplan import drift as drifts
from esplan import history, live
from esplan.commands.plan import chosen
from esplan.live import EVERYTHING, ClusterInfo
from esplan.request import there

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from esplan.cluster import Cluster
    from esplan.desired import Desired, Place
    from esplan.drift import Drift
    from esplan.model import JSON


@dataclass(frozen=True)
class Report:
    """`found`, by address, and where each object that was looked at is defined, by address."""

    cluster: ClusterInfo
    looked_at: Mapping[str, Place | None]
    found: tuple[Drift, ...]

    @property
    def exit_code(self) -> int:
        """2 when there is drift."""
        return 2 if self.found else 0


def drift(
    cluster: Cluster,
    desired: Desired,
    *,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    now: datetime | None = None,
) -> Report:
    """All drift, in five requests whatever the number of indices.

    An apply of a wanted alias that has not ended takes one more. `target` and `exclude` are
    addresses. What a plan would refuse is drift, too. Raises UsageError for an address that no
    file has.
    """
    now = now or datetime.now(UTC)
    wanted = chosen(desired.state, target, exclude)
    info = live.cluster_info(cluster)
    past = history.read(cluster, wanted.aliases)  # first: an apply that begins now is not seen
    definitions = there(cluster.read(EVERYTHING, {"expand_wildcards": "all"}), EVERYTHING)
    created = {name: at for name, raw in definitions.items() if (at := _created(raw))}
    seen = drifts.Seen(live.state(definitions, {}), created, past, now)
    found = drifts.drift(wanted, seen, desired.places)
    addresses = [f"alias.{name}" for name in wanted.aliases]
    addresses += [f"index.{name}" for name in wanted.indices]
    places = {str(address): place for address, place in desired.places.items()}
    return Report(info, {name: places.get(name) for name in sorted(addresses)}, found)


def _created(raw: JSON) -> str:
    """ISO 8601, as journals have it, from milliseconds; empty where there is none."""
    milliseconds = raw.get("settings", {}).get("index", {}).get("creation_date")
    if milliseconds is None:
        return ""
    moment = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds")
