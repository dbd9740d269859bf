"""What a shell completes: asked as the scripts ask, in a real bash, and on a real terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from esplan import cli
from esplan.cli import offers
from esplan.cli.line import is_option, long_name, split
from esplan.cli.offers import SAFE, answer
from esplan.commands import completion
from esplan.sandbox.engines import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash") or ""

CONFIG = """\
version: 1
environments:
  dev: {url: "http://localhost:9200", vars: {prefix: dev-}}
  ppte: {url: "http://localhost:9200"}
  prod: {url: "http://localhost:9200"}
  "bad; reboot": {}
"""

DESIRED = """\
version: 1
aliases:
  classes: {index: {name: "classes_{color}"}}
  "${prefix}people": {index: {name: "people_{color}"}}
  "$(reboot)": {index: {name: "x_{color}"}}
indices:
  audit-2026: {}
"""

PLAN = {
    "changes": [
        {"address": "alias.films", "action": "replace"},
        {"address": "index.same", "action": "no-op"},
    ]
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project: environments, desired files, two plans with a journal."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "esplan.yaml").write_text(CONFIG)
    (tmp_path / "other.yaml").write_text("environments: {local: {}}\n")
    (tmp_path / "desired").mkdir()
    (tmp_path / "desired" / "all.yaml").write_text(DESIRED)
    plans = tmp_path / "plans"
    plans.mkdir()
    for age, name in enumerate(["new.json", "old.json"]):
        (plans / name).write_text(json.dumps(PLAN))
        os.utime(plans / name, (1_000_000 - age, 1_000_000 - age))
    for name in ("new.json.journal.jsonl", ".new.json.1.tmp.json", "a b.json"):
        (plans / name).write_text("{}")
    return tmp_path


@cache
def root() -> Any:
    return get_command(cli.app)


def asked(typed: str) -> list[str]:
    """The words that are offered, and the last line."""
    return [one.partition("\t")[0] for one in answer(root(), typed)]


ENVIRONMENTS = ["dev", "ppte", "prod", ":"]
PLANS = ["plans/new.json", "plans/old.json", ":files"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("esplan pl", ["plan", ":"]),
        ("esplan --json pl", ["plan", ":"]),
        ("esplan --env dev pl", ["plan", ":"]),
        ("ESPLAN_URL=x NO_COLOR=1 esplan pl", ["plan", ":"]),
        ("./bin/esplan sandbox s", ["start", "stop", "status", "seed", ":"]),
        ("esplan nonsense ", None),
        # global options work in any place
        ("esplan --env ", ENVIRONMENTS),
        ("esplan plan --env ", ENVIRONMENTS),
        ("esplan plan -d desired --env p", ["ppte", "prod", ":"]),
        ("esplan plan --env=p", ["--env=ppte", "--env=prod", ":"]),
        ("esplan job convert --env p", ["ppte", "prod", ":"]),
        ("esplan --config other.yaml plan --env ", ["local", ":"]),
        ("esplan plan --env '", ENVIRONMENTS),
        ("esplan plan --e", ["--exclude", "--env", ":"]),
        ("esplan plan --env dev --e", ["--exclude", ":"]),
        ("esplan plan --target a --tar", ["--target", ":"]),
        ("esplan status --inse", ["--insecure", ":"]),
        ("esplan --vers", ["--version", ":"]),
        # files
        ("esplan plan -d ", [":files"]),
        ("esplan plan --job ", [":files"]),
        ("esplan plan -o ", [":files"]),
        ("esplan plan -o --e", ["--exclude", "--env", ":"]),
        ("esplan validate ", [":files"]),
        ("esplan validate a b ", [":files"]),
        ("esplan job convert ", [":files"]),
        ("esplan plan --config ", [":files"]),
        # plans
        ("esplan show ", PLANS),
        ("esplan apply --auto-approve ", PLANS),
        ("esplan apply plans/o", ["plans/old.json", ":files"]),
        ("esplan rollback ", PLANS),
        ("esplan throttle plans/new.json ", [":"]),
        ("esplan privileges --plan ", PLANS),
        ("esplan show a ", [":"]),
        ("esplan show -- ", PLANS),
        ("esplan show -- -", [":files"]),
        # addresses
        ("esplan plan -d desired --target ", ["alias.classes", "index.audit-2026", ":"]),
        ("esplan plan -d desired --target index", ["index.audit-2026", ":"]),
        ("esplan plan --desired=desired/all.yaml --exclude i", ["index.audit-2026", ":"]),
        (
            "esplan --env dev plan -d desired --allow-delete alias.",
            ["alias.classes", "alias.dev-people", ":"],
        ),
        ("esplan plan -d desired --allow-discard index", ["index.audit-2026", ":"]),
        ("esplan drift -d nowhere -d desired --target i", ["index.audit-2026", ":"]),
        ("esplan plan -d nowhere --target ", [":"]),
        ("esplan plan --target ", [":"]),
        ("esplan rollback plans/new.json --allow-delete ", ["alias.films", ":"]),
        ("esplan rollback nowhere --allow-drop ", [":"]),
        # choices
        ("esplan plan --oracle ", ["cluster", "sandbox", ":"]),
        ("esplan maintain --only s", ["shards", ":"]),
        ("esplan apply plans/new.json --through ", ["prepare", "switch", "finish", ":"]),
        ("esplan completion ", ["bash", "zsh", "fish", ":"]),
        ("esplan doctor --skip clo", ["closed-indices", "clocks", ":"]),
        ("esplan sandbox start --engine ", [*ENGINES, ":"]),
        ("esplan unlock ", [":"]),
    ],
)
def test_what_is_offered(typed: str, expected: list[str] | None) -> None:
    assert asked(typed) == expected if expected else "plan" in asked(typed)


def test_commands_and_options_say_what_they_are() -> None:
    shown = [one for one in answer(root(), "esplan s") if one.startswith("show\t")]
    assert shown == ["show\tShow a saved plan, also when it has gone stale, and what..."]
    assert "--env\tAn environment of esplan.yaml." in answer(root(), "esplan plan --en")
    assert asked("esplan ")[:-1] == list(vars(root())["commands"])
    assert {"-d", "--desired", "--json", "--help"} <= set(asked("esplan plan -"))


def test_what_a_shell_could_take_for_more_is_not_offered() -> None:
    everything = [*asked("esplan plan --env "), *asked("esplan plan -d desired --target ")]
    everything += asked("esplan show ")
    assert not [one for one in everything if "reboot" in one or "a b" in one]
    for hostile in (
        "$(x)",
        "`x`",
        "a;b",
        "a b",
        "a|b",
        "a&b",
        "a\nb",
        "a'b",
        'a"b',
        "\x1b[2J",
        "~",
    ):
        assert not SAFE.fullmatch(hostile)


@pytest.mark.parametrize(
    "text", ["", "{", "- a", "environments: []", "aliases: {a: ", "\0", "a: !x 1"]
)
def test_wrong_files_offer_nothing(folder: Path, text: str) -> None:
    for name in ("esplan.yaml", "desired/all.yaml", "plans/new.json"):
        (folder / name).write_text(text)
    assert asked("esplan plan --env ") == [":"]
    assert asked("esplan plan -d desired --target ") == [":"]
    assert asked("esplan rollback plans/new.json --allow-delete ") == [":"]


def test_large_files_are_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "LARGEST_FILES", 600)
    (folder / "desired" / "b.yaml").write_text("indices: {b: {}}\n#" + "x" * 600)
    assert asked("esplan plan -d desired --target i") == ["index.audit-2026", ":"]


def test_whatever_happens_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(offers, "read", broken)
    assert cli.run(["__complete", "esplan "]) == 0
    assert capsys.readouterr() == (":\n", "")


@pytest.mark.parametrize(
    ("typed", "words"),
    [("a 'b c' d", ["a", "b c", "d"]), ("a 'b c", ["a", "b c"]), ("a b\\", ["a", "b"]), ("", [])],
)
def test_words_are_split_as_a_shell_does(typed: str, words: list[str]) -> None:
    assert split(typed) == words


FREE = {
    *("--url", "--cloud-id", "--approve", "--parallel", "--segment-size", "--shard-size"),
    *("--alias", "lock_id", "pattern", "patterns", "rate", "source", "target"),
}
"""Whose values only a person or a cluster knows."""


def parameters(command: Any) -> Iterator[Any]:
    yield from command.params
    for inner in vars(command).get("commands", {}).values():
        yield from parameters(inner)


def test_every_value_is_completed_or_free() -> None:
    known = {*offers.OPTIONS, *offers.ARGUMENTS}
    left = set()
    for one in parameters(root()):
        name = long_name(one) if is_option(one) else one.name
        valued = not (is_option(one) and one.is_flag)
        chosen = one.type_descriptor.choices or offers.takes_files(one)
        if valued and not chosen and name not in known:
            left.add(name)
    assert left == FREE
    names = {option for one in parameters(root()) for option in (*one.opts, one.name)}
    assert known <= names


# The shell's side


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_asks_esplan(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "__complete" in script
    assert f"esplan completion {shell}" in script


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `esplan` and the completion of bash."""
    made = tmp_path_factory.mktemp("bin")
    tool = made / "esplan"
    tool.write_text(f'#!{BASH}\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m esplan "$@"\n')
    tool.chmod(0o755)
    script = ROOT / "esplan" / "cli" / "scripts" / "esplan.bash"
    (made / "completion").write_text(script.read_text())
    return made


