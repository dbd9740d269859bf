"""A new index filled from another cluster, with two real servers."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import processes
import pytest
from engine import of
from fixtures import ROLES
from two import COPY, FROM, WANTED, Two
from world import PROPERTIES, World, document, run

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

SECRET = "t0p-s3cret-w0rd"
NASTY = [
    b'{"a": 1.0, "b" : 1e3,"c":1.10, "big": 123456789012345678901234567890.1234567890}',
    b'{"z":1,"a":-0.0,"m":{"y":[1,"1",null,true,{}],"b":"\\u00fc\\n\\"}{]["}}',
    '{"text":"ü € 𝄞 \u2028 \\ud800 lone","empty":"","deep":'.encode()
    + b'{"d":' * 100
    + b"[]"
    + b"}" * 100
    + b"}",
    b'{\r\n  "over": "several",\n  "lines": [\n 1 ,\n 2 ]\n}',
    b"{}",
]
"""Each as it is to be found on the other side, but for line breaks outside of strings."""


only_client = pytest.mark.parametrize("via", ["client"], indirect=True)
only_cluster = pytest.mark.parametrize("via", ["cluster"], indirect=True)


def test_a_new_alias_is_filled_from_the_other_cluster(two: Two) -> None:
    two.seed(max_result_window=300)
    made = two.plan()
    shown = two.here.esplan("show", str(two.here.plan)).stdout
    who = "this cluster reads it" if two.via == "cluster" else "esplan carries them"
    assert f"old:{two.there.green} at {two.there.url}: {who}" in shown
    assert "copies 2,000 documents (" in shown
    assert [step["id"] for step in made["steps"]][1] == COPY[two.via]
    two.here.apply()
    two.here.assert_on(two.here.green)
    assert two.evidence("03-verify")["source"] == f"old:{two.there.green}"
    assert two.evidence("03-verify")["equal"] is True
    again = two.here.esplan("plan", "-d", str(two.here.folder / "desired.json"))
    assert "No changes" in again.stdout


def test_a_changed_definition_is_filled_from_there_and_the_old_index_is_kept(two: Two) -> None:
    two.seed(700)
    wanted = two.here.documents
    two.here.seed(300)
    two.here.load(two.here.green, {"only here": document(1)})
    made = two.plan()
    assert any(f"what only {two.here.green} has" in one for one in made["warnings"])
    two.here.apply()
    found = two.here.everything()
    assert {name: list(one["aliases"]) for name, one in found.items()} == {
        two.here.green: [],
        two.here.blue: [two.here.name],
    }
    assert two.here.read_documents(two.here.blue) == wanted
    assert len(two.here.read_documents(two.here.green)) == 301
    refused = two.here.esplan("rollback", str(two.here.plan), code=4).stderr
    assert f"alias.{two.here.name} was filled from another cluster" in refused


@only_client
def test_a_kill_in_the_middle_goes_on_there(two: Two) -> None:
    """It does not read again what it knows to be there."""
    two.seed(5000)
    two.plan(migrate={"requests_per_second": 1500})
    two.here.crash("middle:02-remote_copy")
    there_already = len(two.here.read_documents(two.here.green))
    assert 0 < there_already < 5000
    two.here.apply()
    two.here.assert_on(two.here.green)
    found = two.evidence("02-remote_copy")
    assert found["total"] == 5000
    assert found["resumed_after"] > 0
    assert found["created"] == 5000 - there_already
    read = found["created"] + found["version_conflicts"]
    assert read == 5000 - found["resumed_after"]


@only_client
def test_what_was_written_and_not_noted_is_met_again(two: Two) -> None:
    """Killed between a page and the note of it: the page is there already, and counted so."""
    two.seed(3000)
    two.plan(migrate={"requests_per_second": 1500})
    two.here.crash("middle:02-remote_copy")
    state = "/esplan-state"
    plan = json.loads(two.here.plan.read_text())["id"]
    path = f"{state}/_doc/progress-{plan}-02-remote_copy"
    kept = two.here.cluster.read(path)["_source"]
    two.here.cluster.change("PUT", path, None, {**kept, "shard": 0, "seq_no": 0, "documents": 0})
    there_already = len(two.here.read_documents(two.here.green))
    two.here.apply()
    two.here.assert_on(two.here.green)
    assert two.evidence("02-remote_copy")["version_conflicts"] == there_already > 0


@pytest.mark.parametrize("point", ["after-intent", "after-request", "after-done"])
def test_a_kill_at_the_boundaries_of_the_copy_loses_nothing(two: Two, point: str) -> None:
    two.seed(300)
    two.plan()
    two.here.crash(f"{point}:{COPY[two.via]}")
    two.here.apply()
    two.here.assert_on(two.here.green)


@only_client
def test_a_target_that_was_made_anew_is_filled_from_the_beginning(two: Two) -> None:
    """What is known of how far the copy came is about an index that is gone."""
    two.seed(300)
    two.plan()
    two.here.crash("after-request:02-remote_copy")
    two.here.apply("--abandon")
    assert two.here.everything() == {}
    two.here.apply()
    two.here.assert_on(two.here.green)
    assert two.evidence("02-remote_copy")["resumed_after"] == 0


@only_client
def test_ctrl_c_stops_at_the_end_of_a_page(two: Two) -> None:
    two.seed(4000)
    two.plan(migrate={"requests_per_second": 1000})
    command = [sys.executable, "-m", "esplan", "--url", two.here.url, "apply"]
    with subprocess.Popen(
        [*command, str(two.here.plan), "--auto-approve", "--json"],
        env=processes.environment(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "step_progress" and event["done"] > 0:
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    last = json.loads(rest.splitlines()[-1])
    assert last["what"] == "interrupted: the apply stopped at a safe point"
    settled = len(two.here.read_documents(two.here.green))
    time.sleep(1)
    assert len(two.here.read_documents(two.here.green)) == settled < 4000
    two.here.apply()
    two.here.assert_on(two.here.green)


CHANGES: dict[str, tuple[str, str, Any, str]] = {
    "changed": ("PUT", "/_doc/17", {"flight": 1}, "1 different: 17"),
    "added": ("PUT", "/_doc/new", {"flight": 1}, "1 missing: new"),
    "removed": ("DELETE", "/_doc/17", None, "1 extra: 17"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_document_that_changes_there_before_the_proof_is_caught(two: Two, change: str) -> None:
    two.seed(300)
    two.plan()
    two.here.apply("--through", "prepare")
    method, path, body, said = CHANGES[change]
    two.write_there(method, path, body)
    refused = two.here.apply(code=4).stderr
    assert f"{two.here.green} is not equal to old:{two.there.green}" in refused
    assert said in refused
    assert "let nobody write to the other cluster" in refused
    assert two.here.everything() == {}


@only_client
def test_a_write_there_between_the_proof_and_the_switch_is_caught(two: Two) -> None:
    two.seed(300)
    two.plan()
    two.here.crash("after-done:03-verify")
    two.write_there("PUT", "/_doc/17", document(17))
    refused = two.here.apply(code=4).stderr
    assert f"old:{two.there.green} or {two.here.green} was written to after the proof" in refused
    assert two.here.everything() == {}


def test_another_cluster_and_another_index_are_refused(two: Two) -> None:
    two.seed(50)
    two.plan()
    config = two.here.folder / "esplan.yaml"
    before = config.read_text()
    config.write_text(json.dumps({"version": 1, "environments": {"old": {"url": two.here.url}}}))
    refused = two.here.apply(code=4).stderr
    assert "the environment old is another cluster now" in refused
    config.write_text(before)
    two.there.cluster.change("DELETE", f"/{two.there.green}")
    two.seed(50)
    refused = two.here.apply(code=4).stderr
    assert f"{two.there.green} in old is a new index" in refused
    assert two.here.everything() == {}


def test_a_document_that_the_new_mapping_rejects_is_named(two: Two) -> None:
    two.seed(300)
    two.plan(properties={**PROPERTIES, "text": {"type": "date"}})
    failed = two.here.apply(code=1).stderr
    assert f"the new index rejected documents of old:{two.there.green}" in failed, failed
    assert "failed to parse field [text] of type [date]" in failed
    assert two.here.everything() == {}


def raw(world: World, path: str, body: bytes | None = None) -> bytes:
    """An answer, byte by byte."""
    connection = world.cluster.connection
    signed = b64encode(f"{connection.username}:{connection.password}".encode()).decode()
    headers = {"content-type": "application/x-ndjson"}
    headers |= {"authorization": f"Basic {signed}"} if connection.username else {}
    context = ssl.create_default_context(cafile=connection.ca_certs or None)
    request = urllib.request.Request(world.url + path, body, headers)
    with urllib.request.urlopen(request, context=context) as answer:
        found: bytes = answer.read()
        return found


@only_client
def test_nothing_of_a_document_changes_on_the_way(two: Two) -> None:
    """Byte by byte: numbers, the order of keys, white space; long ids, and their routing."""
    joins = of(two.here.cluster).has_joins and of(two.there.cluster).has_joins
    relation = {"type": "join", "relations": {"parent": "child"}}
    body = {
        "settings": {"number_of_shards": 3, "number_of_replicas": 0},
        "mappings": {
            "properties": {
                "relation": relation if joins else {"type": "object", "enabled": False},
                "parts": {"type": "nested", "properties": {"a": {"type": "float"}}},
                "m": {"type": "object", "enabled": False},
                "deep": {"type": "object", "enabled": False},
                "big": {"type": "double"},
            }
        },
        "aliases": {two.here.name: {}},
    }
    two.there.cluster.change("PUT", f"/{two.there.green}", None, body)
    sources = {f'ü "{number}"/ ': one for number, one in enumerate(NASTY)}
    sources["nested"] = b'{"parts":[{"a":1},{"a":2.50}]}'
    sources["p"] = b'{"relation":"parent"}'
    lines = []
    for key, source in sources.items():
        lines += [json.dumps({"index": {"_id": key}}).encode(), source.translate(BREAKS)]
    for key, routing in (("c", "p"), ("twin", "one"), ("twin", "other")):
        lines.append(json.dumps({"index": {"_id": key, "routing": routing}}).encode())
        child = b'{"relation":{"name":"child", "parent":"p"}}' if key == "c" else b'{"a": 1.0}'
        lines.append(child)
    body_of_lines = b"\n".join(lines) + b"\n"
    answer = raw(two.there, f"/{two.there.green}/_bulk?refresh=true", body_of_lines)
    assert json.loads(answer)["errors"] is False, [
        i for i in json.loads(answer)["items"] if "error" in i["index"]
    ]
    properties = body["mappings"]["properties"]  # type: ignore[index]
    two.plan(properties=properties, settings={"number_of_shards": 2, "number_of_replicas": 0})
    two.here.apply()
    assert two.evidence("03-verify")["source_documents"] == len(lines) // 2
    for world in (two.there, two.here):
        for key, source in sources.items():
            quoted = urllib.request.quote(key, safe="")  # type: ignore[attr-defined]
            found = raw(world, f"/{world.green}/_source/{quoted}")
            assert found == source.translate(BREAKS), key
        for key, routing in (("c", "p"), ("twin", "one"), ("twin", "other")):
            found = raw(world, f"/{world.green}/_doc/{key}?routing={routing}")
            assert json.loads(found)["_routing"] == routing


BREAKS = bytes.maketrans(b"\r\n", b"  ")

PEAK = """
import sys
from pathlib import Path
from esplan import cli
code = cli.run(sys.argv[1:])
(peak,) = [l for l in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in l]
print("peak", peak.split()[1], file=sys.stderr)
sys.exit(code)
"""


@only_client
def test_large_documents_after_small_ones_do_not_fill_the_memory(two: Two) -> None:
    """They compress well, so nothing but the answer itself tells how large a page is."""
    two.there.seed(4000)
    large = {f"large-{n}": {"nested": {"x": f"ä{n} " * 300_000}} for n in range(60)}
    for key, source in large.items():
        two.there.load(two.there.green, {key: source})
    two.plan()
    arguments = ["--url", two.here.url, "apply", str(two.here.plan), "--auto-approve"]
    done = run([sys.executable, "-c", PEAK, *arguments])
    assert done.returncode == 0, done.stderr
    peak = int(done.stderr.rsplit("peak ", 1)[1])
    assert peak < 120 * 1024
    assert two.evidence("03-verify")["source_documents"] == 4060
    found = two.here.cluster.read(f"/{two.here.green}/_doc/large-59")
    assert found["_source"] == large["large-59"]


def test_no_credential_is_written_down(two: Two) -> None:
    """Not in the plan, the journal, the talk, the state index, nor the list of tasks."""
    two.seed(3000)
    (two.here.folder / "word").write_text(f"{SECRET}\n")
    base = [sys.executable, "-m", "esplan", "-v", "--url", two.here.url]
    signed = processes.environment(base)
    secret = signed.get("ESPLAN_FROM_PASSWORD", SECRET)
    given = {"ESPLAN_FROM_USERNAME": "reader", "ESPLAN_FROM_PASSWORD_FILE": "word"}
    given = {} if secret != SECRET else given
    migrate = {"from": FROM, "requests_per_second": 1500}
    desired = two.here.desire(migrate=migrate, finish={}, **WANTED)
    planned = run([*base, "plan", "-d", str(desired), "-o", str(two.here.plan)], **given)
    assert planned.returncode == 0, planned.stderr
    two.here.crash(f"before-intent:{COPY[two.via]}")
    with subprocess.Popen(
        [*base, "apply", str(two.here.plan), "--auto-approve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=processes.environment([*base, "apply", str(two.here.plan)]) | given,
    ) as process:
        time.sleep(2)
        tasks = json.dumps(two.here.cluster.read("/_tasks", {"detailed": "true"}))
        talk, _ = process.communicate(timeout=60)
    assert process.returncode == 0, talk
    scheme = "scheme=https " if ROLES else ""
    assert two.via == "client" or f"reindex from [{scheme}host=127.0.0.1" in tasks
    two.here.cluster.change("POST", "/esplan-state/_refresh")
    state = json.dumps(two.here.cluster.read("/esplan-state/_search?size=1000"))
    journal = (two.here.folder / "plan.json.journal.jsonl").read_text()
    for text in (two.here.plan.read_text(), journal, planned.stdout + planned.stderr, talk):
        assert text
        assert secret not in text
    assert secret not in tasks + state
    two.here.assert_on(two.here.green)


def test_a_server_that_may_not_connect_says_so(
    cluster: Cluster, second: Cluster, folder: Path, copied: str
) -> None:
    """The list allows it, and the plan cannot know more."""
    here, there = (World(one, one.connection.url, copied, folder) for one in (second, cluster))
    there.seed(10)
    environments = {"old": {"url": there.url}}
    (folder / "esplan.yaml").write_text(json.dumps({"version": 1, "environments": environments}))
    here.make_plan(migrate={"from": FROM}, finish={}, **WANTED)
    if of(second).connects:
        here.apply()
        here.documents = there.documents
        here.assert_on(here.green)
        second.change("DELETE", f"/{here.green}")
    else:
        failed = here.apply(code=1).stderr
        assert "access denied" in failed
        assert "or declare migrate.from.via: client" in failed
        assert here.everything() == {}


@only_cluster
def test_who_copies_can_be_declared(two: Two) -> None:
    """The second server may read the first, and esplan carries the documents all the same."""
    two.seed(100)
    made = two.plan(migrate={"from": {**FROM, "index": two.there.green, "via": "client"}})
    assert made["steps"][1]["kind"] == "remote_copy"
    two.here.apply()
    two.here.assert_on(two.here.green)


@only_client
def test_what_cannot_be_copied_is_refused_by_the_plan(two: Two) -> None:
    two.seed(10)

    def refused(**given: Any) -> str:
        desired = two.here.desire(migrate={"from": {**FROM, **given}}, finish={})
        return two.here.esplan("plan", "-d", str(desired), code=4).stderr

    said = refused(via="cluster")
    assert "this cluster may not copy from 127.0.0.1:" in said
    assert "reindex.remote.whitelist" in said
    assert "nothing-such is not there, in the environment old" in refused(index="nothing-such")
    body = {"mappings": {"_source": {"excludes": ["a"]}}}
    two.there.cluster.change("PUT", f"/{two.there.name}_lossy", None, body)
    assert "it does not keep the whole _source" in refused(index=f"{two.there.name}_lossy")


@only_client
def test_on_the_cluster_that_it_names_it_says_nothing(two: Two) -> None:
    """The same file goes through all environments, and one of them is the source."""
    two.there.documents = {}
    made = two.here.make_plan(migrate={"from": {"environment": "new"}}, finish={})
    assert [step["kind"] for step in made["steps"]] == [
        "create_index",
        "await_health",
        "update_aliases",
    ]
