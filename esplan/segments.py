"""How many segments a shard should have after a force merge."""

from __future__ import annotations

import math

GIB = 1024**3

SEGMENT = 2 * GIB
"""Bytes of a segment that a force merge aims at, unless configured."""


UNITS = {"pb": 1024**5, "tb": 1024**4, "gb": GIB, "mb": 1024**2, "kb": 1024, "b": 1}
"""Elasticsearch's units of size: powers of 1024."""


def bytes_of(size: str) -> int:
    """`2gb` in bytes. The schema has checked its form."""
    unit = next(unit for unit in UNITS if size.endswith(unit))
    return int(size.removesuffix(unit)) * UNITS[unit]


def max_num_segments(primary_bytes: int, primary_shards: int, segment: int = SEGMENT) -> int:
    """Segments of a shard after a force merge: ceil(bytes per shard / bytes per segment).

    Both in bytes. At least one: an empty shard has one segment at most.
    """
    return max(1, math.ceil(primary_bytes / primary_shards / segment))
