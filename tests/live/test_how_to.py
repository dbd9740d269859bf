"""Every page of docs/how-to is followed, word by word, on a real server."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes
import pytest
from fixtures import indices
from pages import blocks, commands, missing, normal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine import Engine
    from pages import Command

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

PAGES = sorted((Path(__file__).parents[2] / "docs" / "how-to").glob("*.md"))
OURS = ("books_", "audit", "customer-2_0_0-")
"""How the indices begin the pages are about."""


def load(cluster: Cluster, index: str, count: int) -> None:
    """Documents with a title and a number of pages, in several segments."""
    for start in range(0, count, 100):
        lines: list[Any] = []
        for number in range(start, min(start + 100, count)):
            document = {"title": f"book {number}", "pages": str(number)}
            lines += [{"index": {"_index": index, "_id": str(number)}}, document]
        if lines:
            answer = cluster.change("POST", "/_bulk", {"refresh": "true"}, lines)
            assert answer["errors"] is False


def made(cluster: Cluster, index: str, count: int, properties: dict[str, Any]) -> None:
    body = {
        "settings": {"number_of_replicas": 0},
        "mappings": {"properties": properties},
    }
    cluster.change("PUT", f"/{index}", None, body)
    load(cluster, index, count)


def alias(cluster: Cluster, name: str, index: str) -> None:
    add = {"index": index, "alias": name}
    cluster.change("POST", "/_aliases", None, {"actions": [{"add": add}]})


def runs(cluster: Cluster, folder: Path) -> None:
    """A loader has made two runs, and the alias is on the first one."""
    for run, count in (("20261120t060000z", 300), ("20261121t060000z", 400)):
        made(cluster, f"customer-2_0_0-{run}", count, {})
    alias(cluster, "customer-prod", "customer-2_0_0-20261120t060000z")
    page = PAGES[0].with_stem("move-from-the-legacy-job")
    (config,) = (one.text for one in blocks(page) if one.kind == "json")
    (folder / "customer.json").write_text(config, encoding="utf-8")


def estate(cluster: Cluster, _folder: Path) -> None:
    """Nothing that esplan has made."""
    made(cluster, "books_green", 300, {"title": {"type": "text"}})
    alias(cluster, "books", "books_green")
    made(cluster, "audit", 0, {"who": {"type": "keyword"}})


STARTS: dict[str, Callable[[Cluster, Path], None]] = {
    "adopt-an-estate": estate,
    "move-from-the-legacy-job": runs,
    "release-by-run-id": runs,
}
"""What is there before the first command; on other pages, what the first desired file says."""


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[None]:
    _clear(cluster)
    yield
    _clear(cluster)


def _clear(cluster: Cluster) -> None:
    for prefix in OURS:
        for index in indices(cluster, prefix):
            cluster.change("DELETE", f"/{index}")


class Reader:
    """Somebody who copies from a page into a terminal, in a folder of their own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        binary = folder / ".bin" / "esplan"
        binary.parent.mkdir()
        binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m esplan "$@"\n', encoding="utf-8")
        binary.chmod(0o755)
        path = f"{binary.parent}:{os.environ['PATH']}"
        self.given = {"ESPLAN_URL": url, "PATH": path, "NO_COLOR": "1"}
        self.given["PYTHONPATH"] = str(PAGES[0].parents[2])

    def write(self, file: str, text: str) -> None:
        target = self.folder / file
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def run(self, line: str) -> str:
        """What a command prints. DIGEST is that of the plan that the line names."""
        words = line.split()
        if "DIGEST" in words:
            plan = json.loads((self.folder / words[2]).read_text(encoding="utf-8"))
            line = line.replace("DIGEST", plan["digest"])
        ran = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.folder,
            env=processes.environment(words[1:]) | self.given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"$ {line}\n{ran.stdout}{ran.stderr}"
        return ran.stdout + ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.usefixtures("empty")
def test_a_page_is_followed(
    page: Path,
    folder: Path,
    url: str,
    cluster: Cluster,
    engine: Engine,
    request: pytest.FixtureRequest,
) -> None:
    reader = Reader(folder, url)
    begun = page.stem in STARTS
    if begun:
        STARTS[page.stem](cluster, folder)
    stale: list[tuple[Command, str]] = []
    for block in blocks(page):
        if block.kind == "yaml" and page.stem not in (
            "adopt-an-estate",
            "move-from-the-legacy-job",
        ):
            reader.write(block.file, block.text)
            if not begun:
                reader.run("esplan plan -d desired -o plans/begin.json")
                reader.run("esplan apply plans/begin.json --auto-approve")
                load(cluster, "books", 300)
                begun = True
        elif block.kind == "yaml":
            lines = (folder / block.file).read_text(encoding="utf-8").splitlines()
            shown = block.text.splitlines()[1:]
            assert [line for line in shown if line not in lines] == [], block.file
        elif block.kind == "console":
            for command in commands(block):
                printed = reader.run(command.line)
                # Without scripts esplan itself computes the proof, and says so.
                if engine.has_scripts and missing(command.shown, printed):
                    stale.append((command, printed))
    if request.config.getoption("--update-goldens"):
        update(page, stale)
    said = [(one.line, missing(one.shown, printed), printed) for one, printed in stale]
    assert said == [], "pytest tests/live/test_how_to.py --update-goldens, and git diff"


def update(page: Path, stale: list[tuple[Command, str]]) -> None:
    """Each line that was not printed becomes the one that is most like it."""
    text = page.read_text(encoding="utf-8")
    for command, printed in stale:
        real = {normal(line): line for line in printed.splitlines()}
        for line in missing(command.shown, printed):
            for found in difflib.get_close_matches(normal(line), real, 1, 0.5):
                text = text.replace(f"\n{line}\n", f"\n{real[found].rstrip()}\n")
    page.write_text(text, encoding="utf-8")
