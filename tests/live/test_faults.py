"""Bad input and faults: a clear message with the remedy, the right exit code, nothing lost."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import processes
import pytest
from world import REPLICAS, World, document

from esplan import planfile
from esplan.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.live


def plan_fails(world: World, code: int, **parts: object) -> str:
    return world.esplan("plan", "-d", str(world.desire(**parts)), code=code).stderr


# Plan


def test_server_down(world: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        world.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        said = plan_fails(world, 1)
    assert f"no answer from {world.url}" in said
    assert "Connection refused" in said
    assert "check --url or ESPLAN_URL, and that the server runs" in said


def test_wrong_url_something_else_answers(world: World) -> None:
    """A web server that is no Elasticsearch."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        world.url = f"http://127.0.0.1:{server.server_port}"
        said = plan_fails(world, 1)
        server.shutdown()
    assert "not as Elasticsearch or OpenSearch does" in said
    assert "check --url" in said


@pytest.mark.parametrize("wrong", ["localhost:9201", "http://", "ftp://localhost:9201"])
def test_wrong_url_no_url_at_all(world: World, wrong: str) -> None:
    world.url = wrong
    assert "--url" in plan_fails(world, 64)


def test_alias_name_held_by_an_index(world: World) -> None:
    world.cluster.change("PUT", f"/{world.name}")
    said = plan_fails(world, 4)
    assert f"{world.name} is the name of an index, not of an alias" in said
    assert "give the alias another name" in said


def test_alias_on_two_indices(world: World) -> None:
    world.seed(1)
    world.cluster.change("PUT", f"/{world.name}_red", None, {"aliases": {world.name: {}}})
    said = plan_fails(world, 4)
    assert f"alias.{world.name} is on 2 indices: {world.green}, {world.name}_red" in said
    assert "POST /_aliases" in said


def test_source_disabled(world: World) -> None:
    body = {"mappings": {"_source": {"enabled": False}}, "aliases": {world.name: {}}}
    world.cluster.change("PUT", f"/{world.green}", None, body)
    properties = {"flight": {"type": "keyword"}}
    world.cluster.change(
        "PUT", f"/{world.green}/_mapping", None, {"properties": {"flight": {"type": "long"}}}
    )
    said = plan_fails(world, 4, properties=properties)
    assert "does not keep the whole _source (mappings._source.enabled)" in said
    assert "load the new index from where the data came from" in said


def test_target_taken_at_plan_time(world: World) -> None:
    world.seed(1)
    world.cluster.change("PUT", f"/{world.blue}")
    said = plan_fails(world, 4)
    assert f"{world.blue} exists (foreign, 0 documents, UUID " in said
    assert "add another colour" in said


# Apply


def refused(world: World, *, left: list[str] | None = None) -> str:
    """The apply is refused, and the source is as it was."""
    before = world.everything()
    said = world.apply(code=4).stderr
    assert world.everything() == before
    assert list(before) == (left or [world.green])
    return said


def test_target_taken_after_the_plan(world: World) -> None:
    world.seed(10)
    world.make_plan()
    world.cluster.change("PUT", f"/{world.blue}")
    said = refused(world, left=[world.blue, world.green])
    assert f"the index {world.blue} exists, and this plan did not make it" in said
    assert "delete it if it is a leftover, then make a new plan" in said


def test_plan_edited_by_hand(world: World) -> None:
    world.seed(10)
    world.make_plan()
    world.plan.write_text(world.plan.read_text().replace("keyword", "long"))
    said = refused(world)
    assert "was changed after it was written" in said
    assert "make a new plan" in said


def test_plan_of_another_cluster(world: World) -> None:
    world.seed(10)
    world.make_plan()
    plan = planfile.read(world.plan)
    moved = replace(plan, cluster={**plan.cluster, "uuid": "another"}, digest="")
    planfile.write(planfile.sealed(moved), world.plan)
    said = refused(world)
    assert "the plan was made for the cluster" in said
    assert "check --url and --env" in said


def change_mapping(world: World) -> None:
    world.cluster.change(
        "PUT",
        f"/{world.green}/_mapping",
        None,
        {"properties": {"flight": {"type": "integer", "coerce": False}}},
    )


