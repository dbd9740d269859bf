"""protect, thresholds, consent and --keep-going on a real cluster, by the command line."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from world import REPLICAS, World

if TYPE_CHECKING:
    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

KEYWORD, INTEGER = {"flight": {"type": "keyword"}}, {"flight": {"type": "integer"}}


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Any) -> World:
    made = World(cluster, url, name, folder)
    made.seed(20)
    return made


def meta(world: World, index: str) -> Any:
    return world.everything()[index]["mappings"].get("_meta")


def plan_again(world: World) -> str:
    return world.esplan("plan", "-d", str(world.folder / "desired.json")).stdout


# protect


def test_protection_is_set_holds_without_the_file_and_is_taken_off(world: World) -> None:
    update = world.make_plan(properties=INTEGER, protect=True)
    assert [step["kind"] for step in update["steps"]] == ["protect_index"]
    world.apply()
    assert meta(world, world.green) == {"esplan": {"protect": True}}
    assert "No changes" in plan_again(world)

    for parts in ({"protect": True}, {}):
        plan = world.make_plan(**parts)
        assert plan["needs"][0]["consent"] == "unprotect"
        said = world.esplan("show", str(world.plan)).stdout
        why = f"alias.{world.name} would delete {world.green}, which is protected"
        assert f"apply will refuse this plan: {why}" in said
        error = world.apply(code=4).stderr
        assert why in error
        assert f"Where: alias.{world.name}" in error
        assert "set protect: false in the desired file, and make a new plan" in error
        assert list(world.everything()) == [world.green]

    world.make_plan(protect=False)
    world.apply()
    world.assert_on(world.blue)
    assert "protect" not in json.dumps(meta(world, world.blue))
    assert "No changes" in plan_again(world)


def test_a_new_index_is_protected_from_the_start(world: World) -> None:
    plain = f"{world.name}-audit"
    path = world.folder / "desired.json"
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "aliases": {
                    f"{world.name}-new": {
                        "index": {"name": f"{world.name}-n-{{generation}}", "settings": REPLICAS},
                        "protect": True,
                    }
                },
                "indices": {plain: {"settings": REPLICAS, "protect": True}},
            }
        )
    )
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))
    world.apply()
    for index in (plain, f"{world.name}-n-000001"):
        own = meta(world, index)["esplan"]
        assert sorted(own) == ["address", "plan", "protect"]
    assert "No changes" in plan_again(world)


def test_maintain_does_not_end_what_is_protected(world: World) -> None:
    """An old colour that serves nobody any more, and an alias that is to have another shard."""
    world.make_plan(properties=INTEGER, protect=True)
    world.apply()
    body = {"settings": REPLICAS, "mappings": {"properties": KEYWORD}}
    world.cluster.change("PUT", f"/{world.blue}", None, body)
    actions = [
        {"remove": {"index": world.green, "alias": world.name}},
        {"add": {"index": world.blue, "alias": world.name}},
    ]
    world.cluster.change("POST", "/_aliases", None, {"actions": actions})
    delete = ["--only", "leftovers", "--allow-delete", f"index.{world.green}"]
    said = world.esplan("maintain", f"{world.name}*", *delete, "-o", str(world.plan)).stdout
    why = f"index.{world.green} would delete {world.green}, which is protected"
    assert f"apply will refuse this plan: {why}" in said
    assert why in world.apply(code=4).stderr
    assert world.green in world.everything()


def test_an_index_protected_after_the_plan_is_not_deleted(world: World) -> None:
    world.make_plan()
    world.apply("--through", "switch")
    body = {"_meta": {"esplan": {"protect": True}}}
    world.cluster.change("PUT", f"/{world.green}/_mapping", None, body)
    said = world.apply(code=4).stderr
    assert f"{world.green} is protected, so it is not deleted" in said
    assert set(world.everything()) == {world.green, world.blue}


def test_a_crash_while_the_protection_is_taken_off(world: World) -> None:
    body = {"_meta": {"owner": "me", "esplan": {"protect": True}}}
    world.cluster.change("PUT", f"/{world.green}/_mapping", None, body)
    plan = world.make_plan(protect=False)
    assert plan["steps"][0]["kind"] == "protect_index"
    world.crash("after-request:01-protect_index")
    assert meta(world, world.green) == {"owner": "me"}
    world.apply("--abandon")
    assert meta(world, world.green) == body["_meta"]
    world.apply()
    world.assert_on(world.blue)


# Consent


def test_consent_to_a_delete_on_the_command_line(world: World) -> None:
    desired = world.desire(finish={})
    plan = ["plan", "-d", str(desired), "-o", str(world.plan)]
    assert f"keeps {world.green}" in world.esplan(*plan).stdout
    said = world.esplan(*plan, "--allow-delete", "alias.wrong", code=64).stderr
    assert "--allow-delete alias.wrong: this plan would delete no such index" in said
    said = world.esplan(*plan, "--allow-delete", f"alias.{world.name}").stdout
    assert f"deletes {world.green} at the end: this cannot be undone" in said
    world.apply()
    world.assert_switched()


def test_many_changes_need_a_flag(world: World) -> None:
    names = [f"{world.name}-{number}" for number in range(10)]
    for name in names:
        world.cluster.change("PUT", f"/{name}", None, {"settings": REPLICAS})
    wanted = {
        name: {"settings": {"refresh_interval": "9s"} if number < 4 else {}}
        for number, name in enumerate(names)
    }
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "indices": wanted}))
    said = world.esplan("plan", "-d", str(path), "-o", str(world.plan)).stdout
    why = "it changes or deletes 4 of 10 objects, which is more than 30%"
    assert f"apply will need --allow-many: {why}" in said
    refused = world.apply(code=4).stderr
    assert why in refused
    assert "apply it with --allow-many" in refused
    assert "refresh_interval" not in json.dumps(world.everything())
    world.apply("--allow-many")
    assert "No changes" in plan_again(world)


# --keep-going


def test_the_middle_one_fails_and_the_others_are_done(world: World) -> None:
    """Three aliases get another mapping; what the middle one holds does not fit into its own."""
    names = [f"{world.name}-{letter}" for letter in "abc"]
    for name in names:
        body = {
            "settings": REPLICAS,
            "mappings": {"properties": {"flight": {"type": "keyword"}}},
            "aliases": {name: {}},
        }
        world.cluster.change("PUT", f"/{name}_green", None, body)
        number = "no number" if name.endswith("b") else "7"
        world.load(f"{name}_green", {"1": {"flight": number}})
    wanted = {
        name: {
            "index": {
                "name": f"{name}_{{color}}",
                "settings": REPLICAS,
                "mappings": {"properties": INTEGER},
            },
            "finish": {"delete_old": True},
        }
        for name in names
    }
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "aliases": wanted}))
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))

    a, b, c = names
    said = world.apply("--keep-going", code=1).stderr
    assert f"1 of 3 objects failed: alias.{b}" in said
    assert f"Where: done: alias.{a}, alias.{c}" in said
    assert "failed to parse" in said
    assert "it retries only what failed" in said
    found = world.everything()
    on = {n: list(i["aliases"]) for n, i in found.items() if n.startswith(f"{world.name}-")}
    assert on == {f"{a}_blue": [a], f"{b}_green": [b], f"{c}_blue": [c]}
    assert "blocks" not in found[f"{b}_green"]["settings"]["index"]
    world.assert_quiet()
    assert "Unfinished applies: none" in world.esplan("status", str(world.plan)).stdout

    uuids = {n: found[n]["settings"]["index"]["uuid"] for n in (f"{a}_blue", f"{c}_blue")}
    world.load(f"{b}_green", {"1": {"flight": "8"}})
    world.apply("--keep-going")
    found = world.everything()
    assert {n: found[n]["settings"]["index"]["uuid"] for n in uuids} == uuids, "left as they were"
    assert world.read_documents(f"{b}_blue") == {"1": {"flight": "8"}}
    assert f"{b}_green" not in found
    assert "No changes" in plan_again(world)


def test_a_kill_while_one_is_taken_back(world: World) -> None:
    """The alias that failed is taken back by the next apply, and the other one goes on."""
    names = [f"{world.name}-{letter}" for letter in "ab"]
    for name in names:
        world.cluster.change(
            "PUT",
            f"/{name}_green",
            None,
            {
                "settings": REPLICAS,
                "mappings": {"properties": KEYWORD},
                "aliases": {name: {}},
            },
        )
        world.load(f"{name}_green", {"1": {"flight": "x" if name.endswith("a") else "1"}})
    wanted = {
        name: {
            "index": {
                "name": f"{name}_{{color}}",
                "settings": REPLICAS,
                "mappings": {"properties": INTEGER},
            },
        }
        for name in names
    }
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "aliases": wanted}))
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))
    world.crash("before-undone:03-block_writes", "--keep-going")
    uuid = world.everything()[f"{names[1]}_blue"]["settings"]["index"]["uuid"]
    said = world.apply("--keep-going", code=1).stderr
    assert f"1 of 2 objects failed: alias.{names[0]}" in said
    found = world.everything()
    on = {n: list(i["aliases"]) for n, i in found.items() if n.startswith(f"{world.name}-")}
    a, b = names
    assert on == {f"{a}_green": [a], f"{b}_blue": [b], f"{b}_green": []}
    assert found[f"{b}_blue"]["settings"]["index"]["uuid"] == uuid, "not made a second time"
    assert "blocks" not in found[f"{a}_green"]["settings"]["index"]


def test_a_plan_that_must_be_signed(world: World) -> None:
    """Who signed is in the journal, and in the cluster's copy of it."""
    world.make_plan()
    key, signers = world.folder / "ana", world.folder / "signers"
    generate = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(generate, check=True, stdin=subprocess.DEVNULL)
    signers.write_text(f"ana@example.com {(world.folder / 'ana.pub').read_text()}")
    required = ["--require-signature", str(signers)]
    assert "is not signed as it must be" in world.apply(*required, code=4).stderr
    world.assert_on(world.green)
    sign = ["ssh-keygen", "-Y", "sign", "-n", "esplan-plan", "-f", str(key), str(world.plan)]
    subprocess.run(sign, check=True, capture_output=True)
    world.apply(*required)
    world.assert_switched()
    journal = (world.folder / "plan.json.journal.jsonl").read_text().splitlines()
    assert json.loads(journal[0])["data"]["signed_by"] == "ana@example.com"
