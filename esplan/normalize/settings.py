"""Settings: flat names, values as strings, amounts in one unit."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from esplan.normalize.values import ALIKE, an_object, shown, text
from esplan.segments import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import JSON

SERVER_ADDED = (
    "index.creation_date",
    "index.history.uuid",
    "index.merge.enabled",
    "index.provided_name",
    "index.resize.source.",
    "index.routing.allocation.include._tier_preference",
    "index.routing.allocation.initial_recovery.",
    "index.shrink.source.",
    "index.soft_deletes.enabled",
    "index.uuid",
    "index.verified_before_close",
    "index.version.",
)
"""Settings that the server adds by itself: never part of a diff, never sent."""

IDENTITY = frozenset({"creation_date", "provided_name", "uuid"})
"""Of those, what is another one in every index."""

NEVER_RETURNED = frozenset({"index.number_of_routing_shards"})
"""Settings that the server takes and never returns: no comparison can be made with them."""

OPENSEARCH_ADDED = {"index.replication.type": "DOCUMENT"}
"""Settings that OpenSearch adds to every index, and this value of them alone: it is the default."""

ALWAYS_SHOWN = dict.fromkeys(("index.number_of_replicas", "index.number_of_shards"), "1")
"""Settings that GET returns where they are not set, or set to null, with their defaults."""
EXPANSION, REPLICAS = "index.auto_expand_replicas", "index.number_of_replicas"

FREE_FORM = (
    "index.analysis.",
    "index.default_pipeline",
    "index.final_pipeline",
    "index.lifecycle.name",
    "index.lifecycle.rollover_alias",
    "index.query.default_field",
    "index.routing.allocation.",
    "index.routing_path",
    "index.similarity.",
    "index.sort.",
    "index.store.preload",
    "index.store.snapshot.",
)
"""Settings whose values are names or patterns, never units: `60s` stays `60s` there."""

SIZED = ("_size", ".size", "_segment", "_bytes")
"""How the names of byte sizes end: `60m` is megabytes there, and minutes elsewhere."""

DURATION = re.compile(r"\s*(\d+)\s*(nanos|micros|ms|s|h|d|(?-i:m))\s*", re.ASCII | re.IGNORECASE)
"""The server's own grammar; a capital `M` is refused, since it means months elsewhere."""

NANOSECONDS = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "micros": 1_000,
    "nanos": 1,
}
BYTES = re.compile(r"\s*(\d+)\s*(b|kb|mb|gb|tb|pb)\s*", re.ASCII | re.IGNORECASE)
SHORT_BYTES = re.compile(r"\s*(\d+)\s*([kmgtp]?b|[kmgtp])\s*", re.ASCII | re.IGNORECASE)
SIZES = dict(reversed(UNITS.items()))


def canonical_settings(settings: JSON) -> JSON:
    """What can be compared: flat, `index.` prefix, strings; what the server adds is left out.

    A setting that is there twice has the value that the server gives it: that of the name, as
    written, that sorts last. Raises ValueError for a form that cannot be read.
    """
    return parted_settings(settings)[0]


def parted_settings(settings: JSON) -> tuple[JSON, JSON]:
    """What can be compared; and what is only sent, when an index is made: see NEVER_RETURNED."""
    found = _all_settings(settings)
    unseen = {name: found.pop(name) for name in NEVER_RETURNED & found.keys()}
    return found, unseen


def _all_settings(settings: JSON) -> JSON:
    return {**_read(json.dumps(_without_identity(an_object(settings, "settings"))))}


def _without_identity(settings: JSON) -> JSON:
    """Without what no two indices share, where GET has it: so that alike ones are read once."""
    index = settings.get("index")
    if not isinstance(index, dict) or IDENTITY.isdisjoint(index):
        return settings
    return {**settings, "index": {n: value for n, value in index.items() if n not in IDENTITY}}


@lru_cache(ALIKE)
def _read(text: str) -> JSON:
    """By text, as mappings are. What it returns is shared."""
    given = sorted(flatten(_unwrapped(json.loads(text))), key=lambda pair: pair[0])
    flat = {prefixed(name): value for name, value in given}
    kept = (name for name in sorted(flat) if not name.startswith(SERVER_ADDED))
    read = {name: setting_value(name, flat[name]) for name in kept}
    said = {n: value for n, value in read.items() if OPENSEARCH_ADDED.get(n, ...) != value}
    return without_overridden(said)


def without_overridden(flat: JSON) -> JSON:
    """A number of replicas says nothing where they expand: GET returns what the nodes allow."""
    if flat.get(EXPANSION) in (None, "false"):
        return flat
    return {name: value for name, value in flat.items() if name != REPLICAS}


def _unwrapped(settings: JSON) -> JSON:
    """`{"settings": {…}}`, as GET and the update API have it."""
    inner = settings.get("settings")
    return inner if isinstance(inner, dict) and len(settings) == 1 else settings


def flatten(tree: JSON, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested and dotted names are the same name."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def prefixed(name: str) -> str:
    """`number_of_shards` and `index.number_of_shards` are the same setting."""
    return name if name.startswith("index.") else f"index.{name}"


def setting_value(name: str, value: Any) -> Any:
    """Strings, or lists of strings; None stays (back to the default), unless GET shows that.

    A list of one means the same as its only value, unless the server reads that value in another
    way when it is no list. Durations and sizes get their largest exact unit, except where values
    are names.
    """
    if value is None:
        return ALWAYS_SHOWN.get(name)
    if isinstance(value, list):
        items = [_item(name, item) for item in value]
        return _amount(name, items[0]) if len(items) == 1 and _is_one_item(items[0]) else items
    return _amount(name, text(value))


def _item(name: str, value: Any) -> str:
    """The server cannot load a list that holds anything but plain values."""
    if value is None or isinstance(value, dict | list):
        raise ValueError(f"the list in {name} must hold plain values, not {shown(value)}")
    return text(value)


def _is_one_item(item: str) -> bool:
    """Read without its list, the item is itself.

    `a, b => c` would become two items, ` a` another one, and `_none_` no stop words at all.
    """
    return bool(item) and "," not in item and item == item.strip() and item != "_none_"


def _amount(name: str, value: str) -> str:
    """A value with a unit in its largest unit, by the kind of setting."""
    if name.startswith(FREE_FORM):
        return value
    if name.endswith(SIZED):
        return byte_size(value, SHORT_BYTES)
    return byte_size(duration(value))


def duration(value: str) -> str:
    """`30000ms` is `30s`."""
    match = DURATION.fullmatch(value)
    if not match:
        return value
    amount = int(match[1]) * NANOSECONDS[match[2].lower()]
    return _largest(amount, NANOSECONDS) if amount else "0ms"


def byte_size(value: str, units: re.Pattern[str] = BYTES) -> str:
    """`1024MB` is `1gb`; a size in fractions stays as it is."""
    match = units.fullmatch(value)
    if not match:
        return value
    unit = match[2].lower()
    amount = int(match[1]) * SIZES[unit if unit.endswith("b") else f"{unit}b"]
    return _largest(amount, SIZES) if amount else "0b"


def _largest(amount: int, units: dict[str, int]) -> str:
    """The amount in the largest unit that divides it; the smallest unit divides everything."""
    return next(f"{amount // size}{unit}" for unit, size in units.items() if amount % size == 0)
