"""The codes of errors: each raise names one, each is explained, and the page says what is so."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import ApiError, ConnectionTimeout
from elasticsearch import ConnectionError as NoConnection
from typer.main import get_command

from esplan import cli, codes, errors
from esplan.cli.commands import app
from esplan.cluster import server_error, unreachable
from esplan.connection import Connection
from esplan.doctor import CHECKS
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "esplan").rglob("*.py"))
CODE = re.compile(r"ESP-\d{4}")
CATALOGUE = codes.catalogue()

STOPPABLE = (errors.Unreachable, errors.JournalError, errors.ServerError)
"""What an apply turns into Stopped, with the same code."""

RESUMED = (errors.OutcomeUnknown, errors.Stopped)
"""To these an apply itself adds what to do: apply again."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def kinds() -> dict[str, type[EsplanError]]:
    found: set[type[EsplanError]] = set()
    todo: list[type[EsplanError]] = [EsplanError]
    while todo:
        found.add(one := todo.pop())
        todo += one.__subclasses__()
    return {one.__name__: one for one in found}


def called(call: ast.Call) -> str:
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == name), None)


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


@cache
def raised() -> list[tuple[str, type[EsplanError], ast.Call]]:
    """Every place where an error is made."""
    known = kinds()
    return [
        (place, known[name], call) for place, call in calls() if (name := called(call)) in known
    ]


def diagnosed() -> list[tuple[str, ast.Call]]:
    """Every place where a diagnostic is made."""
    return [
        (place, call)
        for place, call in calls()
        if called(call) == "Diagnostic"
        or (called(call) == "diagnostic" and len(call.args) > 1)
        or (called(call) == "problem" and keyword(call, "message"))
    ]


def constants(node: ast.AST | None) -> list[str]:
    return [str(one.value) for one in ast.walk(node or ast.Pass()) if isinstance(one, ast.Constant)]


# Each raise has a code


def test_every_error_names_its_code() -> None:
    assert len(raised()) > 200
    without = [
        place
        for place, kind, call in raised()
        if not keyword(call, "code") and kind is not errors.InvalidInput  # it has its own
    ]
    assert without == []


def test_every_diagnostic_names_its_code() -> None:
    assert len(diagnosed()) > 20
    assert [place for place, call in diagnosed() if not keyword(call, "code")] == []


def test_every_error_says_what_to_do() -> None:
    silent = [
        place
        for place, kind, call in raised()
        if not (keyword(call, "remedy") or any(one.arg is None for one in call.keywords))
        and not issubclass(kind, (*RESUMED, errors.InvalidInput))
    ]
    assert silent == []


def test_the_names_of_the_errors_are_known_here() -> None:
    """An error class of a name that this file does not know would not be looked at."""
    bases = set(kinds())
    elsewhere = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and {getattr(base, "id", "") for base in node.bases} & bases
        and path.name != "errors.py"
    ]
    assert elsewhere == []


def used() -> set[str]:
    """The codes that stand in the source, but for the list of them."""
    inside = [path for path in MODULES if path.parent.name != "codes"]
    strings = {one for path in inside for one in constants(tree(path))}
    return {one for one in strings if CODE.fullmatch(one)}


def test_what_is_used_is_what_is_known_and_what_is_explained() -> None:
    known = get_args(codes.Code)
    assert len(known) == len(set(known))
    assert list(known) == sorted(known)
    assert used() == set(known) == set(CATALOGUE)


def test_the_exit_codes_are_those_of_the_classes() -> None:
    wrong = []
    for place, kind, call in raised():
        for code in filter(CODE.fullmatch, constants(keyword(call, "code"))):
            said = set(CATALOGUE[code].exits)
            least = {3} if issubclass(kind, STOPPABLE) else {kind.exit_code}
            if kind is not errors.PartlyFailed and not least <= said <= {kind.exit_code, 3} | of(
                code
            ):
                wrong.append(f"{place}: {code} says {sorted(said)}, {kind.__name__}")
    assert wrong == []


