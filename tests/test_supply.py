"""What esplan is made of: locked with hashes, audited, listed in the SBOM."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "locks").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENTRY = re.compile(r"^(\S.*?)((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE)


@cache
def locked(name: str) -> dict[str, list[tuple[str, int]]]:
    """Version and number of hashes of each package; several versions for several Pythons."""
    found: dict[str, list[tuple[str, int]]] = {}
    text = (ROOT / "locks" / f"{name}.txt").read_text()
    for pin, hashes in ENTRY.findall(text):
        one = Requirement(pin)
        (exact,) = one.specifier
        assert exact.operator == "==", pin
        count = hashes.count("sha256:")
        found.setdefault(canonicalize_name(one.name), []).append((exact.version, count))
    return found


def wanted(name: str) -> list[Requirement]:
    """What pyproject.toml asks for in an environment."""
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]

    def group(key: str) -> list[str]:
        parts = [
            [one] if isinstance(one, str) else group(one["include-group"]) for one in groups[key]
        ]
        return [one for part in parts for one in part]

    listed = {
        "airflow": lambda: group("airflow"),
        "dev": lambda: [
            *project["dependencies"],
            *project["optional-dependencies"]["sandbox"],
            *group("dev"),
        ],
        "runtime": lambda: project["dependencies"],
    }
    return [Requirement(one) for one in listed[name]()]


def test_there_is_a_lock_for_each_environment() -> None:
    assert [one.stem for one in LOCKS] == ["airflow", "dev", "runtime"]


@pytest.mark.parametrize("name", ["airflow", "dev", "runtime"])
def test_a_lock_fits_the_project(name: str) -> None:
    """Else run make lock."""
    for one in wanted(name):
        versions = locked(name).get(canonicalize_name(one.name), [])
        assert versions, f"{one} is not locked"
        assert all(version in one.specifier for version, _ in versions), f"{one}: {versions}"


@pytest.mark.parametrize("name", ["airflow", "dev", "runtime"])
def test_everything_locked_has_a_hash_and_no_host(name: str) -> None:
    text = (ROOT / "locks" / f"{name}.txt").read_text()
    assert len(locked(name)) > len(wanted(name))
    assert [one for one, pins in locked(name).items() if not all(count for _, count in pins)] == []
    assert "://" not in text
    assert " @ " not in text


def test_what_runs_is_what_was_tested() -> None:
    assert {one: locked("dev")[one] for one in locked("runtime")} == locked("runtime")


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "locks" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sbom_names_every_runtime_dependency(tmp_path: Path) -> None:
    target = tmp_path / "dist" / "esplan.cdx.json"
    assert program("sbom").main(target) == 0
    made = json.loads(target.read_text())
    assert (made["bomFormat"], made["metadata"]["component"]["name"]) == ("CycloneDX", "esplan")
    found = {canonicalize_name(one["name"]): one for one in made["components"]}
    assert found.keys() == locked("runtime").keys()
    for name, [(version, hashes), *_] in locked("runtime").items():
        listed = [h for one in found[name]["externalReferences"] for h in one.get("hashes", ())]
        assert found[name]["version"] == version
        assert len(listed) == hashes


SOUND = {"name": "a", "version": "1", "vulns": []}
VULNERABLE = {"name": "b", "version": "2", "vulns": [{"id": "CVE-2026-1"}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ([SOUND], 0, ""),
        ([SOUND, VULNERABLE], 1, "x: b 2 is vulnerable: CVE-2026-1; make lock, or pin it\n"),
        ([SOUND, UNKNOWN], 0, "x: NOT AUDITED, no advisories to be had for 1 of 2\n"),
        ("no route to host", 0, "x: NOT AUDITED, the advisories cannot be reached: no route to "),
    ],
)
def test_an_audit_fails_for_what_is_known_and_says_what_is_not(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: Any,
    code: int,
    said: str,
) -> None:
    audit = program("audit")
    output = json.dumps({"dependencies": answer}) if isinstance(answer, list) else ""
    error = "" if isinstance(answer, list) else f"a warning\n{answer}\n"
    done = subprocess.CompletedProcess([], code, output, error)
    monkeypatch.setattr(subprocess, "run", lambda *_arguments, **_options: done)
    assert audit.main(["x"]) == code
    assert capsys.readouterr().out.startswith(said)


def test_an_audit_does_not_hang(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def late(*_arguments: Any, timeout: float, **_options: Any) -> None:
        raise subprocess.TimeoutExpired("pip-audit", timeout)

    monkeypatch.setattr(subprocess, "run", late)
    assert program("audit").main(["x"]) == 0
    assert "NOT AUDITED" in capsys.readouterr().out
