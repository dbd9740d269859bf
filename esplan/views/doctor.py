"""A diagnosis for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.text import Text

from esplan.doctor.model import SEVERITIES
from esplan.views.clean import clean
from esplan.views.progress import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor import Check, Checked, Diagnosis, Finding
    from esplan.model import JSON

STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}
TITLES = {"error": "Errors", "warning": "Warnings", "info": "For information"}


def diagnosis(found: Diagnosis) -> Iterator[Text]:
    """Findings by severity, worst first; what could not be checked; a summary as the last line."""
    for severity in SEVERITIES:
        of_it = [one for one in found.findings if one.severity == severity]
        if of_it:
            yield Text(TITLES[severity], STYLES[severity])
        for one in of_it:
            yield from _finding(one)
        if of_it:
            yield Text("")
    yield from _unchecked([one for one in found.checks if one.reason])
    yield Text(summary(found), "bold")


def _finding(found: Finding) -> Iterator[Text]:
    yield Text.assemble(("  ", ""), (clean(found.message), "bold"), (f"  [{found.check}]", "dim"))
    lines = {"On": found.subject, "Evidence": found.evidence, "To do": found.remedy}
    for label, text in lines.items():
        if text:
            yield Text.assemble((f"    {label}: ", "dim"), clean(text))
    if found.request:
        yield Text.assemble(("    By hand: ", "dim"), clean(by_hand(found.request)))


def by_hand(request: JSON) -> str:
    """`PUT /x/_settings {"index.blocks.write": null}`."""
    line = f"{request['method']} {request['path']}"
    body = request.get("body")
    return line if body is None else f"{line} {json.dumps(body, ensure_ascii=False)}"


def _unchecked(skipped: list[Checked]) -> Iterator[Text]:
    if skipped:
        yield Text("Could not be checked", "bold")
    for reason in dict.fromkeys(one.reason for one in skipped):
        names = ", ".join(one.check.name for one in skipped if one.reason == reason)
        yield Text.assemble(f"  {names}: ", (clean(reason), "dim"))
    if skipped:
        yield Text("")


def summary(found: Diagnosis) -> str:
    """`34 checks: 31 fine, 1 error, 1 warning, 0 info, 1 not checked`: each check counts once."""
    states = Counter(one.state for one in found.checks)
    errors, warnings = states["error"], states["warning"]
    parts = (
        f"{states['fine']} fine",
        f"{errors} error{'' if errors == 1 else 's'}",
        f"{warnings} warning{'' if warnings == 1 else 's'}",
        f"{states['info']} info",
        f"{states['not checked']} not checked",
    )
    count = len(found.checks)
    return f"{count} check{'' if count == 1 else 's'}: {', '.join(parts)}"


def diagnosis_json(found: Diagnosis) -> JSON:
    """One object: findings worst first, and the state of every check."""
    checks = [
        {"name": one.check.name, "title": one.check.title, "state": one.state, "reason": one.reason}
        for one in found.checks
    ]
    findings = [{"check": one.check} | asdict(one) for one in found.findings]
    return {"format_version": FORMAT_VERSION, "findings": findings, "checks": checks}


def explanation(check: Check) -> Iterator[Text]:
    """What a check looks at, why it matters, and from where on it says something."""
    yield Text(f"{check.name}: {check.title}", "bold")
    yield Text(f"\nLooks at: {check.looks_at}")
    yield Text(f"Why: {check.why}")
    if check.thresholds:
        yield Text("Thresholds:")
    yield from (Text(f"  - {one}") for one in check.thresholds)
    if check.needs or check.uses:
        yield Text(f"Facts: {', '.join((*check.needs, *check.uses))}", "dim")


def explanation_json(check: Check) -> JSON:
    """The same for programs."""
    parts = {name: value for name, value in vars(check).items() if name != "find"}
    return {"format_version": FORMAT_VERSION, **parts}


def names(checks: tuple[Check, ...]) -> Iterator[Text]:
    """Every check with its title, a line each."""
    width = max(len(one.name) for one in checks)
    yield from (Text(f"{one.name:<{width}}  {one.title}") for one in checks)
