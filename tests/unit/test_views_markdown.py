"""A plan for a change request: always well-formed, and never longer than a forge takes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from esplan import planfile
from esplan.plan import Change, Plan, Reason, Step
from esplan.views import markdown, mermaid
from esplan.views.markdown import LIMIT

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/plan.json"))
CLUSTER = {"name": "c", "uuid": "u", "version": "8.16.1", "distribution": "elasticsearch"}
PLAN = Plan("0" * 16, "2026-01-01T00:00:00+00:00", "0.1.0", CLUSTER, "d" * 64, digest="e" * 64)
MARKDOWN = MarkdownIt("commonmark").enable("table")
OWN = re.compile(r"</?(?:details|details open|summary|code|b)>")
"""The HTML that the view itself writes."""

EVIL = "`|<script>@x #1\n</details>\x1b[2J```\\"


def change(number: int = 0, **parts: Any) -> Change:
    one = Change(
        f"alias.a{number}", "replace", "reindex", f"a{number}_green", f"a{number}_blue",
        (Reason("mappings.x.type", "integer", "keyword", "a type is fixed", "reindex"),),
        {}, {"settings": {}, "mappings": {"properties": {}}, "options": {}},
    )  # fmt: skip
    return replace(one, **parts)


def step(number: int = 0, kind: str = "reindex", **parts: Any) -> Step:
    request = {"method": "POST", "path": "/_reindex", "body": {"source": {"index": "a"}}}
    name = f"{'delete' if kind == 'delete_index' else 'copy'} a{number}_green"
    arguments = {"index": f"a{number}_green"}
    one = Step(kind, "switch", f"alias.a{number}", name, request, arguments=arguments)
    return replace(one, id=f"{number:02d}-{kind}", **parts)


def of(*changes: Change, **parts: Any) -> Plan:
    return replace(PLAN, changes=changes, **parts)


def checked(plan: Plan, path: str = "p.json") -> str:
    """The view, after a look that a parser sees what was meant, and nothing else."""
    text = markdown.plan(plan, path)
    assert len(text.encode()) <= LIMIT
    tokens = MARKDOWN.parse(text)
    html = ""
    for token in tokens:
        inner = token.children or [token]
        html += "".join(one.content for one in inner if one.type in ("html_block", "html_inline"))
    escaped = re.sub(r"<summary>(.*)</summary>", _summary, html)
    assert "<" not in OWN.sub("", escaped)
    assert len(re.findall("<details", html)) == html.count("</details>") == html.count("<summary>")
    for columns, cells in tables(text):
        assert set(cells) <= {columns}
    return text


def _summary(found: re.Match[str]) -> str:
    assert found[0].count("<code>") == found[0].count("</code>")
    return found[1]


def tables(text: str) -> list[tuple[int, list[int]]]:
    """Of each table its columns, and the cells that each line of it would have."""
    found: list[tuple[int, list[int]]] = []
    fenced = ""
    for line in text.splitlines():
        mark = re.match("`{3,}", line)
        if mark and (not fenced or line == fenced):
            fenced = "" if fenced else mark[0]
        if fenced or not line.startswith("| "):
            continue
        cells = len(re.sub(r"\\.", "", line).split("|")) - 2
        if set(line) <= set("| -") and "---" in line:
            found.append((cells, []))
        elif found:
            found[-1][1].append(cells)
    return [(columns, cells[:-1]) for columns, cells in found[:-1]] + found[-1:]