@cache
def of(code: str) -> set[int]:
    """The exit codes of the classes that have a code anywhere."""
    return {k.exit_code for _, k, call in raised() if code in constants(keyword(call, "code"))}


# The catalogue


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.code)
def test_an_entry_is_whole(entry: codes.Entry) -> None:
    assert entry.title[0].isupper() or entry.title.startswith("esplan")
    assert not entry.title.endswith(".")
    assert len(entry.title) < 70
    for said in (entry.means, *entry.why, *entry.do):
        assert said.rstrip("`").endswith((".", ":", "?")), said
        assert said.count("`") % 2 == 0, said
    assert entry.means
    assert entry.why
    assert entry.do
    assert set(entry.exits) <= {1, 3, 4, 5, 64}


def test_a_group_holds_its_own_codes_in_their_order() -> None:
    assert list(CATALOGUE) == sorted(CATALOGUE)
    for digit in codes.GROUPS:
        assert {one.code[4] for one in codes._group(digit)} == {digit}


def test_titles_tell_codes_apart() -> None:
    titles = [one.title for one in CATALOGUE.values()]
    assert len(titles) == len(set(titles))


COMMAND = re.compile(r"`(?:esplan ([a-z]+)([^`]*))`")


def commands() -> dict[str, Any]:
    found: dict[str, Any] = vars(get_command(app))["commands"]
    return found


def options(command: Any) -> set[str]:
    inner = vars(command).get("commands", {}).values()
    return {
        one for each in (command, *inner, get_command(app)) for p in each.params for one in p.opts
    }


def test_every_command_in_the_catalogue_can_be_run() -> None:
    said = json.dumps([[*one.why, *one.do, one.means] for one in CATALOGUE.values()])
    found = COMMAND.findall(said.replace('\\"', '"'))
    assert len(found) > 100
    for name, rest in found:
        assert name in commands(), name
        named = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", rest)) - {"--help"}
        assert named <= options(commands()[name]), f"esplan {name}{rest}"


def test_every_check_of_doctor_in_the_catalogue_exists() -> None:
    said = " ".join(text for one in CATALOGUE.values() for text in one.do)
    named = set(re.findall(r"--only ([a-z-]+)", said)) - {"leftovers"}
    assert len(named) > 8
    assert named <= {check.name for check in CHECKS}


# What a server says


def refused(status: int, body: Any) -> errors.ServerError:
    meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.1, NodeConfig("http", "h", 9200))
    return server_error(ApiError("no", meta, body), "PUT", "/a", Connection("http://h:9200"))


def body(kind: str, reason: str = "", **more: Any) -> Any:
    return {"error": {"type": kind, "reason": reason, **more}}


BREAKER = body(
    "search_phase_execution_exception",
    "all shards failed",
    failed_shards=[{"reason": {"type": "circuit_breaking_exception", "reason": "too large"}}],
)
FLOOD = "index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]"
WRITE = "index [a] blocked by: [FORBIDDEN/8/index write (api)];"
SHARDS = (
    "this action would add [5] shards, but this cluster currently has [1]/[1] maximum {}shards open"
)


@pytest.mark.parametrize(
    ("status", "answer", "code", "remedy"),
    [
        (401, body("security_exception", "unable to authenticate"), "ESP-3101", "ESPLAN_API_KEY"),
        (403, body("security_exception", "is unauthorized"), "ESP-3102", "esplan privileges"),
        (403, body("cluster_block_exception", WRITE), "ESP-3202", "index.blocks"),
        (429, body("cluster_block_exception", FLOOD), "ESP-3209", "make room"),
        (403, body("cluster_block_exception", "[FORBIDDEN/12/read-only]"), "ESP-3209", "make room"),
        (400, body("mapper_parsing_exception", "No handler"), "ESP-3203", "desired file"),
        (400, body("validation_exception", SHARDS.format("normal ")), "ESP-3205", "maintain"),
        (400, body("illegal_argument_exception", SHARDS.format("")), "ESP-3205", "maintain"),
        (404, body("index_not_found_exception", "no such index"), "ESP-3204", "new plan"),
        (404, body("aliases_not_found_exception", "missing"), "ESP-3204", "new plan"),
        (429, BREAKER, "ESP-3206", "memory"),
        (429, body("es_rejected_execution_exception", "queue"), "ESP-3207", "overloaded"),
        (413, "", "ESP-3208", "max_content_length"),
        (400, body("too_long_http_line_exception", "long"), "ESP-3208", "fewer indices"),
        (409, body("version_conflict_engine_exception", "conflict"), "ESP-3210", "esplan status"),
        (400, body("resource_already_exists_exception", "exists"), "ESP-3210", "esplan status"),
        (503, body("master_not_discovered_exception"), "ESP-3211", "esplan doctor"),
        (418, {}, "ESP-3201", "log"),
    ],
)
def test_the_code_depends_on_what_the_server_says(
    status: int, answer: Any, code: str, remedy: str
) -> None:
    error = refused(status, answer)
    assert error.code == code
    assert remedy in error.remedy


