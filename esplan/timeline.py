"""What was done when, how long and how much: the records of a journal → facts for a reader.

A record may be written by hand, with the right checksum and any data: what is not of the shape
that esplan writes is left out. Seconds are by the clock of the host that wrote the records.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from esplan.journal import is_closed
from esplan.shapes import between, number, text
from esplan.state_index import MEASURED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.journal import Record
    from esplan.model import JSON
    from esplan.plan import Plan, Step

DONE, AS_WANTED, BEGUN, FAILED = "done", "as wanted", "begun", "failed"
TAKEN_BACK, STAYS, NOT_BEGUN, CUT = "taken back", "stays", "not begun", "broken off"

STATES = (DONE, "unfinished", "taking back", TAKEN_BACK, "partly done")


@dataclass(frozen=True)
class Sitting:
    """One process at work: from its `start` to its last record."""

    began: str
    last: str
    host: str
    pid: str
    signed_by: str = ""


@dataclass(frozen=True)
class Try:
    """A step from its intent to what became of it.

    `outcome`: done, failed, begun (nobody knows yet), broken off (its process ended, or the answer
    got lost). `last`: of a try that is broken off, when the process wrote its last record.
    """

    began: str
    last: str
    outcome: str
    sitting: int

    @property
    def seconds(self) -> float | None:
        """None where a clock went back."""
        return between(self.began, self.last)


@dataclass(frozen=True)
class Timed:
    """One step. `step` is None where only the journal is there. `number` counts from 1.

    `outcome`: done, as wanted (nothing had to be sent), begun, failed, taken back, stays (it cannot
    be taken back), not begun. `at`: its last record. `seconds`: of the last try, or as it measured
    itself where another process began it.
    """

    id: str
    number: int
    outcome: str
    step: Step | None = None
    at: str = ""
    tries: tuple[Try, ...] = ()
    evidence: JSON = field(default_factory=dict)
    move: JSON = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """As its id says it."""
        return self.step.kind if self.step else self.id.partition("-")[2]

    @property
    def seconds(self) -> float | None:
        """How long it took; None where it took nothing, or nobody can say."""
        if not self.tries or self.outcome == BEGUN:
            return None
        seen, told = self.tries[-1].seconds, number(self._measured, "seconds")
        return told if self._is_adopted else seen

    @property
    def began(self) -> str:
        """When the work began that `seconds` speaks of; empty where nothing was sent."""
        if not self.tries:
            return ""
        return self.tries[0 if self._is_adopted else -1].began

    @property
    def _is_adopted(self) -> bool:
        """Its task ran on after its process was gone: it took longer than the last try."""
        seen, told = self.tries[-1].seconds, number(self._measured, "seconds")
        return len(self.tries) > 1 and told is not None and told > (seen or 0)

    @property
    def documents(self) -> int | None:
        """How many it handled."""
        found = [number(self._measured, "documents")]
        found += [number(self.evidence, name) for name in COUNTS.get(self.kind, ())]
        return next((int(one) for one in found if one is not None), None)

    @property
    def bytes(self) -> int | None:
        """How large these are."""
        found = number(self._measured, "bytes")
        return None if found is None else int(found)

    @property
    def _measured(self) -> JSON:
        found = self.evidence.get(MEASURED)
        return found if isinstance(found, dict) else {}


COUNTS = {
    "backfill": ("updated",),
    "catch_up": ("copied",),
    "reindex": ("created",),
    "remote_copy": ("created",),
    "remote_reindex": ("created",),
    "verify": ("source_documents",),
}
"""Where the evidence of a kind has its documents."""


@dataclass(frozen=True)
class Trouble:
    """Why an apply failed: as a whole, or of one object or group with --keep-going."""

    at: str
    why: str
    address: str = ""


@dataclass(frozen=True)
class Pause:
    """An index that clients could not write to (`closed`: nor read), at most for so long."""

    index: str
    closed: bool
    began: str
    last: str
    """Empty while it lasts."""

    @property
    def seconds(self) -> float | None:
        """None while it lasts, or where a clock went back."""
        return between(self.began, self.last)


@dataclass(frozen=True)
class Timeline:
    """An apply, as far as its journal goes. `state`: of STATES. `total`: steps of the plan."""

    plan: str
    state: str
    total: int
    sittings: tuple[Sitting, ...]
    steps: tuple[Timed, ...]
    troubles: tuple[Trouble, ...]
    pauses: tuple[Pause, ...]
    began: str
    last: str

    @property
    def done(self) -> int:
        """Steps whose effect is there."""
        return sum(one.outcome in (DONE, AS_WANTED) for one in self.steps)

    @property
    def seconds(self) -> float:
        """Of all sittings together: nobody waited between them."""
        return sum(between(one.began, one.last) or 0 for one in self.sittings)

    @property
    def again(self) -> int:
        """How many tries there were beyond the first of each step."""
        return sum(max(len(one.tries) - 1, 0) for one in self.steps)


def timeline(records: Sequence[Record], plan: Plan | None = None) -> Timeline:
    """The records of a journal, which has one at least; with their plan, if it is there."""
    told = _Told(plan)
    for one, is_first in zip(records, _firsts(records), strict=True):
        told.hear(one, is_first=is_first)
    steps = _steps(told, _moves(records))
    failures = [one for one in records if one.event == "failed"]
    return Timeline(
        plan=text(records[0].data, "plan"),
        state=_state(records, steps),
        total=len(plan.steps) if plan else _total(records, len(steps)),
        sittings=tuple(told.sittings),
        steps=steps,
        troubles=tuple(
            Trouble(one.at, text(one.data, "why"), text(one.data, "address")) for one in failures
        ),
        pauses=tuple(_pauses(records, plan)) if plan else (),
        began=records[0].at,
        last=records[-1].at,
    )


def _firsts(records: Sequence[Record]) -> list[bool]:
    """Whether a record is the first of its process.

    That is a `start`; but what a process takes back so as to bring a copy up to date again comes
    before it, and `--abandon` has none.
    """
    found = [one.event == "start" or one.data.get("why") == ABANDONED for one in records]
    for place in [at for at, one in enumerate(records) if one.event == "start"]:
        first = place
        while first and records[first - 1].event == "undone" and records[first - 1].step:
            first -= 1
        if 0 < first < place and records[first - 1].event != "failed":
            found[first], found[place] = True, False
    return [True, *found[1:]]


ABANDONED = "abandoned"


@dataclass
class _Told:
    """What the records say of each step, one after the other."""

    plan: Plan | None
    sittings: list[Sitting] = field(default_factory=list)
    steps: dict[str, Timed] = field(default_factory=dict)
    last: str = ""

    def __post_init__(self) -> None:
        for number_, step in enumerate(self.plan.steps if self.plan else (), 1):
            self.steps[step.id] = Timed(step.id, number_, NOT_BEGUN, step)

    def hear(self, one: Record, *, is_first: bool) -> None:
        """One more record."""
        if is_first:
            self._close(CUT, self.last)
            self.sittings.append(Sitting(one.at, one.at, "", ""))
        said = {name: found for name in WHO if (found := text(one.data, name))}
        self.sittings[-1] = replace(self.sittings[-1], last=one.at, **said)
        self.last = one.at
        if one.step:
            self._step(one)
        elif one.event == "failed":
            self._failed(one)

    def _step(self, one: Record) -> None:
        known = self.steps.get(one.step) or Timed(one.step, len(self.steps) + 1, NOT_BEGUN)
        if one.event == "intent":
            begun = Try(one.at, one.at, BEGUN, len(self.sittings) - 1)
            known = replace(_closed(known, CUT, one.at), outcome=BEGUN)
            known = replace(known, tries=(*known.tries, begun))
        elif one.event == "done":
            is_sent = known.outcome in (BEGUN, FAILED)
            known = replace(_closed(known, DONE, one.at), outcome=DONE if is_sent else AS_WANTED)
        elif one.event == "undone":
            stays = known.step is not None and known.step.lasts
            known = replace(_closed(known, CUT, one.at), outcome=STAYS if stays else TAKEN_BACK)
        evidence = one.data if one.event == "done" else {}
        self.steps[one.step] = replace(known, at=one.at, evidence=evidence)

    def _failed(self, one: Record) -> None:
        """The step that is open is the one; of several that ran side by side nobody can say."""
        names = self._about(text(one.data, "address"))
        self._close(FAILED if len(names) == 1 else CUT, one.at, names)

    def _about(self, address: str) -> list[str]:
        """Open steps of an object or group; all for none."""
        open_ = [one for one in self.steps.values() if _is_open(one)]
        groups = self.plan.groups if self.plan else {}
        return [
            one.id
            for one in open_
            if not (address and one.step)
            or address == one.step.address
            or (one.step.address in groups and groups[one.step.address].address == address)
        ]

    def _close(self, outcome: str, at: str, names: Sequence[str] | None = None) -> None:
        for name in self.steps if names is None else names:
            known = _closed(self.steps[name], outcome, at)
            is_failed = outcome == FAILED
            self.steps[name] = replace(known, outcome=FAILED) if is_failed else known


WHO = ("host", "pid", "signed_by")


def _is_open(one: Timed) -> bool:
    return bool(one.tries) and one.tries[-1].outcome == BEGUN


def _closed(one: Timed, outcome: str, at: str) -> Timed:
    """With the end of its try, if one is open."""
    if not _is_open(one):
        return one
    ended = replace(one.tries[-1], outcome=outcome, last=at)
    return replace(one, tries=(*one.tries[:-1], ended))


def _steps(told: _Told, moves: dict[str, JSON]) -> tuple[Timed, ...]:
    """Those of the plan in their order, then others that the journal speaks of."""
    return tuple(_until(one, told.last, moves) for one in told.steps.values())


def _until(one: Timed, last: str, moves: dict[str, JSON]) -> Timed:
    """What is open is so until now, as far as the journal knows."""
    tries = one.tries
    if _is_open(one):
        tries = (*tries[:-1], replace(tries[-1], last=last))
    return replace(one, tries=tries, move=moves.get(one.id, {}))


def _total(records: Sequence[Record], known: int) -> int:
    """As a start says; never fewer than are known."""
    said = [number(one.data, "steps") for one in records if one.event == "start"]
    return int(max([known, *(one for one in said if one is not None)]))


def _state(records: Sequence[Record], steps: Sequence[Timed]) -> str:
    if records[-1].event == "end":
        return DONE
    if is_closed(list(records)):
        lasting = any(one.outcome in (DONE, AS_WANTED) for one in steps)
        return "partly done" if lasting else TAKEN_BACK
    whole = [one.event for one in records if not one.step]
    return "taking back" if whole and whole[-1] == "failed" else "unfinished"


def _moves(records: Sequence[Record]) -> dict[str, JSON]:
    """Which alias a step moves, by the step's id: `{step, alias, from, to}`."""
    found = [one.data["moves"] for one in records if isinstance(one.data.get("moves"), list)]
    return {one["step"]: one for one in (found[0] if found else ()) if _is_move(one)}


