"""The HTML report without a browser; tests/browser looks at it in one."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from esplan import journal, planfile
from esplan.plan import Change, Plan, Reason, Step
from esplan.timeline import Timeline, timeline
from esplan.views import bars, difference, html, picture

REPORT = Path(__file__).parents[1] / "report"
CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/plan.json"))
VOID = {"meta", "input"}


class Page(HTMLParser):
    """Every element with its attributes, and the text of all; an end without its start fails."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in {*self.open, ""}:
            self.inside.setdefault(tag, []).append(data)

    def text(self, tag: str = "") -> str:
        return " ".join(" ".join(self.inside.get(tag, [])).split())

    def values(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def plan(name: str) -> Plan:
    return planfile.read(REPORT / f"{name}.json")


def applied(name: str, plan: Plan | None = None) -> Timeline:
    return timeline(journal.read(REPORT / f"{name}.json.journal.jsonl"), plan)


def reports() -> dict[str, str]:
    release, routes, rejected = plan("release"), plan("routes"), plan("rejected")
    return {
        "planned": html.page(release, "plans/release.json"),
        "applied": html.page(release, "plans/release.json", applied("release", release)),
        "script": html.page(routes, "", applied("routes", routes)),
        "taken back": html.page(rejected, "r.json", applied("rejected", rejected)),
        "journal": html.page(None, "", applied("release")),
        "nothing": html.page(replace(release, changes=(), steps=(), warnings=(), estimate={})),
        **{one.parent.name: html.page(planfile.read(one)) for one in CASES},
    }


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reports()


def test_every_report_needs_nothing_else(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        page = Page(text)
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"link", "img", "iframe", "object", "embed", "base", "form", "audio"}, (
            name
        )
        assert page.values("src") == []
        links = page.values("href")
        assert all(str(one).startswith("#") for one in links), name
        ids = page.values("id")
        assert len(ids) == len(set(ids)), f"{name}: an id twice"
        assert {str(one)[1:] for one in links} <= set(ids), f"{name}: a link that leads nowhere"


def test_the_policy_lets_its_own_style_and_script_run_and_nothing_else(
    pages: dict[str, str],
) -> None:
    page = Page(pages["applied"])
    (policy,) = [a["content"] for t, a in page.elements if "http-equiv" in a]
    parts = {tag: "".join(page.inside[tag]) for tag in ("style", "script")}
    sums = {
        tag: base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for tag, part in parts.items()
    }
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{sums['style']}'; "
        f"script-src 'sha256-{sums['script']}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in parts["style"]
    assert "@import" not in parts["style"]
    for _, attributes in page.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_what_a_reviewer_sees_first(pages: dict[str, str]) -> None:
    text = Page(pages["planned"]).text()
    assert "to be applied esplan-sandbox (elasticsearch 8.16.1)" in text
    assert f"digest {plan('release').digest}" in text
    assert "1 to create 1 to update 2 to replace 0 to delete 1 index deleted at the end" in text
    assert "Warnings alias.books: books_000001 is kept (finish.delete_old is false)" in text
    assert f"esplan apply plans/release.json --approve {plan('release').digest}" in text
    assert "before flights → after flights" not in text
    assert "after flights flights_blue new flights_green deleted 336,776 documents" in text
    assert "after audit audit-2026 new" in text
    assert "roughly 2 min 15 s to 14 min 59 s" in text
    assert "Steps, as they are expected" in text


def test_what_was_done(pages: dict[str, str]) -> None:
    text = Page(pages["applied"]).text()
    assert "applied esplan-sandbox" in text
    assert "Ended: all 19 steps are done, in 48.4 s, 1 of them begun again." in text
    assert "clients could not write to flights_green for at most 57.9 s" in text
    assert "done (try 2) 336,776 documents (50.6 MB), 7,347 a second" in text
    assert "try 1 broken off: 2026-11-22 08:56:29" in text
    assert "carry it out" not in text
    text = Page(pages["taken back"]).text()
    assert "failed: the new index rejected documents of flights_blue" in text
    assert "Taken back, in 4.9 s: nothing of this plan is left." in text


def test_an_object_has_its_reasons_definitions_and_requests(pages: dict[str, str]) -> None:
    text = Page(pages["planned"]).text()
    assert "mappings.properties.flight.type integer → keyword reindex : the type of a field" in text
    assert '- "type": "integer" + "type": "keyword"' in text
    assert "deletes flights_green at the end: this cannot be undone" in text
    assert "request POST /_reindex?wait_for_completion=false" in text
    assert '"op_type": "create"' in text
    assert "Only if, just before it:" in text


def test_scripts_in_full(pages: dict[str, str]) -> None:
    text = Page(pages["script"]).text()
    assert "painless , in steps" in text
    assert "ctx._source.route = ctx._source.origin + params.to + ctx._source.dest" in text
    assert "tried on 100 random documents" in text


def test_a_journal_without_its_plan(pages: dict[str, str]) -> None:
    text = Page(pages["journal"]).text()
    assert "The plan of this journal is not beside it" in text
    assert "alias flights: flights_green → flights_blue" in text


# Hostile

EVIL = "</script></style><img src=x onerror=alert(1)>\"'`{{7*7}}&lt;\x1b[2J\u202e\x00\ud800"


def evil_change(n: str) -> Change:
    reason = Reason(n, n, {"a": n}, n, n)
    made = {"settings": {n: n}, "mappings": {"properties": {n: {}}}, "aliases": {n: {}}}
    sample = {"documents": 1, "taken": 1, "left_out": 0, "rejected": 1}
    sample |= {"rejections": [{"id": n, "reason": n}]}
    return Change(n, "create", n, n, n, (reason,), made, made | {"x": n}, sample)


def evil_step(n: str) -> Step:
    request = {"method": "PUT", "path": n, "body": {n: n, "script": {"source": n}}}
    parts: dict[str, Any] = {"request": request, "preconditions": ({"check": n, n: n},)}
    parts |= {"undo": {"none": n}, "arguments": {"index": n, "discards": 3}, "id": n}
    return Step("create_index", "prepare", n, n, **parts)


def evil(n: str) -> tuple[Plan, Timeline]:
    """A plan and a journal all of whose texts are these."""
    change = evil_change(n)
    made = Plan(
        id="0" * 16,
        created_at=n,
        esplan_version=n,
        cluster=dict.fromkeys(("name", "uuid", "version", "distribution"), n),
        desired_digest="d" * 64,
        changes=(change, replace(change, address=f"{n}2", action="no-op")),
        steps=(evil_step(n),),
        drift=(dict.fromkeys(("address", "index", "path", "rule"), n),),
        warnings=(n,),
        needs=({"consent": n, "why": n},),
        oracle=(dict.fromkeys(("address", "question", "rule", "server"), n) | LACKING,),
        digest=n,
    )
    data = dict.fromkeys(("plan", "host", "pid", "signed_by", "why", "address", "skipped"), n)
    events = [("start", ""), ("intent", n), ("done", n), ("failed", ""), ("intent", f"{n}3")]
    records = [journal.Record(seq, "", e, s, n, data) for seq, (e, s) in enumerate(events)]
    return made, timeline(records, made)


LACKING = {"verdict": "lacking"}


def test_nothing_of_a_hostile_name_becomes_markup() -> None:
    """The same elements with the same attributes as with a harmless name."""
    made, done = evil(EVIL)
    harmless = Page(html.page(*_page(*evil("harmless"))))
    text = html.page(*_page(made, done))
    page = Page(text)
    shape = [(tag, sorted(attributes)) for tag, attributes in page.elements]
    assert shape == [(tag, sorted(attributes)) for tag, attributes in harmless.elements]
    assert "{{7*7}}" in page.text()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff]", text)
    assert page.inside["script"] == harmless.inside["script"]
    Page(html.page(None, "", done))


