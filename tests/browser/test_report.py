"""The HTML report as people see it: opened from the disk in a real Chromium, with no server."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from esplan import journal, planfile
from esplan.timeline import timeline
from esplan.views import html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from esplan.plan import Plan

WIDTHS = (400, 1600)
PATIENCE = 60_000
"""Milliseconds: other tests may use the machine, too."""


class Report:
    """One report in one page, and what the browser said of it."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page, self.file = page, file
        self.said: list[str] = []
        self.asked: list[str] = []
        self.refused: list[tuple[str, str | None]] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda one: self.said.append(one.text))
        page.on("pageerror", lambda one: self.said.append(str(one)))
        page.on("request", lambda one: self.asked.append(one.url))
        page.on("requestfailed", lambda one: self.refused.append((one.url, one.failure)))
        page.goto(file.as_uri())

    def visible(self, selector: str) -> int:
        return int(self.page.locator(f"{selector} >> visible=true").count())

    def opened(self, selector: str) -> int:
        return int(self.page.locator(f"{selector}[open]").count())


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Report]]:
    """Write a report and open it. At the end: nothing was loaded, and nothing went wrong."""
    reports = []

    def show(text: str, width: int = 1600, scheme: str = "light") -> Report:
        file = tmp_path / "report.html"
        file.write_text(text, encoding="utf-8")
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        reports.append(Report(page, file))
        return reports[-1]

    yield show
    for one in reports:
        assert one.said == []
        assert {url.partition("#")[0] for url in one.asked} == {one.file.as_uri()}
        one.page.close()


def page_of(reports: Path, name: str, *, applied: bool = True) -> str:
    path = reports / f"{name}.json"
    plan = planfile.read(path)
    done = timeline(journal.read(journal.beside(path)), plan) if applied else None
    return html.page(plan, f"plans/{name}.json", done)


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(
    show: Callable[..., Report], reports: Path, tmp_path: Path, scheme: str, *, applied: bool
) -> None:
    text = page_of(reports, "release", applied=applied)
    for width in WIDTHS:
        report = show(text, width, scheme)
        report.page.click("#unfold")
        assert report.page.evaluate("document.documentElement.scrollWidth") == width
        picture = tmp_path / f"{width}-{scheme}.png"
        report.page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 50_000


def test_long_names_break(show: Callable[..., Report], reports: Path) -> None:
    text = page_of(reports, "release").replace("flights_green", "f" * 255)
    for width in WIDTHS:
        report = show(text, width)
        assert report.page.evaluate("document.documentElement.scrollWidth") == width


def test_search_filters_objects_and_steps(show: Callable[..., Report], reports: Path) -> None:
    report = show(page_of(reports, "release"))
    assert (report.visible("details.card"), report.visible("ol.steps > li")) == (4, 19)
    report.page.keyboard.press("/")
    report.page.keyboard.type("audit-2026")
    report.page.locator("#found", has_text="1 of 4 objects, 2 of 19 steps").wait_for()
    assert (report.visible("details.card"), report.visible("ol.steps > li")) == (1, 2)
    report.page.keyboard.press("Escape")
    assert (report.visible("details.card"), report.visible("ol.steps > li")) == (4, 19)
    report.page.fill("#search", "FLIGHTS keyword")
    report.page.locator("#found", has_text="1 of 4 objects").wait_for()
    assert (
        report.page.locator("details.card >> visible=true").first.get_attribute("id") == "object-2"
    )


def test_fold_and_unfold(show: Callable[..., Report], reports: Path) -> None:
    report = show(page_of(reports, "release"))
    assert report.opened("details.card") == 4
    report.page.click("#fold")
    assert report.opened("details") == 0
    report.page.click("#unfold")
    assert report.opened("details") == report.page.locator("main details").count() > 20
    report.page.click("#fold")
    report.page.locator("details.card > summary").first.press("Enter")
    assert report.opened("details.card") == 1


def test_a_step_of_the_time_line_leads_to_its_request(
    show: Callable[..., Report], reports: Path
) -> None:
    report = show(page_of(reports, "release"))
    report.page.click("#fold")
    report.page.click("text=copy every document of flights_green >> nth=0")
    found = report.page.locator("#step-11")
    assert found.get_attribute("open") is not None
    assert "POST /_reindex" in found.inner_text()
    assert report.opened("details.card") == 1


