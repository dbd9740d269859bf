"""Disk: what is free on the data nodes, what a plan needs of it, and whether that fits.

What the server does (seen on 8.16.1): past the high watermark a node gets no shard at all; past
the low one no replica and no shard by hard links, but still the primaries of a new, empty index.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from esplan.errors import FORBIDDEN, ServerError
from esplan.request import there
from esplan.segments import UNITS, byte_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.live import Reader
    from esplan.model import JSON

NODES = "/_nodes/stats/fs"
NODE_PARTS = ("name", "roles", "fs.total.total_in_bytes", "fs.total.available_in_bytes")
SETTINGS = "/_cluster/settings"
LAYERS = ("transient", "persistent", "defaults")
"""The first one that has a setting decides."""


@dataclass(frozen=True)
class Node:
    """A data node: bytes free, and those at which a watermark is reached (0: it is off)."""

    name: str
    free: int
    low: float = 0
    high: float = 0
    flood: float = 0

    @property
    def room(self) -> int:
        """Bytes that it takes before it passes the high watermark."""
        return max(0, int(self.free - self.high))


@dataclass(frozen=True)
class Need:
    """Bytes that a plan, or one object of it, takes beside what is there, at most at one time.

    `shard` is the largest piece that must fit on one node. `low`: there are replicas or hard
    links, which only go to a node that is not past the low watermark.
    """

    bytes: int = 0
    shard: int = 0
    low: bool = False

    def precondition(self) -> JSON:
        """As a step carries it."""
        return {"check": "fits", **asdict(self)}


def read(cluster: Reader) -> tuple[Node, ...]:
    """Every data node, in two requests; none where the user may not know."""
    try:
        return _read(cluster)
    except ServerError as error:
        if error.status != FORBIDDEN:
            raise
    return ()


def _read(cluster: Reader) -> tuple[Node, ...]:
    parts = ",".join(f"nodes.*.{part}" for part in NODE_PARTS)
    stats = there(cluster.read(NODES, {"filter_path": parts}), NODES)
    found = by_id(stats, watermarks(cluster)).values()
    return tuple(sorted(found, key=lambda node: node.name))


def watermarks(cluster: Reader) -> dict[str, str]:
    """The settings below `cluster.routing.allocation.disk`."""
    wanted = "*.cluster.routing.allocation.disk"
    found = there(
        cluster.read(SETTINGS, {"include_defaults": "true", "filter_path": wanted}), SETTINGS
    )
    return _flat([found.get(layer, {}) for layer in LAYERS])


def by_id(stats: JSON, settings: dict[str, str]) -> dict[str, Node]:
    """The data nodes in an answer that has `NODE_PARTS`."""
    nodes = stats.get("nodes", {}).items()
    known = ((id_, one) for id_, one in nodes if _holds_data(one))
    return {id_: _node(one, settings) for id_, one in known if one.get("fs", {}).get("total")}


def _holds_data(node: JSON) -> bool:
    """Frozen nodes hold no index of their own, only what is mounted."""
    data = {role for role in node.get("roles", ()) if role.startswith("data")}
    return bool(data - {"data_frozen"})


def _flat(layers: Sequence[JSON]) -> dict[str, str]:
    """Names below `cluster.routing.allocation.disk`; a layer nests as far as it likes."""
    flat: dict[str, str] = {}
    for layer in reversed(layers):
        below = layer
        for name in ("cluster", "routing", "allocation", "disk"):
            below = below.get(name, {})
        flat |= dict(_leaves(below))
    return flat


def _leaves(value: JSON, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, inner in value.items():
        path = f"{prefix}{name}"
        found += _leaves(inner, f"{path}.") if isinstance(inner, dict) else [(path, str(inner))]
    return found


def _node(raw: JSON, settings: dict[str, str]) -> Node:
    disk = raw["fs"]["total"]
    total, free = disk["total_in_bytes"], disk["available_in_bytes"]
    if settings.get("threshold_enabled", "true") == "false":
        return Node(raw["name"], free)
    names = ("low", "high", "flood_stage")
    return Node(raw["name"], free, *(_free_at(one, settings, total) for one in names))


def _free_at(watermark: str, settings: dict[str, str], total: int) -> float:
    """0 for a form that this esplan does not know: the server will say what it thinks of it."""
    key = f"watermark.{watermark}"
    given = settings.get(key, "")
    try:
        return free_at(given, settings.get(f"{key}.max_headroom", ""), total) if given else 0
    except ValueError:
        return 0


def free_at(watermark: str, headroom: str, total: int) -> float:
    """Free bytes at which a watermark is reached.

    `watermark` is a part in use (`85%`, `0.85`) or free bytes (`50gb`); `headroom` limits a part
    on large disks (since 8.x; `-1` is without limit). Raises ValueError for other forms.
    """
    if watermark.endswith("%") or re.fullmatch(r"0?\.\d+|1\.0", watermark):
        used = float(watermark[:-1]) / 100 if watermark.endswith("%") else float(watermark)
        free = (1 - used) * total
        limit = -1 if headroom in ("", "-1") else _bytes(headroom)
        return min(free, limit) if limit >= 0 else free
    return _bytes(watermark)


def _bytes(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]*)", text.strip().lower())
    if found is None or (found[2] or "b") not in UNITS:
        raise ValueError(f"not a size: {text}")
    return float(found[1]) * UNITS[found[2] or "b"]


def shortage(need: Need, nodes: Sequence[Node]) -> str:
    """Why it does not fit; empty where it does, and where nobody knows."""
    if not nodes or not (need.bytes or need.low):
        return ""
    room, free = sum(node.room for node in nodes), sum(node.free for node in nodes)
    largest = max(nodes, key=lambda node: node.room)
    if need.bytes > room:
        return (
            f"{byte_text(need.bytes)} of disk are needed, and the data nodes take "
            f"{byte_text(room)} before their high watermark ({byte_text(free)} are free)"
        )
    if need.shard > largest.room:
        return (
            f"a shard of {byte_text(need.shard)} fits on no data node: {largest.name} has the "
            f"most room, {byte_text(largest.room)} before its high watermark"
        )
    if need.low and all(node.free <= node.low for node in nodes):
        return (
            "every data node is past its low watermark, and takes no replicas and no shards by "
            f"hard links ({byte_text(free)} are free)"
        )
    return ""
