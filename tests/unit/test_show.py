"""`esplan show` of plans and journals, and how a journal reads."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from esplan import cli, journal, planfile
from esplan.timeline import timeline
from esplan.views import journal as view

if TYPE_CHECKING:
    from esplan.plan import Plan

REPORT = Path(__file__).parents[1] / "report"
NAMES = ("release", "rejected", "routes")


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The real plans and journals in a folder of their own."""
    for name in list(os.environ):
        if name.startswith("ESPLAN_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    for file in REPORT.iterdir():
        shutil.copy(file, tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> Result:
        code = cli.run([str(one) for one in arguments])
        return Result(code, *capsys.readouterr())

    return run


def cut(name: str, event: str, step: str = "") -> None:
    """The journal ends after this record: its process is gone."""
    path = Path(f"{name}.json.journal.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    last = next(
        n
        for n, one in enumerate(map(journal.parse, map(str.rstrip, lines)))
        if (one.event, one.step) == (event, step)
    )
    path.write_text("".join(lines[: last + 1]))


def test_a_plan_that_was_applied(run: Any) -> None:
    found = run("show", "release.json")
    assert (found.code, found.err) == (0, "")
    plan, _, applied = found.out.partition("\nApplied 2026-11-22 08:55:54 to 08:57:29 UTC\n")
    assert plan.startswith("Plan for the cluster esplan-sandbox")
    rows = {line.split()[0]: line for line in applied.splitlines() if line[:1].isdigit()}
    assert rows["1"].split(maxsplit=4)[1:] == [
        "08:55:54",
        "1.3",
        "s",
        rows["1"].split(maxsplit=4)[4],
    ]
    assert (
        "45.8 s  done (try 2)  copy every document of flights_green: 336,776 documents"
        in rows["11"]
    )
    assert rows["7"].split()[1:5] == ["08:56:27", "-", "as", "wanted"]
    assert (
        "clients could not write to flights_green for at most 57.9 s (08:56:28 to 08:57:26)"
        in applied
    )
    assert "by deploy-1.example.org, pid " in applied
    assert "Ended: all 19 steps are done, in 48.4 s, 1 of them begun again.\n" in applied
    assert "To go on" not in applied


def test_a_plan_that_was_not_is_shown_as_ever(run: Any) -> None:
    Path("release.json.journal.jsonl").unlink()
    assert "Applied" not in run("show", "release.json").out


def test_an_apply_that_has_not_ended_says_how_to_go_on(run: Any) -> None:
    cut("release", "intent", "11-reindex")
    found = run("show", "release.json").out
    assert re.search(r"\n11 +08:56:29 +-  begun +copy every document of flights_green", found)
    assert "\nNot ended: 10 of 19 steps are done, in " in found
    assert (
        "\nTo go on: esplan apply release.json. To take it back: the same with --abandon.\n"
        in found
    )
    assert "clients could not write to flights_green from 08:56:28 on: it has not ended" in found
    assert "\nLast sign: 2026-11-22 08:56:29 UTC.\n" in found
    assert "Left:" not in found, "a step is half done"


def test_an_apply_through_prepare_says_which_phases_are_left(run: Any) -> None:
    cut("release", "done", "03-create_index")
    assert "\nLeft: 16 steps (switch, finish).\n" in run("show", "release.json").out


def test_what_was_taken_back_and_why(run: Any) -> None:
    found = run("show", "rejected.json").out
    assert "failed, taken back  copy every document of flights_blue" in found
    assert (
        "failed: the new index rejected documents of flights_blue\n56557: [1:150] failed" in found
    )
    assert "\nTaken back, in 4.9 s: nothing of this plan is left.\n" in found
    assert "then esplan apply rejected.json: it begins again; or make a new plan." in found


def test_a_journal_by_itself(run: Any) -> None:
    found = run("show", "release.json.journal.jsonl")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith("\nApplied 2026")
    assert "copy every document of flights_green" in found.out, "its plan is beside it"
    Path("release.json").unlink()
    found = run("show", "release.json.journal.jsonl").out
    assert "alias books: books_000001 → books_000002" in found
    assert "45.8 s  done (try 2)  reindex: 336,776 documents (50.6 MB), 7,347 a second" in found


def test_a_journal_of_another_name(run: Any) -> None:
    Path("release.json.journal.jsonl").rename("old.txt")
    assert run("show", "old.txt").out.startswith("\nApplied 2026")


def test_the_plan_beside_a_journal_may_be_another(run: Any) -> None:
    shutil.copy("rejected.json", "release.json")
    found = run("show", "release.json.journal.jsonl")
    assert (found.code, "alias books:" in found.out) == (0, True)
    found = run("show", "release.json")
    assert found.code == 1
    assert found.out.startswith("Plan for the cluster"), "the plan is shown all the same"
    assert "release.json.journal.jsonl is the journal of another plan" in found.err


@pytest.mark.parametrize("how", [[], ["--format", "html"], ["--json"]])
def test_a_damaged_journal(run: Any, how: list[str]) -> None:
    path = Path("release.json.journal.jsonl")
    path.write_text(path.read_text().replace("deploy-1", "deploy-2"))
    found = run("show", path, *how)
    said = found.out if how == ["--json"] else found.err
    assert found.code == 1
    assert "release.json.journal.jsonl is damaged in line 1" in said
    found = run("show", "release.json", *how)
    assert "esplan-sandbox" in found.out, "the plan is shown all the same"
    assert found.code == (0 if how == ["--json"] else 1), "a plan as JSON is without its journal"


def test_a_plan_from_a_pipe(run: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(Path("release.json").read_bytes()))
    writer.start()
    found = run("show", pipe)
    writer.join()
    assert (found.code, found.err) == (0, "")
    assert "Applied" not in found.out


def test_no_journal_where_one_is_asked_for(run: Any) -> None:
    found = run("show", "nothing.journal.jsonl")
    assert (found.code, found.out) == (1, "")
    assert "there is no journal in nothing.journal.jsonl" in found.err
    assert "esplan status" in found.err


@pytest.mark.parametrize("how", [["--json"], ["--format", "json"]])
def test_a_plan_as_json_is_the_plan_file(run: Any, how: list[str]) -> None:
    assert run("show", "release.json", *how).out == Path("release.json").read_text()


def test_a_journal_as_json(run: Any) -> None:
    found = json.loads(run("show", "release.json.journal.jsonl", "--json").out)
    assert found["format_version"] == "1.0"
    assert (found["state"], found["done"], found["total"], found["seconds"]) == (
        "done",
        19,
        19,
        48.353,
    )
    assert found["plan"] == planfile.read(Path("release.json")).digest
    copy = found["steps"][10]
    assert {n: copy[n] for n in ("id", "kind", "phase", "outcome", "documents", "seconds")} == {
        "id": "11-reindex",
        "kind": "reindex",
        "phase": "switch",
        "outcome": "done",
        "documents": 336_776,
        "seconds": 45.841,
    }
    assert [one["outcome"] for one in copy["tries"]] == ["broken off", "done"]
    assert found["pauses"][1]["seconds"] == pytest.approx(57.9, abs=0.1)


def test_a_journal_as_markdown() -> None:
    plan = planfile.read(Path("rejected.json"))
    found = view.markdown(
        timeline(journal.read(Path("rejected.json.journal.jsonl")), plan), "p.json"
    )
    assert found.startswith(
        "## Apply from 2026-11-22 08:57:34 to 08:57:39 UTC\n\n**Taken back, in 4.9 s"
    )
    assert "| 08:57:36 | 2\\.7 s | failed, taken back | copy every document of" in found
    assert len([line for line in found.splitlines() if line.startswith("|")]) == 9


EVIL = "<img src=x onerror=alert(1)>|`[a](b)\x1b[2J\u202e\n| x | y |"


def evil() -> tuple[Plan, list[journal.Record]]:
    """A journal that somebody has made up."""
    step = replace(planfile.read(Path("release.json")).steps[0], description=EVIL, address=EVIL)
    plan = replace(planfile.read(Path("release.json")), steps=(step,))
    data = {
        "plan": "p",
        "host": EVIL,
        "signed_by": EVIL,
        "why": EVIL,
        "address": EVIL,
        "skipped": EVIL,
    }
    found = [
        journal.Record(seq, "", event, name, at, data)
        for seq, (event, name, at) in enumerate(
            [
                ("start", "", EVIL),
                ("intent", step.id, EVIL),
                ("done", step.id, EVIL),
                ("failed", "", EVIL),
            ]
        )
    ]
    return plan, found


def test_nothing_in_a_journal_steers_a_terminal_or_is_markup() -> None:
    from rich.console import Console

    plan, records = evil()
    for one in (plan, None):
        found = timeline(records, one)
        console = Console(width=100, record=True, file=io.StringIO())
        console.print(*view.text(found, "p"))
        assert not {"\x1b", "\u202e"} & set(console.export_text())
        said = view.markdown(found, "p")
        assert not {"\x1b", "\u202e"} & set(said)
        assert "<img" not in said
        rows = [line for line in said.splitlines() if line.startswith("|")]
        assert len(rows) == 3
