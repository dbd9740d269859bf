from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from esplan import diff, normalize
from esplan.errors import Refused
from esplan.model import UNNUMBERED, Alias, Body, Finish, Index, Migrate, Naming, State, Verify
from esplan.route import Context, Routed, route
from esplan.route.source import new_body

if TYPE_CHECKING:
    from esplan.plan import Step

NAMING = Naming("f_{color}", ("green", "blue"))
SHARDS = {"number_of_shards": 2}


def body(settings: Any = None, **fields: Any) -> Body:
    return normalize.body(settings or {}, {"properties": fields})


def live_state(index: Body, name: str = "f_green", **parts: Any) -> State:
    one = Index(name, index, {"f": {}}, uuid="u", documents=3, size=9)
    one = replace(one, **parts)
    return State({name: one}, {"f": Alias("f", one.aliases["f"], (name,), one.body)})


def alias(wanted: Body, **parts: Any) -> Alias:
    return replace(Alias("f", body=wanted, naming=NAMING), **parts)


def routed(desired: Alias | Index, live: State) -> Routed:
    state = (
        State(aliases={desired.name: desired})
        if isinstance(desired, Alias)
        else State({desired.name: desired})
    )
    (comparison,) = diff.compare(state, live)
    return route(comparison, Context("0123456789abcdef", live, date(2026, 1, 2)))


def kinds(found: Routed) -> list[str]:
    return [step.kind for step in found.steps]


def step(found: Routed, kind: str, number: int = 0) -> Step:
    return [one for one in found.steps if one.kind == kind][number]


REPLACED = [
    "create_index",
    "block_writes",
    "reindex",
    "verify",
    "update_settings",
    "await_health",
    "update_aliases",
    "unblock_writes",
]

# Which route


@pytest.mark.parametrize(
    ("migrate", "way_out"),
    [({"writes": "catch-up"}, "writes: block"), ({"max_rejected": 1}, "migrate.query")],
)
def test_what_needs_sequence_numbers_is_refused_without(
    migrate: dict[str, Any], way_out: str
) -> None:
    live = live_state(body({**SHARDS, UNNUMBERED: True}, a={"type": "long"}))
    wanted = alias(body(SHARDS, a={"type": "keyword"}))
    assert kinds(routed(wanted, live)) == REPLACED
    with pytest.raises(Refused, match="f_green") as caught:
        routed(replace(wanted, migrate=Migrate(**migrate)), live)
    assert UNNUMBERED in caught.value.why
    assert way_out in caught.value.remedy


@pytest.mark.parametrize(("window", "size"), [(7, {"size": 7}), (1000, {}), (None, {})])
def test_a_batch_fits_into_the_window_of_the_source(window: int | None, size: Any) -> None:
    settings = {**SHARDS, "max_result_window": window} if window else SHARDS
    live = live_state(body(settings, a={"type": "long"}))
    found = routed(alias(body(SHARDS, a={"type": "keyword"})), live)
    copy = step(found, "reindex").request or {}
    assert copy["body"]["source"] == {"index": "f_green", **size}


@pytest.mark.parametrize(
    ("documents", "stored", "migrate", "size"),
    [
        (1_000, 100_000, {}, None),
        (1_001, 100_000, {}, 5_000),
        (300_000, 48_000_000, {}, 5_000),
        (300_000, 900_000_000, {}, 3_333),
        (300_000, 3_000_000_000, {}, None),
        (300, 300_000_000, {}, 10),
        (3, 300_000_000, {}, 1),
        (5, 300, {}, None),
        (300_000, 48_000_000, {"requests_per_second": 500}, None),
        (300_000, 48_000_000, {"max_rejected": 3}, None),
        (300, 300_000_000, {"on_rejected": "skip"}, 10),
    ],
)
def test_small_documents_are_copied_in_large_batches(
    documents: int, stored: int, migrate: dict[str, Any], size: int | None
) -> None:
    live = live_state(body(SHARDS, a={"type": "long"}))
    live.indices["f_green"] = replace(live.indices["f_green"], documents=documents, size=stored)
    wanted = replace(alias(body(SHARDS, a={"type": "keyword"})), migrate=Migrate(**migrate))
    copy = step(routed(wanted, live), "reindex").request or {}
    assert copy["body"]["source"].get("size") == size


@pytest.mark.parametrize(("window", "size"), [(7, "&scroll_size=7"), (1000, ""), (None, "")])
def test_so_does_a_batch_that_is_indexed_anew(window: int | None, size: str) -> None:
    settings = {**SHARDS, "max_result_window": window} if window else SHARDS
    live = live_state(body(settings, a={"type": "long"}))
    wanted = body(SHARDS, b={"type": "keyword"})
    found = routed(alias(wanted, migrate=Migrate(backfill=True)), live)
    assert (step(found, "backfill").request or {})["path"].endswith(f"requests_per_second=-1{size}")


