"""The proof that a copy equals its source."""

from esplan.checksum.ahead import Ahead, Known
from esplan.checksum.cluster_hash import ClusterHash
from esplan.checksum.comparison import compare, marks_of
from esplan.checksum.durable import make_durable
from esplan.checksum.missing import await_primaries, is_away, is_of_missing
from esplan.checksum.moment import reached
from esplan.checksum.reading import PLAIN, Reading, from_json
from esplan.checksum.report import Ids, Marks, Method, Report
from esplan.checksum.sample import Sample, sample
from esplan.checksum.side import (
    Place,
    checkpoints,
    count,
    marks,
    refresh,
)

__all__ = [
    "PLAIN",
    "Ahead",
    "ClusterHash",
    "Ids",
    "Known",
    "Marks",
    "Method",
    "Place",
    "Reading",
    "Report",
    "Sample",
    "await_primaries",
    "checkpoints",
    "compare",
    "count",
    "from_json",
    "is_away",
    "is_of_missing",
    "make_durable",
    "marks",
    "marks_of",
    "reached",
    "refresh",
    "sample",
]
