"""The wheel as users get it: built, installed into a fresh environment, run far from here."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import esplan

ROOT = Path(__file__).parents[1]
SCHEMAS = {path.name for path in (ROOT / "schemas").glob("*.json")}
PAINLESS = [str(path.relative_to(ROOT)) for path in (ROOT / "esplan").rglob("*.painless")]
REPORT = [f"esplan/views/report/report.{ending}" for ending in ("css", "html.j2", "js")]
VALID = 'version: 1\naliases:\n  classes:\n    index: {name: "classes_{color}"}\n'
INVALID = "version: 1\naliases:\n  classes: {indx: {}}\n"


def run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it there, with nothing of the checkout or of the user in the environment."""
    hidden = ("ESPLAN_", "PYTHON", "COVERAGE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = run([sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `esplan` of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    done = run([scripts / "python", "-m", "pip", "install", "--quiet", wheel], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return scripts / "esplan"


def test_everything_needed_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"esplan/py.typed", *PAINLESS, *REPORT} <= names
    assert {f"esplan/schemas/{name}" for name in SCHEMAS} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_nothing_else_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"esplan", f"esplan-{esplan.__version__}.dist-info"}


def test_it_tells_its_version(program: Path, tmp_path: Path) -> None:
    done = run([program, "--version"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"esplan {esplan.__version__} (elasticsearch client 8.")


def test_what_a_user_starts_with(program: Path, tmp_path: Path) -> None:
    """Templates, schemas and scripts are in the wheel."""
    done = run([program, "init", "new"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert run([program, "validate", "desired"], tmp_path / "new").returncode == 0
    for shell in ("bash", "zsh", "fish"):
        assert "__complete" in run([program, "completion", shell], tmp_path).stdout


def test_a_valid_file(program: Path, tmp_path: Path) -> None:
    (tmp_path / "desired.yaml").write_text(VALID, encoding="utf-8")
    done = run([program, "validate", "desired.yaml"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Valid: 1 file with 1 object.\n"


def test_a_report(program: Path, tmp_path: Path) -> None:
    done = run([program, "show", ROOT / "tests/report/release.json", "--format", "html"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("<!doctype html>")
    assert "Ended: all 19 steps are done" in done.stdout


def test_an_invalid_file(program: Path, tmp_path: Path) -> None:
    (tmp_path / "desired.yaml").write_text(INVALID, encoding="utf-8")
    done = run([program, "validate", "desired.yaml"], tmp_path)
    assert done.returncode == 1
    assert 'desired.yaml:3:13: unknown key "indx" in "classes"' in done.stdout
    assert 'desired.yaml:3:12: the key "index" is missing in "classes"' in done.stdout
    assert "Traceback" not in done.stderr
