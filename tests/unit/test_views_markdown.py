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
from markdown_it.rules_block.table import escapedSplit

from esplan import planfile
from esplan.plan import Change, Plan, Reason, Step
from esplan.views import markdown, mermaid
from esplan.views.markdown import LIMIT

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/plan.json"))
CLUSTER = {"name": "c", "uuid": "u", "version": "8.16.1", "distribution": "elasticsearch"}
PLAN = Plan("0" * 16, "2026-01-01T00:00:00+00:00", "0.1.0", CLUSTER, "d" * 64, digest="e" * 64)
MARKDOWN = MarkdownIt("commonmark").enable("table")
OWN = {"<details open>", "<details>", "</details>", "<summary>", "</summary>"}
OWN |= {"<code>", "</code>", "<b>", "</b>"}
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
    look(text)
    return text


def look(text: str) -> None:
    """Only the view's own HTML, in pairs; tables without a cell too many."""
    tokens = MARKDOWN.parse(text)
    html = "".join(
        one.content
        for token in tokens
        for one in token.children or [token]
        if one.type in ("html_block", "html_inline")
    )
    assert set(re.findall(r"<[^>]*>?", html)) <= OWN
    for kind in ("details", "summary", "code", "b"):
        assert len(re.findall(f"<{kind}[ >]", html)) == html.count(f"</{kind}>"), kind
    assert html.count("<summary>") == html.count("</details>")
    lines = text.split("\n")
    for token in tokens:
        if token.type == "table_open" and token.map:
            rows = [escapedSplit(one) for one in lines[slice(*token.map)]]
            assert len({len(one) for one in rows}) == 1


# What is there


def test_a_reviewer_sees_cluster_digest_and_sums_first() -> None:
    deletes = step(0, "delete_index", undo={"none": "it is gone"})
    copy = step(estimate={"documents": 1234, "bytes": 1})
    same = change(7, action="no-op", route="nothing")
    lines = checked(of(change(), same, steps=(copy, deletes)), "plans/p.json").splitlines()
    assert lines[0] == "## Plan eeeeeeee for the cluster c"
    assert lines[2].endswith(f"Digest: `{'e' * 64}`")
    sums = dict(zip(lines[4].split(" | "), lines[6].split(" | "), strict=True))
    assert sums["replace"] == "1"
    assert sums["unchanged"] == "1"
    assert sums["indices deleted"] == "**1**"
    assert sums["documents copied"] == "1,234"
    assert sums["steps"] == "2"
    assert lines[-2] == f"esplan apply plans/p.json --approve {'e' * 64}"


def test_an_object_has_its_reasons_its_requests_and_what_cannot_be_undone() -> None:
    copy = step(undo={"none": "it is cancelled"}, estimate={"documents": 3, "bytes": 1})
    text = checked(of(change(), steps=(copy,)))
    assert ("| `mappings.x.type` | `integer` | `keyword` | **reindex**: a type is fixed |") in text
    assert "- copies 3 documents (1 B), then proves the copy equal" in text
    assert "- keeps a0\\_green" in text
    assert (
        "**1.** copy a0\\_green: `POST /_reindex`; **cannot be undone**: it is cancelled"
    ) in text
    assert '```json\n{\n  "source": {\n    "index": "a"' in text
    assert "| 1 | switch | `alias.a0` | copy a0\\_green | no: it is cancelled |" in text


def test_what_apply_refuses_stands_before_the_warnings() -> None:
    needs = ({"consent": "unprotect", "why": "it is protected", "address": "alias.a0"},)
    text = checked(of(change(), needs=needs, warnings=("a warning",)))
    refused = text.index("> [!CAUTION]\n> - apply will refuse this plan: it is protected")
    assert refused < text.index("| create |") < text.index("> [!WARNING]\n> - a warning")
    assert text.endswith("Apply will refuse this plan: see above.\n")


def test_what_is_discarded_stands_in_the_title() -> None:
    empty = step(0, "create_index", arguments={"index": "a0_blue", "discards": 50})
    text = checked(of(change(route="discard"), steps=(empty,)))
    title = next(line for line in text.splitlines() if "alias.a0</code>" in line)
    assert "<b>DISCARDS 50 documents: a0_blue begins empty</b>" in title


def test_a_script_is_shown_whole_in_a_fence_of_its_own() -> None:
    source = "\n".join(["ctx._source.a = '```';"] * 100)
    request = {
        "method": "POST",
        "path": "/_reindex",
        "body": {"source": {}, "script": {"source": source}},
    }
    text = checked(of(change(), steps=(step(request=request),)))
    assert f"````java\n{source}\n````" in text


