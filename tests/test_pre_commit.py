"""`esplan validate` as a hook of the real pre-commit, in a repository that somebody commits to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from esplan.commands import init

ROOT = Path(__file__).parents[1]
HOOKS = ROOT / ".pre-commit-hooks.yaml"

VALID = 'version: 1\naliases:\n  classes:\n    index: {name: "classes_{color}"}\n'
TWICE = "desired/two.yaml:3:3: alias.classes is already defined at desired/one.yaml:3"

CONFIG = """\
repos:
  - repo: {repository}
    rev: v1.0.0
    hooks:
      - id: esplan-validate
        language: system  # or pre-commit would install esplan, for which it needs a registry
{more}"""


class Repository:
    """A git repository with the hook, and a folder of programs that has esplan."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder, self.home = folder / "project", folder / "home"
        self.tools = folder / "bin"
        for one in (self.folder, self.home, self.tools):
            one.mkdir()
        tool = self.tools / "esplan"
        tool.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m esplan "$@"\n')
        tool.chmod(0o755)
        hooks = folder / "esplan"
        hooks.mkdir()
        (hooks / HOOKS.name).write_text(HOOKS.read_text())
        self.git("init", "-q", ".", folder=hooks)
        self.commit("hooks", folder=hooks)
        self.git("tag", "v1.0.0", folder=hooks)
        self.git("init", "-q", ".")
        self.write(".pre-commit-config.yaml", CONFIG.format(repository=hooks, more=more))

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        own = {
            "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "PRE_COMMIT_HOME": str(self.home / "pre-commit"),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        return subprocess.run(
            command,
            cwd=folder or self.folder,
            env=kept | own,
            capture_output=True,
            text=True,
            check=False,
        )

    def git(self, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        return self.run("git", *who, *words, folder=folder)

    def commit(self, message: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        self.git("add", "-A", folder=folder)
        return self.git("commit", "-q", "-m", message, folder=folder)

    def pre_commit(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "pre_commit", *words)

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)


def test_the_hooks_file_is_valid(tmp_path: Path) -> None:
    done = Repository(tmp_path).pre_commit("validate-manifest", str(HOOKS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_commit_is_checked(tmp_path: Path) -> None:
    """One that adds a second file is checked with the first: together they are wrong."""
    found = Repository(tmp_path)
    assert found.pre_commit("install").returncode == 0
    found.write("desired/one.yaml", VALID)
    done = found.commit("one")
    assert done.returncode == 0, done.stdout + done.stderr
    found.write("desired/two.yaml", VALID)
    done = found.commit("two")
    assert done.returncode == 1
    assert TWICE in done.stdout + done.stderr
    found.write("desired/two.yaml", VALID.replace("classes", "films"))
    assert found.commit("two").returncode == 0
    found.write("README.md", "of no interest\n")
    done = found.commit("three")
    assert done.returncode == 0
    assert "no files to check" in done.stdout + done.stderr


def test_variables_and_mapping_files(tmp_path: Path) -> None:
    found = Repository(tmp_path, "        args: [desired, --env, dev]\n")
    found.write("esplan.yaml", "version: 1\nenvironments: {dev: {vars: {replicas: 0}}}\n")
    text = VALID.replace('color}"}', 'color}", mappings: {file: maps/one.json}, settings: %s}')
    found.write("desired/one.yaml", text % '{number_of_replicas: "${replicas}"}')
    found.write("desired/maps/one.json", '{"properties": {"title": {"type": "text"}}}')
    found.git("add", "-A")
    done = found.pre_commit("run", "--all-files")
    assert done.returncode == 0, done.stdout
    found.write("desired/maps/one.json", '{"properties": {"title": {"type": 5}}}')
    done = found.pre_commit("run", "--files", "desired/maps/one.json")
    assert done.returncode == 1
    assert "desired/maps/one.json:1:" in done.stdout
    found.write("desired/maps/one.json", '{"properties": {"title": {"type": "text"}}}')
    found.write("esplan.yaml", "version: 1\nenvironments: {dev: {vras: {}}}\n")
    done = found.pre_commit("run", "--files", "esplan.yaml")
    assert done.returncode == 1
    assert 'unknown key "vras"' in done.stdout


def test_the_hook_of_init(tmp_path: Path) -> None:
    found = Repository(tmp_path)
    (found.folder / init.HOOKS).unlink()
    begun = init.init(found.folder)
    assert init.HOOKS in begun.written
    found.git("add", "-A")
    assert found.pre_commit("validate-config").returncode == 0
    done = found.pre_commit("run", "--all-files")
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout
    found.write("desired/two.yaml", VALID)
    found.git("add", "-A")
    assert found.pre_commit("run").returncode == 1


@pytest.mark.parametrize("key", ["entry", "args", "files", "pass_filenames"])
def test_both_hooks_do_the_same(key: str, tmp_path: Path) -> None:
    init.init(tmp_path / "new")
    yaml = YAML(typ="safe")
    (ours,) = yaml.load(HOOKS)
    (repository,) = yaml.load(tmp_path / "new" / init.HOOKS)["repos"]
    (written,) = repository["hooks"]
    assert written[key] == ours[key]
