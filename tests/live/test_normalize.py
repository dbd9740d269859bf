"""What is sent, what GET makes of it, and what is sent again from the canonical form."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from bodies import BODIES, DIFFERENT, fields
from hypothesis import HealthCheck, assume, given, settings
from random_bodies import ALIASES, ANY_BODY

from esplan import desired, diff, live, normalize
from esplan.commands.plan import plan
from esplan.errors import ServerError
from esplan.route import ignored

if TYPE_CHECKING:
    from pathlib import Path

    from engine import Engine

    from esplan.cluster import Cluster
    from esplan.model import Body

pytestmark = pytest.mark.live


def created(cluster: Cluster, index: str, sent: dict[str, Any]) -> dict[str, Any]:
    """What GET returns for an index that was made from a body, and is gone again."""
    (returned,) = all_created(cluster, {index: sent})
    return returned


def all_created(cluster: Cluster, bodies: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The same for several, in their order."""
    made: list[str] = []
    try:
        for index, sent in bodies.items():
            cluster.change("PUT", f"/{index}", {"wait_for_active_shards": "0"}, sent)
            made.append(index)
        returned = cluster.read(f"/{','.join(made)}")
        return [returned[index] for index in made]
    finally:
        if made:
            cluster.change("DELETE", f"/{','.join(made)}")


def unplaced(sent: dict[str, Any]) -> dict[str, Any]:
    """The same settings, and no node takes the shards: what GET returns comes much sooner."""
    return {"settings": {**sent["settings"], "index.routing.allocation.enable": "none"}}


def canonical(body: dict[str, Any]) -> Body:
    return normalize.body(body.get("settings", {}), body.get("mappings", {}))


def set_only(body: Body) -> dict[str, Any]:
    """As a new index is made: a setting that is null is not sent."""
    settings = {name: value for name, value in body.settings.items() if value is not None}
    return {"settings": settings, "mappings": body.mappings}


def check(cluster: Cluster, engine: Engine, name: str, sent: dict[str, Any]) -> None:
    wanted = canonical(sent)
    aliases = options(sent)
    # Not the same aliases: two indices cannot both be the one to write to.
    again = {**set_only(wanted), "aliases": {f"{n}-2": one for n, one in aliases.items()}}
    first, second = all_created(cluster, {f"{name}-sent": sent, f"{name}-canonical": again})
    if lost := ignored.lost(wanted.mappings, live.cluster_info(cluster)):
        assert all(one.is_in(wanted.mappings) for one in lost)
        assert not any(one.is_in(first["mappings"]) for one in lost)
        return
    wanted = normalize.read_by(wanted, first["settings"]["index"]["version"]["created"])
    projected = diff.projected(canonical(first), wanted)
    assert list(diff.differences(projected, diff.shown(wanted))) == []
    assert projected == diff.shown(wanted)
    assert options(first) == aliases

    assert set_only(canonical(second)) == set_only(canonical(first))
    assert said(second["mappings"], engine) == said(first["mappings"], engine)
    kept = without_false_hidden(first["aliases"])
    assert second["aliases"] == {f"{alias}-2": one for alias, one in kept.items()}


def options(body: dict[str, Any]) -> dict[str, Any]:
    return {n: normalize.alias_options(one) for n, one in body.get("aliases", {}).items()}


def without_false_hidden(aliases: dict[str, Any]) -> dict[str, Any]:
    """`is_hidden: false` means nothing, stays where it was sent, and is never sent by esplan."""
    return {
        name: {n: v for n, v in one.items() if (n, v) != ("is_hidden", False)}
        for name, one in aliases.items()
    }


def said(mappings: dict[str, Any], engine: Engine) -> dict[str, Any]:
    """The mapping that GET returned, untouched but for what it repeats without need."""
    source = {n: v for n, v in mappings.get("_source", {}).items() if (n, v) != ("enabled", True)}
    meta = mappings.get("_meta") or {}  # an empty one says nothing, and comes back
    return without_repeats(mappings, engine) | {"_source": source, "_meta": meta}


def without_repeats(tree: Any, engine: Engine) -> Any:
    if isinstance(tree, list):
        return [without_repeats(one, engine) for one in tree]
    if not isinstance(tree, dict):
        return tree
    kind = tree.get("type")
    kept = {n: v for n, v in without_interval(tree).items() if not engine.repeats_as_sent(kind, n)}
    if kept.get("match_pattern") == "simple":  # the default of a dynamic template
        del kept["match_pattern"]
    return {name: without_repeats(value, engine) for name, value in kept.items()}


def without_interval(options: dict[str, Any]) -> dict[str, Any]:
    """Version 9 repeats the interval of four-bit vectors, and warns that it has no use for it."""
    return {n: v for n, v in options.items() if (n, v) != ("confidence_interval", 0.0)}


