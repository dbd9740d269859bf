"""The first transcript of the README: what the demo prints, in a terminal."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

from terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

DESIRED = "docs/demo/flights.yaml"
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"\nSteps\n.*?(?=^Time: )", re.MULTILINE | re.DOTALL)
"""Steps and warnings, for which the page has no room."""

TIME = r"(?:\d+ h \d+ min|\d+ min \d+ s|[\d.]+ (?:ms|s))"
DIFFERS = {
    r"[0-9a-f]{64}": "DIGEST",
    r"made [\dT:+-]+": "made AT",
    rf"(?:roughly|about) {TIME}(?: to {TIME})?|under a second": "ABOUT",
    TIME: "TIME",
    r"[\d.]+ [KMGT]?B\b": "SIZE",
    r"\(guessed from [\d,]+ documents\)|\(as [^)]* on [\d-]+\)": "(BASIS)",
    r"^  (?:done|as wanted): wait until": "  done: wait until",
}
"""What no two runs have in common."""


def made(root: Path, folder: Path, environ: dict[str, str]) -> str:
    """Plan, apply and plan again, on a cluster with the flights as they were loaded."""
    (folder / DESIRED).parent.mkdir(parents=True)
    shutil.copy(root / DESIRED, folder / DESIRED)
    with Terminal(folder, environ, width=140) as terminal:
        assert terminal.run("esplan sandbox seed --reset") == 0, terminal.output()
        plan = "esplan plan -d docs/demo/flights.yaml"
        parts = [_shown(terminal, f"{plan} -o plans/flights.json")]
        digest = json.loads((folder / "plans/flights.json").read_text())["digest"]
        parts.append(_shown(terminal, f"esplan apply plans/flights.json --approve {digest}"))
        parts.append(_shown(terminal, plan))
    return "\n".join(parts)


def _shown(terminal: Terminal, command: str) -> str:
    assert terminal.run(command) == 0, terminal.output()
    whole = "\n".join([f"$ {command}", *terminal.output(), ""])
    return TABLE.sub("…\n", whole)


def shown(page: str) -> str:
    """What the page has now."""
    found = BLOCK.search(page)
    assert found
    return found[0]


def rewritten(page: str, transcript: str) -> str:
    """The page with another one."""
    return page.replace(shown(page), transcript, 1)


def alike(transcript: str) -> str:
    """Without what differs from run to run."""
    for differs, name in DIFFERS.items():
        transcript = re.sub(differs, name, transcript, flags=re.MULTILINE)
    return transcript
