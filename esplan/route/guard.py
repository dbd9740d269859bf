"""The alias through which alone a plan fills an index: nothing can auto-create that index."""

from __future__ import annotations

import hashlib

from esplan.plan import GUARD


def guard_name(plan_id: str, index: str) -> str:
    """Hidden, and known to nobody else."""
    return f"{GUARD}{plan_id}-{hashlib.sha256(index.encode()).hexdigest()[:8]}"
