"""How large an index is, how many segments it should have, what is off with it, and what to do.

From a cluster to advice: `read.read` → `read.measured` → `advice.advised`.
`commands.sizing.sizing` does all of it.
"""

from __future__ import annotations

from esplan.segments import GIB, SEGMENT, byte_size, max_num_segments

__all__ = ["GIB", "SEGMENT", "SHARD", "byte_size", "max_num_segments"]

SHARD = 25 * GIB
"""Bytes of a shard that a proposal aims at, unless configured.

The middle of what Elastic advises: "Aim for shards of up to 200M documents, or with sizes between
10GB and 50GB" (Size your shards, Elasticsearch guide). An index can double before it is off again.
"""
