"""What a check is, and what it may say: severities, findings, results."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esplan.doctor.facts import Facts
    from esplan.model import JSON

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Worst first. `error`: something fails now, or esplan cannot work. `warning`: it will, or a
person should decide. `info`: worth knowing; it never changes the exit code."""

SHOWN = 10
"""Names that one finding lists before it says how many more there are."""


@dataclass(frozen=True)
class Finding:
    """One problem.

    `subject` is the index, alias or node it is about, or `cluster`. `message` is one line,
    `evidence` numbers and the server's own words, `remedy` what a person does. `request` is what
    that person can send by hand: `{method, path}` and perhaps `body`; None where none would help.
    `check` is filled in by whoever ran the check.
    """

    severity: Severity
    subject: str
    message: str
    evidence: str
    remedy: str
    request: JSON | None = None
    check: str = ""


@dataclass(frozen=True)
class Check:
    """One check: a function from facts to findings, and what people read about it.

    `needs` are the facts (`sources.SOURCES`) without which it cannot say anything, `uses` those
    that make it say more. `thresholds` are sentences. `find` asks nothing of any server.
    """

    name: str
    title: str
    looks_at: str
    why: str
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    thresholds: tuple[str, ...]
    find: Callable[[Facts], Iterator[Finding]]


def check(
    name: str,
    title: str,
    *,
    why: str,
    needs: tuple[str, ...] = (),
    uses: tuple[str, ...] = (),
    thresholds: tuple[str, ...] = (),
) -> Callable[[Callable[[Facts], Iterator[Finding]]], Check]:
    """Make a function a Check. Its docstring is what the check looks at."""

    def made(find: Callable[[Facts], Iterator[Finding]]) -> Check:
        looks_at = " ".join((inspect.getdoc(find) or "").split())
        return Check(name, title, looks_at, why, needs, uses, thresholds, find)

    return made


@dataclass(frozen=True)
class Checked:
    """What became of one check. `reason` says why it could not be checked; empty when it was."""

    check: Check
    findings: tuple[Finding, ...] = ()
    reason: str = ""

    @property
    def state(self) -> str:
        """`fine`, the worst severity among the findings, or `not checked`."""
        if self.reason:
            return "not checked"
        found = {one.severity for one in self.findings}
        return next((one for one in SEVERITIES if one in found), "fine")


@dataclass(frozen=True)
class Diagnosis:
    """Every check that was run, in the order of the registry."""

    checks: tuple[Checked, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, worst first, then in the order of the registry."""
        found = [one for checked in self.checks for one in checked.findings]
        return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))

    @property
    def exit_code(self) -> int:
        """2 when there is an error or a warning, else 0."""
        return 2 if any(one.severity != "info" for one in self.findings) else 0


def examine(facts: Facts, checks: tuple[Check, ...]) -> Diagnosis:
    """Run checks over facts. A check whose facts could not be read is `not checked`."""
    return Diagnosis(tuple(_checked(one, facts) for one in checks))


def _checked(one: Check, facts: Facts) -> Checked:
    missing = {facts.unreadable[name].why: None for name in one.needs if name in facts.unreadable}
    if missing:
        return Checked(one, reason="; ".join(missing))
    return Checked(one, tuple(replace(found, check=one.name) for found in one.find(facts)))


def request(method: str, path: str, body: JSON | None = None) -> JSON:
    """A request as findings carry it."""
    return {"method": method, "path": path} | ({} if body is None else {"body": body})


def listed(names: list[str]) -> str:
    """`a, b, c and 7 more`."""
    more = len(names) - SHOWN
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
