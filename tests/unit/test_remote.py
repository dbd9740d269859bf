"""`migrate.from`: its configuration, its requests, and the documents on their way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import pytest

from esplan import config, desired, origin, pages, planfile
from esplan.commands.plan import plan
from esplan.connection import Connection
from esplan.errors import (
    InvalidInput,
    OutcomeUnknown,
    Refused,
    ServerError,
    StepFailed,
    Unreachable,
    UsageError,
)
from esplan.model import Remote
from esplan.plan import Step
from esplan.steps import remote_copy, remote_reindex
from esplan.steps.carrying import Reached, Writer
from esplan.steps.request import signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import FakeCluster

SECRET = "t0p-s3cret"


# Credentials


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "esplan.yaml"
    path.write_text(
        "version: 1\nenvironments:\n  old: {url: 'https://old.example:9200', ca_certs: ca.pem,"
        " cluster_uuid: abc}\n  bare: {}\n"
    )
    return path


def test_the_other_cluster_has_credentials_of_its_own(file: Path) -> None:
    own = {"ESPLAN_API_KEY": "mine", "ESPLAN_CA_CERTS": "mine.pem", "ESPLAN_CLIENT_CERT": "c.pem"}
    found = config.other("old", own, config=file)
    bare = Connection(
        "https://old.example:9200", ca_certs=str(file.parent / "ca.pem"), variables="ESPLAN_FROM"
    )
    assert (found.connection, found.cluster_uuid) == (bare, "abc")
    given = {"ESPLAN_FROM_USERNAME": "u", "ESPLAN_FROM_PASSWORD": SECRET}
    found = config.other("old", own | given | {"ESPLAN_FROM_CA_CERTS": "x.pem"}, config=file)
    assert (found.connection.username, found.connection.password) == ("u", SECRET)
    assert (found.connection.api_key, found.connection.ca_certs) == ("", "x.pem")
    assert SECRET not in repr(found)


def test_a_credential_from_a_file(file: Path) -> None:
    (file.parent / "key").write_text(f"{SECRET}\n")
    environ = {"ESPLAN_FROM_API_KEY_FILE": str(file.parent / "key")}
    assert config.other("old", environ, config=file).connection.api_key == SECRET


@pytest.mark.parametrize(
    ("environ", "what", "remedy"),
    [
        (
            {"ESPLAN_FROM_USERNAME": "u"},
            "ESPLAN_FROM_USERNAME is set, but no password",
            "set ESPLAN_FROM_PASSWORD or ESPLAN_FROM_PASSWORD_FILE",
        ),
        (
            {"ESPLAN_FROM_PASSWORD": SECRET},
            "a password is set, but no user name",
            "set ESPLAN_FROM_USERNAME",
        ),
        (
            {"ESPLAN_FROM_CLIENT_KEY": "k"},
            "ESPLAN_FROM_CLIENT_KEY is set, but no certificate",
            "set ESPLAN_FROM_CLIENT_CERT",
        ),
    ],
)
def test_half_a_credential(file: Path, environ: dict[str, str], what: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.other("old", environ, config=file)
    assert (caught.value.what, caught.value.remedy) == (what, remedy)


def test_an_environment_that_is_no_source(file: Path) -> None:
    with pytest.raises(UsageError, match=r"bare has no url, and migrate\.from copies from it"):
        config.other("bare", {}, config=file)
    with pytest.raises(UsageError, match="there is no environment new"):
        config.other("new", {}, config=file)


REMOTE = {"host": "http://old:9200", "environment": "old", "credentials": "ESPLAN_FROM_*"}


def signed(**given: str) -> Any:
    other = SimpleNamespace(connection=Connection("http://old:9200", **given))
    run: Any = SimpleNamespace(other=lambda _name: other)
    body = {"source": {"remote": REMOTE, "index": "a"}, "dest": {"index": "b"}}
    whole = signed_in(body, run)
    assert body["source"]["remote"] is REMOTE, "the plan stays as it is"
    return whole["source"]["remote"]


def test_credentials_are_put_in_when_the_request_is_sent() -> None:
    host = {"host": "http://old:9200"}
    assert signed() == host
    assert signed(username="u", password="p") == {**host, "username": "u", "password": "p"}
    assert signed(api_key="k") == {**host, "headers": {"Authorization": "ApiKey k"}}


def test_other_requests_are_sent_as_they_are() -> None:
    run: Any = SimpleNamespace()
    for body in (None, {}, [b"{}"], {"source": {"index": "a"}}):
        assert signed_in(body, run) is body


def test_credentials_go_to_no_other_host() -> None:
    other = SimpleNamespace(connection=Connection("http://elsewhere:9200", api_key=SECRET))
    run: Any = SimpleNamespace(other=lambda _name: other)
    with pytest.raises(Refused, match="the environment old is at http://elsewhere:9200 now") as e:
        signed_in({"source": {"remote": REMOTE}}, run)
    assert SECRET not in str(e.value)


# Desired file


def read(tmp_path: Path, **alias: Any) -> Any:
    path = tmp_path / "d.json"
    whole = {"index": {"name": "a_{color}"}, **alias}
    path.write_text(json.dumps({"version": 1, "aliases": {"a": whole}}))
    return desired.read([path], None)


def test_what_a_file_says(tmp_path: Path) -> None:
    found = read(tmp_path, migrate={"from": {"environment": "old"}})
    assert found.state.aliases["a"].migrate.remote == Remote("old", "", "auto")
    given = {"environment": "old", "index": "b_1", "via": "client"}
    found = read(tmp_path, migrate={"from": given, "slices": 2.0})
    assert found.state.aliases["a"].migrate.remote == Remote("old", "b_1", "client")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"migrate": {"from": {}}}, '"environment" is missing'),
        ({"migrate": {"from": {"environment": "o", "index": "a,b"}}}, "no name of one alias"),
        ({"migrate": {"from": {"environment": "o", "index": "a*"}}}, "no name of one alias"),
        (
            {"migrate": {"from": {"environment": "o"}, "writes": "catch-up"}},
            "`writes: catch-up` cannot follow what clients write to another cluster",
        ),
        (
            {"migrate": {"from": {"environment": "o"}}, "finish": {"delete_old": True}},
            "`delete_old` would delete documents that `migrate.from` does not copy",
        ),
    ],
)
def test_what_a_file_may_not_say(tmp_path: Path, parts: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, **parts)
    assert said in "\n".join(map(str, caught.value.diagnostics))


# Who copies


@pytest.mark.parametrize(
    ("patterns", "url", "is_allowed"),
    [
        ([], "http://old:9200", False),
        (["old:9200"], "http://old:9200", True),
        (["old:9200"], "https://old:9200/prefix", True),
        (["old:920"], "http://old:9200", False),
        (["o.d:9200"], "http://old:9200", False),
        (["*.example:9*"], "https://a.b.example:9200", True),
        (["other:1", "127.0.10.*:9200"], "http://127.0.10.7:9200", True),
        (["[::1]:*"], "http://[::1]:9200", True),
    ],
)
def test_the_whitelist(patterns: list[str], url: str, is_allowed: bool) -> None:  # noqa: FBT001
    assert origin.allowed(patterns, url) is is_allowed


def test_the_whitelist_is_read_where_it_may_be() -> None:
    def here(answer: Any) -> Any:
        def ask(_path: str, _params: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return SimpleNamespace(read=ask)

    remote = {"defaults": {"reindex": {"remote": {"whitelist": ["a:1", "b:2"]}}}}
    assert origin.whitelist(here(remote)) == ["a:1", "b:2"]
    opensearch = {"defaults": {"reindex": {"remote": {"whitelist": [], "allowlist": "a:1"}}}}
    assert origin.whitelist(here(opensearch)) == ["a:1"]
    assert origin.whitelist(here({})) == []
    assert origin.whitelist(here(ServerError("no", status=403))) == []


class Other:
    """The other cluster, as far as a plan looks at it."""

    def __init__(self, fake: Any) -> None:
        self.fake, self.connection = fake, Connection("http://old:9200", api_key=SECRET)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def read(self, path: str, params: Any = None) -> Any:
        if path == "/":
            version = {"number": "8.16.1"}
            return {"cluster_name": "old", "cluster_uuid": self.fake, "version": version}
        if path.endswith("/_stats/docs,store"):
            primaries = {"docs": {"count": 5}, "store": {"size_in_bytes": 500}}
            return {"indices": {"a_1": {"primaries": primaries}}}
        if path == "/_security/user/_privileges":
            return {"indices": []}
        assert params == {"expand_wildcards": "all"}
        return {"a_1": {"settings": {"index": {"uuid": "u1"}}, "mappings": {}, "aliases": {}}}


def planned(
    monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, tmp_path: Path, allowed: list[str]
) -> Any:
    monkeypatch.setattr(origin, "whitelist", lambda _here: allowed)
    other: Any = Other("other-uuid")
    wanted = read(tmp_path, migrate={"from": {"environment": "old"}})
    return plan(cluster, wanted, connect=lambda _name: other)  # type: ignore[arg-type]


def test_a_plan_names_the_other_cluster_and_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, tmp_path: Path
) -> None:
    made = planned(monkeypatch, cluster, tmp_path, ["old:9200"])
    (copy,) = [step for step in made.steps if step.kind == "remote_reindex"]
    remote = {"host": "http://old:9200", "environment": "old", "credentials": "ESPLAN_FROM_*"}
    assert copy.request["body"]["source"] == {"remote": remote, "index": "a_1", "size": 1000}
    asked = {"environment": "old", "url": "http://old:9200", "cluster": "other-uuid"}
    assert copy.arguments["origin"] == {**asked, "name": "a", "index": "a_1", "uuid": "u1"}
    assert {"check": "origin", "origin": copy.arguments["origin"]} in copy.preconditions
    assert {"check": "origin", "origin": copy.arguments["origin"]} in made.steps[0].preconditions
    assert SECRET not in planfile.dumps(made)
    assert made.changes[0].route == "copy from old:a_1"


def test_without_the_whitelist_esplan_carries_the_documents(
    monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, tmp_path: Path
) -> None:
    made = planned(monkeypatch, cluster, tmp_path, [])
    assert [step.kind for step in made.steps] == [
        "create_index",
        "remote_copy",
        "verify",
        "update_settings",
        "await_health",
        "update_aliases",
    ]


def test_what_has_changed_there() -> None:
    seen = {"environment": "old", "cluster": "c", "name": "a", "index": "a_1", "uuid": "u1"}
    other: Any = Other("c")
    assert origin.changed(other, seen) == ""
    said = origin.changed(other, {**seen, "cluster": "d"})
    assert said.startswith("the environment old is another cluster now: old (c)")
    assert origin.changed(other, {**seen, "index": "a_2"}) == "a in old is a_1 now, not a_2"
    assert origin.changed(other, {**seen, "uuid": "u2"}) == "a_1 in old is a new index"


# Documents


ONE = {"total": 1, "successful": 1, "failed": 0}


def answer(*hits: str, **outer: Any) -> bytes:
    head = {"took": 1, "timed_out": False, "_shards": ONE, **outer}
    body = json.dumps(head)[:-1]
    return f'{body},"hits":{{"max_score":null,"hits":[{",".join(hits)}]}}}}'.encode()


SOURCES = [
    "{}",
    '{"b":1e3, "a" : 1.10,"c":123456789012345678901234567890.10}',
    r'{"brackets":"}]{[\"","back":"\\","odd":"\\\"}"}',
    '{"ü":[[],[{"a":{}}],"]"]}',
    '{"deep":' + "[" * 3000 + "]" * 3000 + "}",
]


def test_documents_are_cut_out_to_the_byte() -> None:
    hits = [
        f'{{"_index":"i","_id":"a\\"{n}","_score":null,"_routing":"r\\u00e9","_ignored":["x"],'
        f'"_source":{source},"sort":[{n}]}}'
        for n, source in enumerate(SOURCES)
    ]
    found = pages.parsed(answer(*hits), "i")
    assert [one.source.decode() for one in found] == SOURCES
    assert [one.seq_no for one in found] == list(range(len(SOURCES)))
    assert found[1].lines() == (
        b'{"create":{"_id":"a\\"1","routing":"r\\u00e9"}}',
        SOURCES[1].encode(),
    )
    assert pages.parsed(answer(), "i") == []


def test_a_document_is_one_line() -> None:
    one = pages.Document(b'"1"', b"", b'{\r\n"a": "x\\n"\n}', 1)
    assert one.lines() == (b'{"create":{"_id":"1"}}', b'{  "a": "x\\n" }')


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_an_answer_that_ends_in_the_middle_is_no_answer(cut: int) -> None:
    whole = answer('{"_id":"1","_source":{"a":[1,2]},"sort":[1]}')
    with pytest.raises(ValueError, match="no JSON at byte"):
        pages.parsed(whole[:-cut], "i")


def test_a_part_of_an_answer_is_not_taken_for_the_whole() -> None:
    with pytest.raises(StepFailed, match="only a part of i answered"):
        pages.parsed(answer(_shards={"total": 2, "failed": 1}), "i")
    with pytest.raises(StepFailed, match="i does not keep its documents"):
        pages.parsed(answer('{"_id":"1","sort":[1]}'), "i")


@dataclass
class There:
    """A shard with these documents, by sequence number: `sizes` are their bytes."""

    sizes: dict[int, int]
    asked: list[tuple[int, int]] = field(default_factory=list)

    def read_bytes(self, _path: str, _params: Any, body: Any, *, most: int, timeout: float) -> Any:
        del timeout
        span = body["query"]["range"]["_seq_no"]
        self.asked.append((span["gte"], body["size"]))
        known = [n for n in sorted(self.sizes) if span["gte"] <= n < span["lt"]][: body["size"]]
        hits = [
            f'{{"_id":"{n}","_source":{{"a":"{"x" * self.sizes[n]}"}},"sort":[{n}]}}' for n in known
        ]
        whole = answer(*hits)
        return whole if len(whole) <= most else None


def test_pages_follow_the_size_of_the_documents() -> None:
    sizes = {n: 3_000_000 if 500 <= n < 504 else 100 for n in range(3000)}
    there: Any = There(sizes)
    pager = pages.Pager(there, "i", 64)
    found = [one.seq_no for page in pager.pages(0, 0, 3000) for one in page]
    assert found == sorted(sizes)
    assert (500, 1) in there.asked
    assert max(size for _, size in there.asked) > 64


def test_a_proxy_that_answers_is_no_page() -> None:
    there: Any = SimpleNamespace(
        connection=Connection("http://old:9200"), read_bytes=lambda *_, **__: b"<html>"
    )
    pager = pages.Pager(there, "i", 5)
    with pytest.raises(Unreachable, match="old:9200 answers, but not as Elasticsearch"):
        list(pager.pages(0, 0, 9))


def test_a_rate_limits_the_page() -> None:
    there: Any = There(dict.fromkeys(range(100), 1))
    pager = pages.Pager(there, "i", 2000, 7)
    assert max(len(page) for page in pager.pages(0, 0, 100)) == 7


STEP = Step(
    "remote_copy",
    "prepare",
    "alias.a",
    "copy",
    request={"method": "POST", "path": "/guard/_bulk", "body": None},
    arguments={"source": "old:a_1"},
)


@dataclass
class Here:
    """Answers each bulk request with the next of these; keeps what was sent."""

    answers: list[Any]
    sent: list[list[bytes]] = field(default_factory=list)

    def change(self, *_: Any, **__: Any) -> Any:
        self.sent.append(_[2])
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return {"items": [{"create": one} for one in found]}


def writer(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> tuple[Writer, Here]:
    here = Here(list(answers))
    run: Any = SimpleNamespace(change=here.change, opaque_id=lambda _step: "x", plan_path=None)
    made = Writer(STEP, run, -1)
    monkeypatch.setattr(made.stopped, "wait", lambda _seconds: False)
    return made, here


DOCUMENTS = [pages.Document(f'"{n}"'.encode(), b"", b"{}", n) for n in range(3)]


def test_what_is_there_already_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = writer(monkeypatch, [{"status": 201}, {"status": 409, "error": {}}, {"status": 201}])
    made.write(DOCUMENTS)
    assert (made.created, made.there_already) == (2, 1)


def test_what_the_server_was_too_busy_for_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = ServerError("too many requests", status=429)
    answers = ([{"status": 201}, {"status": 429}, {"status": 201}], busy, [{"status": 201}])
    made, here = writer(monkeypatch, *answers)
    made.write(DOCUMENTS)
    assert made.created == 3
    assert here.sent[1] == here.sent[2] == [b'{"create":{"_id":"1"}}', b"{}"]


def test_rejected_documents_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    cause = {"reason": "it is text"}
    error = {"type": "document_parsing_exception", "reason": "no date", "caused_by": cause}
    bad = {"_id": "1", "status": 400, "error": error}
    made, _ = writer(monkeypatch, [{"status": 201}, bad, {"status": 201}])
    with pytest.raises(StepFailed, match="the new index rejected documents of old:a_1") as caught:
        made.write(DOCUMENTS)
    said = "1: no date: it is text; the copy stopped there, so there may be more"
    assert caught.value.why == said


def test_a_lost_answer_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made, here = writer(monkeypatch, OutcomeUnknown("nobody knows"))
    with pytest.raises(OutcomeUnknown):
        made.write(DOCUMENTS)
    assert len(here.sent) == 1


def test_how_far_it_came_is_about_one_index(cluster: FakeCluster) -> None:
    kept: Any = cluster
    Reached(kept, "p", "blue u1", 2, 17, 40).keep()
    found = Reached.read(kept, "p", "blue u1")
    assert (found.shard, found.seq_no, found.documents) == (2, 17, 40)
    found = Reached.read(kept, "p", "blue u2")
    assert (found.shard, found.seq_no, found.documents) == (0, 0, 0)


def test_a_list_that_was_changed_since_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ServerError("[old:9200] not whitelisted in reindex.remote.whitelist", status=400)

    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(remote_reindex.reindex, "execute", fails)
    step: Any = SimpleNamespace(arguments={"origin": {"url": "http://old:9200"}})
    run: Any = None
    with pytest.raises(StepFailed, match="may not copy from http://old:9200 any more"):
        remote_reindex.execute(step, run)


def test_only_who_saw_the_last_page_knows() -> None:
    run: Any = SimpleNamespace(finished={"02-remote_copy"})
    step: Any = SimpleNamespace(id="02-remote_copy")
    assert remote_copy.probe(step, run)
    remote_copy.undo(step, run)
    assert not remote_copy.probe(step, run)
