"""`esplan doctor`: read the facts that the chosen checks need, and run the checks."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from esplan import doctor
from esplan.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.cluster import Cluster
    from esplan.doctor import Check, Diagnosis


def diagnose(cluster: Cluster, only: Sequence[str] = (), skip: Sequence[str] = ()) -> Diagnosis:
    """Run every check, or those named in `only`, but none named in `skip`. Changes nothing.

    Raises UsageError for an unknown name, Unreachable when the cluster does not answer.
    """
    checks = chosen(only, skip)
    wanted = {name for one in checks for name in (*one.needs, *one.uses)}
    return doctor.examine(doctor.read(cluster, wanted), checks)


def chosen(only: Sequence[str] = (), skip: Sequence[str] = ()) -> tuple[Check, ...]:
    """The checks that the options leave, in the order of the registry."""
    kept = {find(name).name for name in only} or {one.name for one in doctor.CHECKS}
    kept -= {find(name).name for name in skip}
    return tuple(one for one in doctor.CHECKS if one.name in kept)


def find(name: str) -> Check:
    """The check of that name. Raises UsageError with the nearest name."""
    names = [one.name for one in doctor.CHECKS]
    if name in names:
        return doctor.CHECKS[names.index(name)]
    near = difflib.get_close_matches(name, names, 1)
    raise UsageError(
        f"there is no check {name!r}" + (f": did you mean {near[0]}?" if near else ""),
        code="ESP-1006",
        remedy=f"the checks: {', '.join(names)}",
    )
