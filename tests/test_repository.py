"""House rules that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "esplan").rglob("*.py"))
SOURCES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
CLIENTS = {"elasticsearch", "elastic_transport"}
LONGEST_FUNCTION = 50
LONGEST_MODULE = 400

MACHINE = re.compile(r"(?<![\w.])/(?:root|home|Users|work|mnt)/|[A-Z]:\\Users\\")
"""Where developers have their files. No pattern here matches its own text."""

REGISTRY = re.compile(r"artifac[t]ory|nexu[s]\.|index[-]url|pypi[.]org|maven[.]apache|repo1[.]")
UNFINISHED = re.compile(r"\bTO[D]O\b|\bFIX[M]E\b|NotImplemented[E]rror")

URL = re.compile(r"https?://(?:[^/@\s\"'`]*@)?(\[[^\]]*\]|[A-Za-z0-9._-]+)")
PUBLIC = re.compile(
    r"localhost|127\.\d+\.\d+\.\d+|\[::1\]|www\.apache\.org|json-schema\.org"
    r"|(?:[\w-]+\.)*example(?:\.com|\.org)?"
)
"""Hosts that a file may name: this machine, the documentation's own, standards."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def tracked() -> dict[str, str]:
    """The text of every file that is committed or would be; binary files left out."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / file for file in sorted(set(listed.split("\0"))) if file)
    return {name(path): text for path in paths if (text := _text(path)) is not None}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
        return None


def found(pattern: re.Pattern[str]) -> list[str]:
    """Every line of a tracked file that the pattern is in."""
    return [
        f"{file}:{number}: {line.strip()[:100]}"
        for file, text in tracked().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def imported(path: Path) -> Iterator[str]:
    """The top-level packages that a module imports, also inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines of every function, decorators not counted."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1


def test_only_the_command_line_prints() -> None:
    printing = [
        f"{name(path)}:{node.lineno}"
        for path in MODULES
        if path.parent.name != "cli"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert printing == []


def test_only_cluster_imports_the_client() -> None:
    importing = [name(path) for path in MODULES if CLIENTS & set(imported(path))]
    assert importing == ["esplan/cluster.py"]


WRITERS = frozenset({"write_text", "write_bytes", "touch", "symlink_to", "hardlink_to"})
MAKERS = frozenset({"NamedTemporaryFile", "mkstemp"})
WRITES = re.compile("[wax+]")
FLAGS = ("O_WRONLY", "O_RDWR", "O_CREAT", "id='flags'")
FOREIGN_WRITES = {
    ("esplan/cli/__init__.py", "open"): "the null device, in the place of a closed stdout",
    ("esplan/durable.py", "open"): "the one writer",
    ("esplan/sandbox/server.py", "fdopen"): "what a server prints, in a file that durable made",
    ("esplan/sandbox/server.py", "copytree"): "the server's own files",
    ("esplan/sandbox/assembly.py", "copyfile"): "the server's own files",
}
"""Where the package writes files by something else than `durable`, and why it may."""


def written(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of each call that writes a file, or could."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
        copies = called.startswith("copy") and _owner(node) == "shutil"
        opens = called in ("open", "fdopen") and _may_write(node)
        if copies or opens or called in WRITERS | MAKERS:
            yield name(path), called


def _owner(node: ast.Call) -> str:
    return getattr(getattr(node.func, "value", None), "id", "")


def _may_write(node: ast.Call) -> bool:
    """With a mode that writes, or flags that do; what is not written down counts as such."""
    if _owner(node) == "os" and getattr(node.func, "attr", "") == "open":
        return any(
            flag in ast.dump(node) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "Name(id='flags'")
        )
    at = 0 if isinstance(node.func, ast.Attribute) and node.func.attr == "open" else 1
    given = [*node.args[at : at + 1], *(one.value for one in node.keywords if one.arg == "mode")]
    return any(not isinstance(one, ast.Constant) or WRITES.search(str(one.value)) for one in given)


def test_files_are_written_by_one_module() -> None:
    """Mode, random name, no link, fsync: `esplan/durable.py` does all of it, once."""
    assert {one for path in MODULES for one in written(path)} == set(FOREIGN_WRITES)


def test_the_search_for_writers_finds_each_way(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = (
        'path.write_text("")',
        'path.open("w")',
        'path.open(mode="r+")',
        "open(path, how)",
        'os.fdopen(descriptor, "a")',
        "os.open(path, os.O_WRONLY | os.O_CREAT)",
        "tempfile.mkstemp()",
        "shutil.copyfile(one, other)",
    )
    for way in (*ways, 'path.open("rb")', "os.open(path, os.O_RDONLY)", "copy(plan)"):
        monkeypatch.setitem(globals(), "tree", lambda _path, way=way: ast.parse(way))
        assert bool([*written(ROOT)]) == (way in ways), way


def test_no_function_is_long() -> None:
    long = [
        f"{name(path)}: {function} has {lines} lines"
        for path in SOURCES
        for function, lines in functions(path)
        if lines > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_module_is_long() -> None:
    sizes = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {file: lines for file, lines in sizes.items() if lines > LONGEST_MODULE} == {}


def test_no_file_names_a_developers_machine() -> None:
    assert found(MACHINE) == []


def test_no_file_names_a_registry() -> None:
    assert found(REGISTRY) == []


def test_docs_and_package_name_no_host_but_examples() -> None:
    """Tests are free to make hosts up."""
    foreign = [
        f"{file}: {host}"
        for file, text in tracked().items()
        if not file.startswith("tests/")
        for host in URL.findall(text)
        if "." in host and not PUBLIC.fullmatch(host)
    ]
    assert foreign == []


def test_nothing_is_left_unfinished() -> None:
    assert found(UNFINISHED) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (MACHINE, "see /" + "home/somebody/plan.json"),
        (MACHINE, 'open("/' + 'root/x")'),
        (REGISTRY, "pip install --index" + "-url https://here"),
        (REGISTRY, "https://pypi" + ".org/simple"),
        (UNFINISHED, "# TO" + "DO: later"),
        (UNFINISHED, "raise NotImplemented" + "Error"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


def test_the_license_is_the_unchanged_text() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert re.findall(r"^ *Copyright .*$", text, re.MULTILINE) == [
        "   Copyright [yyyy] [name of copyright owner]"
    ]
