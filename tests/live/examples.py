"""The examples of every `--help`, as a person would type them: in a shell, in a folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import processes
from typer.main import get_command

from esplan import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash") or ""

OFFLINE = ("completion", "init", "job convert", "privileges", "schema", "validate")
"""Commands that need no cluster. Examples of any other are run on a real one."""

LISTED = re.compile(r"^ *Examples:\n(.*?)(?:\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)
PATHS = re.compile(r"(?:> |-o )([\w./-]+)")

CONFIG = """\
version: 1
environments:
  dev: {{url: "{url}", vars: {{replicas: 0}}}}
  ppte: {{url: "{url}", vars: {{replicas: 0}}}}
  prod: {{url: "{url}", vars: {{replicas: 0}}}}
"""

DESIRED = """\
version: 1
aliases:
  classes:
    index:
      name: "classes_{color}"
      settings: {number_of_replicas: 0}
      mappings: {properties: {flight: {type: keyword}}}
"""

JOB = {
    "abort_run": "False",
    "alias_name": "customer-prod",
    "data_source": "customer",
    "delete_old": "True",
    "forcemerge_new": "True",
    "index_base": "customer-2_0_0",
    "new_replicas": "0",
}


class Example(NamedTuple):
    """`shown` is the command whose help it stands in, `command` the one that it runs."""

    shown: str
    text: str
    command: str

    def __str__(self) -> str:
        return self.text.removeprefix("esplan ")

    @property
    def is_offline(self) -> bool:
        return self.command in OFFLINE


def names(command: Any = None, before: str = "") -> Iterator[tuple[str, bool]]:
    """Every command by its words, the empty one first, and whether it has others below it."""
    found = get_command(cli.app) if command is None else command
    inner = vars(found).get("commands", {})
    yield before, bool(inner)
    for name, one in inner.items():
        yield from names(one, f"{before} {name}".strip())


def help_of(command: str) -> str:
    """What `--help` prints."""
    with redirect_stdout(StringIO()) as printed:
        assert cli.run([*command.split(), "--help"]) == 0
    return printed.getvalue()


@cache
def examples() -> list[Example]:
    """Those of every command, in the order of the help."""
    runnable = [name for name, has_more in names() if not has_more]
    found = []
    for shown, _ in names():
        listed = LISTED.search(help_of(shown))
        for line in listed[1].splitlines() if listed else ():
            told = re.sub(r".*\besplan ", "", line)
            (command,) = (one for one in runnable if re.match(rf"{one}(?![\w-])", told))
            found.append(Example(shown, line.strip(), command))
    return found


def prepare(url: str) -> None:
    """A project in the working folder: environments, a desired file, a job."""
    Path("esplan.yaml").write_text(CONFIG.format(url=url))
    for folder in ("desired", "plans"):
        Path(folder).mkdir()
    Path("desired/classes.yaml").write_text(DESIRED)
    Path("job.json").write_text(json.dumps(JOB))


def run(text: str, tools: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """The line in a shell that finds esplan. Every file that it should write must be there."""
    tools.mkdir(exist_ok=True)
    tool = tools / "esplan"
    tool.write_text(f'#!{BASH}\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m esplan "$@"\n')
    tool.chmod(0o755)
    path = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [BASH, "--norc", "-c", text],
        env=processes.environment(text.split()) | path | extra,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode in (0, 2):
        missing = [one for one in PATHS.findall(text) if not Path(one).exists()]
        assert missing == [], f"{text}: {done}"
    return done
