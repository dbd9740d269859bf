"""The command line from its arguments to its exit code and its two streams."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import esplan
from esplan import cli, journal, live, planfile
from esplan.holder import this_process

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "http://localhost:1"
"""Nothing listens there."""

FILE = """\
version: 1
indices:
  films:
    settings: {number_of_replicas: 0}
"""


class Result(NamedTuple):
    """Exit code and both streams."""

    code: int
    out: str
    err: str

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of this machine, and a folder of its own."""
    for name in list(os.environ):
        if name.startswith("ESPLAN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run(*arguments: object) -> Result:
        code = cli.run([str(one) for one in arguments])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def fake(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every URL is the cluster in memory."""
    monkeypatch.setenv("ESPLAN_URL", URL)
    monkeypatch.setattr("esplan.cluster.Cluster", lambda *_a, **_k: nullcontext(cluster))
    return cluster


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "desired.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def saved(run: Any, fake: Any, file: Path, tmp_path: Path) -> Path:
    """A plan file that creates one index."""
    del fake
    path = tmp_path / "plan.json"
    assert run("plan", "-d", file, "-o", path).code == 0
    return path


# Usage


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["plan"], "give -d PATH or --job FILE, and not both"),
        (["plan", "-d", "x", "--job", "y"], "give -d PATH or --job FILE, and not both"),
        (["plan", "-d", "x", "--nonsense"], "No such option: --nonsense"),
        (["apply"], "Missing argument 'PLAN'"),
        (["show"], "Missing argument 'PLAN'"),
        (["unlock"], "Missing argument 'LOCK_ID'"),
        (["validate"], "Missing argument"),
        (["apply", "p", "--through", "never"], "'never' is not one of"),
        (["show", "p", "--format", "pdf"], "'pdf' is not one of"),
        (["status", "--url"], "Option '--url' requires an argument"),
        (["show", "a", "b"], "unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_exits_64(run: Any, arguments: list[str], message: str) -> None:
    found = run(*arguments)
    assert (found.code, found.out) == (64, "")
    assert message in found.err
    assert "To do: see esplan --help" in found.err


def test_there_is_no_default_url(run: Any, file: Path) -> None:
    for arguments in (["status"], ["plan", "-d", file], ["unlock", "x"]):
        found = run(*arguments)
        assert (found.code, found.out) == (64, "")
        assert "ESPLAN_URL" in found.err


@pytest.mark.parametrize("arguments", [[], ["sandbox"]])
def test_no_arguments_show_the_help(run: Any, arguments: list[str]) -> None:
    found = run(*arguments)
    assert "Commands" in found.out + found.err
    assert "Error" not in found.err


def test_examples_keep_their_lines(run: Any) -> None:
    """Typer would fill them into one paragraph; that each command has some: test_examples.py."""
    lines = run("plan", "--help").out.splitlines()
    at = lines.index("  Examples:")
    assert lines[at + 1].strip() == "esplan plan -d desired/ -o plans/release.json --env ppte"
    assert lines[at + 2].strip().startswith("esplan plan -d desired/ --target")
    assert "  Examples:" in run("--help").out.splitlines()
    assert "  Examples:" in run("sandbox", "--help").out.splitlines()


def test_the_help_names_every_exit_code(run: Any) -> None:
    text = re.sub(r"\s+", " ", run("--help").out)
    for code in ("0 success", "1 error", "2 changes", "3 stopped", "4 refused", "5 locked"):
        assert code in text
    assert "64 usage" in text
    assert "130 interrupted" in text


CLIENT = version("elasticsearch")
VERSION = re.compile(
    rf"esplan {re.escape(esplan.__version__)} \(elasticsearch client {re.escape(CLIENT)}, "
    r"Python 3\.\d+\.\d+\S*; servers: Elasticsearch 7\.17 to 9, OpenSearch 2\)\n"
)


@pytest.mark.parametrize("arguments", ["--version", "-q --version", "--no-color --version"])
def test_the_version(arguments: str) -> None:
    command = [sys.executable, "-m", "esplan", *arguments.split()]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    assert VERSION.fullmatch(found.stdout)


@pytest.mark.parametrize(
    "arguments", ["--version --json", "--json --version", "-q --json --version"]
)
def test_the_version_as_json(arguments: str) -> None:
    command = [sys.executable, "-m", "esplan", *arguments.split()]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert (found["event"], found["esplan"]) == ("version", esplan.__version__)
    assert found["elasticsearch_client"] == CLIENT
    assert found["servers"] == {"elasticsearch": "7.17 to 9", "opensearch": "2"}


def test_the_version_imports_next_to_nothing() -> None:
    """So it answers in a tenth of a second."""
    code = (
        "import sys; sys.argv[1:] = ['--version']\n"
        "from esplan.__main__ import main\n"
        "try: main()\n"
        "finally: print(sorted({'typer', 'rich', 'elasticsearch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[1] == "[]"


def test_the_servers_are_those_that_the_docs_name() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert "(Elasticsearch 7.17 to 9, OpenSearch 2)" in " ".join(readme.split())


def test_the_module_exits_with_the_code() -> None:
    command = [sys.executable, "-m", "esplan", "nonsense"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert found.returncode == 64
    assert "Traceback" not in found.stderr


# Output that nobody can take

OUTPUTS = ["--help", "--version", "--json --version", "doctor --list", "--json doctor --list"]
"""A print, rich, and the one answer that needs neither."""

FULL = [
    "Error ESP-6001: the output cannot be written",
    "Why: No space left on device",
    "To do: make room, or send it somewhere else; an apply goes on from where it is",
    "More: esplan explain ESP-6001",
]


def shell(command: str) -> Result:
    words = command.replace("esplan", f"{sys.executable} -m esplan", 1)
    done = subprocess.run(words, check=False, capture_output=True, text=True, shell=True)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("arguments", OUTPUTS)
def test_a_reader_that_has_gone_is_a_quiet_end(arguments: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "esplan", *arguments.split()]
    with os.fdopen(writer) as pipe:
        found = subprocess.run(command, check=False, stdout=pipe, stderr=subprocess.PIPE)
    assert (found.returncode, found.stderr) == (141, b"")


@pytest.mark.parametrize("arguments", OUTPUTS)
def test_a_full_disk_behind_stdout_is_one_message(arguments: str) -> None:
    """While it is written, when it is flushed, and not once more when Python ends."""
    found = shell(f"esplan {arguments} > /dev/full")
    assert (found.code, found.err.splitlines()) == (1, FULL)


def test_a_full_disk_behind_a_plan(saved: Path) -> None:
    for how in ("text", "json"):
        found = shell(f"esplan show {saved} --format {how} > /dev/full")
        assert (found.code, found.err.splitlines()) == (1, FULL)


def test_a_full_disk_behind_stderr_keeps_the_code() -> None:
    assert shell("esplan nonsense 2> /dev/full") == (64, "", "")
    assert shell("esplan doctor --list > /dev/full 2>&1") == (1, "", "")


def test_closed_streams() -> None:
    for arguments in OUTPUTS:
        assert shell(f"esplan {arguments} >&-") == (0, "", "")
    assert shell("esplan nonsense 2>&-") == (64, "", "")


# Errors


def test_no_server(run: Any) -> None:
    found = run("status", "--url", URL)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith(f"Error ESP-3001: no answer from {URL}")
    assert "To do: check --url or ESPLAN_URL" in found.err


def test_errors_as_json_go_to_stdout(run: Any) -> None:
    found = run("status", "--json", "--url", URL)
    (event,) = found.events()
    assert (found.code, found.err) == (1, "")
    assert (event["event"], event["exit_code"], event["format_version"]) == ("error", 1, "1.0")
    assert event["what"] == f"no answer from {URL}"
    assert event["remedy"]


def test_usage_errors_as_json(run: Any) -> None:
    found = run("--json", "nonsense")
    (event,) = found.events()
    assert (found.code, event["exit_code"]) == (64, 64)


def test_diagnostics_as_json(run: Any, file: Path) -> None:
    file.write_text("version: 1\nindices: {a: {setings: {}}}\n")
    found = run("validate", file, "--json")
    (event,) = found.events()
    assert (found.code, event["event"]) == (1, "error")
    assert (event["diagnostics"][0]["line"], event["diagnostics"][0]["file"]) == (2, str(file))


@pytest.mark.parametrize("command", [["validate"], ["plan", "--url", URL, "-d"]])
def test_diagnostics_are_results(run: Any, file: Path, command: list[str]) -> None:
    file.write_text("version: 1\nindices: {a: {setings: {}}}\n")
    found = run(*command, file)
    assert found.code == 1
    assert re.match(rf"{re.escape(str(file))}:2:\d+: ", found.out)
    (code,) = re.findall(r"\[(ESP-22\d\d)\]$", found.out, re.MULTILINE)
    assert found.err == (
        f"Error ESP-2001: 1 error in the input files\nMore: esplan explain {code}\n"
    )


@pytest.mark.parametrize("command", [["validate"], ["plan", "--url", URL, "-d"], ["show"]])
def test_no_such_file(run: Any, tmp_path: Path, command: list[str]) -> None:
    found = run(*command, tmp_path / "missing")
    assert found.code == 1
    assert "missing" in found.out + found.err


def test_an_interruption(run: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_args: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "read", interrupt)
    found = run("status")
    assert found.code == 130
    assert "interrupted" in found.err


def test_credentials_are_never_shown(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPLAN_USERNAME", "elastic")
    monkeypatch.setenv("ESPLAN_PASSWORD", "hunter2-secret")
    for extra in ([], ["-v"], ["--json"]):
        found = run("status", "--url", URL, *extra)
        assert found.code == 1
        assert "hunter2-secret" not in found.out + found.err
    found = run("status", "--url", "http://elastic:hunter2-secret@localhost:1")
    assert found.code in (1, 64)
    assert "hunter2-secret" not in found.out + found.err


# validate, plan, show


def test_valid_files(run: Any, file: Path) -> None:
    found = run("validate", file)
    assert (found.code, found.err) == (0, "")
    assert "1" in found.out


def test_a_plan_is_a_result(run: Any, fake: Any, file: Path) -> None:
    found = run("plan", "-d", file)
    assert (found.code, found.err) == (0, "")
    assert "+ index.films  create: films" in found.out
    assert "Not saved" in found.out
    assert fake.log == []


def test_detailed_exit_codes(run: Any, fake: Any, file: Path) -> None:
    assert run("plan", "-d", file, "--detailed-exitcode").code == 2
    fake.make("films", settings={"index.number_of_replicas": "0"})
    found = run("plan", "-d", file, "--detailed-exitcode")
    assert found.code == 0
    assert "No changes" in found.out


@pytest.mark.parametrize("how", [["--json"], ["--format", "json"]])
def test_a_plan_as_json(run: Any, fake: Any, file: Path, how: list[str]) -> None:
    del fake
    found = run("plan", "-d", file, *how)
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out)["summary"]["create"] == 1


def test_a_plan_as_markdown_is_all_of_stdout(run: Any, fake: Any, file: Path) -> None:
    del fake
    for output in ([], ["-o", "plans/p.json"]):
        found = run("plan", "-d", file, "--format", "markdown", *output)
        assert (found.code, found.err) == (0, "")
        assert found.out.startswith("## Plan ")
    assert "esplan apply plans/p.json --approve" in found.out
    assert run("show", "plans/p.json", "--format", "markdown").out == found.out
    assert json.loads(run("show", "plans/p.json", "--format", "markdown", "--json").out)


def test_a_plan_that_no_markdown_can_show(run: Any, fake: Any, file: Path) -> None:
    """Made by hand, with the right digest."""
    del fake
    assert run("plan", "-d", file, "-o", "p.json").code == 0
    raw = json.loads(Path("p.json").read_text())
    raw["changes"][0]["before"] = {"aliases": 7}
    raw["digest"] = planfile._digest(raw)
    Path("p.json").write_text(planfile.canonical(raw))
    assert run("show", "p.json").code == 0
    found = run("show", "p.json", "--format", "markdown")
    assert (found.code, found.out) == (1, "")
    assert "a part of it is not as esplan writes it" in found.err


def test_a_refused_plan(run: Any, fake: Any, file: Path) -> None:
    fake.make("other", aliases={"films": {}})
    found = run("plan", "-d", file)
    assert (found.code, found.out) == (4, "")
    assert found.err.startswith("Error ESP-4103: index.films: films is an alias, on other")


def test_an_address_that_no_file_has(run: Any, fake: Any, file: Path) -> None:
    del fake
    assert run("plan", "-d", file, "--target", "index.x").code == 64


def test_a_saved_plan_is_shown_as_it_was(run: Any, saved: Path) -> None:
    shown = run("show", saved)
    assert (shown.code, shown.err) == (0, "")
    assert f"carry it out with: esplan apply {saved}" in shown.out
    assert run("show", saved, "--json").out == saved.read_text()


def test_a_plan_without_a_name_goes_to_plans(run: Any, fake: Any, file: Path) -> None:
    del fake
    assert run("plan", "-d", file, "-o").code == 0
    (path,) = Path("plans").iterdir()
    digest = planfile.read(path).digest
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d-\d{{6}}-{digest[:8]}\.json", path.name)


@pytest.mark.parametrize("place", [".", "/", "desired.yaml/plan.json"])
def test_a_place_where_no_plan_can_be(run: Any, fake: Any, file: Path, place: str) -> None:
    del fake
    found = run("plan", "-d", file, "-o", place)
    assert found.code == 1
    assert "cannot be" in found.err


def test_an_edited_plan_is_refused(run: Any, saved: Path) -> None:
    saved.write_text(saved.read_text().replace('"index.number_of_replicas": "0"', '"x": "0"'))
    for command in (["show"], ["apply", "--auto-approve"], ["status"]):
        found = run(*command, saved)
        assert (found.code, found.out) == (4, "")
        assert "was changed after it was written" in found.err


# apply


def test_applied(run: Any, fake: Any, saved: Path) -> None:
    found = run("apply", saved, "--auto-approve")
    assert found.code == 0
    assert found.out.startswith("Applied: 2 steps in ")
    assert "[1/2] create the index films" in found.err
    assert "films" in fake.indices
    found = run("apply", saved, "--auto-approve")
    assert (found.code, found.out) == (0, "Nothing to do: everything in this plan is done.\n")


def test_quiet(run: Any, saved: Path) -> None:
    found = run("apply", saved, "--auto-approve", "-q")
    assert (found.code, found.err) == (0, "")


def test_applied_as_events(run: Any, saved: Path) -> None:
    found = run("apply", saved, "--auto-approve", "--json")
    events = found.events()
    assert (found.code, found.err) == (0, "")
    assert {one["format_version"] for one in events} == {"1.0"}
    assert events[0]["event"] == "step_started"
    assert events[-1]["event"] == "applied"
    assert events[-1]["steps"] == 2


def test_nobody_has_approved(run: Any, fake: Any, saved: Path) -> None:
    found = run("apply", saved)
    assert found.code == 4
    assert "nobody has approved this plan" in found.err
    assert "--approve DIGEST" in found.err
    assert fake.log == []


def test_approved_by_its_digest(run: Any, fake: Any, saved: Path) -> None:
    found = run("apply", saved, "--approve", "0" * 64)
    assert found.code == 4
    assert "--approve names another plan" in found.err
    assert fake.log == []
    assert run("apply", saved, "--approve", planfile.read(saved).digest).code == 0


def test_a_phase(run: Any, saved: Path) -> None:
    found = run("apply", saved, "--auto-approve", "--through", "prepare")
    assert found.code == 0
    assert "Left for later phases: 1 step;" in found.out


def test_another_cluster_is_refused(run: Any, fake: Any, saved: Path) -> None:
    plan = replace(planfile.read(saved), cluster={**planfile.read(saved).cluster, "uuid": "x"})
    planfile.write(planfile.sealed(plan), saved)
    found = run("apply", saved, "--auto-approve")
    assert found.code == 4
    assert "was made for the cluster fake (x)" in found.err
    assert fake.log == []


def test_stopped_and_resumed(run: Any, fake: Any, saved: Path) -> None:
    fake.refuse("PUT /films", status=500)
    found = run("apply", saved, "--auto-approve")
    assert found.code == 3
    assert "apply the same plan again" in found.err
    fake.before = lambda _request: None
    assert run("apply", saved, "--auto-approve").code == 0


def test_a_failed_apply(run: Any, fake: Any, saved: Path) -> None:
    fake.refuse("PUT /films", status=400)
    found = run("apply", saved, "--auto-approve")
    assert found.code == 1
    assert "Error: refused PUT /films" in found.err
    assert "nothing is left of this plan" in found.err


def test_locked(run: Any, fake: Any, saved: Path) -> None:
    fake.documents["esplan-state/_doc/lock"] = asdict(this_process("p"))
    found = run("apply", saved, "--auto-approve")
    assert found.code == 5
    assert "another apply is running" in found.err


def test_a_damaged_journal(run: Any, saved: Path) -> None:
    journal.beside(saved).write_text("x\n")
    found = run("apply", saved, "--auto-approve")
    assert found.code == 1
    assert "is damaged in line 1" in found.err


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_abandoned(run: Any, fake: Any, saved: Path, how: list[str]) -> None:
    run("apply", saved, "--auto-approve", "--through", "prepare")
    found = run("apply", saved, "--auto-approve", "--abandon", *how)
    assert found.code == 0
    assert "films" not in fake.indices
    if how:
        assert all("event" in one for one in found.events())
    else:
        assert found.out.startswith("Taken back")


def test_an_abandoned_plan_can_be_applied(run: Any, saved: Path) -> None:
    assert run("apply", saved, "--auto-approve", "--abandon").code == 0
    assert run("status").code == 0
    assert run("apply", saved, "--auto-approve").code == 0


def test_an_ended_apply_is_not_abandoned(run: Any, fake: Any, saved: Path) -> None:
    """`--abandon` takes an unfinished apply back; a finished one is for `esplan rollback`."""
    run("apply", saved, "--auto-approve")
    run("apply", saved, "--auto-approve", "--abandon")
    assert "films" in fake.indices


def test_a_plan_over_an_unfinished_one_is_refused(run: Any, saved: Path, file: Path) -> None:
    run("apply", saved, "--auto-approve", "--through", "prepare")
    found = run("plan", "-d", file, "-o", saved)
    assert found.code == 4
    assert "was begun and has not ended" in found.err


# status, unlock


def test_status(run: Any, fake: Any) -> None:
    del fake
    found = run("status")
    assert found == (0, "Lock: free\nUnfinished applies: none\nRunning tasks: none\n", "")


def test_status_as_json(run: Any, fake: Any, saved: Path) -> None:
    run("apply", saved, "--auto-approve", "--through", "prepare")
    fake.documents["esplan-state/_doc/lock"] = asdict(this_process("p"))
    (event,) = run("status", saved, "--json").events()
    assert event["event"] == "status"
    assert event["holder"]["pid"] == os.getpid()
    assert event["unfinished"][0]["steps"] == 2


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_unlock(run: Any, fake: Any, how: list[str]) -> None:
    dead = replace(this_process("p"), started="1")
    fake.documents["esplan-state/_doc/lock"] = asdict(dead)
    assert run("unlock", "nonsense").code == 1
    found = run("unlock", dead.token, *how)
    assert found.code == 0
    assert "esplan-state/_doc/lock" not in fake.documents
    if how:
        assert all("event" in one for one in found.events())


def test_validate_as_json(run: Any, file: Path) -> None:
    found = run("validate", file, "--json")
    assert found.code == 0
    assert all("format_version" in one for one in found.events())


def sandbox_of(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """A sandbox of that version runs; without one, none does."""
    running = SimpleNamespace(url=URL) if version else None
    monkeypatch.setattr(
        "esplan.sandbox.server.status", lambda: SimpleNamespace(sandbox=running, running=version)
    )
    read, asked = live.cluster_info, list[str]()

    def info(cluster: Any) -> Any:
        """The first look is at the cluster, the second at the sandbox."""
        asked.append("")
        found = read(cluster)
        return replace(found, version=version) if len(asked) == 2 else found

    monkeypatch.setattr(live, "cluster_info", info)


@pytest.mark.usefixtures("fake")
def test_no_sandbox_that_could_be_asked(
    run: Callable[..., Result], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox_of(monkeypatch, "")
    found = run("plan", "-d", file, "--oracle", "sandbox")
    assert found.code == 1
    assert "no sandbox runs that could be asked" in found.err
    assert "ask the cluster itself: --oracle cluster" in found.err


@pytest.mark.usefixtures("fake")
def test_a_sandbox_of_another_version_is_not_asked(
    run: Callable[..., Result], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox_of(monkeypatch, "0.0.1")
    found = run("plan", "-d", file, "--oracle", "sandbox")
    assert found.code == 1
    assert "the sandbox is elasticsearch 0.0.1, and the cluster is elasticsearch " in found.err
    assert "another version has other rules" in found.err


def test_another_oracle_is_a_usage_error(run: Callable[..., Result], file: Path) -> None:
    assert run("plan", "-d", file, "--oracle", "delphi").code == 64


@pytest.mark.parametrize("command", ["show", "apply"])
def test_a_plan_written_by_hand_with_the_right_digest(run: Any, saved: Path, command: str) -> None:
    """Its shape is wrong where the schema says nothing: a message, before anything is asked."""
    from esplan import planfile

    raw = json.loads(saved.read_text())
    raw["changes"][0] |= {"action": "create", "route": "create", "after": {"settings": {}}}
    raw["digest"] = planfile._digest(raw)
    saved.write_text(planfile.canonical(raw))
    code, _, err = run(command, str(saved))
    assert code == 1
    assert "is not a plan file" in err
    assert "a part of it is not as esplan writes it" in err


def test_a_signature_is_asked_for_before_the_cluster(
    run: Any, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("the cluster was asked")

    monkeypatch.setattr("esplan.cluster.Cluster", asked)
    option = ["--require-signature", tmp_path / "signers"]
    for given in ([], ["--auto-approve"], ["--abandon", "--auto-approve"]):
        code, _, err = run("apply", saved, *option, *given)
        assert code == 4
        assert "is not signed as it must be" in err
    uuid = json.loads(saved.read_text())["cluster"]["uuid"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "esplan.yaml").write_text(
        f"version: 1\nenvironments:\n  prod: {{cluster_uuid: {uuid}, signers: signers}}\n"
    )
    assert run("apply", saved, "--auto-approve").code == 4
