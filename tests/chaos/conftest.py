"""How much of a trial is done, and what came of it.

Every test here does a bounded part of its trial, and all of it with `--chaos` (`make chaos`). It
reports to `tally`, whose figures are written to the file that `--chaos` names, test by test;
`table.py` makes the table in docs/guarantees.md of it.
"""

from __future__ import annotations

import fcntl
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Scale:
    """`full`: everything that the promise is tried with."""

    full: bool

    def __call__(self, part: int, whole: int) -> int:
        """How many: in the tests, and in `make chaos`."""
        return whole if self.full else part


@dataclass
class Tally:
    """Figures by trial and test: what was done (`kills`, `faults`, `races` …), and seconds."""

    part: str = ""
    figures: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def add(self, trial: str, **counts: float) -> None:
        """Add to the figures of this test; 0 is a figure, too (`lost=0`)."""
        own = self.figures.setdefault(trial, {}).setdefault(self.part, {})
        for name, count in counts.items():
            own[name] = own.get(name, 0) + count

    def total(self, trial: str, name: str) -> float:
        """Of all its tests."""
        return sum(own.get(name, 0) for own in self.figures.get(trial, {}).values())


@pytest.fixture(scope="session")
def scale(request: pytest.FixtureRequest) -> Scale:
    return Scale(bool(request.config.getoption("--chaos")))


@pytest.fixture(scope="session")
def tally() -> Tally:
    return Tally()


@pytest.fixture(autouse=True)
def _counted(request: pytest.FixtureRequest, tally: Tally) -> Iterator[None]:
    """What a test did counts from its end on, and in the place of what it did before."""
    trial, tally.part = getattr(request.module, "TRIAL", ""), request.node.name
    started = time.monotonic()
    yield
    given = request.config.getoption("--chaos")
    if trial and given:
        tally.add(trial, seconds=round(time.monotonic() - started, 1))
        _keep(Path(given), trial, tally)


def _keep(path: Path, trial: str, tally: Tally) -> None:
    """Several workers may write to the one file."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = json.loads(file.read() or "{}")
        known.setdefault(trial, {})[tally.part] = tally.figures[trial][tally.part]
        file.truncate(0)
        file.write(json.dumps(known, indent=2, sort_keys=True) + "\n")