def move_alias(world: World) -> None:
    actions = [
        {"add": {"index": f"{world.name}_red", "alias": world.name}},
        {"remove": {"index": world.green, "alias": world.name}},
    ]
    world.cluster.change("PUT", f"/{world.name}_red")
    world.cluster.change("POST", "/_aliases", None, {"actions": actions})


def recreate(world: World) -> None:
    world.cluster.change("DELETE", f"/{world.green}")
    world.seed(5)


def delete(world: World) -> None:
    world.cluster.change("DELETE", f"/{world.green}")


@pytest.mark.parametrize(
    ("meddle", "why"),
    [
        (change_mapping, "{green} was changed since the plan was made"),
        (move_alias, "the alias {name} is on {name}_red, not on {green}"),
        (recreate, "{green} is another index now (UUID "),
        (delete, "the index {green} is gone"),
    ],
)
def test_stale_plan(world: World, meddle: Callable[[World], None], why: str) -> None:
    world.seed(10)
    world.make_plan()
    meddle(world)
    before = world.everything()
    said = world.apply(code=4).stderr
    assert why.format(name=world.name, green=world.green) in said
    assert "make a new plan" in said
    assert "every change was taken back" in said
    assert world.everything() == before


def test_unrelated_changes_do_not_make_a_plan_stale(world: World) -> None:
    world.seed(10)
    world.make_plan()
    extra = {"properties": {"unrelated": {"type": "keyword"}}}
    world.cluster.change("PUT", f"/{world.green}/_mapping", None, extra)
    world.cluster.change("PUT", f"/{world.name}x")
    world.load(world.green, {"new": document(1)})
    world.documents["new"] = document(1)
    world.apply()
    world.cluster.change("DELETE", f"/{world.name}x")
    world.assert_switched()


def test_mapping_that_rejects_documents(world: World) -> None:
    world.seed(50)
    world.make_plan(properties={"text": {"type": "date"}})
    said = world.apply(code=1).stderr
    assert f"the new index rejected documents of {world.green}" in said
    assert "failed to parse field [text] of type [date]" in said
    assert "correct the mapping in the desired file" in said
    assert "every change was taken back" in said
    world.assert_on(world.green)


def test_server_rejects_the_definition(world: World) -> None:
    world.seed(10)
    world.make_plan(settings={**REPLICAS, "number_of_shards": 1024})
    said = world.apply(code=1).stderr
    assert "this action would add [" in said, "what a trial of one shard cannot say"
    assert "add a data node, or raise cluster.max_shards_per_node" in said
    world.assert_on(world.green)


