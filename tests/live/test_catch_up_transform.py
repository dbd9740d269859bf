"""A script on the way, while clients write: what is there at the end is what the script makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from clients import Readers, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World


pytestmark = pytest.mark.live

Documents = dict[str, dict[str, Any]]


def person(number: int) -> dict[str, Any]:
    return {"flight": number, "text": f"Given{number % 7} Family{number}", "old": number % 10}


def computed(documents: Documents) -> Documents:
    found = {}
    for key, one in documents.items():
        given, family = one["text"].split(" ")
        rest = {name: value for name, value in one.items() if name not in ("text", "old")}
        found[key] = {**rest, "given": given, "family": family, "new": one["old"] + 1}
    return found


COMPUTE = """
def parts = ctx._source.remove('text').splitOnToken(' ');
ctx._source.given = parts[0];
ctx._source.family = parts[1];
ctx._source.new = ctx._source.remove('old') + params.add;
"""


def left_out(documents: Documents) -> Documents:
    return {key: one for key, one in documents.items() if one["old"] != 3}


def renamed(documents: Documents) -> Documents:
    return {f"p-{key}": one for key, one in documents.items()}


def declared(documents: Documents) -> Documents:
    found = {}
    for key, one in documents.items():
        rest = {name: value for name, value in one.items() if name not in ("text", "old")}
        found[key] = {**rest, "person": {"name": one["text"]}}
    return found


def subset(documents: Documents) -> Documents:
    return {key: one for key, one in documents.items() if one["old"] < 5}


CASES: dict[str, tuple[dict[str, Any], Callable[[Documents], Documents]]] = {
    "computed": (
        {"script": {"lang": "painless", "source": COMPUTE, "params": {"add": 1}}},
        computed,
    ),
    "left out": (
        {"script": {"source": "if (ctx._source.old == 3) { ctx.op = 'noop' }"}},
        left_out,
    ),
    "other ids": ({"script": {"source": "ctx._id = 'p-' + ctx._id"}}, renamed),
    "declared": ({"rename": {"text": "person.name"}, "drop": ["old"]}, declared),
    "subset": ({"query": {"range": {"old": {"lt": 5}}}}, subset),
}
SCRIPTED = [pytest.param(case, marks=[pytest.mark.scripts] * (case != "subset")) for case in CASES]


@pytest.mark.parametrize("case", SCRIPTED)
def test_what_clients_write_goes_through_the_script_too(world: World, case: str) -> None:
    """Updates into and out of what the script leaves out, and deletes."""
    migrate, expected = CASES[case]
    world.seed(0)
    world.documents = {str(number): person(number) for number in range(3000)}
    world.load(world.green, world.documents)
    world.make_plan(migrate={"writes": "catch-up", "requests_per_second": 3000, **migrate})
    with Readers(world, 1) as readers:
        with Writer(world, make=person) as writer:
            world.apply("--through", "prepare")
        assert writer.done > 100
        source = dict(world.documents)
        with Writer(world, make=person):
            world.crash("after-done:05-catch_up")
        source = dict(world.documents)
        world.apply()
    assert readers.errors == []
    assert world.read_documents(world.blue) == expected(source)
    again = ["plan", "-d", str(world.folder / "desired.json"), "--detailed-exitcode"]
    assert "No changes" in world.esplan(*again).stdout


@pytest.mark.scripts
def test_a_document_changed_in_the_copy_is_found(world: World) -> None:
    world.seed(0)
    world.documents = {str(number): person(number) for number in range(300)}
    world.load(world.green, world.documents)
    world.make_plan(migrate={"writes": "catch-up", **CASES["computed"][0]})
    world.apply("--through", "prepare")
    path = f"/{world.blue}/_doc/7"
    world.cluster.change("PUT", path, {"refresh": "true"}, {**computed(world.documents)["8"]})
    done = world.apply(code=4)
    assert "documents differ that no client has touched: 7" in done.stderr
    world.assert_on(world.green)