def test_a_connection_that_fails_has_the_code_of_its_cause() -> None:
    connection = Connection("https://h:9200")
    tls = NoConnection("certificate verify failed: self-signed certificate")
    assert unreachable(connection, tls).code == "ESP-3002"
    assert unreachable(connection, ConnectionTimeout("timed out")).code == "ESP-3003"
    assert unreachable(connection, NoConnection("refused")).code == "ESP-3001"


# esplan explain


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(["explain", *arguments])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("given", ["ESP-4102", "esp-4102", "4102", "ESP4102", " 4102 "])
def test_a_code_is_explained_however_it_is_spelled(explain: Any, given: str) -> None:
    code, said, err = explain(given)
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in said.splitlines()]
    assert lines[0] == "ESP-4102: The index has to be closed for this change"
    parts = ("Why it happens", "What to do", "Exit code", "  4: refused", "See also")
    assert [line for line in lines if line in parts] == list(parts)
    assert max(map(len, lines)) <= 80


def test_several_codes_are_explained_in_their_order(explain: Any) -> None:
    _, said, _ = explain("5001", "1101", "5001")
    assert re.findall(r"^(ESP-\d{4}): ", said, re.MULTILINE) == ["ESP-5001", "ESP-1101"]


def test_without_a_code_all_are_listed(explain: Any) -> None:
    code, said, _ = explain()
    assert code == 0
    assert CODE.findall(said) == list(CATALOGUE)


def test_a_code_that_there_is_not(explain: Any) -> None:
    code, out, err = explain("4199")
    assert (code, out) == (64, "")
    assert err.startswith("Error ESP-1006: there is no code ESP-4199: did you mean ESP-4")
    assert "did you mean" not in explain("flood")[2]


def test_a_code_for_programs(explain: Any) -> None:
    code, said, _ = explain("3301", "--json")
    (event,) = map(json.loads, said.splitlines())
    assert (code, event["event"], event["format_version"]) == (0, "explained", "1.0")
    (found,) = event["codes"]
    assert (found["code"], found["exits"]) == ("ESP-3301", [1, 3])
    assert set(found) == {"code", "title", "exits", "means", "why", "do", "see", "example"}


def test_one_code_as_markdown(explain: Any) -> None:
    _, said, _ = explain("3102", "--format", "markdown")
    assert said.startswith("### ESP-3102\n\n**The credentials lack a privilege.** ")
    assert "```text\nesplan privileges -d desired/ --role apply > role.json\n" in said


def test_the_page_is_the_catalogue(explain: Any) -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    _, made, _ = explain("--format", "markdown")
    assert made == page, "run: esplan explain --format markdown > docs/errors.md"
    assert re.findall(r"^### (.*)$", page, re.MULTILINE) == list(CATALOGUE)


def test_it_needs_no_client_and_no_cluster() -> None:
    program = (
        "import sys; from esplan.cli import run; code = run(['explain', '4102']); "
        "assert code == 0; assert not {'elasticsearch', 'ruamel', 'deepdiff'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_error_that_stops_an_apply_keeps_its_code() -> None:
    from esplan.apply import stopped

    assert stopped(errors.JournalError("full", code="ESP-5203")).code == "ESP-5203"
