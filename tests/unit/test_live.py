from __future__ import annotations

from typing import Any

import pytest

from esplan import diff, live, normalize
from esplan.errors import EsplanError, Unreachable
from esplan.model import Index, State

ROOT = {
    "cluster_name": "c",
    "cluster_uuid": "u",
    "version": {"number": "8.16.1"},
}


class Answers:
    """A Reader with one answer a path; it keeps what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[tuple[str, Any]]()

    def read(self, path: str, params: dict[str, Any] | None = None) -> Any:
        self.asked.append((path, params))
        return self.answers.get(path.split("/")[1], {})


def raw(uuid: str = "u", aliases: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    return {
        "aliases": aliases or {},
        "mappings": {"properties": {"a": {"type": "long"}}},
        "settings": {"index": {"uuid": uuid, "number_of_shards": "1", **settings}},
    }


def test_which_cluster_this_is() -> None:
    info = live.cluster_info(Answers(**{"": ROOT}))
    assert info == live.ClusterInfo("c", "u", "8.16.1", "elasticsearch")


def test_opensearch_says_what_it_is() -> None:
    root = ROOT | {"version": {"number": "2.19.5", "distribution": "opensearch"}}
    assert live.cluster_info(Answers(**{"": root})).distribution == "opensearch"


@pytest.mark.parametrize("answer", [None, {}, {"status": "ok"}])
def test_a_server_that_does_not_say_which_cluster_it_is(answer: Any) -> None:
    with pytest.raises(Unreachable, match="does not say which cluster it is") as error:
        live.cluster_info(Answers(**{"": answer}))
    assert "rest-root" in error.value.remedy


def test_the_state_takes_two_requests_and_asks_for_hidden_and_closed_indices() -> None:
    cluster = Answers(**{"*,-.*": {"one": raw()}})
    state = live.read_state(cluster)
    assert [path for path, _ in cluster.asked] == ["/*,-.*", "/_stats/docs,store"]
    assert cluster.asked[0][1] == {"expand_wildcards": "all"}
    assert state.indices["one"].documents is None
    assert state.indices["one"].size is None


def test_an_empty_cluster() -> None:
    state = live.read_state(Answers())
    assert (state.indices, state.aliases) == ({}, {})


def test_documents_and_bytes_come_from_the_stats() -> None:
    stats = {"one": {"primaries": {"docs": {"count": 0}, "store": {"size_in_bytes": 226}}}}
    index = live.state({"one": raw()}, stats).indices["one"]
    assert (index.documents, index.size) == (0, 226)


def test_an_index_is_canonical() -> None:
    index = live.index("one", raw("x"), {})
    assert index.uuid == "x"
    assert index.is_open
    assert index.body.settings == {"index.number_of_shards": "1"}
    assert index.body.mappings == {"properties": {"a": {"type": "long"}}}


def test_a_closed_index() -> None:
    assert not live.index("one", raw(verified_before_close="true"), {}).is_open


def test_the_mark_of_an_index() -> None:
    made = raw() | {"mappings": {"_meta": {"esplan": {"plan": "p", "address": "alias.a"}}}}
    index = live.index("one", made, {})
    assert index.mark == {"plan": "p", "address": "alias.a"}
    assert index.body.mappings == {"properties": {}}


def test_aliases_with_their_members_in_order() -> None:
    definitions = {
        "b": raw(aliases={"x": {"index_routing": "1", "search_routing": "1"}}),
        "a": raw(aliases={"x": {}, "y": {"is_write_index": True}}),
    }
    state = live.state(definitions, {})
    assert state.aliases["x"].indices == ("a", "b")
    assert state.aliases["y"].indices == ("a",)
    assert state.aliases["y"].options == {"is_write_index": True}
    assert state.indices["b"].aliases == {"x": {"index_routing": "1", "search_routing": "1"}}


def test_some_indices_by_name() -> None:
    cluster = Answers(**{"a,b": {"a": raw(), "behind-the-alias-b": raw()}})
    found = live.read_indices(cluster, ["a", "b"])
    assert set(found) == {"a"}, "an alias of that name is not the index of that name"
    assert cluster.asked[0][1]["ignore_unavailable"] == "true"


def test_none_of_the_indices_is_there() -> None:
    assert live.read_indices(Answers(), ["a"]) == {}


def test_a_404_of_a_proxy_is_not_an_empty_cluster() -> None:
    """The cluster answers 200 and {} to both: whoever believed the 404 would create everything."""
    nothing = Answers(**{"*,-.*": None, "a": None, "_stats": None})
    reads: list[Any] = [
        live.read_state,
        live.read_stats,
        lambda one: live.read_indices(one, ["a"]),
    ]
    for read in reads:
        with pytest.raises(Unreachable, match="is 404, and the cluster never answers so"):
            read(nothing)


def test_a_definition_that_cannot_be_read_is_no_traceback() -> None:
    with pytest.raises(EsplanError, match="the definition of the index odd cannot be read"):
        live.index("odd", {"mappings": {"properties": {"a": 3}}}, {})


def test_the_nulls_that_a_resize_stores_are_no_settings() -> None:
    """As GET returns them on 8.16.1 after `_shrink` with `"index.blocks.write": null`."""
    shrunk = raw(blocks={"write": None}, auto_expand_replicas=None, refresh_interval="9s")
    found = live.index("one", shrunk, {}).body.settings
    assert found == {"index.number_of_shards": "1", "index.refresh_interval": "9s"}
    sent = normalize.body({"index.blocks.write": None, "refresh_interval": "9s"}, {})
    desired = State({"one": Index("one", sent)})
    (comparison,) = diff.compare(desired, live.state({"one": shrunk}, {}))
    assert comparison.differences == ()
