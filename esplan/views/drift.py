"""Drift as text, JSON, markdown, JUnit XML, and annotations of a GitHub workflow."""

from __future__ import annotations

import json as json_module
import re
import xml.etree.ElementTree as ET
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from esplan.drift import KINDS
from esplan.views.clean import clean, value
from esplan.views.escape import plain
from esplan.views.progress import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esplan.commands.drift import Report
    from esplan.drift import Drift

NONCHARACTERS = re.compile("[\ufffe\uffff]")
"""No XML can hold them, not even as a reference."""


def text(report: Report) -> Iterator[Text]:
    """By object: what differs, why it counts, since when; a summary as the last line."""
    cluster = report.cluster
    said = f"{cluster.name} ({cluster.distribution} {cluster.version})"
    yield Text(f"Drift of the cluster {clean(said)}", "bold")
    for address, group in groupby(report.found, key=lambda one: one.address):
        found = list(group)
        place = f"  {found[0].place}" if found[0].place else ""
        yield Text.assemble(("\n" + clean(address), "bold yellow"), (clean(place), "dim"))
        for one in found:
            yield from _one(one)
        yield from (Text(f"  {clean(n)}") for n in dict.fromkeys(o.note for o in found if o.note))
    yield Text(f"\n{summary(report)}", "bold")


def _one(one: Drift) -> Iterator[Text]:
    where = f" in {one.index}" if one.kind == "changed" and one.index else ""
    yield Text(f"  {one.kind}: {clean(one.path + where)}: {_values(one)}")
    yield Text(f"    {clean(one.rule)}", "dim")
    if one.since:
        yield Text(f"    {clean(_since(one))}", "dim")


def _values(one: Drift) -> str:
    """As in a plan: from what is live to what is wanted."""
    return f"{value(one.live)} → {value(one.wanted)}"


def _since(one: Drift) -> str:
    return f"not before {one.since.at}, when {one.since.event}" if one.since else ""


def summary(report: Report) -> str:
    """How many objects differ, of how many, and how often in each way."""
    number = len(report.looked_at)
    if not report.found:
        verb = "object is" if number == 1 else "objects are"
        return f"No drift: {number} {verb} as the files say."
    kinds = [one.kind for one in report.found]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS if kind in kinds)
    differing = len({one.address for one in report.found})
    plural, verb = ("", "s") if number == 1 else ("s", "s" if differing == 1 else "")
    return f"Drift: {differing} of {number} object{plural} differ{verb}: {counts}."


def json(report: Report) -> str:
    """One object; `looked_at` has every address."""
    parts = {
        "format_version": FORMAT_VERSION,
        "cluster": asdict(report.cluster),
        "looked_at": list(report.looked_at),
        "drift": [asdict(one) for one in report.found],
    }
    return json_module.dumps(parts, indent=2) + "\n"


def markdown(report: Report) -> str:
    """A table for a change request or a job summary."""
    lines = [f"**{plain(summary(report))}**"]
    if report.found:
        lines += ["", "| object | drift | path | live | wanted | why |"]
        lines += ["|---|---|---|---|---|---|"]
    for one in report.found:
        why = "<br>".join(plain(part) for part in (one.rule, _since(one), one.note) if part)
        cells = (one.address, one.kind, one.path, value(one.live), value(one.wanted))
        lines.append(f"| {' | '.join(map(plain, cells))} | {why} |")
    return "\n".join(lines) + "\n"


def junit(report: Report) -> str:
    """A test case for each object; one that differs is a failure."""
    found: dict[str, list[Drift]] = {name: [] for name in report.looked_at}
    for one in report.found:
        found[one.address].append(one)
    failures = sum(map(bool, found.values()))
    counts = {"tests": str(len(found)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": "esplan drift", **counts})
    for address, drifts in found.items():
        place = report.looked_at[address]
        at = {"file": _xml(place.file), "line": str(place.line)} if place else {}
        case = ET.SubElement(
            suite, "testcase", {"classname": "esplan.drift", "name": _xml(address), **at}
        )
        if drifts:
            kinds = ", ".join(dict.fromkeys(one.kind for one in drifts))
            failure = ET.SubElement(case, "failure", {"type": "drift", "message": kinds})
            failure.text = "\n".join(_xml(message(one)) for one in drifts)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _xml(words: str) -> str:
    return NONCHARACTERS.sub("\ufffd", clean(words))


def message(one: Drift) -> str:
    """All of it in one line."""
    parts = (f"{one.kind}: {one.path}: {_values(one)}", one.rule, _since(one), one.note)
    return clean("; ".join(part for part in parts if part))


def github(report: Report) -> str:
    """A warning for each, at the place in the desired file; the summary is a notice."""
    lines = [_command("warning", one) for one in report.found]
    return "\n".join([*lines, f"::notice title=esplan drift::{_data(summary(report))}"]) + "\n"


def _command(level: str, one: Drift) -> str:
    place = one.place
    at = {"file": place.file, "line": str(place.line), "col": str(place.column)} if place else {}
    properties = {**at, "title": f"{one.address}: {one.kind}"}
    said = ",".join(f"{name}={_property(words)}" for name, words in properties.items())
    return f"::{level} {said}::{_data(message(one))}"


def _data(words: str) -> str:
    """Escaped as the runner reads it; see actions/toolkit, packages/core/src/command.ts."""
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(clean(words)).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[Report], str]] = {
    "json": json,
    "markdown": markdown,
    "junit": junit,
    "github": github,
}
