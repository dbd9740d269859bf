"""The durable record of an apply: append-only JSON lines, chained, fsynced, mirrored.

A record is `{seq, prev, event, step, at, data, checksum}`; `checksum` is SHA-256 over the rest
and `prev` the checksum of the record before. A torn last line was never acknowledged and is
dropped; anything else that does not fit is refused.

Reading changes nothing: the apply that writes the file may be running. Each process begins by
writing all of it anew, so that it never goes on after a torn line, nor after a record that an
earlier process could not make durable.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Literal

from esplan import durable, rejected
from esplan.errors import EsplanError, JournalError, Refused
from esplan.plan import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from esplan.model import JSON

FORMAT_VERSION = "1.0"

LARGEST = 64 * 1024 * 1024
"""Bytes: a journal larger than this was not written by esplan."""

DIGEST = re.compile("[0-9a-f]{64}")

ENDING = ".journal.jsonl"
"""How the name of a journal ends, behind that of its plan."""

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

    `permit` raises Stopped where nothing may be recorded any more. `turn`: objects that change
    side by side write one record after the other. `size`: bytes of the file as this process knows
    it; `own`: it has written it. `broken`: a record could not be written; what the file holds is
    then not known, so nothing more is written by this process.
    """

    path: Path
    records: list[Record] = field(default_factory=list)
    mirror: Callable[[Record], None] = lambda _record: None
    permit: Callable[[], None] = lambda: None
    turn: Lock = field(default_factory=Lock)
    size: int = 0
    own: bool = False
    broken: bool = False

    def append(self, event: Event, step: str = "", data: JSON | None = None) -> Record:
        """Write one record so that it survives power loss; only then mirror it.

        Raises JournalError when the disk does not take it: the apply must not go on.
        """
        with self.turn:
            self.permit()
            with self._sound():
                prev = self.records[-1].checksum if self.records else ""
                at = datetime.now(UTC).isoformat(timespec="milliseconds")
                record = Record(len(self.records), prev, event, step, at, data or {}).sealed()
                self._write([record])
                self.mirror(record)
                return record

    def store(self, records: list[Record]) -> None:
        """Append records that exist already: those of another host."""
        if records:
            with self.turn, self._sound():
                self._write(records)

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Whatever ends a write before it is whole ends all writing."""
        if self.broken:
            raise JournalError(
                f"the journal {self.path} could not be written before",
                code="ESP-5203",
                why="after that, nothing that is written to it can be relied on",
                remedy="cure the cause, then apply the plan again",
            )
        self.broken = True
        yield
        self.broken = False

    def _write(self, records: list[Record]) -> None:
        new = _text(records) if self.own else _text(self.records + records)
        try:
            (durable.append if self.own else durable.replace)(self.path, new, self.size)
        except durable.Changed:
            raise _foreign(self.path) from None
        except OSError as error:
            raise _trouble(self.path, "written", error) from None
        self.size, self.own = len(new) + self.size * self.own, True
        self.records += records

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


def open_journal(path: Path, plan_digest: str, *, believed: bool = True) -> Journal:
    """The journal beside a plan; empty when there is none yet.

    `believed`: something is decided by it. Raises JournalError when it is damaged or belongs to
    another plan, or is to be believed and others may have written to it.
    """
    records, size = _read(path, believed=believed)
    if records and _plan_of(path, records) != plan_digest:
        raise JournalError(
            f"{path} is the journal of another plan",
            code="ESP-5204",
            remedy="move it away, or give the plan a file name of its own",
        )
    return Journal(path, records, size=size)


def _plan_of(path: Path, records: list[Record]) -> str:
    """The digest of the plan; it becomes a part of file names, so it must be one."""
    plan = records[0].data.get("plan")
    if not isinstance(plan, str) or not DIGEST.fullmatch(plan):
        raise _damaged(str(path), 1)
    return plan


def is_closed(records: list[Record]) -> bool:
    """Every step was done, or everything that is not was taken back: of one object is not all."""
    if not records or records[-1].data.get("address"):
        return False
    return (records[-1].event, records[-1].step) in (("end", ""), ("undone", ""))


def beside(plan_path: Path) -> Path:
    """Where the journal of the plan in a file lies. Raises EsplanError where no file can be."""
    if not plan_path.name:
        raise EsplanError(
            f"{plan_path} cannot be a plan file", code="ESP-2403", remedy="name a file with -o"
        )
    return plan_path.with_name(f"{plan_path.name}{ENDING}")


def set_aside(plan_path: Path) -> None:
    """Make room for a new plan in a file: the journal of an ended apply gets another name.

    So does the list of documents that it left out.

    Raises Refused while the apply of the plan that is there has not ended.
    """
    path = beside(plan_path)
    records, _ = _read(path, believed=True)
    if not records:
        return
    if not is_closed(records):
        raise Refused(
            f"the plan in {plan_path} was begun and has not ended: a new plan would hide that",
            code="ESP-4015",
            remedy=f"finish it (esplan apply {plan_path}), take it back (the same with --abandon), "
            "or write the new plan to another file",
        )
    old = plan_path.with_name(f"{plan_path.name}.{_plan_of(path, records)[:12]}")
    try:
        path.rename(beside(old))
        if (listed := rejected.beside(plan_path)).exists():
            listed.rename(rejected.beside(old))
        durable.sync_folder(path.parent)
    except OSError as error:
        raise _trouble(path, "renamed", error) from None


def read(path: Path) -> list[Record]:
    """The records of a journal, one at least. Raises JournalError where they cannot be trusted."""
    records, _ = _read(path)
    if not records:
        raise JournalError(
            f"there is no journal in {path}",
            code="ESP-5208",
            why="an apply writes it beside its plan, as <plan>.journal.jsonl",
            remedy="see on which host the plan was applied: esplan status",
        )
    _plan_of(path, records)
    return records


def _read(path: Path, *, believed: bool = False) -> tuple[list[Record], int]:
    """Every whole record, a torn last line being none; and the bytes of the file."""
    try:
        raw = durable.read(path, LARGEST, own=believed)
    except FileNotFoundError:
        return [], 0
    except durable.Foreign as error:
        raise _not_ours(path, error) from None
    except OSError as error:
        raise _trouble(path, "read", error) from None
    whole, newline, _torn = raw.rpartition(b"\n")
    lines = whole.split(b"\n") if newline else []
    records = (_parse(path, number, line) for number, line in enumerate(lines, 1))
    return chain(records, str(path)), len(raw)


def _text(records: Iterable[Record]) -> bytes:
    return b"".join(f"{record.line()}\n".encode() for record in records)


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
        code="ESP-5201",
        why="the line does not fit its checksum or the line before: nobody can say what was done",
        remedy="restore the file; or remove it, and apply resumes from the cluster's own copy",
    )


def _not_ours(path: Path, error: durable.Foreign) -> JournalError:
    return JournalError(
        f"the journal {path} may have been written by others, so it is not believed",
        code="ESP-2406",
        why=str(error),
        remedy=f"if nobody else has written to it: chmod 600 {path} (chown, if it is another "
        "user's); if you do not know: remove it, and apply resumes from the cluster's own copy",
    )


def _foreign(path: Path) -> JournalError:
    return JournalError(
        f"the journal {path} is not as this apply has left it",
        code="ESP-5202",
        why="somebody else has written to it: another apply of the same plan, or by hand",
        remedy="see with `esplan status` whether another apply runs",
    )


def _trouble(path: Path, verb: str, error: OSError) -> JournalError:
    return JournalError(
        f"the journal {path} cannot be {verb}",
        code="ESP-5203",
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
                code="ESP-5205",
                why="the same plan was applied from two places that did not know of each other",
                remedy="find out which one is true; remove the other, then apply again",
            )
    return longer
