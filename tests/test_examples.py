"""Every command has examples in its help. Those that need no cluster are run here, the others in
tests/live/test_examples.py: none can be left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import examples
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from examples import Example

ALL = examples.examples()
HERE = [one for one in ALL if one.is_offline]


@pytest.mark.parametrize("command", [name for name, _ in examples.names()])
def test_every_command_has_one_to_three_examples(command: str) -> None:
    shown = examples.help_of(command)
    found = [one.text for one in ALL if one.shown == command]
    assert 1 <= len(found) <= 3, "write them in the docstring, below `Examples:`"
    assert "Example:" not in shown
    assert shown.count("esplan ") >= len(found)
    assert max(map(len, found)) < 100


def test_an_example_is_of_its_command() -> None:
    groups = [name for name, has_more in examples.names() if has_more]
    assert [one for one in ALL if one.shown not in (one.command, *groups)] == []


def test_offline_commands_are_commands() -> None:
    assert set(examples.OFFLINE) <= {one.command for one in ALL}


@pytest.mark.parametrize("example", HERE, ids=str)
def test_examples_that_need_no_cluster(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    if example.command != "init":
        examples.prepare("http://localhost:1")
    done = examples.run(example.text, tmp_path / "bin")
    assert (done.returncode, done.stderr) == (0, "")
    redirected = ">" in example.text or "source" in example.text
    assert bool(done.stdout) != redirected
    if example.command == "init":
        assert list(folder.rglob("desired/example.yaml"))
