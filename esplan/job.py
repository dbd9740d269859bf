"""The legacy job config: the object of strings that a release was asked for with before.

The contract is in docs/job.md. A job says the same as a desired file with `runs`, and becomes one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from esplan import config as configuration
from esplan import schema, source
from esplan.errors import InvalidInput
from esplan.runs import LATEST
from esplan.segments import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from esplan.model import JSON


@dataclass(frozen=True)
class Job:
    """One release. `max_segment_size_bytes` is None where the job leaves it to esplan."""

    alias_name: str
    data_source: str
    index_base: str
    new_replicas: int
    abort_run: bool
    delete_old: bool
    forcemerge_new: bool
    max_segment_size_bytes: int | None = None


@dataclass(frozen=True)
class Source:
    """How a loader names its indices: patterns with {index_base} and {run_id}.

    `entities`: the pattern of each entity, where a run has several. `writes`: "ongoing", where
    an index is written to after its release.
    """

    name: str = "{index_base}-{run_id}"
    entities: Mapping[str, str] = field(default_factory=dict)
    writes: str = ""


SMR = {"smr": "{index_base}-{run_id}", "smr-employee": "{index_base}-{run_id}-employee"}

SOURCES = {
    "customer": Source(),
    "transaction": Source(writes="ongoing"),
    "smr": Source(entities=SMR),
    "smr-employee": Source(),
}
"""The sources that esplan knows by itself. Any other is `Source()`."""


def sources(config: Path | None = None) -> dict[str, Source]:
    """The built-in sources, and those of esplan.yaml, which come before them.

    `config` is the file of --config. Raises InvalidInput for a wrong file.
    """
    path = config or Path(source.CONFIG_NAME)
    if config is None and not path.exists():
        return dict(SOURCES)
    declared = configuration.section("sources", path)
    return SOURCES | {name: Source(**raw) for name, raw in declared.items()}


def read(path: Path) -> Job:
    """The job in a file. Raises InvalidInput with every diagnostic."""
    document = source.read(path)
    problems = schema.check(document, "job")
    if problems:
        raise InvalidInput(problems)
    raw = document.data
    size = raw.get("max_segment_size_bytes")
    return Job(
        raw["alias_name"],
        raw["data_source"],
        raw["index_base"],
        int(raw["new_replicas"]),
        _flag(raw["abort_run"]),
        _flag(raw["delete_old"]),
        _flag(raw["forcemerge_new"]),
        None if size is None else int(size),
    )


def _flag(value: str | bool) -> bool:  # noqa: FBT001  (the value of a key)
    """`True`, "True", "true"; the schema lets nothing else through but their opposites."""
    return str(value).lower() == "true"


def desired(job: Job, sources: Mapping[str, Source]) -> JSON:
    """The desired file that says the same, as plain data."""
    found = sources.get(job.data_source, Source())
    alias = {"index": {"name": found.name}, "runs": _runs(job, found), "finish": _finish(job)}
    return {"version": 1, "aliases": {job.alias_name: alias}}


def _runs(job: Job, found: Source) -> JSON:
    runs: JSON = {"source": job.data_source, "index_base": job.index_base, "run": LATEST}
    if len(found.entities) > 1:
        runs["entities"] = dict(found.entities)
    if found.writes:
        runs["writes"] = found.writes
    if job.abort_run:
        runs["abort"] = True
    return runs


def _finish(job: Job) -> JSON:
    finish: JSON = {
        "replicas": job.new_replicas,
        "forcemerge": "auto" if job.forcemerge_new else "off",
    }
    if job.max_segment_size_bytes is not None:
        finish["max_segment_size"] = _size(job.max_segment_size_bytes)
    return finish | {"delete_old": job.delete_old}


def _size(size: int) -> str:
    """A number of bytes in the largest unit that it is a whole number of."""
    largest = reversed(UNITS.items())
    return next(f"{size // step}{unit}" for unit, step in largest if size % step == 0)
