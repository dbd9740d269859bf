"""`esplan explain`: what the code of an error means. Asks no cluster and reads no file of yours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import codes
from esplan.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.codes import Entry


def explain(given: Sequence[str]) -> list[Entry]:
    """The entries of these codes, in the order given; all of them where none is.

    Raises UsageError for what is no code.
    """
    known = codes.catalogue()
    wanted = dict.fromkeys(map(codes.spelled, given))
    unknown = [one for one in wanted if one not in known]
    if unknown:
        near = codes.nearest(unknown[0])
        raise UsageError(
            f"there is no code {unknown[0]}" + (f": did you mean {_listed(near)}?" if near else ""),
            code="ESP-1006",
            remedy="`esplan explain` lists every code",
        )
    return [known[one] for one in wanted or known]


def _listed(near: list[str]) -> str:
    return " or ".join((", ".join(near[:-1]), near[-1])) if len(near) > 1 else near[0]
