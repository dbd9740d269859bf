"""The pages say what is true: links lead somewhere, examples validate, tests and codes exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from table import placed
from typer.main import get_command

from esplan import cli, config, errors, hooks, schema, watch
from esplan.cli.commands import app
from esplan.commands.validate import validate
from esplan.errors import EsplanError
from esplan.route import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.yaml)\n")
TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return BLOCK.sub("", read(page))


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if path and not (file.is_relative_to(ROOT) and file.exists()):
            yield f"{target}: there is no such file"
        elif anchor and anchor not in anchors(file):
            yield f"{target}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = ROOT / "docs" / "desired.md"
    assert "the-alias-itself" in anchors(page)
    away = tmp_path / "page.md"
    away.write_text("# One two\n[a](#one-two) [b](#three) [c](away.md) [d](https://e.example)\n")
    assert list(broken_links(away)) == [
        "#three: there is no such heading",
        "away.md: there is no such file",
    ]


# docs/desired.md

EXAMPLES = [text for kind, text in BLOCK.findall(read(DOCS / "desired.md")) if kind == "yaml"]
WHOLE = [text for text in EXAMPLES if re.search(r"^version: 1$", text, re.MULTILINE)]
DESIRED = [text for text in WHOLE if not NAMED.match(text)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the page names in the first line of an example."""
    monkeypatch.chdir(tmp_path)
    for text in EXAMPLES:
        named = NAMED.match(text)
        if named:
            file = tmp_path / named[1]
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return tmp_path


def test_there_are_examples(folder: Path) -> None:
    assert len(DESIRED) >= 7
    named = {str(file.relative_to(folder)) for file in folder.rglob("*.yaml")}
    assert named == {"esplan.yaml", "mappings/classes.yaml"}


@pytest.mark.parametrize("text", DESIRED)
def test_every_example_validates(folder: Path, text: str) -> None:
    file = folder / "desired.yaml"
    file.write_text(text, encoding="utf-8")
    chosen = config.environment("dev")
    found = validate([file], chosen.variables if "${" in text else None)
    assert [str(one) for one in found.diagnostics] == []


def keys(node: Any) -> set[str]:
    """Every key that a schema gives a meaning."""
    if isinstance(node, list):
        return set().union(*map(keys, node))
    if not isinstance(node, dict):
        return set()
    named = set(node.get("properties", {}))
    inner = [value for name, value in node.items() if name not in ("examples", "properties")]
    return named.union(*map(keys, [*inner, *node.get("properties", {}).values()]))


KEYS_ON = {
    "desired": ("desired.md",),
    "config": ("desired.md", "environments.md", "hooks.md"),
}


@pytest.mark.parametrize("name", list(KEYS_ON))
def test_every_key_of_the_schema_is_on_the_page(name: str) -> None:
    known = keys(schema.load(name))
    assert len(known) > 5
    pages = [read(DOCS / page) for page in KEYS_ON[name]]
    shown = "\n".join(text for page in pages for kind, text in BLOCK.findall(page))
    said = read(DOCS / "desired.md")
    assert [k for k in sorted(known - {"_doc"}) if not re.search(rf"{re.escape(k)}:", shown)] == []
    assert "`_doc`" in said


def test_the_page_lists_what_changes_in_place() -> None:
    said = read(DOCS / "desired.md")
    settings = (*rules.DYNAMIC_SETTINGS, *rules.STATIC_SETTINGS)
    dynamic = [name.removeprefix("index.") for name in settings]
    listed = {f"{name}*" if name.endswith((".", "_")) else name for name in dynamic}
    listed |= rules.UPDATEABLE_ROOT | rules.UPDATEABLE_FIELD
    assert [name for name in sorted(listed) if f"`{name}`" not in said] == []


# docs/environments.md, docs/hooks.md

CONFIGURED = [
    text
    for page in ("environments.md", "hooks.md")
    for kind, text in BLOCK.findall(read(DOCS / page))
    if kind == "yaml"
]


@pytest.mark.parametrize("text", CONFIGURED)
def test_every_configuration_validates(tmp_path: Path, text: str) -> None:
    file = tmp_path / "esplan.yaml"
    file.write_text(text, encoding="utf-8")
    assert config.section("environments", file)


def test_the_page_lists_every_event_and_variable() -> None:
    page = read(DOCS / "hooks.md")
    events = schema.load("config")["$defs"]["hook"]["properties"]["on"]["items"]["enum"]
    assert tuple(events) == hooks.EVENTS
    listed = re.findall(
        r"^\| `(\w+)` \|", page.split("## Events")[1].split("\n\n**")[0], re.MULTILINE
    )
    assert listed == events_in_order()
    said = set(re.findall(r"`(ESPLAN_[A-Z_]+)`", page)) - {"ESPLAN_"}
    assert said == set(watch.VARIABLES)