def test_nothing() -> None:
    found = routed(alias(body(a={"type": "long"})), live_state(body(a={"type": "long"})))
    assert (found.change.action, found.change.route, found.steps) == ("no-op", "nothing", ())


def test_a_new_alias_and_a_new_index() -> None:
    found = routed(alias(body(a={"type": "long"}), options={"is_hidden": True}), State())
    assert found.change.action == "create"
    assert found.change.before is None
    assert kinds(found) == ["create_index", "await_health", "update_aliases"]
    assert step(found, "create_index").arguments["index"] == "f_green"
    action = (step(found, "update_aliases").request or {})["body"]["actions"][-1]
    assert action == {"add": {"index": "f_green", "alias": "f", "is_hidden": True}}


def test_a_new_index_without_an_alias_scheme() -> None:
    found = routed(Index("logs", body(SHARDS), {"l": {"is_write_index": True}}), State())
    assert kinds(found) == ["create_index", "await_health"]
    sent = (step(found, "create_index").request or {})["body"]
    assert sent["settings"] == {"index.number_of_shards": "2"}
    assert sent["aliases"] == {"l": {"is_write_index": True}}
    mark = {"address": "index.logs", "plan": "0123456789abcdef"}
    assert sent["mappings"]["_meta"] == {"esplan": mark}


def test_a_setting_of_null_is_not_sent_to_a_new_index() -> None:
    found = routed(Index("logs", body({"refresh_interval": None})), State())
    assert (step(found, "create_index").request or {})["body"]["settings"] == {}


def test_in_place_mapping_before_settings_before_options() -> None:
    live = live_state(body(a={"type": "long"}))
    wanted = body({"number_of_replicas": 1}, a={"type": "long"}, b={"type": "ip"})
    found = routed(alias(wanted, options={"is_hidden": True}), live)
    assert (found.change.action, found.change.route) == ("update", "mapping addition")
    assert kinds(found) == ["put_mapping", "update_settings", "update_aliases"]
    for one in found.steps:
        assert {"check": "index", "index": "f_green", "uuid": "u"} in one.preconditions


def test_the_way_back_of_settings_and_options() -> None:
    live = live_state(body({"number_of_replicas": 1}), aliases={"f": {"is_hidden": True}})
    wanted = body({"number_of_replicas": 2, "refresh_interval": "9s"})
    found = routed(alias(wanted, options={"index_routing": "1"}), live)
    settings = step(found, "update_settings").undo["request"]["body"]
    assert settings == {"index.number_of_replicas": "1", "index.refresh_interval": None}
    back = step(found, "update_aliases").undo["request"]["body"]["actions"][-1]
    assert back == {"add": {"index": "f_green", "alias": "f", "is_hidden": True}}


def test_the_dearest_reason_comes_first() -> None:
    live = live_state(body({"number_of_shards": 1, "number_of_replicas": 0}, a={"type": "long"}))
    wanted = body({"number_of_shards": 2, "number_of_replicas": 1}, a={"type": "ip"})
    found = routed(alias(wanted), live)
    assert found.change.route == "reindex"
    assert [reason.route for reason in found.change.reasons] == [
        "reindex",
        "split",
        "dynamic settings",
    ]


# Replacing


def test_a_replacement_from_create_to_unblock() -> None:
    found = routed(alias(body(SHARDS)), live_state(body({"number_of_shards": 1})))
    assert kinds(found) == REPLACED
    assert (found.change.index, found.change.target) == ("f_green", "f_blue")
    assert "f_green is kept" in found.warnings[0]


def test_the_old_index_goes_in_a_call_of_its_own_after_the_switch() -> None:
    wanted = alias(body(SHARDS), finish=Finish(delete_old=True))
    found = routed(wanted, live_state(body({"number_of_shards": 1})))
    assert kinds(found) == [*REPLACED[:-1], "delete_index"]
    switch, delete = step(found, "update_aliases"), step(found, "delete_index")
    actions = [*(switch.request or {})["body"]["actions"]]
    assert not any("remove_index" in action for action in actions)
    assert (delete.request or {})["body"]["actions"][-1] == {"remove_index": {"index": "f_green"}}
    assert delete.phase == "finish"
    assert delete.arguments["uuid"] == "u"
    checks = {check["check"] for check in delete.preconditions}
    assert {"alias", "unaliased", "proven"} <= checks
    assert found.warnings == ()