@pytest.mark.parametrize("sent", BODIES, ids=json.dumps)
def test_the_canonical_form_is_what_the_server_makes_of_it(
    cluster: Cluster, engine: Engine, name: str, sent: dict[str, Any]
) -> None:
    if not engine.refuses(cluster, f"{name}-sent", sent):
        check(cluster, engine, name, sent)


@pytest.mark.parametrize("pair", DIFFERENT, ids=json.dumps)
def test_what_the_server_keeps_apart_stays_apart(
    cluster: Cluster, engine: Engine, name: str, pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    if any(engine.refuses(cluster, name, fields(f=f)) for f in pair):
        return
    one, other = (
        created(cluster, f"{name}-{number}", fields(f=f)) for number, f in enumerate(pair)
    )
    if engine.has_by_default(pair[0]):
        made = one["settings"]["index"]["version"]["created"]
        same = {str(normalize.read_by(canonical(fields(f=f)), made).mappings) for f in pair}
        assert one["mappings"] == other["mappings"]
        assert len(same) == 1
        return
    assert one["mappings"] != other["mappings"]
    assert canonical(one).mappings != canonical(other).mappings
    assert normalize.field(pair[0]) != normalize.field(pair[1])


def test_a_list_of_one_pattern_is_sent_as_the_pattern(
    cluster: Cluster, engine: Engine, name: str
) -> None:
    """Where the server reads the list as a text, too."""
    sent = {"mappings": {"dynamic_templates": [{"t": {"match": ["a*"], "mapping": {}}}]}}
    whole, made = created(cluster, name, sent), created(cluster, name, set_only(canonical(sent)))
    ((rule,), (own,)) = (one["mappings"]["dynamic_templates"] for one in (whole, made))
    assert own["t"]["match"] == "a*"
    assert rule["t"]["match"] == ("a*" if engine.has_pattern_lists else "[a*]")


@pytest.mark.parametrize("word", ["_none_", " a", "a,b"])
def test_a_list_of_one_that_the_server_reads_in_another_way_stays_a_list(
    cluster: Cluster, word: str
) -> None:
    def tokens(stopwords: Any) -> list[str]:
        stop = {"type": "stop", "stopwords": stopwords}
        body = {"tokenizer": "standard", "filter": [stop], "text": "_none_ a b a,b"}
        answer = cluster.change("POST", "/_analyze", None, body)
        return [token["token"] for token in answer["tokens"]]

    assert tokens(word) != tokens([word])
    assert tokens("a") == tokens(["a"])
    name = "index.analysis.filter.f.stopwords"
    assert normalize.setting_value(name, [word]) != normalize.setting_value(name, word)
    assert normalize.setting_value(name, ["a"]) == normalize.setting_value(name, "a")


LISTED = re.compile(r'"(path_)?(un)?match": \[')
"""Patterns of a dynamic template."""


def copies_in_objects(tree: Any, *, folded: bool = False) -> bool:
    """Whether a field has a `copy_to` inside an object that is no object to the server."""
    if not isinstance(tree, dict):
        return False
    folded = folded or str(tree.get("subobjects")).lower() == "false"
    inner = [one for one in tree.get("properties", {}).values() if "properties" in one]
    lost = folded and '"copy_to"' in json.dumps(inner)
    return lost or any(copies_in_objects(one, folded=folded) for one in inner)


def test_a_copy_that_the_server_has_lost_is_added(
    cluster: Cluster, engine: Engine, name: str, tmp_path: Path
) -> None:
    copied = {"type": "keyword", "copy_to": "z"}
    mappings = {"subobjects": False, "properties": {"a": {"properties": {"b": copied}}}}
    if engine.refuses(cluster, name, {"mappings": mappings}):
        return
    cluster.change("PUT", f"/{name}", None, {"mappings": mappings})
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"version": 1, "indices": {name: {"mappings": mappings}}}))
    steps = plan(cluster, desired.read([file])).steps
    assert [step.kind for step in steps] == ["put_mapping"] * engine.loses_copies
    for step in steps:
        assert step.request is not None
        cluster.change("PUT", step.request["path"], None, step.request["body"])
    assert not plan(cluster, desired.read([file])).steps


@settings(
    max_examples=max(300, settings.default.max_examples if settings.default else 0),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(ANY_BODY, ALIASES)
def test_any_valid_body_comes_back_as_itself(
    cluster: Cluster, engine: Engine, name: str, sent: dict[str, Any], aliases: dict[str, Any]
) -> None:
    """The same case twice: as it is written, and as esplan would send it."""
    # Such an engine reads a list of one as the text `[a*]`; esplan would send `a*`.
    assume(engine.has_pattern_lists or not LISTED.search(json.dumps(sent)))
    assume(not (engine.loses_copies and copies_in_objects(sent.get("mappings", {}))))
    given = {f"{name}-{alias}": options for alias, options in aliases.items()}
    try:
        check(cluster, engine, name, {**sent, **unplaced(sent), "aliases": given})
    except ServerError as error:
        assume(error.status != 400)
        raise
