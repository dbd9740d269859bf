"""The proof that a copy equals its source."""

from esplan.checksum.comparison import compare, marks_of
from esplan.checksum.report import Ids, Marks, Method, Report
from esplan.checksum.sample import Sample, sample
from esplan.checksum.side import Place, checkpoints, count, marks, pieces, refresh

__all__ = [
    "Ids",
    "Marks",
    "Method",
    "Place",
    "Report",
    "Sample",
    "checkpoints",
    "compare",
    "count",
    "marks",
    "marks_of",
    "pieces",
    "refresh",
    "sample",
]
