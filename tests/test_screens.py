"""What people see of a plan: in terminals of 80 and 160 columns, with and without colours, and as
markdown.

`pytest tests/test_screens.py --update-goldens` writes them into tests/screens: look at each one.
"""

from __future__ import annotations

import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from esplan import planfile
from esplan.views import markdown, plan_text

if TYPE_CHECKING:
    from esplan.plan import Plan

HERE = Path(__file__).parent
WIDTHS = (80, 160)
SAVED = "plans/release.json"
STYLE = re.compile(r"\x1b\[[0-9;]*m")
COLOR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


def case(name: str) -> Any:
    return json.loads((HERE / "cases" / name / "plan.json").read_text(encoding="utf-8"))


def sealed(raw: Any) -> Plan:
    """A plan of the cases, changed here; its digest is right again."""
    raw["digest"] = planfile._digest(raw)
    return planfile._plan(Path(SAVED), raw)


def demo() -> Plan:
    """That of the README: a field of 336,776 flights gets another type."""
    text = json.dumps(case("replace-deleting-old"))
    names = {"replace-deleting-old": "flights", ".year.": ".flight.", '"year"': '"flight"'}
    for old, new in names.items():
        text = text.replace(old, new)
    raw = json.loads(text)
    for step in raw["steps"]:
        if step["estimate"].get("documents"):
            step["estimate"] |= {"documents": 336_776, "bytes": 51_275_366}
    raw["estimate"]["disk"]["needed"] = 51_275_366
    return sealed(raw)


def transform() -> Plan:
    """A script, a sample, a refusal, drift, an oracle, and more of everything than is shown."""
    raw = case("several-objects")
    _books, films, new, same = raw["changes"]
    example = {"_id": "1", "_source": {"title": "Heat", "year": 1995, "cast": ["Pacino"] * 40}}
    films["sample"] = {
        "documents": 100, "taken": 98, "left_out": 1, "rejected": 1, "proven": True,
        "rejections": [{"id": "7", "reason": "failed to parse field [year] of type [short]"}],
        "examples": [{"before": example, "after": example}],
    }  # fmt: skip
    path = "mappings.properties.field_{}.type"
    films["reasons"] += [
        {**films["reasons"][0], "path": path.format(n), "before": "text", "after": "keyword"}
        for n in range(30)
    ]
    new["after"]["mappings"]["properties"] = {f"field_{n}": {} for n in range(40)}
    same |= {"action": "no-op", "reasons": []}
    raw["steps"] = [one for one in raw["steps"] if one["address"] != same["address"]]
    script = "// the year is a number of two digits\nif (ctx._source.year != null) {\n"
    script += "  ctx._source.year = ctx._source.year % params.century;\n}"
    for step in raw["steps"]:
        if step["kind"] == "reindex":
            step["request"]["body"]["script"] = {"source": script, "params": {"century": 100}}
    why = "alias.several-objects-films would delete several-objects-films_green, which is protected"
    raw["needs"] = [{"consent": "unprotect", "why": why, "address": films["address"]}]
    raw["drift"] = [
        {
            "kind": "leftover", "address": films["address"], "index": "several-objects-films_red",
            "path": "index", "live": "several-objects-films_red", "wanted": None,
            "rule": "its name is like that of the index that the alias is on",
        }
    ]  # fmt: skip
    said = {"address": films["address"], "question": "can the type change?", "rule": "no"}
    raw["oracle"] = [
        {**said, "server": "refused", "verdict": "agrees"},
        {**said, "server": "took it", "verdict": "stricter"},
    ]
    raw["summary"]["update"] = 0
    return sealed(raw)


PLANS = {
    "demo": demo,
    "group": lambda: sealed(case("group")),
    "clone": lambda: sealed(case("clone")),
    "transform": transform,
}


def screen(plan: Plan, width: int, *, color: bool) -> str:
    """As the command prints it on a terminal; spaces at the end of a line are not seen."""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=True, color_system="standard",
        no_color=not color, highlight=False, soft_wrap=True, legacy_windows=False,
    )  # fmt: skip
    for one in plan_text.plan(plan, SAVED):
        console.print(one)
    return trimmed(out.getvalue())


def trimmed(shown: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in shown.splitlines())


def compare(golden: Path, made: str, config: pytest.Config) -> None:
    if config.getoption("--update-goldens"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(made, encoding="utf-8")
    assert golden.exists(), f"{golden.name} is missing: run pytest --update-goldens and look at it"
    assert made == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_plan_on_a_terminal(name: str, width: int, pytestconfig: pytest.Config) -> None:
    colored, plain = (screen(PLANS[name](), width, color=one) for one in (True, False))
    assert COLOR.search(colored)
    assert not COLOR.search(plain)
    compare(HERE / "screens" / name / f"{width}.ansi", colored, pytestconfig)
    compare(HERE / "screens" / name / f"{width}.txt", STYLE.sub("", plain), pytestconfig)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_in_a_change_request(name: str, pytestconfig: pytest.Config) -> None:
    compare(HERE / "screens" / name / "plan.md", markdown.plan(PLANS[name](), SAVED), pytestconfig)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_runs_over_the_edge(name: str, width: int) -> None:
    """But for the command to copy."""
    lines = STYLE.sub("", screen(PLANS[name](), width, color=False)).splitlines()
    assert [one for one in lines if len(one) > width and not one.startswith("Saved in")] == []


def test_nothing_is_folded_with_v() -> None:
    plan = transform()
    folded, whole = (shown_in_log(plan, whole=one) for one in (False, True))
    assert "and 18 more differences like these (-v shows them)" in folded
    assert "and 28 more" in folded
    assert "\n1 object unchanged\n" in folded
    assert "more" not in re.sub("ctx.*|.*more.*cheaper.*", "", whole)
    assert "\n1 object unchanged:\n    index.several-objects-same: several-objects-same" in whole
    assert "mappings.properties.field_29.type: text → keyword" in whole
    assert "field_39" in whole


def shown_in_log(plan: Plan, *, whole: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, width=140, highlight=False, soft_wrap=True)
    for one in plan_text.plan(plan, SAVED, whole=whole):
        console.print(one)
    return out.getvalue()


@pytest.mark.parametrize(("variables", "golden"), [({}, "ansi"), ({"NO_COLOR": "1"}, "txt")])
def test_the_command_shows_it_so(tmp_path: Path, variables: dict[str, str], golden: str) -> None:
    """In a pseudo-terminal: the goldens are what it prints."""
    (tmp_path / "plans").mkdir()
    planfile.write(demo(), tmp_path / SAVED)
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = {**kept, "TERM": "xterm", "PYTHONUTF8": "1", **variables}
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    command = [sys.executable, "-m", "esplan", "show", SAVED]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=theirs) as process:
        os.close(theirs)
        shown = trimmed("".join(read(ours)))
    assert process.returncode == 0
    if golden == "txt":
        assert not COLOR.search(shown)
        shown = STYLE.sub("", shown)
    assert shown == (HERE / "screens" / "demo" / f"80.{golden}").read_text(encoding="utf-8")


def read(terminal: int) -> list[str]:
    """Until it is closed: Linux says so by an error."""
    found = []
    with open(terminal, "rb", closefd=True) as stream:
        try:
            while chunk := os.read(stream.fileno(), 1 << 16):
                found.append(chunk)
        except OSError:
            pass
    return [b"".join(found).decode()]
