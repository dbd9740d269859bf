"""What the environments of esplan.yaml that a plan is for let an apply do.

Where several environments mean the cluster, each of them has to agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from esplan import safety, windows
from esplan.environment import EVERYTHING
from esplan.errors import Refused, Stopped
from esplan.planfile import sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from esplan.environment import Environment
    from esplan.plan import Phase, Plan, Step

Answer = Literal["approval", "many", "none"]

OPTIONS: dict[Answer, str] = {
    "approval": "review the plan, then pass --approve DIGEST, or say yes on a terminal",
    "many": safety.REMEDIES[safety.MANY],
    "none": "change what the plan does; or the environment's rules in esplan.yaml, if it may be",
}

ENDS = {"delete_index": "delete", "close_index": "close"}
"""Steps after which an index does not serve any more."""


@dataclass(frozen=True)
class Objection:
    """Why an environment does not let a plan pass, and what answers it."""

    environment: str
    why: str
    answer: Answer

    def __str__(self) -> str:
        """In one line."""
        return f"{self.environment}: {self.why}"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Policy:
    """The rules of some environments. `outside`: somebody has said that windows do not count."""

    environments: tuple[Environment, ...] = ()
    outside: bool = False
    now: Callable[[], datetime] = _now

    @property
    def names(self) -> str:
        """Of the environments."""
        return ",".join(one.name for one in self.environments)

    def require(self, plan: Plan, *, allow_many: bool, auto_approve: bool) -> None:
        """Raise Refused where an environment does not let the plan pass with these answers."""
        self._require_cluster(plan)
        given = ("many",) * allow_many + ("approval",) * (not auto_approve)
        found = [*self._standing(plan), *self.objections(plan)]
        missing = [one for one in found if one.answer not in given]
        if missing:
            raise Refused(
                "the plan is not carried out: " + "; ".join(map(str, missing)),
                code="ESP-4019",
                remedy="; ".join(OPTIONS[one] for one in OPTIONS if one in _answers(missing)),
            )

    def _require_cluster(self, plan: Plan) -> None:
        uuid = plan.cluster["uuid"]
        for one in self.environments:
            if one.cluster_uuid and one.cluster_uuid != uuid:
                raise Refused(
                    f"the plan is not for the cluster of the environment {one.name}",
                    code="ESP-4004",
                    why=f"it was made for {uuid}, and {one.name} is {one.cluster_uuid}",
                    remedy="check --env, or make a new plan for this environment",
                )

    def _standing(self, plan: Plan) -> Iterator[Objection]:
        """What holds for every plan, so that a plan does not say it."""
        for one in self.environments:
            if one.consent.approve and plan.steps:
                yield Objection(one.name, "--auto-approve is not enough here", "approval")

    def objections(self, plan: Plan) -> list[Objection]:
        """What an apply of this plan has to answer, or cannot."""
        return [found for one in self.environments for found in _objections(one, plan)]

    def warned(self, plan: Plan) -> Plan:
        """The plan with a warning of everything that apply will not let pass unanswered."""
        said = tuple(
            f"apply {'refuses this' if one.answer == 'none' else 'asks for consent'}: {one}"
            for one in self.objections(plan)
        )
        return sealed(replace(plan, warnings=(*plan.warnings, *said))) if said else plan

    # Windows

    @property
    def has_windows(self) -> bool:
        """Whether the time matters."""
        return any(one.schedule.release for one in self.environments)

    def closed(self, phase: Phase) -> str:
        """Why no step of a phase may begin now; empty where it may, or nobody minds."""
        return "" if self.outside else "; ".join(self._closed(phase))

    def is_overridden(self, phase: Phase) -> bool:
        """Whether it goes on outside of a window, because somebody has said so."""
        return self.outside and any(self._closed(phase))

    def _closed(self, phase: Phase) -> Iterator[str]:
        now = self.now()
        for one in self.environments:
            if not one.schedule.is_open(phase, now):
                opens = one.schedule.opens(phase, now)
                when = f"opens on {windows.said(opens)}" if opens else "does not open again"
                yield f"the release window of {one.name} is closed; it {when}"

    def require_open(self, phase: Phase, left: str) -> None:
        """Raise Refused at the start of an apply whose steps may not begin now.

        `left`: what an earlier apply of the plan has left half done.
        """
        if not (closed := self.closed(phase)):
            return
        remedies = ["apply it in the window, or with --outside-window"]
        if phase != "prepare" and not self.closed("prepare"):
            remedies.append("what clients do not notice may go now: --through prepare")
        if left:
            remedies.append("taking back what was begun is always allowed: --abandon")
        raise Refused(closed, code="ESP-4018", where=left, remedy="; ".join(remedies))

    def stop(self, step: Step) -> Stopped | None:
        """What to stop with before a step that may not begin any more: a window has closed.

        What finishes an object goes on.
        """
        if step.phase == "finish" or not (closed := self.closed(step.phase)):
            return None
        return Stopped(
            f"the apply stopped before the phase {step.phase} of {step.address}",
            code="ESP-5007",
            why=closed,
            remedy="apply the same plan again in the window, or with --outside-window: "
            "it goes on from here",
        )


def _answers(objections: Sequence[Objection]) -> Container[Answer]:
    return {one.answer for one in objections}


def _objections(one: Environment, plan: Plan) -> Iterator[Objection]:
    yield from _protected(one, plan)
    deletes = [s.arguments["index"] for s in plan.steps if s.kind == "delete_index"]
    discards = [s.address for s in plan.steps if "discards" in s.arguments]
    yield from _asked(one, one.consent.allow_delete, "it deletes", deletes)
    yield from _asked(one, one.consent.allow_discard, "it leaves the documents behind of", discards)
    yield from _many(one, plan)


def _asked(one: Environment, rule: str, what: str, names: list[str]) -> Iterator[Objection]:
    if rule and names:
        not_here = ", and that is never done here" if rule == "never" else ""
        answer: Answer = "none" if rule == "never" else "approval"
        yield Objection(one.name, f"{what} {', '.join(names)}{not_here}", answer)


def _many(one: Environment, plan: Plan) -> Iterator[Objection]:
    few, part = one.consent.objects or safety.FEW, one.consent.percent
    strict = safety.many(plan.changes, few, safety.PART if part is None else part / 100)
    said = [need for need in safety.needs(plan) if need["consent"] == safety.MANY]
    never = one.consent.allow_many == "never"
    for need in (strict or said)[:1]:
        if never or not said:
            not_here = ", and that is never done here" if never else ""
            yield Objection(one.name, need["why"] + not_here, "none" if never else "many")


def _protected(one: Environment, plan: Plan) -> Iterator[Objection]:
    """The end of an index that serves, as the plan's changes and its steps say."""
    for address, index, verb in dict.fromkeys(_ends(plan)):
        names = (address, f"index.{index}")
        if any(_fits(pattern, name) for pattern in one.protect for name in names):
            yield Objection(one.name, f"{address} would {verb} {index}, which is protected", "none")


def _fits(pattern: str, name: str) -> bool:
    """`*` is any text, and nothing else is special."""
    return pattern == EVERYTHING or fnmatchcase(name, pattern.replace("[", "[[]"))


def _ends(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for change in plan.changes:
        if change.action in ("replace", "delete") and change.index:
            yield change.address, change.index, change.action
    for step in plan.steps:
        if step.kind in ENDS:
            yield step.address, step.arguments["index"], ENDS[step.kind]