def test_copy_cancelled_by_an_operator(world: World) -> None:
    world.seed(4000)
    world.make_plan(migrate={"requests_per_second": 1000})
    command = [sys.executable, "-m", "esplan", "--url", world.url, "apply", str(world.plan)]
    with subprocess.Popen(
        [*command, "--auto-approve"],
        env=processes.environment(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert cancel(world)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"the copy of {world.green} did not finish" in said
    assert "by user request" in said
    world.assert_on(world.green)


def cancel(world: World) -> bool:
    """Cancel the copy as soon as it runs."""
    for _ in range(200):
        answer = world.cluster.read("/_tasks", {"actions": "*reindex", "detailed": "true"})
        for node in answer["nodes"].values():
            for name, task in node["tasks"].items():
                if world.name in task["description"] and task["status"]["created"]:
                    world.cluster.change("POST", f"/_tasks/{name}/_cancel")
                    return True
        time.sleep(0.05)
    return False


def test_a_document_changed_behind_the_tool_is_found(world: World) -> None:
    """The target is written to between copy and proof: never switched, and taken back."""
    world.seed(500)
    world.make_plan()
    world.crash("after-done:03-reindex")
    world.tamper(world.blue)
    said = world.apply(code=4).stderr
    assert f"{world.blue} is not equal to {world.green}" in said
    assert "1 missing: 21" in said
    assert "1 extra: new" in said
    assert "1 different: 17" in said
    world.assert_on(world.green)
    world.apply()
    world.assert_switched()


def test_a_write_after_the_proof_is_found_before_the_switch(world: World) -> None:
    world.seed(500)
    world.make_plan()
    world.crash("after-done:06-await_health")
    world.load(world.blue, {"17": {"flight": 18}})
    said = world.apply(code=4).stderr
    assert "was written to after the proof" in said
    world.assert_on(world.green)


def test_a_block_lifted_by_hand_is_found(world: World) -> None:
    world.seed(500)
    world.make_plan()
    world.crash("after-done:02-block_writes")
    settings = {"index.blocks.write": None}
    world.cluster.change("PUT", f"/{world.green}/_settings", None, settings)
    said = world.apply(code=4).stderr
    assert f"the write block on {world.green} was lifted" in said
    world.assert_on(world.green)


def test_replicas_that_no_node_can_take(world: World) -> None:
    """One node cannot hold a replica: the alias stays where it is."""
    nodes = world.cluster.read("/_cluster/health")["number_of_data_nodes"]
    world.seed(50)  # expands its replicas by itself: the declared number ends that
    world.make_plan(settings={"number_of_replicas": nodes})
    said = world.apply(code=1).stderr
    assert f"{world.blue} does not become green" in said
    assert "lower number_of_replicas in the desired file, or add nodes" in said
    world.assert_on(world.green)


def test_exit_2_changes(world: World) -> None:
    world.seed(1)
    desired = str(world.desire())
    world.esplan("plan", "-d", desired, "--detailed-exitcode", code=2)
    world.esplan("plan", "-d", desired, code=0)


def test_exit_4_without_consent(world: World) -> None:
    world.seed(1)
    plan = world.make_plan()
    said = world.esplan("apply", str(world.plan), code=4).stderr
    assert "nobody has approved this plan" in said
    said = world.esplan("apply", str(world.plan), "--approve", "f" * 64, code=4).stderr
    assert "--approve names another plan" in said
    world.esplan("apply", str(world.plan), "--approve", plan["digest"])
    world.assert_switched()


def test_exit_5_locked(world: World) -> None:
    world.seed(1)
    world.make_plan()
    with Lock(world.cluster, "f" * 64, lambda _text: None) as held:
        said = world.apply(code=5).stderr
        assert "another apply is running on this cluster" in said
        assert f"esplan unlock {held.token}" in said
        shown = world.esplan("status").stdout
        assert held.holder.host in shown
        assert held.token in shown
    world.apply()
    world.assert_switched()


def test_unlock_removes_only_the_lock_that_it_names(world: World) -> None:
    world.seed(1)
    world.make_plan()
    world.crash("before-intent:01-create_index")
    token = world.cluster.read("/esplan-state/_doc/lock")["_source"]["token"]
    assert "this process is gone" in world.esplan("status").stdout
    assert "there is no lock feed" in world.esplan("unlock", "feed", code=1).stderr
    world.esplan("unlock", token)
    assert "Lock: free" in world.esplan("status").stdout


def test_exit_64_usage(world: World) -> None:
    assert "No such option" in world.esplan("plan", "--no-such-option", code=64).stderr
    assert "plan -d PATH" in world.esplan("show", "no-such-plan", code=1).stderr


HEARS_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from esplan.__main__ import main
main()
"""
"""A background job of a shell ignores SIGINT, and so would everything that it starts."""


def test_exit_130_interrupted(world: World) -> None:
    """A server that accepts and never answers, and a person who has waited enough."""
    desired = str(world.desire())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-c", HEARS_CTRL_C, "--url", url, "plan", "-d", desired]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)  # it waits for the answer now, and is nowhere else
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "interrupted\n"


def test_show_of_a_stale_plan(world: World) -> None:
    world.seed(1)
    made = world.make_plan()
    world.cluster.change("DELETE", f"/{world.green}")
    assert f"replace: {world.green} → {world.blue}" in world.esplan("show", str(world.plan)).stdout
    shown = world.esplan("show", str(world.plan), "--format", "json").stdout
    assert json.loads(shown) == made
