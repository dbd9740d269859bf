"""Versions that clients set (`version_type: external`): kept where asked, and said where not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from esplan.errors import ServerError

if TYPE_CHECKING:
    from world import World


pytestmark = pytest.mark.live

HIGH = 1_700_000_000_123


def seed(world: World, count: int = 50) -> None:
    world.seed(0, shards=2)
    for number in range(count):
        write(world, world.green, number, HIGH + number)
        world.documents[str(number)] = {"flight": number}
    world.cluster.read(f"/{world.green}/_refresh")


def write(world: World, index: str, number: int, version: int, flight: int | None = None) -> None:
    source = {"flight": number if flight is None else flight}
    path = f"/{index}/_doc/{number}?version={version}&version_type=external"
    world.cluster.change("PUT", path, None, source)


def versions(world: World, index: str) -> dict[str, int]:
    world.cluster.read(f"/{index}/_refresh")
    found = world.cluster.read(f"/{index}/_search", {"version": "true", "size": 1000})
    return {hit["_id"]: hit["_version"] for hit in found["hits"]["hits"]}


def test_versions_are_kept_where_asked(world: World) -> None:
    """A late write with an old version does not win, and a newer one does."""
    seed(world)
    before = versions(world, world.green)
    world.make_plan(migrate={"versions": "keep"})
    world.apply()
    world.assert_switched()
    assert versions(world, world.blue) == before
    with pytest.raises(ServerError, match="version conflict"):
        write(world, world.name, 7, HIGH + 6, flight=0)
    write(world, world.name, 7, HIGH + 8, flight=1)


@pytest.mark.parametrize("point", ["after-intent", "after-request"])
def test_a_kill_keeps_them(world: World, point: str) -> None:
    seed(world)
    before = versions(world, world.green)
    world.make_plan(migrate={"versions": "keep"})
    world.crash(f"{point}:03-reindex")
    world.apply()
    world.assert_switched()
    assert versions(world, world.blue) == before


def test_a_version_that_is_another_one_is_not_switched_to(world: World) -> None:
    seed(world)
    world.make_plan(migrate={"versions": "keep"})
    world.crash("after-done:03-reindex")
    write(world, world.blue, 7, HIGH + 1_000_000)
    error = world.apply(code=4).stderr
    assert "versions" in error
    world.assert_on(world.green)


def test_a_plan_says_that_versions_begin_again(world: World) -> None:
    seed(world)
    plan = world.make_plan()
    said = [one for one in plan["warnings"] if "migrate.versions: keep" in one]
    assert len(said) == 1
    assert f"{HIGH + 49:,}" in said[0]


@pytest.mark.parametrize("parts", [{}, {"migrate": {"versions": "keep"}}])
def test_versions_that_the_server_counts_are_no_matter(world: World, parts: Any) -> None:
    """Written several times over, and still nothing to warn of."""
    world.seed(20)
    for _ in range(3):
        world.load(world.green, world.documents)
    plan = world.make_plan(**parts)
    assert not [one for one in plan["warnings"] if "version" in one]
    world.apply()
    world.assert_switched()


def test_clients_that_write_meanwhile_and_kept_versions_are_refused(world: World) -> None:
    world.seed(5)
    path = str(world.desire(migrate={"versions": "keep", "writes": "catch-up"}))
    error = world.esplan("validate", path, code=1).stdout
    assert "needs a write block" in error


def test_a_backfill_that_would_raise_versions(world: World) -> None:
    """The next write of a client would be refused: warned of, and with `keep` not done."""
    seed(world)
    raw = {"text": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}
    made = world.make_plan(properties=raw, migrate={"backfill": True})
    assert "A backfill raises each by one" in "\n".join(made["warnings"])
    path = str(world.desire(properties=raw, migrate={"backfill": True, "versions": "keep"}))
    assert "ESP-4127" in world.esplan("plan", "-d", path, code=4).stderr
