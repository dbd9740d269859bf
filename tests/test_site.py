"""The site builds without a warning, leads somewhere and loads nothing; its pages are true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from command_lines import problem
from pages import blocks, commands, missing

from esplan import config
from esplan.commands.validate import validate

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
HOW_TO = sorted((DOCS / "how-to").glob("*.md"))
TASKS = {
    *("add-a-field", "change-a-type", "change-shards", "release-by-run-id", "roll-back"),
    *("prepare-before-the-window", "adopt-an-estate", "move-from-the-legacy-job"),
}
BUILD = [
    *(sys.executable, "-m", "sphinx", "-c", str(DOCS)),
    *("-W", "--keep-going", "-n", "-q", "-b", "html"),
]
LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
AWAY = re.compile(r"(?:https?:)?//")


def name(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. A warning fails the build, and so this fixture."""
    out = tmp_path_factory.mktemp("site")
    ran = subprocess.run(
        [*BUILD, "-d", str(out / "doctrees"), str(ROOT), str(out / "html")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return out / "html"


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {given["id"] or ""} if "id" in given else set()
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif tag in LOADS and given.get("rel") not in ("search", "index", "next", "prev"):
            self.loads.append(given.get(LOADS[tag]) or "")


def test_every_page_is_built_and_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    built = {file: Page(file) for file in site.rglob("*.html")}
    assert [one for one in PAGES if site / "docs" / f"{name(one)[:-3]}.html" not in built] == []
    dead = [
        f"{file.relative_to(site)}: {link}"
        for file, page in built.items()
        for link in page.links
        if not AWAY.match(link) and _dead(file, link, built)
    ]
    assert dead == []


def _dead(file: Path, link: str, built: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if not target.exists():
        return True
    return bool(parts.fragment) and target in built and parts.fragment not in built[target].ids


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    loaded = [f"{page.name}: {one}" for page in pages for one in Page(page).loads]
    styles = [
        f"{sheet.name}: {found[0] or found[1]}"
        for sheet in [*site.rglob("*.css"), *pages]
        for found in CSS.findall(sheet.read_text(encoding="utf-8"))
    ]
    assert len(loaded) > len(pages)
    assert [one for one in loaded + styles if AWAY.search(one) and "data:" not in one] == []


def test_pictures_are_drawn(site: Path) -> None:
    with_pictures = [page for page in PAGES if "```mermaid\n" in page.read_text(encoding="utf-8")]
    assert DOCS / "architecture.md" in with_pictures
    for page in with_pictures:
        built = (site / "docs" / f"{name(page)[:-3]}.html").read_text(encoding="utf-8")
        drawn = re.findall(r'<div class="mermaid"><svg.*?</svg></div>', built, re.DOTALL)
        assert len(drawn) == page.read_text(encoding="utf-8").count("```mermaid\n")
        assert all("<text" in one for one in drawn)


def test_a_warning_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# One\n\n[away](nowhere.md) [there](#three)\n")
    ran = subprocess.run(
        [*BUILD, str(tmp_path), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "nowhere.md" in ran.stderr
    assert "'three'" in ran.stderr


def test_the_first_page_names_every_page() -> None:
    linked = set(re.findall(r"\]\(([^)#]+\.md)", (DOCS / "index.md").read_text(encoding="utf-8")))
    assert [name(one) for one in PAGES if name(one) not in linked | {"index.md"}] == []


def test_the_reference_is_that_of_schemas_and_help() -> None:
    generate = [sys.executable, str(DOCS / "reference" / "generate.py"), "--check"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        generate, env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), "make reference"


def test_every_command_in_a_page_exists() -> None:
    wrong = [
        f"{name(page)}: {said}"
        for page in PAGES
        for block in blocks(page)
        if block.kind == "console"
        for command in commands(block)
        if command.line.startswith("esplan ") and (said := problem(_alone(command.line)))
    ]
    assert wrong == []


def _alone(line: str) -> str:
    """The command line itself: without where its output goes."""
    return re.split(r" (?:>|>>|\|) ", line)[0]


def test_every_task_has_its_page() -> None:
    assert {page.stem for page in HOW_TO} == TASKS


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_a_how_to_says_when_what_and_how_to_go_back(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.search(r"^# .+\n\n\*\*When:\*\* ", text)
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert "What clients notice" in titles
    assert "The way back" in titles or page.stem == "roll-back"
    assert len(text.splitlines()) < 125
    assert any(block.kind == "console" for block in blocks(page))


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_its_desired_files_are_valid(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = [block for block in blocks(page) if block.kind == "yaml"]
    assert found
    for block in found:
        assert block.file.startswith("desired/"), "its first line names the file"
        file = tmp_path / "desired.yaml"
        file.write_text(block.text, encoding="utf-8")
        said = validate([file], config.environment(None).variables)
        assert [str(one) for one in said.diagnostics] == []


def test_what_a_page_shows_is_held_against_what_is_printed() -> None:
    """The judge of tests/live/test_how_to.py."""
    printed = "  done: copy 300 documents (1.2 s)\nApplied: 11 steps in 3 s.\n"
    assert missing(("  done: copy 120,000 documents (6.9 s)", "…"), printed) == []
    assert missing(("Applied: 3 steps …", "Applied: 11 steps in 1 min 02 s."), printed) == []
    assert missing(("of plan 46ba7e384f80: …",), "of plan 1ba7e384f80f: 4 steps") == []
    assert missing(("  done: moved 3 documents",), printed) == ["  done: moved 3 documents"]
