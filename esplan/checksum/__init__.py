"""The proof that a copy equals its source."""

from esplan.checksum.comparison import compare
from esplan.checksum.report import Ids, Marks, Method, Report
from esplan.checksum.sample import Sample, sample
from esplan.checksum.side import checkpoints, count, marks, pieces, refresh

__all__ = [
    "Ids",
    "Marks",
    "Method",
    "Report",
    "Sample",
    "checkpoints",
    "compare",
    "count",
    "marks",
    "pieces",
    "refresh",
    "sample",
]
