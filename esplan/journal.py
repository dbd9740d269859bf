"""The durable record of an apply: append-only JSON lines, chained, fsynced, mirrored.

A record is `{seq, prev, event, step, at, data, checksum}`; `checksum` is SHA-256 over the rest
and `prev` the checksum of the record before. A torn last line was never acknowledged and is
dropped; anything else that does not fit is refused.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Literal

from esplan import rejected
from esplan.errors import EsplanError, JournalError, Refused
from esplan.plan import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from esplan.model import JSON

FORMAT_VERSION = "1.0"

Event = Literal["start", "intent", "done", "failed", "undone", "end"]


@dataclass(frozen=True)
class Record:
    """One line. `start` carries the plan's digest and the format version in `data`."""

    seq: int
    prev: str
    event: Event
    step: str
    at: str
    data: JSON
    checksum: str = ""

    def sealed(self) -> Record:
        """With its checksum."""
        return Record(**{**asdict(self), "checksum": self.sum()})

    def sum(self) -> str:
        """SHA-256 over everything but the checksum itself."""
        return digest({k: v for k, v in asdict(self).items() if k != "checksum"})

    def line(self) -> str:
        """As the file holds it, without the newline."""
        return json.dumps(asdict(self), sort_keys=True)


SHAPE = dict.fromkeys(Record.__dataclass_fields__, str) | {"seq": int, "data": dict}
"""The type of every key of a line."""


@dataclass
class Journal:
    """The records of one plan on this host, and where each new one is mirrored.

    `turn`: objects that change side by side write one record after the other.
    """

    path: Path
    records: list[Record] = field(default_factory=list)
    mirror: Callable[[Record], None] = lambda _record: None
    turn: Lock = field(default_factory=Lock)

    def append(self, event: Event, step: str = "", data: JSON | None = None) -> Record:
        """Write one record so that it survives power loss; only then mirror it.

        Raises JournalError when the disk does not take it: the apply must not go on.
        """
        with self.turn:
            prev = self.records[-1].checksum if self.records else ""
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            record = Record(len(self.records), prev, event, step, at, data or {}).sealed()
            self.store([record])
            self.mirror(record)
            return record

    def store(self, records: Iterable[Record]) -> None:
        """Append records that exist already: new ones, or those of another host."""
        for record in records:
            _append_line(self.path, record.line())
            self.records.append(record)

    def state(self, step: str) -> Event | None:
        """The last thing that happened to a step; None when nothing has."""
        last = self.last(step)
        return last.event if last else None

    def last(self, step: str) -> Record | None:
        """The last record of a step; of the whole apply for an empty one."""
        return next((one for one in reversed(self.records) if one.step == step), None)

    def evidence(self, step: str) -> JSON:
        """What the step's last `done` record carries."""
        found = [r.data for r in self.records if r.step == step and r.event == "done"]
        return found[-1] if found else {}

    @property
    def ended(self) -> bool:
        """Whether every step was done."""
        return bool(self.records) and self.records[-1].event == "end"


def open_journal(path: Path, plan_digest: str) -> Journal:
    """The journal beside a plan; empty when there is none yet.

    Raises JournalError when it is damaged or belongs to another plan.
    """
    records = _read(path)
    if records and records[0].data.get("plan") != plan_digest:
        raise JournalError(
            f"{path} is the journal of another plan",
            remedy="move it away, or give the plan a file name of its own",
        )
    return Journal(path, records)


def is_closed(records: list[Record]) -> bool:
    """Every step was done, or everything that is not was taken back: of one object is not all."""
    if not records or records[-1].data.get("address"):
        return False
    return (records[-1].event, records[-1].step) in (("end", ""), ("undone", ""))


def beside(plan_path: Path) -> Path:
    """Where the journal of the plan in a file lies. Raises EsplanError where no file can be."""
    if not plan_path.name:
        raise EsplanError(f"{plan_path} cannot be a plan file", remedy="name a file with -o")
    return plan_path.with_name(f"{plan_path.name}.journal.jsonl")