def replies(program: Path, typed: str) -> list[str]:
    """COMPREPLY of a real bash for this line, by the protocol of programmable completion."""
    code = (
        f"source {program}/completion; COMP_LINE=$1; COMP_POINT=${{#1}}; _esplan esplan; "
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    path = f"{program}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [BASH, "--norc", "-c", code, "bash", typed],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_real_bash(program: Path) -> None:
    assert replies(program, "esplan sandbox st") == ["start", "stop", "status"]
    assert replies(program, "esplan plan --env ") == ["dev", "ppte", "prod"]
    assert replies(program, "esplan plan --env=p") == ["ppte", "prod"]
    assert replies(program, "esplan apply ") == ["plans/new.json", "plans/old.json"]
    assert replies(program, "esplan plan --url http://localhost:1 -d desired --target i") == [
        "index.audit-2026"
    ]


def test_a_key_press_on_a_terminal(program: Path) -> None:
    """An interactive bash, which makes one word whole, and a file where only files may stand."""
    mine, its = pty.openpty()
    bash = subprocess.Popen(
        [BASH, "--norc", "--noprofile", "-i"],
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        env={"PATH": f"{program}{os.pathsep}{os.environ['PATH']}", "PS1": "$ ", "TERM": "dumb"},
    )
    os.close(its)
    try:
        os.write(mine, f"source {program}/completion; bind 'set bell-style none'\n".encode())
        for typed, whole in (
            (b"esplan plan --env pp\t", "esplan plan --env ppte"),
            (b"esplan plan -d desired --tar\ti\t", "--target index.audit-2026"),
            (b"esplan validate des\tal\t", "esplan validate desired/all.yaml"),
        ):
            os.write(mine, typed)
            assert seen(mine, whole)
            os.write(mine, b"\x15")
    finally:
        bash.kill()
        bash.wait()
        os.close(mine)


def seen(terminal: int, text: str) -> bool:
    """Whether it appears there within a minute."""
    shown, end = "", time.monotonic() + 60
    while text not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
    return text in shown


def test_it_never_looks_at_a_cluster_and_is_quick() -> None:
    """No client, no schema, no view is imported for it; the time is that of bench/startup.py."""
    code = (
        "import sys; from esplan import cli; cli.run(['__complete', 'esplan plan -d desired "
        "--env dev --target ']); "
        "print(sorted({'elasticsearch', 'rich', 'jsonschema', 'socket', 'esplan.cluster'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "ESPLAN_URL": "http://localhost:1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "alias.classes\t",
        "alias.dev-people\t",
        "index.audit-2026\t",
        ":",
        "[]",
    ]
