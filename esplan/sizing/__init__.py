"""How large an index is, how many segments it should have, what is off with it, and what to do.

From a cluster to advice: `read.read` → `read.measured` → `advice.advised`.
`commands.sizing.sizing` does all of it.
"""

from __future__ import annotations

import math
import re

GIB = 1024**3

SEGMENT = 2 * GIB
"""Bytes of a segment that a force merge aims at, unless configured."""

SHARD = 25 * GIB
"""Bytes of a shard that a proposal aims at, unless configured.

The middle of what Elastic advises: "Aim for shards of up to 200M documents, or with sizes between
10GB and 50GB" (Size your shards, Elasticsearch guide). An index can double before it is off again.
"""

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(b|kb|mb|gb|tb|pb)?", re.ASCII | re.IGNORECASE)


def max_num_segments(primary_bytes: int, primary_shards: int, segment: int = SEGMENT) -> int:
    """Segments of a shard after a force merge: ceil(bytes per shard / bytes per segment).

    Both in bytes. At least one: an empty shard has one segment at most.
    """
    return max(1, math.ceil(primary_bytes / primary_shards / segment))


def byte_size(text: str) -> int:
    """`2gb`, `1.5 GB`, or a plain number of bytes; 1 KB is 1,024, as Elasticsearch counts.

    Raises ValueError, in words, for anything else, and for less than a byte.
    """
    from esplan.normalize.settings import SIZES

    found = SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * SIZES[(found[2] or "b").lower()]) if found else 0
    if size < 1:
        raise ValueError(f"{text!r} is no size: write 2gb, 512mb, or a number of bytes")
    return size