def events_in_order() -> list[str]:
    """As they come in an apply."""
    first = ["before_apply", "before_step", "after_step", "before_switch", "after_switch"]
    return [*first, "after_apply", "failure"]


# docs/guarantees.md


def test_every_test_that_the_guarantees_name_exists() -> None:
    text = read(DOCS / "guarantees.md")
    named = TEST.findall(text)
    assert len(named) > 30
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).exists() or f"\ndef {name}(" not in read(ROOT / file)
    ]
    assert missing == []
    assert len(re.findall(r"\btest_\w+", TEST.sub("", text))) == 0, "a test without its file"


def test_every_promise_names_a_test() -> None:
    promises = re.split(r"^### ", read(DOCS / "guarantees.md"), flags=re.MULTILINE)[1:]
    assert len(promises) > 15
    assert [one.splitlines()[0] for one in promises if not TEST.search(one)] == []


# docs/architecture.md


def test_every_module_has_its_line() -> None:
    here = {path.stem for path in (ROOT / "esplan").iterdir() if path.suffix in ("", ".py")}
    listed = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", read(DOCS / "architecture.md"), re.MULTILINE)
    modules = {name for name in here if not name.startswith("_")} - {"py"}
    assert modules <= set(listed)


def test_journal_events_and_plan_keys_are_explained() -> None:
    page = read(DOCS / "architecture.md")
    events = schema.load("journal")["properties"]["event"]["enum"]
    plan = set(schema.load("plan")["properties"]) - {"created_at", "esplan_version"}
    assert [word for word in (*events, *sorted(plan)) if f"`{word}`" not in page] == []


# README.md

GROUPS = ("job", "sandbox")
"""Commands that have commands of their own."""


def commands() -> dict[str, Any]:
    group = get_command(app)
    found: dict[str, Any] = vars(group)["commands"]
    return found


def rows(title: str) -> list[list[str]]:
    """The cells of the table below a heading of the README."""
    section = read(ROOT / "README.md").split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines[1:]
        if not line.startswith("|--")
    ]


def test_the_readme_has_every_command_and_no_other() -> None:
    shown = [cells[0].strip("`").split() for cells in rows("Commands")]
    assert all(words[0] == "esplan" for words in shown)
    assert sorted(words[1] for words in shown) == sorted(commands())
    for group in GROUPS:
        (row,) = (words for words in shown if words[1] == group)
        inner = vars(commands()[group])["commands"]
        assert sorted(row[2].split("\\|")) == sorted(inner)


def test_every_option_in_the_readme_exists() -> None:
    known = {option for command in all_commands() for p in command.params for option in p.opts}
    foreign = {"--help"}
    said = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", prose(ROOT / "README.md"))) - foreign
    assert said - known - {"-9"} == set()


def all_commands() -> list[Any]:
    top = commands()
    inner = [one for group in GROUPS for one in vars(top[group])["commands"].values()]
    return [get_command(app), *top.values(), *inner]


def classes(base: type[EsplanError] = EsplanError) -> set[type[EsplanError]]:
    return {base}.union(*(classes(one) for one in base.__subclasses__()))


MEANINGS = {0: "success", 2: "changes", 130: "interrupted"}
"""Codes without an error of their own."""

WORDS = {1: "error", 3: "stopped", 4: "refused", 5: "lock", 64: "command line"}


def test_the_readme_has_every_exit_code() -> None:
    said = {int(code): meaning for code, meaning in rows("Exit codes")}
    assert set(said) == {one.exit_code for one in classes()} | {0, 2, cli.INTERRUPTED}
    for code, word in (MEANINGS | WORDS).items():
        assert word in said[code], f"{code} means {word}"


def test_the_tree_in_errors_is_that_of_the_classes() -> None:
    drawn = dict(re.findall(r"([A-Z]\w+) +(\d+)  ", errors.__doc__ or ""))
    assert {name: int(code) for name, code in drawn.items()} == {
        one.__name__: one.exit_code for one in classes()
    }


def test_the_desired_files_of_the_readme_are_the_examples() -> None:
    shown = [text for kind, text in BLOCK.findall(read(ROOT / "README.md")) if kind == "yaml"]
    bodies = [text.split("\n", 1)[1] for text in shown]
    names = ("demo/flights.yaml", "releases/customer.yaml", "demo/routes.yaml")
    files = [DOCS / name for name in names]
    assert bodies == [read(file) for file in files]


def test_schemas_are_those_that_the_docs_point_at() -> None:
    for path in sorted((ROOT / "schemas").glob("*.json")):
        assert json.loads(read(path))["description"], path.name


def test_the_table_of_the_trials_is_that_of_their_figures() -> None:
    figures = json.loads((ROOT / "tests/chaos/figures.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
    assert placed(page, figures) == page
    for trial, tests in figures.items():
        lost = [one["lost"] for one in tests.values() if "lost" in one]  # some only take time
        assert lost, trial
        assert sum(lost) == 0, trial
