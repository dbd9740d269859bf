"""`esplan job convert` and `plan --job`: a legacy job config as the desired file that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import desired, job
from esplan.source import Document, Node

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.desired import Desired
    from esplan.model import JSON


def convert(path: Path, config: Path | None = None) -> JSON:
    """The desired file for the job in `path`, as plain data; offline.

    `config` is the file of --config: it may name further sources. Raises InvalidInput.
    """
    return job.desired(job.read(path), job.sources(config))


def desired_of(path: Path, config: Path | None = None) -> Desired:
    """The desired state of the job in `path`: that of its converted form. Raises InvalidInput."""
    return desired.of(Document(str(path), Node(convert(path, config), (1, 1))))
