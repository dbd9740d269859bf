"""The examples of the help that need a cluster, on a real one (the others: tests/test_examples.py).

The names in them are made this test's own: nothing else on the server is touched.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import examples
import pytest
from examples import Example
from second import started
from world import PROPERTIES

from esplan.commands.sandbox import status
from esplan.holder import this_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World

pytestmark = pytest.mark.live

LIVE = [one for one in examples.examples() if not one.is_offline]
SANDBOX = [one for one in LIVE if one.command.startswith("sandbox ")]
ORDER = ("sandbox start", "sandbox status", "sandbox seed", "sandbox stop")

CODES = {"doctor": {0, 2}, "--detailed-exitcode": {2}}
"""Exit codes other than 0: what else is on the server is not known here."""

LOCK_ID = "5f1c9a7be0d24c11"


def own(text: str, world: World) -> str:
    """The example with this test's names, server and digest."""
    plan = Path("plans/release.json")
    digest = json.loads(plan.read_text())["digest"] if plan.exists() else "DIGEST"
    named = {"classes": world.name, "audit": f"{world.name}a", "http://localhost:9200": world.url}
    for word, mine in (named | {"DIGEST": digest}).items():
        text = text.replace(word, mine)
    return text


def project(world: World) -> None:
    """The project, and what its cluster has: an alias, an index without one, a run."""
    examples.prepare(world.url)
    for file in ("desired/classes.yaml", "job.json"):
        text = Path(file).read_text().replace("customer-", f"{world.name}-customer-")
        Path(file).write_text(own(text, world))
    world.seed(40)
    for index in (f"{world.name}a-2026", f"{world.name}-customer-2_0_0-20261120t060000z"):
        world.cluster.change("PUT", f"/{index}", None, {"settings": {"number_of_replicas": 0}})
        world.load(index, {"1": {"flight": 1}})


def planned(world: World) -> None:
    world.esplan("plan", "-d", "desired", "-o", "plans/release.json")


def begun(world: World) -> None:
    planned(world)
    world.esplan("apply", "plans/release.json", "--auto-approve", "--through", "prepare")


def applied(world: World) -> None:
    planned(world)
    world.esplan("apply", "plans/release.json", "--auto-approve")


def twins(world: World) -> None:
    """A second index with the documents of the first."""
    body = {"settings": {"number_of_replicas": 0}, "mappings": {"properties": PROPERTIES}}
    world.cluster.change("PUT", f"/{world.blue}", None, body)
    world.load(world.blue, world.documents)


def unlike(world: World) -> None:
    """One that has other documents."""
    twins(world)
    world.tamper(world.blue)


def locked(world: World) -> None:
    """By an apply that is certainly dead."""
    applied(world)
    dead = replace(this_process("p"), token=LOCK_ID, started="1")
    world.cluster.change("PUT", "/esplan-state/_doc/lock", {"refresh": "true"}, asdict(dead))


BEFORE: dict[str, Callable[[World], None]] = {
    "--abandon": begun,
    "--repair": unlike,
    "apply": planned,
    "drift": applied,
    "rollback": applied,
    "show": planned,
    "status": planned,
    "throttle": planned,
    "unlock": locked,
    "verify": twins,
}
"""What has happened before an example, by its command or one of its words."""


@pytest.mark.parametrize("example", [one for one in LIVE if one not in SANDBOX], ids=str)
def test_examples(example: Example, world: World, tmp_path: Path) -> None:
    project(world)
    before = next((do for word, do in BEFORE.items() if word in example.text.split()), None)
    if before:
        before(world)
    text = own(example.text, world)
    done = examples.run(text, tmp_path / "bin", ESPLAN_URL=world.url)
    codes = next((codes for word, codes in CODES.items() if word in text.split()), {0})
    assert done.returncode in codes, f"{text}\n{done.stdout}\n{done.stderr}"
    assert "Error" not in done.stderr
    assert bool(done.stdout) != (">" in text)


def test_examples_of_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server of their own that runs already, one after the other; in the end it is stopped."""
    assert {one.command for one in SANDBOX} == set(ORDER)
    with started("", reads_others=False) as server:
        monkeypatch.setenv("ESPLAN_CACHE_DIR", str(server.cache))
        said = []
        for one in sorted(SANDBOX, key=lambda one: ORDER.index(one.command)):
            done = examples.run(one.text, tmp_path / "bin", ESPLAN_CACHE_DIR=str(server.cache))
            assert done.returncode == 0, f"{one.text}\n{done.stdout}\n{done.stderr}"
            said.append(done.stdout)
        assert server.url in said[0]
        assert any("Loaded 336,776 documents" in one for one in said)
        assert any(f"Stopped {server.url}" in one for one in said)
        assert not status().running