def _is_move(one: Any) -> bool:
    if not isinstance(one, dict):
        return False
    named = isinstance(one.get("step"), str) and isinstance(one.get("alias"), str)
    sides = [name for side in ("from", "to") for name in (one.get(side) or ())]
    return named and all(isinstance(name, str) for name in sides)


ENDS = {"block_writes": ("update_aliases", "unblock_writes"), "close_index": ("open_index",)}
"""What lets clients write again: behind a switch they write to the new index."""


def _pauses(records: Sequence[Record], plan: Plan) -> list[Pause]:
    """From the intent of a block to the record of the step that ends it."""
    steps = {one.id: one for one in plan.steps}
    found: list[Pause] = []
    open_: dict[str, Pause] = {}
    for record in records:
        step = steps.get(record.step)
        if step is None:
            continue
        if step.kind in ENDS and record.event == "intent" and step.id not in open_:
            index = str(step.arguments.get("index", ""))
            open_[step.id] = Pause(index, step.kind == "close_index", record.at, "")
        over = [one for one in open_ if _ends(record, step, steps[one], plan)]
        found += [replace(open_.pop(one), last=record.at) for one in over]
    return [*found, *open_.values()]


def _ends(record: Record, step: Step, block: Step, plan: Plan) -> bool:
    if record.event == "undone":
        return step.id == block.id
    switch = plan.groups.get(block.address)
    mine = step.address in (block.address, switch.address if switch else "")
    return record.event == "done" and mine and step.kind in ENDS[block.kind]
