"""What a comparison found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from esplan.model import JSON

Method = Literal["checksum", "count"]
Marks = dict[str, dict[str, int]]
"""`{index: {shard: max_seq_no}}`, primaries only; -1 for a shard that was never written to."""


@dataclass(frozen=True)
class Ids:
    """Documents of one kind: how many there are, and the first of their ids in order.

    `digest` is that of all of them (`rejected.fingerprint`); empty where there are none.
    """

    count: int = 0
    sample: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True)
class Report:
    """The outcome of `compare`.

    `missing` ids are only in the source, `extra` ones only in the target, `different` ones in
    both with another routing or source. They stay empty for the method `count`, and where
    `moved` says that somebody wrote to a side while it was read: nothing is proven then.
    `again`: documents that were looked at again, as clients had touched them since the first look.
    `buckets` were compared, `differing` of them were not equal. `marks` date from before the
    first document was read: whoever finds them unchanged knows that the proof still holds.
    `left_out`: documents of the source that the script of the copy leaves out, not counted in
    `source_documents`.
    """

    method: Method
    source: str
    target: str
    source_documents: int
    target_documents: int
    marks: Marks
    moved: bool = False
    buckets: int = 0
    differing: int = 0
    missing: Ids = field(default_factory=Ids)
    extra: Ids = field(default_factory=Ids)
    different: Ids = field(default_factory=Ids)
    again: int = 0
    seconds: float = 0.0
    left_out: int = 0

    @property
    def equal(self) -> bool:
        """The target holds what the source holds, and nobody wrote in between."""
        same_count = self.source_documents == self.target_documents
        return same_count and not self.differing and not self.moved

    def to_json(self) -> JSON:
        """The record for the journal: every field, and `equal`; `left_out` where there is any."""
        found = {**asdict(self), "equal": self.equal, "seconds": round(self.seconds, 3)}
        if not self.left_out:
            del found["left_out"]
        return found
