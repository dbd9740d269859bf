"""Golden cases: desired files and a real server's answers → the plan, and how it is shown."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from esplan import activity, desired, planfile
from esplan.commands.plan import plan
from esplan.errors import Refused
from esplan.views import plan_text, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from esplan.plan import Plan

CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/live.json"))
REFUSED = "refused-"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLAN_ID = "0123456789abcdef"
CONSENTS = {"close-open": ("alias.close-open",)}
"""What `--allow-close` says, where it does."""


class Recorded:
    """A Reader of what a server once answered; a read that no case has is an error."""

    def __init__(self, case: Path) -> None:
        self.answers = json.loads((case / "live.json").read_text(encoding="utf-8"))

    def read(self, path: str, _params: Any = None, _body: Any = None) -> Any:
        if path.endswith("_template"):
            return self.answers.get(path) or {}  # the case is of a server that has none
        return self.answers[path]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorded server is written to by nobody."""
    monkeypatch.setattr(activity, "PAUSE", 0.0)


def planned(case: Path) -> Plan:
    wanted = desired.read([case / "desired.yaml"], {})
    return plan(
        Recorded(case), wanted, allow_close=CONSENTS.get(case.name, ()), now=NOW, plan_id=PLAN_ID
    )


def shown(renderables: Iterable[RenderableType]) -> str:
    """As cli.py prints it, on a terminal of 100 columns without colours."""
    out = io.StringIO()
    console = Console(file=out, width=100, no_color=True, highlight=False, soft_wrap=True)
    for one in renderables:
        console.print(one)
    lines = out.getvalue().splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def compare(golden: Path, made: str, config: pytest.Config) -> None:
    """Equal to the golden file, or written into it when the run says so."""
    if config.getoption("--update-goldens"):
        golden.write_text(made, encoding="utf-8")
    assert golden.exists(), f"{golden.name} is missing: run pytest --update-goldens and review it"
    assert made == golden.read_text(encoding="utf-8")


def test_there_are_cases() -> None:
    assert len(CASES) == 26
    assert sum(case.name.startswith(REFUSED) for case in CASES) == 8


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, pytestconfig: pytest.Config) -> None:
    if case.name.startswith(REFUSED):
        with pytest.raises(Refused) as refused:
            planned(case)
        assert refused.value.exit_code == 4
        compare(case / "stderr.txt", shown(text.error(refused.value)), pytestconfig)
        return
    made = planned(case)
    compare(case / "plan.json", planfile.dumps(made), pytestconfig)
    compare(case / "stdout.txt", shown(plan_text.plan(made)), pytestconfig)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case.name.startswith(REFUSED)],
    ids=lambda case: case.name,
)
def test_a_golden_plan_is_a_plan_file(case: Path) -> None:
    read = planfile.read(case / "plan.json")
    assert planfile.dumps(read) == (case / "plan.json").read_text(encoding="utf-8")