def _page(made: Plan, done: Timeline) -> tuple[Plan, str, Timeline]:
    return made, EVIL, done


# Parts


def test_the_picture_of_an_index_and_of_what_is_kept() -> None:
    found = {one.address: one for one in picture.rows(plan("release"))}
    books = found["alias.books"]
    assert [(one.name, one.state) for one in books.before.on] == [("books_000001", "same")]
    assert [(one.name, one.state) for one in books.after.on] == [("books_000002", "new")]
    assert [(one.name, one.state) for one in books.after.off] == [("books_000001", "kept")]
    films = found["index.films-2026"]
    assert (films.before.aliases, films.after.on[0].state) == ((), "changed")
    assert found["index.audit-2026"].before == picture.Side()


def test_a_deleted_leftover_is_gone() -> None:
    gone = Step("delete_index", "finish", "index.a_blue", "d", arguments={"index": "a_blue"})
    change = Change("index.a_blue", "delete", "delete", "a_blue", None, (), {}, {})
    (row,) = picture.rows(replace(plan("release"), changes=(change,), steps=(gone,)))
    assert (row.after.on, [(one.name, one.state) for one in row.after.off]) == (
        (),
        [("a_blue", "gone")],
    )


def test_the_bars_of_an_apply_are_on_one_axis_with_the_gaps_cut_out() -> None:
    made = plan("release")
    axis = bars.applied(applied("release", made))
    assert [one.title for one in axis.gaps] == [
        "nothing ran for 3.7 s",
        "nothing ran for 21.6 s",
        "nothing ran for 20.9 s",
    ]
    drawn = [bar for found in axis.bars.values() for bar in found]
    assert all(0 <= bar.x <= bar.x + bar.width <= bars.WIDTH + 0.1 for bar in drawn)
    assert [bar.look for bar in axis.bars["11-reindex"]] == ["broken", "done"]
    starts = [axis.bars[one.id][-1].x for one in made.steps if axis.bars[one.id]]
    assert starts == sorted(starts)
    assert axis.labels[0] == "0"
    assert axis.labels[-1] == "48.4 s"


def test_the_bars_of_a_plan_are_as_long_as_is_expected() -> None:
    axis = bars.expected(plan("release").steps)
    assert [bar.look for bar in axis.bars["11-reindex"]] == ["sure", "maybe"]
    assert axis.labels[-1] == "19 min 29 s"
    assert bars.expected([Step("put_mapping", "switch", "alias.a", "m", id="01")]).labels == ()


def test_a_difference_has_only_what_is_around_it() -> None:
    before = {str(number): number for number in range(100, 150)}
    found = difference.lines(before, before | {"120": "x"})
    assert [one.sign for one in found] == ["@", *"   ", "-", "+", *"   "]
    assert (found[4].text.strip(), found[5].text.strip()) == ('"120": 120,', '"120": "x",')
    assert difference.lines(before, before) == []


def test_the_same_report_twice_is_the_same() -> None:
    once: Any = html.page(plan("release"))
    assert once == html.page(plan("release"))
