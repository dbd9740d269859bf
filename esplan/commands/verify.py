"""`esplan verify`: two indices or aliases → whether they hold the same documents."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from esplan import checksum, seen
from esplan.checksum.difference import SHOWN
from esplan.checksum.document import Document, differing
from esplan.errors import Refused, UsageError, VerificationFailed
from esplan.request import index_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.checksum import Method, Report
    from esplan.cluster import Cluster
    from esplan.model import JSON

EXPLAINED = 10
"""Documents whose fields are compared."""

UNSAFE = ("*", ",", "<", "/", "?")
"""Signs by which a name would be several, or another path."""


@dataclass(frozen=True)
class Verified:
    """The report, and the first documents that differ, field by field."""

    report: Report
    documents: tuple[Document, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when both hold the same documents, else 4."""
        return 0 if self.report.equal else VerificationFailed.exit_code

    def to_json(self) -> JSON:
        """The report, and `documents` with their fields."""
        return {**self.report.to_json(), "documents": [asdict(one) for one in self.documents]}


def verify(
    cluster: Cluster,
    source: str,
    target: str,
    *,
    method: Method = "checksum",
    progress: Callable[[int, int], None] | None = None,
    listed: int = SHOWN,
) -> Verified:
    """Compare every document of two indices, or of the indices that two aliases are on.

    It only reads (and refreshes both). Raises UsageError for a name that is none, or two names of
    one index; Refused for an alias on several indices, and where `_source` is not kept whole;
    StepFailed where a part of an index does not answer; ServerError and Unreachable.
    """
    old, new = _resolved(cluster, source), _resolved(cluster, target)
    if old == new:
        raise UsageError(
            f"{source} and {target} are the same index {old}",
            code="ESP-1003",
            remedy="name two different ones",
        )
    seen.require_all(cluster, [old, new])
    compare = partial(checksum.compare, method=method, progress=progress, listed=listed)
    report = compare(cluster, old, new)
    ids = report.different.sample[:EXPLAINED]
    return Verified(report, tuple(differing(cluster, old, new, ids)))


def _resolved(cluster: Cluster, name: str) -> str:
    """The index of that name, or the only one behind the alias."""
    if not name or name.startswith(("-", "_", ".")) or any(sign in name for sign in UNSAFE):
        raise UsageError(
            f'"{name}" is not the name of one index or alias',
            code="ESP-1003",
            remedy="name one, without wildcards and commas",
        )
    found = sorted(cluster.read(index_path(name), {"filter_path": "*.settings.index.uuid"}) or {})
    if not found:
        raise UsageError(
            f"there is no index and no alias {name}", code="ESP-1007", remedy="see esplan sizing"
        )
    if len(found) > 1:
        raise Refused(
            f"the alias {name} is on {len(found)} indices: {', '.join(found)}",
            code="ESP-4105",
            remedy="name the one that is meant",
        )
    return str(found[0])