def set_aside(plan_path: Path) -> None:
    """Make room for a new plan in a file: the journal of an ended apply gets another name.

    So does the list of documents that it left out.

    Raises Refused while the apply of the plan that is there has not ended.
    """
    path = beside(plan_path)
    records = _read(path)
    if not records:
        return
    if not is_closed(records):
        raise Refused(
            f"the plan in {plan_path} was begun and has not ended: a new plan would hide that",
            remedy=f"finish it (esplan apply {plan_path}), take it back (the same with --abandon), "
            "or write the new plan to another file",
        )
    old = plan_path.with_name(f"{plan_path.name}.{records[0].data['plan'][:12]}")
    try:
        path.rename(beside(old))
        if (listed := rejected.beside(plan_path)).exists():
            listed.rename(rejected.beside(old))
    except OSError as error:
        raise _trouble(path, "renamed", error) from None


def _read(path: Path) -> list[Record]:
    """Every whole record; a torn last line is cut off the file, so that appending is safe."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _trouble(path, "read", error) from None
    whole, newline, torn = raw.rpartition(b"\n")
    lines = whole.split(b"\n") if newline else []
    records = chain(_parse(path, number, line) for number, line in enumerate(lines, 1))
    if torn:
        _truncate(path, len(raw) - len(torn))
    return records


def chain(records: Iterable[Record], where: str = "the journal") -> list[Record]:
    """The records, if each fits the one before. Raises JournalError with the line otherwise."""
    checked: list[Record] = []
    prev = ""
    for number, record in enumerate(records):
        if (record.seq, record.prev, record.checksum) != (number, prev, record.sum()):
            raise _damaged(where, number + 1)
        checked.append(record)
        prev = record.checksum
    return checked


def parse(line: str | bytes) -> Record:
    """One line. Raises ValueError when it is not a record, to the letter."""
    raw = json.loads(line)
    if not isinstance(raw, dict) or {n: type(v) for n, v in raw.items()} != SHAPE:
        raise ValueError("not a record")
    record = Record(**raw)
    text = line if isinstance(line, str) else line.decode()
    if record.line() != text:
        raise ValueError("not as it was written")
    return record


def _parse(path: Path, number: int, line: bytes) -> Record:
    try:
        return parse(line)
    except (ValueError, RecursionError):
        raise _damaged(str(path), number) from None


def _damaged(where: str, line: int) -> JournalError:
    return JournalError(
        f"{where} is damaged in line {line}",
        why="the line does not fit its checksum or the line before: nobody can say what was done",
        remedy="restore the file; or remove it, and apply resumes from the cluster's own copy",
    )


def _append_line(path: Path, line: str) -> None:
    """Durable before it returns: fsync of the file, and of the folder when the file is new."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    data = f"{line}\n".encode()
    try:
        is_new = not path.exists()
        descriptor = os.open(path, flags, 0o600)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError("only a part of the record could be written")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            _sync_folder(path.parent)
    except OSError as error:
        raise _trouble(path, "written", error) from None


def _truncate(path: Path, size: int) -> None:
    try:
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())
    except OSError as error:
        raise _trouble(path, "written", error) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _trouble(path: Path, verb: str, error: OSError) -> JournalError:
    return JournalError(
        f"the journal {path} cannot be {verb}",
        why=error.strerror or str(error),
        remedy="without a journal nothing is changed: make room or mend the permissions, then "
        "apply the plan again",
    )


def joined(local: list[Record], mirrored: list[Record], names: tuple[str, str]) -> list[Record]:
    """The longer of two journals of one apply, one being the beginning of the other.

    Raises JournalError where they disagree, naming both places.
    """
    shorter, longer = sorted((local, mirrored), key=len)
    for one, other in zip(shorter, longer, strict=False):
        if one.checksum != other.checksum:
            raise JournalError(
                f"{names[0]} and {names[1]} disagree from record {one.seq} on",
                why="the same plan was applied from two places that did not know of each other",
                remedy="find out which one is true; remove the other, then apply again",
            )
    return longer
