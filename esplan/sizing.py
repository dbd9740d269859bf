"""How large an index is, how many segments it should have, and what is off with it."""

from __future__ import annotations

import math

GIB = 1024**3

SEGMENT = 2 * GIB
"""Bytes of a segment that a force merge aims at, unless configured."""


def max_num_segments(primary_bytes: int, primary_shards: int, segment: int = SEGMENT) -> int:
    """Segments of a shard after a force merge: ceil(bytes per shard / bytes per segment).

    Both in bytes. At least one: an empty shard has one segment at most.
    """
    return max(1, math.ceil(primary_bytes / primary_shards / segment))
