"""Checks of disk space and of what the server blocks when it runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.disk import free_at
from esplan.doctor.model import Finding, check, listed, request
from esplan.segments import GIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Facts, Node
    from esplan.doctor.model import Severity

DISK = "cluster.routing.allocation.disk."

WATERMARKS: tuple[tuple[str, Severity, str], ...] = (
    ("flood_stage", "error", "its indices become read-only"),
    ("high", "error", "shards are moved away from it"),
    ("low", "warning", "it gets no new shards"),
)
"""Worst first."""


@check(
    "disk-watermarks",
    "No disk is near its watermark",
    why="A copy needs room for a second index. Past the low watermark a node gets no new "
    "shards, past the high one it loses some, past the flood stage its indices refuse writes.",
    needs=("nodes", "settings"),
    thresholds=(
        "error: the high or flood-stage watermark is passed",
        "warning: the low watermark is passed",
        "info: the thresholds are switched off (then the watermarks do not act)",
        "the watermarks are those of the cluster settings, with their max_headroom",
    ),
)
def disk_watermarks(facts: Facts) -> Iterator[Finding]:
    """The free disk of each data node, against cluster.routing.allocation.disk.watermark.*."""
    if str(facts.settings.get(f"{DISK}threshold_enabled", "true")) == "false":
        yield Finding(
            "info",
            "cluster",
            "the disk watermarks are switched off",
            f"{DISK}threshold_enabled: false; the fullest disk: {_fullest(facts)}",
            "switch them on where a full disk would hurt",
            request(
                "PUT", "/_cluster/settings", {"persistent": {f"{DISK}threshold_enabled": None}}
            ),
        )
        return
    for node in facts.nodes:
        if node.holds_data and node.disk:
            yield from _full(node, facts)


def _fullest(facts: Facts) -> str:
    disks = [node for node in facts.nodes if node.disk]
    fullest = min(disks, key=lambda node: node.free / node.disk, default=None)
    return _room(fullest) if fullest else "not known"


def _room(node: Node) -> str:
    return (
        f"{node.name} has {node.free / GIB:.1f} of {node.disk / GIB:.1f} GB free "
        f"({1 - node.free / node.disk:.1%} in use)"
    )


def _full(node: Node, facts: Facts) -> Iterator[Finding]:
    """The worst watermark that a node has passed."""
    for name, severity, means in WATERMARKS:
        key = f"{DISK}watermark.{name}"
        value = str(facts.settings.get(key, ""))
        headroom = str(facts.settings.get(f"{key}.max_headroom", ""))
        if value and node.free < (at := free_at(value, headroom, node.disk)):
            yield Finding(
                severity,
                node.name,
                f"the disk is past the {name} watermark: {means}",
                f"{_room(node)}; {name} is {value}, here below {at / GIB:.1f} GB free",
                "delete what nobody needs (see orphan-indices), or add disk or a node",
                request("GET", "/_cat/allocation?v"),
            )
            return


@check(
    "flood-stage",
    "No index is read-only for want of disk",
    why="After the flood stage the server refuses writes (HTTP 429) to every index with a shard "
    "on that node. Since 7.4 it lifts the block by itself when there is room again.",
    needs=("indices",),
)
def flood_stage(facts: Facts) -> Iterator[Finding]:
    """The setting index.blocks.read_only_allow_delete of each index."""
    setting = "index.blocks.read_only_allow_delete"
    found = [one for one in facts.indices.values() if one.is_set(setting)]
    if found:
        yield Finding(
            "error",
            listed([one.name for one in found]),
            f"{len(found)} ind{'ex refuses' if len(found) == 1 else 'ices refuse'} writes: "
            "the disk was too full",
            f"{setting}: true",
            "free disk space first: the server lifts the block then; else lift it by hand",
            request("PUT", f"{found[0].path}/_settings", {setting: None}),
        )
