"""As a new user would: the tutorial in a fresh environment, typed into a terminal.

`make acceptance` runs it alone. It has a server of its own, on which nothing else runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from second import prepared
from terminal import Terminal, plain
from transcript import alike, made, rewritten, shown
from tutorial import examples
from walks import INSTALL, Programs, in_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from walks import Walk

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def environ(wheels: Path) -> Iterator[dict[str, str]]:
    """A fresh machine, as far as esplan can tell: its wheel, locked versions, an empty sandbox."""
    pinned = [
        line.rstrip(" \\")  # the version and its marker; the hashes are in the lines below
        for line in (ROOT / "locks" / "dev.txt").read_text().splitlines()
        if "==" in line
    ]
    locked = wheels / "locked.txt"
    locked.write_text("\n".join(pinned))
    with prepared() as cache:
        yield {
            **plain(os.environ),
            "ESPLAN_CACHE_DIR": str(cache),
            "PIP_FIND_LINKS": str(wheels),
            "PIP_CONSTRAINT": str(locked),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="esplan-tutorial-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def typed(folder: Path, environ: dict[str, str]) -> Walk:
    """The tutorial from its first to its last command, in a terminal."""
    with Terminal(folder, environ) as terminal:
        return in_terminal(terminal, examples(PAGE))


@pytest.fixture(scope="module")
def programs(
    typed: Walk, folder: Path, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Programs]:
    """The same through --json, with what was installed; all but its last command."""
    assert not typed.wrong, "the tutorial was not followed to its end"
    path = f"{folder / '.venv' / 'bin'}:{environ['PATH']}"
    found = Programs(tmp_path_factory.mktemp("programs"), {**environ, "PATH": path})
    *some, last = examples(PAGE)
    found.run(some)
    yield found
    found.one(last)
    assert found.walk.wrong == []


def test_every_word_of_the_tutorial_is_true(typed: Walk) -> None:
    assert "\n\n".join(typed.wrong) == ""
    assert len(typed.codes) == len(examples(PAGE))
    assert sorted(set(typed.codes.values())) == [0, 2, 3]


def test_programs_get_the_same_through_json(typed: Walk, programs: Programs) -> None:
    assert "\n\n".join(programs.walk.wrong) == ""
    same = {line: code for line, code in typed.codes.items() if line in programs.walk.codes}
    assert programs.walk.codes == same
    left_out = [one.line for one in examples(PAGE) if one.line not in programs.walk.codes]
    named = [one.line for one in examples(PAGE) if one.command.startswith((*INSTALL, "export "))]
    last = examples(PAGE)[-1].line
    assert left_out == [*named, last]


def test_the_transcript_of_the_readme_is_what_the_demo_prints(
    programs: Programs, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page = ROOT / "README.md"
    now = made(ROOT, tmp_path, programs.environ)
    if request.config.getoption("--update-goldens"):
        page.write_text(rewritten(page.read_text(encoding="utf-8"), now), encoding="utf-8")
    assert alike(shown(page.read_text(encoding="utf-8"))) == alike(now)
