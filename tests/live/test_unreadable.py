"""A document that the server takes, and that is no JSON: named, with what cures it."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.live

NO_JSON = {
    "comment": b'{"flight": 1 /* why not */, "user": {"_id": "other"}}',
    "mark": b'\xef\xbb\xbf{"flight": 1}',
    "bytes": b'{"flight": 1, "raw": "a\xc0\xafb"}',
}


def send(world: World, key: str, body: bytes) -> None:
    """As it is, past any library that writes JSON."""
    address = f"{world.url}/{world.green}/_doc/{key}?refresh=true"
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, body, kind, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status in (200, 201)


@pytest.mark.scripts
@pytest.mark.parametrize("kind", NO_JSON)
def test_a_document_that_is_no_json_is_named_and_can_be_cured(world: World, kind: str) -> None:
    """best_compression: a client reads and hashes the documents."""
    world.seed(20, codec="best_compression")
    send(world, "odd%20one", NO_JSON[kind])
    world.make_plan()
    said = world.apply(code=1).stderr
    assert "a document is no JSON, so it cannot be read: " in said
    assert any(f"{one}, _id odd one" in said for one in (world.green, world.blue))  # who is first
    assert "every change was taken back" in said
    body = {"script": "ctx.op = 'index'"}
    world.cluster.change("POST", f"/{world.green}/_update/odd%20one", None, body)
    world.make_plan()
    world.apply()
    assert world.read_documents(world.blue)["odd one"]["flight"] == 1