def test_the_switch_asserts_where_the_alias_points() -> None:
    found = routed(alias(body(SHARDS)), live_state(body({"number_of_shards": 1})))
    actions = (step(found, "update_aliases").request or {})["body"]["actions"]
    removals = [action["remove"] for action in actions if "remove" in action]
    assert len(removals) == 3, "fence, alias, guard"
    assert all(removal["must_exist"] for removal in removals)
    assert actions[-1] == {"add": {"index": "f_blue", "alias": "f"}}
    checks = [check["check"] for check in step(found, "update_aliases").preconditions]
    expected = ["index", "whole", "write_blocked", "ours", "alias", "durable", "proven", "filled"]
    assert checks == expected


def test_a_copy_goes_through_a_guard_that_nothing_can_create() -> None:
    found = routed(alias(body(SHARDS)), live_state(body({"number_of_shards": 1})))
    created = (step(found, "create_index").request or {})["body"]
    (guard,) = created["aliases"]
    copy = step(found, "reindex").request or {}
    assert guard.startswith("esplan-copy-0123456789abcdef-")
    assert copy["body"]["dest"] == {"index": guard, "op_type": "create"}
    assert copy["body"]["conflicts"] == "proceed"
    assert "require_alias=true" in copy["path"]
    assert "wait_for_completion=false" in copy["path"]


def test_a_target_is_filled_without_replicas() -> None:
    live = {"number_of_shards": 1, "number_of_replicas": 2, "refresh_interval": "5s"}
    found = routed(alias(body(SHARDS)), live_state(body(live)))
    created = (step(found, "create_index").request or {})["body"]["settings"]
    assert created["index.number_of_replicas"] == "0"
    assert created["index.refresh_interval"] == "5s"
    final = (step(found, "update_settings").request or {})["body"]
    assert final == {"index.number_of_replicas": "2"}


def test_a_target_that_keeps_no_replicas_needs_no_setting() -> None:
    live = {"number_of_shards": 1, "number_of_replicas": 0}
    found = routed(alias(body(SHARDS)), live_state(body(live)))
    assert "update_settings" not in kinds(found)


def test_replicas_that_expand_are_set_after_the_copy() -> None:
    live = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}
    found = routed(alias(body(SHARDS)), live_state(body(live)))
    created = (step(found, "create_index").request or {})["body"]["settings"]
    assert "index.auto_expand_replicas" not in created
    final = (step(found, "update_settings").request or {})["body"]
    assert final["index.auto_expand_replicas"] == "0-1"


def test_a_lifecycle_policy_comes_after_the_switch() -> None:
    live = {"number_of_shards": 1, "lifecycle.name": "p"}
    found = routed(alias(body(SHARDS)), live_state(body(live)))
    assert "index.lifecycle.name" not in str((step(found, "create_index").request or {})["body"])
    assert kinds(found) == [*REPLACED, "update_settings"]
    assert (step(found, "update_settings", 1).request or {})["body"] == {
        "index.lifecycle.name": "p"
    }


def test_live_settings_and_fields_are_carried_over() -> None:
    live = body({"number_of_shards": 1, "codec": "best_compression"}, kept={"type": "ip"})
    made = new_body(live, body(SHARDS, new={"type": "long"}))
    assert made.settings == {"index.codec": "best_compression", "index.number_of_shards": "2"}
    assert set(made.mappings["properties"]) == {"kept", "new"}
    exact = replace(body(SHARDS, new={"type": "long"}), exact=True)
    assert set(new_body(live, exact).mappings["properties"]) == {"new"}


@pytest.mark.parametrize("block", ["write", "read_only", "read_only_allow_delete", "metadata"])
def test_a_block_is_a_condition_and_not_carried_over(block: str) -> None:
    live = body({"number_of_shards": 1, f"blocks.{block}": "true"})
    assert new_body(live, body()).settings == {"index.number_of_shards": "1"}


def test_a_block_of_somebody_else_stays() -> None:
    live = live_state(body({"number_of_shards": 1, "blocks.write": "true"}))
    found = routed(alias(body(SHARDS)), live)
    assert "unblock_writes" not in kinds(found)
    assert "f_green is write-blocked and stays so" in found.warnings[0]


def test_a_block_of_somebody_else_is_not_lifted_by_a_roll_back_either() -> None:
    live = live_state(body({"number_of_shards": 1, "blocks.write": "true"}))
    found = routed(alias(body(SHARDS)), live)
    assert "request" not in step(found, "block_writes").undo


def test_counting_is_warned_of() -> None:
    wanted = alias(body(SHARDS), verify=Verify("count"), finish=Finish(delete_old=True))
    found = routed(wanted, live_state(body({"number_of_shards": 1})))
    assert found.warnings == ("alias.f: verify.method count proves numbers, not contents",)
    assert step(found, "verify").arguments["method"] == "count"