def test_what_stays_and_what_the_server_said() -> None:
    left = {"address": "alias.a", "index": "a_blue", "path": "index", "rule": "it is left"}
    said = {"address": "alias.a", "question": "q", "rule": "r", "server": "s"}
    answers = ({**said, "verdict": "agrees"}, {**said, "verdict": "stricter"})
    text = checked(of(change(), drift=(left,), oracle=answers))
    assert "- alias.a: a\\_blue index: it is left" in text
    assert "1 answers as the rules say, 1 where the rules are stricter" in text
    assert "- stricter: alias.a: q rule: r; server: s" in text


def test_a_plan_without_changes() -> None:
    text = checked(of(change(action="no-op", route="nothing")), "")
    assert text.endswith("No changes: 1 object is as the files say.\n")
    assert "mermaid" not in text
    assert "**0 steps**" not in text


def test_a_plan_that_is_not_saved_says_so() -> None:
    assert checked(of(change()), "").endswith("keep this plan for `esplan apply`.\n")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_the_plans_of_the_cases(case: Path) -> None:
    plan = planfile.read(case)
    text = checked(plan, "plans/p.json")
    assert all(f"<code>{one.address}</code>" in text for one in plan.changes if one.reasons)


# The picture


def test_a_picture_of_before_and_after() -> None:
    steps = (step(0, "create_index", arguments={"index": "a0_blue"}), step(0), DELETE)
    assert mermaid.picture(of(change(), steps=steps), 9).splitlines() == [
        "flowchart LR",
        '  i1["a0_green<br>deleted at the end"]',
        '  i2["a0_blue<br>new"]',
        '  a3(["alias a0"])',
        '  a3 -.->|"before"| i1',
        '  a3 ==>|"after"| i2',
        '  i1 -->|"reindex"| i2',
        "  classDef new stroke:#1a7f37,stroke-width:3px",
        "  class i2 new",
        "  classDef gone stroke:#cf222e,stroke-width:3px,stroke-dasharray:4",
        "  class i1 gone",
    ]


DELETE = step(0, "delete_index")


def test_only_what_moves_is_drawn() -> None:
    still = change(action="update", route="dynamic settings", target="a0_green")
    assert mermaid.picture(of(still), 9) == ""
    index = replace(still, address="index.a", before={"aliases": {}}, after={"aliases": {"x": {}}})
    assert '-->|"before and after"|' not in mermaid.picture(of(index), 9)
    assert '  a2 ==>|"after"| i1' in mermaid.picture(of(index), 9)


def test_a_remote_copy_comes_from_elsewhere() -> None:
    carried = step(0, "remote_copy", arguments={"index": "a0_blue", "source": "old"})
    drawn = mermaid.picture(of(change(index=None, action="create"), steps=(carried,)), 9)
    assert '[("old<br>of another cluster")]' in drawn


def test_objects_that_change_in_one_call_have_a_frame() -> None:
    switch = step(0, "update_aliases", address="group.g", arguments={"members": ["alias.a1"]})
    drawn = mermaid.picture(of(change(1), steps=(switch,)), 9)
    assert '  subgraph g1["group.g: in one call"]\n    a3\n  end' in drawn


def test_many_objects_are_counted() -> None:
    drawn = mermaid.picture(of(*map(change, range(20))), 15)
    assert '  more["and 5 more"]' in drawn
    assert "a15_green" not in drawn


NODE = r'\w+(?:\["[^"]*"\]|\(\["[^"]*"\]\)|\[\("[^"]*"\)\])'
LINE = re.compile(
    rf'  {NODE}|  \w+ (?:-->|==>|-\.->)\|"[^"]*"\| \w+|  subgraph \w+\["[^"]*"\]|  end'
    r"|    \w+|  classDef \w+ [\w:#,-]+|  class [\w,]+ \w+"
)
"""What a mermaid parser was seen to read as nodes, edges, frames and styles."""


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_name_is_a_part_of_the_picture(name: str, route: str) -> None:
    one = change(index=name, target=f"{name}2", address=f"alias.{name}", route=route)
    copy = step(arguments={"index": name}, address=one.address)
    first, *lines = mermaid.picture(of(one, steps=(copy,)), 9).split("\n")
    assert first == "flowchart LR"
    assert [line for line in lines if not LINE.fullmatch(line)] == []


# How long it gets


def large(objects: int, **parts: Any) -> Plan:
    numbers = range(objects)
    steps = [step(n, kind) for n in numbers for kind in ("create_index", "reindex", "verify")]
    return of(*map(change, numbers), steps=tuple(steps), **parts)


def levels(plan: Plan) -> list[str]:
    """Each variant that has room for all that it shows, from the longest."""
    pages = (markdown._Page(plan, "p", detail).text() for detail in markdown.DETAILS)
    return [page for page in pages if page]


def test_more_objects_mean_less_of_each() -> None:
    assert "```json" in checked(large(10))
    no_requests = checked(large(60))
    assert "```json" not in no_requests
    assert "**1.** copy a0" in no_requests
    assert "**1.** copy a0" not in checked(large(90))
    reasons = checked(large(110))
    assert "| `mappings.x.type` |" in reasons
    assert "more steps: `esplan show PLAN`" in reasons
    assert reasons.count("<summary>") >= 110
    assert "| `mappings.x.type` |" not in checked(large(200))


