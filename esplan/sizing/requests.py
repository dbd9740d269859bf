"""The requests that a person can run by hand, in their order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.request import index_path, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import JSON, Index
    from esplan.sizing.model import Sizing

REQUIRE = "index.routing.allocation.require._id"

MOVED = "?wait_for_events=languid&wait_for_no_relocating_shards=true&timeout=30m"
STARTED = "?wait_for_status=yellow&wait_for_no_initializing_shards=true&timeout=30m"


def target(one: Sizing) -> str:
    """What the index of another shard count is called: `flights_green-4-shards`."""
    return f"{one.name}-{one.proposal['shards']}-shards"


def with_requests(one: Sizing, index: Index) -> Sizing:
    """The same index, its advice on shards with the requests. `index` is its definition."""
    after = "the alias moves" if index.aliases else "clients must be moved"
    told = f"; {after} to {target(one)}, and {one.name} stays, write-blocked"
    requests = tuple(of_shards(one, index))
    advice = tuple(
        replace(each, requests=requests, remedy=each.remedy + told)
        if each.kind == "shards"
        else each
        for each in one.advice
    )
    return replace(one, advice=advice)


def of_shards(one: Sizing, index: Index) -> Iterator[JSON]:
    """From the present count to the proposed one, and the aliases to the new index.

    The old index stays, with its write block.
    """
    route, node = one.proposal["route"], _gathering(one)
    if node:
        yield from _gathered(one, node)
    yield request("PUT", index_path(one.name, "/_block/write"))
    if route == "reindex":
        yield from _copied(one, index)
    else:
        yield _linked(one, {REQUIRE: None} if node else {})
    yield request("GET", f"/_cluster/health{index_path(target(one))}{STARTED}")
    if index.aliases:
        yield request("POST", "/_aliases", {"actions": list(_moves(one, index))})


def _gathering(one: Sizing) -> str:
    """`_shrink` wants a copy of every shard on one node: that with the most of them already.

    Nothing where they are there, or need not be.
    """
    node, shards = one.fullest
    return node if one.proposal["route"] == "shrink" and shards < one.shards else ""


def _gathered(one: Sizing, node: str) -> Iterator[JSON]:
    yield request("PUT", index_path(one.name, "/_settings"), {REQUIRE: node})
    yield request("GET", f"/_cluster/health{index_path(one.name)}{MOVED}")


def _linked(one: Sizing, moved: JSON) -> JSON:
    settings: JSON = {
        "index.number_of_shards": one.proposal["shards"],
        "index.number_of_replicas": one.replicas,
        "index.blocks.write": None,
        **moved,
    }
    route = f"/_{one.proposal['route']}{index_path(target(one))}"
    return request("PUT", index_path(one.name, route), {"settings": settings})


def _copied(one: Sizing, index: Index) -> Iterator[JSON]:
    """`wait_for_completion` is the server's default: the answer comes when all is copied."""
    kept = {n: v for n, v in index.body.settings.items() if not n.startswith("index.blocks.")}
    settings = kept | {"index.number_of_shards": str(one.proposal["shards"])}
    body = {"settings": settings, "mappings": index.body.mappings}
    yield request("PUT", index_path(target(one)), body)
    copy = {"source": {"index": one.name}, "dest": {"index": target(one), "op_type": "create"}}
    yield request("POST", "/_reindex?refresh=true&slices=auto", copy)
    yield request("GET", index_path(one.name, "/_count"))
    yield request("GET", index_path(target(one), "/_count"))


def _moves(one: Sizing, index: Index) -> Iterator[JSON]:
    for alias, options in index.aliases.items():
        yield {"remove": {"index": one.name, "alias": alias, "must_exist": True}}
        yield {"add": {"index": target(one), "alias": alias, **options}}
