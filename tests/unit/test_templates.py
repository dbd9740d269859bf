"""Index templates: which one matches, what it adds, and no request where nothing is created."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from esplan import normalize, templates
from esplan.commands.plan import with_templates
from esplan.errors import Refused, ServerError
from esplan.model import Index
from esplan.plan import Change, Step
from esplan.route import Routed
from esplan.steps import gains
from esplan.templates import Templates


def composable(name: str, priority: int, **template: Any) -> dict[str, Any]:
    body = {"index_patterns": ["a*"], "priority": priority, "template": template}
    return {"name": name, "index_template": body}


@pytest.mark.parametrize(
    ("pattern", "name", "is_match"),
    [("a*", "abc", True), ("*c", "abc", True), ("a?c", "abc", False), ("a.c", "abc", False)],
)
def test_patterns(pattern: str, name: str, *, is_match: bool) -> None:
    assert templates.matches([pattern], name) is is_match


def test_the_highest_priority_counts_alone_and_hides_legacy_ones() -> None:
    low = composable("low", 1, settings={"priority": 1}, aliases={"{index}-x": {}})
    high = composable("high", 2, settings={"priority": 2})
    legacy = {"old": {"index_patterns": ["*"], "settings": {"codec": "default"}}}
    found = templates.added(Templates((high, low), legacy=legacy), "abc")
    assert found is not None
    assert (found.source, found.settings) == ("the index template high", {"index.priority": "2"})
    alone = templates.added(Templates((low,)), "abc")
    assert alone is not None
    assert alone.aliases == {"abc-x": {}}
    other = templates.added(Templates((high,), legacy=legacy), "b")
    assert other is not None
    assert other.source == "the legacy template old"
    assert templates.added(Templates((high,)), "b") is None


def test_a_composable_field_is_replaced_and_a_legacy_one_is_mixed() -> None:
    mappings = {"properties": {"f": {"type": "text", "analyzer": "english"}}}
    wanted = normalize.body({}, {"properties": {"f": {"type": "text"}}})
    new = templates.added(Templates((composable("t", 1, mappings=mappings),)), "a")
    old = {"t": {"index_patterns": ["a*"], "mappings": mappings}}
    legacy = templates.added(Templates(legacy=old), "a")
    assert new is not None
    assert legacy is not None
    assert list(templates.disagreements(new, wanted)) == []
    (found,) = templates.disagreements(legacy, wanted)
    assert (found.path[-1], found.before, found.after) == ("analyzer", "english", None)


class Forbidden:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, path: str, _params: Any = None) -> Any:
        self.asked.append(path)
        raise ServerError("no", status=403)


def routed(*steps: Step) -> Routed:
    after: dict[str, Any] = {"settings": {}, "mappings": {}, "aliases": {}}
    change = Change("index.a", "create", "create", None, "a", (), None, after)
    return Routed(change, steps)


def test_no_request_without_a_new_index_and_a_warning_without_the_privilege() -> None:
    cluster = Forbidden()
    assert with_templates(cluster, [routed()], ()) == [routed()]
    assert cluster.asked == []
    arguments = {"index": "a", "filled": False}
    create = Step("create_index", "prepare", "index.a", "", arguments=arguments)
    (found,) = with_templates(cluster, [routed(create)], ())
    assert "the credentials may not read them (manage_index_templates)" in found.warnings[0]
    assert cluster.asked == ["/_index_template"]


class Has:
    """A cluster whose only template is this one."""

    def __init__(self, template: dict[str, Any]) -> None:
        self.template = template

    def read(self, path: str, _params: Any = None) -> Any:
        return {"index_templates": [self.template]} if path == "/_index_template" else {}


LONG = {"type": "long"}


def made(template: dict[str, Any], **live: Any) -> str:
    """Why a new index is refused that was planned with `codec` and a field, and is as `live`."""
    old = templates.added(Templates((composable("t", 1, settings={"codec": "default"}),)), "a")
    sent = {"settings": {"index.priority": "3"}, "mappings": {"properties": {"f": LONG}}}
    assert old is not None
    known = gains.known(old, normalize.body(sent["settings"], sent["mappings"]))
    assert known == {"settings.index.codec": "default"}
    arguments = {"index": "a", "filled": True, "gains": known}
    create = Step("create_index", "prepare", "index.a", "", {"body": sent}, arguments=arguments)
    own = {"number_of_shards": 1, "priority": 3, **live.get("settings", {})}
    mappings = {"properties": {"f": LONG}, **live.get("mappings", {})}
    index = Index("a", normalize.body(own, mappings))
    try:
        gains.require(create, SimpleNamespace(cluster=Has(template)), index)  # type: ignore[arg-type]  (enough of one)
    except Refused as refused:
        return f"{refused.code} {refused.why}"
    return ""


def test_what_a_template_gave_after_the_plan() -> None:
    """The server's own settings, and what the plan has from templates, are no surprise."""
    same = composable("t", 1, settings={"codec": "default"})
    assert made(same, settings={"codec": "default"}) == ""
    piped = composable("t", 1, settings={"codec": "default", "default_pipeline": "p"})
    found = made(piped, settings={"codec": "default", "default_pipeline": "p"})
    assert "ESP-4204 the index template t has come or changed" in found
    assert "gave it settings.index.default_pipeline: 'p'" in found
    other = made(
        composable("t", 1, settings={"codec": "best_compression"}),
        settings={"codec": "best_compression"},
    )
    assert "settings.index.codec: 'best_compression'" in other
    parts = {"dynamic": "false", "properties": {"f": LONG, "g": LONG}}
    found = made(composable("t", 1, mappings=parts), mappings=parts)
    assert "mappings.dynamic: 'false'; mappings.properties.g.type: 'long'" in found
    won = composable("t", 1, settings={"priority": 9}, mappings={"properties": {"f": LONG}})
    assert made(won) == "", "what the request said has won"