def test_a_link_shows_what_the_search_has_hidden(
    show: Callable[..., Report], reports: Path
) -> None:
    report = show(page_of(reports, "release"))
    report.page.fill("#search", "audit-2026")
    report.page.locator("#found", has_text="1 of 4 objects").wait_for()
    assert not report.page.locator("#step-11").is_visible()
    report.page.evaluate("location.hash = 'step-11'")
    report.page.locator("#step-11", has_text="POST /_reindex").wait_for(state="visible")


def test_a_hostile_name_stays_text(show: Callable[..., Report], reports: Path) -> None:
    evil = "</script><img src=x onerror=document.title='owned'>\u202e"
    plan = planfile.read(reports / "release.json")
    steps = tuple(replace(one, description=evil) for one in plan.steps)
    report = show(html.page(replace(plan, steps=steps, warnings=(evil,)), evil))
    report.page.click("#unfold")
    assert report.page.locator("img").count() == 0
    assert report.page.title() == "to be applied: esplan, esplan-sandbox (elasticsearch 8.16.1)"
    assert "<img src=x" in report.page.inner_text("main")


def test_the_policy_stops_what_would_get_in(show: Callable[..., Report], reports: Path) -> None:
    """If escaping ever failed: no foreign script runs, and nothing is loaded."""
    text = page_of(reports, "release")
    bad = "<script>document.title = 'owned'</script><img src='http://127.0.0.1:9/x'>"
    report = show(text.replace("</main>", f"{bad}</main>"))
    assert report.page.title().startswith("applied:")
    assert len(report.said) == 2
    assert all("Content Security Policy" in one for one in report.said)
    assert report.refused == [("http://127.0.0.1:9/x", "csp")]
    report.asked.remove("http://127.0.0.1:9/x")
    report.said.clear()


def test_without_a_plan_and_without_changes(show: Callable[..., Report], reports: Path) -> None:
    done = timeline(journal.read(reports / "release.json.journal.jsonl"))
    report = show(html.page(None, "", done), WIDTHS[0])
    assert report.visible("ol.steps > li") == 19
    plan = planfile.read(reports / "release.json")
    report = show(html.page(replace(plan, changes=(), steps=(), estimate={})), WIDTHS[0])
    assert "No changes" in report.page.inner_text("main")


def test_in_print_every_object_is_unfolded(show: Callable[..., Report], reports: Path) -> None:
    report = show(page_of(reports, "release"))
    report.page.click("#fold")
    report.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    report.page.emulate_media(media="print")
    assert report.opened("details.card") == 4
    assert report.visible("#controls") == 0
    report.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert report.opened("details.card") == 0


def test_a_thousand_objects_stay_quick(show: Callable[..., Report], reports: Path) -> None:
    """By the browser's own clock, against what it needs for four objects."""
    plan = planfile.read(reports / "release.json")
    page = html.page(thousand(plan))
    assert len(page) < 25_000_000
    small, large = show(html.page(plan)), show(page)
    assert large.visible("details.card") == 1000
    assert large.opened("details.card") == 0
    assert took(large, "flights-777") < 500 + 250 * took(small, "flights")
    assert large.page.inner_text("#found") == "1 of 1,000 objects, 8 of 8,000 steps"
    started = time.monotonic()
    large.page.click("#unfold")
    assert large.opened("details.card") == 1
    assert time.monotonic() - started < 30


def took(report: Report, words: str) -> float:
    """Milliseconds of a search until the next frame."""
    return float(
        report.page.evaluate(
            """(words) => new Promise((done) => {
              const from = performance.now(), search = document.getElementById("search");
              search.value = words;
              search.dispatchEvent(new Event("input"));
              const wait = () => document.getElementById("found").textContent
                ? requestAnimationFrame(() => done(performance.now() - from))
                : setTimeout(wait, 1);
              wait();
            })""",
            words,
        )
    )


def thousand(one: Plan) -> Plan:
    """The same change of so many aliases, each with indices of its own."""
    change = next(each for each in one.changes if each.address == "alias.flights")
    steps = [each for each in one.steps if each.address == "alias.flights"]
    text = json.dumps([asdict(change), *map(asdict, steps)])
    changes, copies = [], []
    for number in range(1000):
        named = json.loads(text.replace("flights", f"flights-{number:03}"))
        changes.append(planfile._change(named[0]))
        copies += [planfile._step(each | {"id": f"{number}-{each['id']}"}) for each in named[1:]]
    return replace(one, changes=tuple(changes), steps=tuple(copies))
