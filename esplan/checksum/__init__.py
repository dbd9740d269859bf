"""The proof that a copy equals its source."""

from esplan.checksum.comparison import compare
from esplan.checksum.report import Ids, Marks, Method, Report
from esplan.checksum.sample import Sample, sample
from esplan.checksum.side import marks

__all__ = ["Ids", "Marks", "Method", "Report", "Sample", "compare", "marks", "sample"]