def test_other_aliases_stay_on_the_old_index() -> None:
    live = live_state(body({"number_of_shards": 1}), aliases={"f": {}, "g": {}, "h": {}})
    found = routed(alias(body(SHARDS)), live)
    assert found.warnings[0] == "alias.f: g, h stays on f_green"


def test_what_the_block_asserts() -> None:
    found = routed(alias(body(SHARDS)), live_state(body({"number_of_shards": 1})))
    checks = [check["check"] for check in step(found, "block_writes").preconditions]
    assert checks == ["index", "whole", "alias"]


def test_an_exact_mapping_is_asserted_exactly() -> None:
    """A field added since the plan would be lost with the old index."""
    exact = replace(body(SHARDS, a={"type": "long"}), exact=True)
    live = live_state(body({"number_of_shards": 1}, a={"type": "long"}))
    found = routed(alias(exact), live)
    assert step(found, "create_index").arguments["whole"]["exact"] is True


# Refusals


def refused(desired: Alias | Index, live: State) -> Refused:
    with pytest.raises(Refused) as caught:
        routed(desired, live)
    assert caught.value.remedy
    return caught.value


def test_an_alias_on_two_indices() -> None:
    one = live_state(body())
    live = State(one.indices, {"f": Alias("f", indices=("f_blue", "f_green"))})
    live.indices["f_blue"] = Index("f_blue", body(), {"f": {}})
    error = refused(alias(body(SHARDS)), live)
    assert error.what == "alias.f is on 2 indices: f_blue, f_green"


def test_an_alias_name_that_is_an_index() -> None:
    error = refused(alias(body()), State({"f": Index("f")}))
    assert "f is the name of an index, not of an alias" in error.what


def test_an_index_name_that_is_an_alias() -> None:
    error = refused(Index("f"), live_state(body()))
    assert error.what == "index.f: f is an alias, on f_green"


def test_an_index_that_clients_use_by_its_name() -> None:
    live = State({"logs": Index("logs", body(a={"type": "long"}), uuid="u")})
    error = refused(Index("logs", body(a={"type": "ip"})), live)
    assert "index.logs cannot be changed in place" in error.what
    assert "mappings.properties.a.type" in error.why


def test_a_closed_source() -> None:
    live = live_state(body({"number_of_shards": 1}), is_open=False)
    error = refused(alias(body(SHARDS)), live)
    assert "is closed, and cannot be copied" in error.what


@pytest.mark.parametrize("stored", [{"enabled": False}, {"excludes": ["x"]}, {"includes": ["x"]}])
def test_a_source_that_is_not_whole(stored: dict[str, Any]) -> None:
    lossy = normalize.body({"number_of_shards": 1}, {"_source": stored})
    error = refused(alias(body(SHARDS)), live_state(lossy))
    assert f"mappings._source.{next(iter(stored))}" in error.what


def test_no_free_name() -> None:
    live = live_state(body({"number_of_shards": 1}))
    live.indices["f_blue"] = Index("f_blue", documents=1, uuid="b")
    assert "f_blue exists (foreign, 1 documents, UUID b)" in refused(alias(body(SHARDS)), live).what


def test_deleting_what_serves_another_alias() -> None:
    live = live_state(body({"number_of_shards": 1}), aliases={"f": {}, "g": {}})
    error = refused(alias(body(SHARDS), finish=Finish(delete_old=True)), live)
    assert "which also serves g" in error.what


def test_deleting_what_esplan_did_not_make() -> None:
    live = live_state(body({"number_of_shards": 1}), name="precious")
    error = refused(alias(body(SHARDS), finish=Finish(delete_old=True)), live)
    assert "delete_old would delete precious, which esplan did not make" in error.what
    marked = live_state(body({"number_of_shards": 1}), name="precious", mark={"plan": "p"})
    found = routed(alias(body(SHARDS), finish=Finish(delete_old=True)), marked)
    assert kinds(found)[-1] == "delete_index"


def test_a_declared_number_of_replicas_ends_their_expansion() -> None:
    """Beside `auto_expand_replicas` the server overrides a number at once."""
    live = live_state(body({"number_of_shards": 1, "auto_expand_replicas": "0-1"}))
    moved = routed(alias(body({**SHARDS, "number_of_replicas": 1})), live)
    assert (step(moved, "update_settings").request or {})["body"] == {
        "index.number_of_replicas": "1"
    }
    changed = routed(alias(body({"number_of_replicas": 1})), live)
    found = step(changed, "update_settings")
    assert (found.request or {})["body"] == {
        "index.number_of_replicas": "1",
        "index.auto_expand_replicas": "false",
    }
    assert found.undo["request"]["body"]["index.auto_expand_replicas"] == "0-1"