def test_a_thousand_objects_end_with_how_many_are_left() -> None:
    text = checked(large(1000, warnings=tuple(f"warning {n}" for n in range(1000))))
    listed = text.count("\n- <code>-/+</code> <b><code>alias.a")
    assert listed > 300
    assert f"- and {1000 - listed:,} more objects: `esplan show PLAN`" in text
    assert re.search(r"> - and \d+ more warnings: `esplan show PLAN`", text)
    assert f"Digest: `{'e' * 64}`" in text
    assert len(text.encode()) > LIMIT - 1000, "no room is wasted"


def test_a_script_that_has_no_room_is_named() -> None:
    body = {"source": {}, "script": {"source": "x" * 70_000}}
    text = checked(of(change(), steps=(step(request={"method": "P", "path": "/", "body": body}),)))
    assert "and 1 more script: `esplan show PLAN`" in text
    assert "| `mappings.x.type` |" in text


def test_whatever_is_too_long_refusals_warnings_and_digest_stay() -> None:
    needs = tuple({"consent": "unprotect", "why": f"r{n} " + "@" * 5000} for n in range(99))
    warnings = tuple(f"w{n} " + "@" * 5000 for n in range(99))
    longest = "|@" * 40_000
    cluster = dict.fromkeys(CLUSTER, longest)
    one = change(address=f"alias.{longest}", index=longest, target=longest + "x", route=longest)
    plan = replace(large(50, needs=needs, warnings=warnings), cluster=cluster, changes=(one,) * 50)
    text = checked(plan, "/" + "@" * 5000)
    assert "> - apply will refuse this plan: r0 " in text
    assert re.search(r"> - and \d+ more refusals: ", text)
    assert "> - w0 " in text
    assert re.search(r"> - and \d+ more warnings: ", text)
    assert f"Digest: `{'e' * 64}`" in text
    allowed = checked(replace(plan, needs=()), "/" + "@" * 5000)
    assert "esplan apply PLAN --approve" in allowed


# Whatever names and scripts hold

HOSTILE = st.sampled_from([EVIL, "", "```", "a|b", "</summary>", "&lt;", "- x", "1. y"]) | st.text()
WORDS = st.builds(lambda text, times: text * times, HOSTILE, st.sampled_from([1, 1, 3, 500]))
VALUES = st.none() | st.integers() | WORDS | st.dictionaries(WORDS, WORDS, max_size=2)
REASONS = st.builds(Reason, WORDS, VALUES, VALUES, WORDS, WORDS)
ACTIONS = st.sampled_from(["create", "update", "replace", "delete", "no-op"])
KINDS = st.sampled_from(["reindex", "delete_index", "create_index", "verify", "backfill"])
BODIES = st.fixed_dictionaries({"source": st.just({}), "script": st.fixed_dictionaries(
    {"source": WORDS, "params": st.dictionaries(WORDS, WORDS, max_size=1)})})  # fmt: skip
AFTER = st.fixed_dictionaries(
    {
        "settings": st.dictionaries(WORDS, VALUES, max_size=2),
        "mappings": st.fixed_dictionaries({"properties": st.dictionaries(WORDS, VALUES)}),
        "aliases": st.dictionaries(WORDS, st.just({}), max_size=2),
    }
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = draw(st.lists(WORDS, min_size=1, max_size=3, unique=True))
    changes, steps = [], []
    for name in names:
        address = f"{draw(st.sampled_from(['alias', 'index']))}.{name}"
        reasons = tuple(draw(st.lists(REASONS, max_size=3)))
        index, target = draw(st.none() | WORDS), draw(st.none() | WORDS)
        after, route = draw(AFTER), draw(WORDS)
        changes.append(Change(address, draw(ACTIONS), route, index, target, reasons, after, after))
        request = {"method": "POST", "path": draw(WORDS), "body": draw(BODIES)}
        kind, undo = draw(KINDS), {"none": draw(WORDS)}
        arguments = {"index": index or name, "fields": [name]}
        steps.append(
            Step(kind, "switch", address, draw(WORDS), request, undo=undo, arguments=arguments)
        )
    numbered = [replace(one, id=f"{n:02d}-x") for n, one in enumerate(steps)]
    return replace(
        PLAN,
        cluster=dict.fromkeys(CLUSTER, draw(WORDS)),
        changes=tuple(changes),
        steps=tuple(numbered),
        warnings=tuple(draw(st.lists(WORDS, max_size=3))),
        needs=tuple({"consent": "unprotect", "why": one} for one in draw(st.lists(WORDS))),
    )


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(plans(), WORDS)
def test_nothing_in_a_plan_is_markup(plan: Plan, path: str) -> None:
    text = checked(plan, path)
    for page in levels(plan):
        look(page)
    assert json.dumps(text), "it can be sent"
