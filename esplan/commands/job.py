"""`esplan job convert`: a legacy job config as the desired file that says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import job

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.model import JSON


def convert(path: Path, config: Path | None = None) -> JSON:
    """The desired file for the job in `path`, as plain data; offline.

    `config` is the file of --config: it may name further sources. Raises InvalidInput.
    """
    return job.desired(job.read(path), job.sources(config))
