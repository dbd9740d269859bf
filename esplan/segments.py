"""Sizes, and how many segments a shard should have after a force merge."""

from __future__ import annotations

import math
import re

GIB = 1024**3

SEGMENT = 2 * GIB
"""Bytes of a segment that a force merge aims at, unless configured."""


UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": GIB, "tb": 1024**4, "pb": 1024**5}
"""Elasticsearch's units of size: powers of 1024."""

SIZE = re.compile(r"(\d{1,18}(?:\.\d+)?)\s*(b|kb|mb|gb|tb|pb)?", re.ASCII | re.IGNORECASE)


def byte_size(text: str) -> int:
    """`2gb`, `1.5 GB`, or a plain number of bytes; 1 KB is 1,024, as Elasticsearch counts.

    Raises ValueError, in words, for anything else, and for less than a byte.
    """
    found = SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * UNITS[(found[2] or "b").lower()]) if found else 0
    if size < 1:
        raise ValueError(f"{text!r} is no size: write 2gb, 512mb, or a number of bytes")
    return size


def byte_text(number: float) -> str:
    """`850 B`, `12.9 KB`, `75.4 GB`: 1 KB is 1,024, as Elasticsearch counts."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1024:  # noqa: PLR2004  (the step between two units)
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TB"


def max_num_segments(primary_bytes: int, primary_shards: int, segment: int = SEGMENT) -> int:
    """Segments of a shard after a force merge: ceil(bytes per shard / bytes per segment).

    Both in bytes. At least one: an empty shard has one segment at most.
    """
    return max(1, math.ceil(primary_bytes / primary_shards / segment))
