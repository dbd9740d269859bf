"""Close/open, clone, split, shrink and backfill: which is chosen, its steps, and an apply."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import apply as engine
from esplan import diff, layout, live, normalize, planfile
from esplan.commands.plan import plan as command
from esplan.desired import Desired
from esplan.diff import Difference
from esplan.errors import EsplanError, Refused, ServerError, StepFailed, Stopped, UsageError
from esplan.journal import open_journal
from esplan.layout import Layout
from esplan.model import Alias, Body, Index, Migrate, Naming, State
from esplan.plan import Plan, ordered
from esplan.route import Context, Routed, route, rules
from esplan.route.rules import Route
from esplan.run import Run
from esplan.steps import backfill, close_index, open_index

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.plan import Step

ID = "0123456789abcdef"
NAMING = Naming("f_{color}", ("green", "blue"))
CODEC = {"codec": "best_compression"}
SHARDS = {"number_of_shards": 4}
TITLE = {"type": "text"}
RAW = {"type": "text", "fields": {"raw": {"type": "keyword"}}}
TOGETHER = {"f_green": Layout(1024, together=True)}


def body(settings: Any = None, **fields: Any) -> Body:
    return normalize.body({"number_of_shards": 2, **(settings or {})}, {"properties": fields})


def state(index: Body, **parts: Any) -> State:
    one = replace(Index("f_green", index, {"f": {}}, uuid="uuid-f_green", documents=3), **parts)
    return State({one.name: one}, live.aliases({one.name: one}))


def alias(wanted: Body, **parts: Any) -> Alias:
    return replace(Alias("f", body=wanted, naming=NAMING), **parts)


def routed(desired: Alias | Index, now: State, **context: Any) -> Routed:
    kind = "aliases" if isinstance(desired, Alias) else "indices"
    (comparison,) = diff.compare(State(**{kind: {desired.name: desired}}), now)
    return route(comparison, Context(ID, now, date(2026, 1, 2), **context))


def kinds(found: Routed) -> list[str]:
    return [step.kind for step in found.steps]


def step(found: Routed, kind: str) -> Step:
    return next(one for one in found.steps if one.kind == kind)


def body_of(step: Step) -> Any:
    return (step.request or {})["body"]


# Settings that say how documents are indexed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("analyzer.new.type", Route.CLOSE),
        ("normalizer.new.type", Route.CLOSE),
        ("analyzer.default_search.type", Route.CLOSE),
        ("analyzer.loud.filter", Route.REINDEX),
        ("analyzer.loud.max_token_length", Route.REINDEX),
        ("analyzer.english.type", Route.REINDEX),
        ("analyzer.dutch.type", Route.REINDEX),
        ("analyzer.default.type", Route.REINDEX),
        ("analyzer.standard.type", Route.REINDEX),
        ("filter.uppercase.type", Route.REINDEX),
        ("filter.trim.type", Route.REINDEX),
        ("tokenizer.keyword.type", Route.REINDEX),
        ("tokenizer.mine.type", Route.CLOSE),
    ],
)
def test_a_part_of_the_analysis_that_is_there_or_in_use(name: str, expected: Route) -> None:
    """Old documents keep the terms of the old analyzer, whatever the server lets us set."""
    loud = {"tokenizer": "keyword", "filter": ["uppercase", "lowercase, trim"]}
    index = normalize.body(
        {"analysis": {"analyzer": {"loud": loud}}},
        {
            "properties": {"a": {"type": "text", "analyzer": "english"}},
            "dynamic_templates": [{"t": {"mapping": {"type": "text", "analyzer": "dutch"}}}],
        },
    )
    difference = Difference(("settings", f"index.analysis.{name}"), None, "x")
    assert rules.reason(difference, index)[0] == expected


def test_norms_hold_what_a_similarity_discounts() -> None:
    path = ("settings", "index.similarity.s.discount_overlaps")
    found, reason = rules.reason(Difference(path, None, "false"))
    assert found == Route.REINDEX
    assert reason.rule == "`discount_overlaps` is in the norms: documents are indexed anew"
    assert rules.reason(Difference(("settings", "index.similarity.s.k1"), "1", "2"))[0] == (
        Route.CLOSE
    )


def test_a_clone_cannot_be_without_a_similarity() -> None:
    now = state(body({"similarity.s.type": "boolean"}))
    wanted = alias(body({"similarity.s.type": None}))
    (reason,) = routed(wanted, now).change.reasons
    assert reason.route == "reindex"
    assert "a clone cannot be without what its source has" in reason.rule
    closed = routed(wanted, now, closable=frozenset({"alias.f"}))
    assert closed.change.route == "close/open"


# Split and shrink


def test_a_split_takes_settings_and_fields_along() -> None:
    wanted = body({**SHARDS, **CODEC, "refresh_interval": "9s"}, title=RAW)
    found = routed(alias(wanted), state(body(title=TITLE)), layouts=TOGETHER)
    assert found.change.route == "split"
    assert kinds(found)[:5] == [
        "block_writes",
        "resize_index",
        "await_health",
        "put_mapping",
        "verify",
    ]
    sent = body_of(step(found, "resize_index"))["settings"]
    assert sent == {
        "index.number_of_shards": "4",
        "index.codec": "best_compression",
        "index.refresh_interval": "9s",
        "index.blocks.write": None,
        "index.number_of_replicas": "0",
        "index.auto_expand_replicas": None,
    }
    added = step(found, "put_mapping")
    assert (added.request or {})["path"] == "/f_blue/_mapping"
    assert [one["check"] for one in added.preconditions] == ["ours"]
    assert added.undo == {"none": "the new index is deleted"}


def test_a_policy_that_is_new_comes_after_the_switch() -> None:
    wanted = body({**SHARDS, "lifecycle.name": "p"})
    found = routed(alias(wanted), state(body()), layouts=TOGETHER)
    assert body_of(step(found, "resize_index"))["settings"]["index.lifecycle.name"] is None
    last = found.steps[-1]
    assert body_of(last) == {"index.lifecycle.name": "p"}


@pytest.mark.parametrize(
    ("before", "after", "where", "rule"),
    [
        (2, 6, Layout(4, together=True), "6 shards do not divide the 4 routing shards"),
        (4, 2, Layout(4, together=False), "no node has a copy of every shard, as a shrink needs"),
        (2, 3, Layout(4, together=True), "neither of 2 and 3 divides the other"),
        (2, 4, None, "the places of the shards are not known"),
    ],
)
def test_what_stands_in_the_way_of_hard_links(
    before: int, after: int, where: Layout | None, rule: str
) -> None:
    now = state(body({"number_of_shards": before}))
    layouts = {"f_green": where} if where else {}
    found = routed(alias(body({"number_of_shards": after})), now, layouts=layouts)
    assert found.change.route == "reindex"
    assert "reindex" in kinds(found)
    (reason,) = found.change.reasons
    assert reason.route == "reindex"
    assert rule in reason.rule


def test_a_single_shard_splits_into_any_number() -> None:
    now = state(body({"number_of_shards": 1}))
    found = routed(alias(body({"number_of_shards": 7})), now, layouts=TOGETHER)
    assert found.change.route == "split"


def test_routing_shards_that_are_declared_are_kept_to() -> None:
    wanted = replace(body(SHARDS), creation={"index.number_of_routing_shards": "8"})
    found = routed(alias(wanted), state(body()), layouts=TOGETHER)
    assert found.change.route == "reindex"
    assert "the declared number_of_routing_shards" in found.change.reasons[0].rule


def test_a_type_that_changes_is_a_copy_whatever_else_does() -> None:
    wanted = alias(body({**SHARDS, **CODEC}, a={"type": "ip"}))
    found = routed(wanted, state(body(a={"type": "long"})), layouts=TOGETHER)
    assert [one.route for one in found.change.reasons] == ["reindex", "split", "clone"]
    assert "resize_index" not in kinds(found)
    assert body_of(step(found, "create_index"))["settings"]["index.codec"] == "best_compression"


# Clone, or close and open


def test_without_consent_a_clone() -> None:
    found = routed(alias(body(CODEC)), state(body()))
    assert (found.change.action, found.change.route) == ("replace", "clone")
    assert step(found, "resize_index").description == "clone f_green into f_blue (2 shards)"
    (reason,) = found.change.reasons
    assert reason.rule == "an open index does not take this setting, a clone of it does"
    assert "allow it with --allow-close alias.f" in found.warnings[1]
    assert found.warnings[2] == (
        "alias.f: the new codec is that of segments of f_blue merged from now on"
    )


def test_with_consent_close_set_open() -> None:
    wanted = alias(body({**CODEC, "refresh_interval": "9s"}, title=TITLE))
    found = routed(wanted, state(body()), closable=frozenset({"alias.f"}))
    assert (found.change.action, found.change.route) == ("update", "close/open")
    assert kinds(found) == ["close_index", "update_settings", "open_index", "put_mapping"]
    checks = [one["check"] for one in step(found, "close_index").preconditions]
    assert checks == ["index", "body", "alias"]
    assert "serves nobody" in step(found, "close_index").description


def test_consent_closes_nothing_where_a_new_index_is_needed_anyway() -> None:
    wanted = alias(body({**CODEC, **SHARDS}))
    found = routed(wanted, state(body()), closable=frozenset({"alias.f"}), layouts=TOGETHER)
    assert found.change.route == "split"
    assert "close_index" not in kinds(found)
    assert [one.route for one in found.change.reasons] == ["split", "clone"]


def test_an_index_without_an_alias_needs_consent() -> None:
    now = State({"logs": Index("logs", body(), uuid="u")})
    with pytest.raises(Refused) as refused:
        routed(Index("logs", body(CODEC)), now)
    assert refused.value.what == (
        "index.logs has to be closed for this change, and would serve nobody meanwhile"
    )
    assert refused.value.why == (
        "settings.index.codec: this setting changes on a closed index only"
    )
    assert refused.value.remedy.startswith("allow it: --allow-close index.logs; or put it behind")
    found = routed(Index("logs", body(CODEC)), now, closable=frozenset({"index.logs"}))
    assert kinds(found) == ["close_index", "update_settings", "open_index"]


def test_more_shards_of_an_index_without_an_alias() -> None:
    now = State({"logs": Index("logs", body(), uuid="u")})
    with pytest.raises(Refused, match=r"index\.logs cannot be changed in place") as refused:
        routed(Index("logs", body(SHARDS)), now, closable=frozenset({"index.logs"}))
    assert refused.value.why.startswith("settings.index.number_of_shards: this setting is fixed")


def test_a_closed_index_is_not_opened() -> None:
    now = state(body(), is_open=False)
    with pytest.raises(Refused, match="f_green is closed, and this change would open it"):
        routed(alias(body(CODEC)), now, closable=frozenset({"alias.f"}))


def test_a_consent_for_nothing_is_an_error(cluster: Any) -> None:
    with pytest.raises(UsageError, match=r"no desired file has alias\.g"):
        command(cluster, Desired(State(aliases={"f": alias(body())}), "d"), allow_close=["alias.g"])


# Reading where the shards are


def test_one_request_only_where_shards_may_move(cluster: Any) -> None:
    cluster.make("f_green", settings={"index.number_of_shards": "2"}, aliases={"f": {}})
    asked = layout.path(["f_green"])
    command(cluster, Desired(State(aliases={"f": alias(body(CODEC))}), "d"))
    assert asked not in cluster.asked
    made = command(cluster, Desired(State(aliases={"f": alias(body(SHARDS))}), "d"))
    assert cluster.asked.count(asked) == 1
    assert made.changes[0].route == "split"


def test_a_shrink_needs_started_copies_on_one_node() -> None:
    def read(first: Any, second: Any) -> Layout:
        copies = {"0": [{"shard": 0, **first}], "1": [{"shard": 1, **second}]}
        answer = {
            "metadata": {"indices": {"i": {"routing_num_shards": 8}}},
            "routing_table": {"indices": {"i": {"shards": copies}}},
        }
        return layout.read(SimpleNamespace(read=lambda *_: answer), ["i"])["i"]

    here, there = {"state": "STARTED", "node": "a"}, {"state": "STARTED", "node": "b"}
    assert read(here, here) == Layout(8, together=True)
    assert read(here, there) == Layout(8, together=False)
    assert read(here, {"state": "INITIALIZING", "node": "a"}) == Layout(8, together=False)


def test_many_indices_fit_into_the_address() -> None:
    asked: list[str] = []
    reader = SimpleNamespace(read=lambda path, _: asked.append(path))
    layout.read(reader, [f"{'ü' * 127}{n}" for n in range(11)])
    assert len(asked) == 3, "254 bytes of a name are 762 in an address"
    assert max(map(len, asked)) + len(layout.FILTER) < 3900


# Backfill


def filled(before: Any, after: Any, **migrate: Any) -> Routed:
    wanted = alias(body(**after), migrate=Migrate(backfill=True, **migrate))
    return routed(wanted, state(body(**before)))


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({"title": TITLE}, {"title": RAW}, ["title.raw"]),
        ({}, {"title": TITLE, "n": {"type": "long"}}, ["n", "title"]),
        (
            {"o": {"properties": {"a": {"type": "long"}}}},
            {"o": {"properties": {"a": {"type": "long"}, "b": {"type": "long"}}}},
            ["o.b"],
        ),
        ({"o": {"type": "object"}}, {"o": {"properties": {"b": {"type": "long"}}}}, ["o.b"]),
    ],
)
def test_which_fields_are_filled(before: Any, after: Any, fields: list[str]) -> None:
    found = filled(before, after)
    assert kinds(found) == ["put_mapping", "backfill"]
    assert step(found, "backfill").arguments["fields"] == fields


def test_the_request_of_a_backfill() -> None:
    made = step(filled({}, {"title": TITLE}, slices=2, requests_per_second=50), "backfill")
    assert made.phase == "finish"
    assert made.request == {
        "method": "POST",
        "path": "/f_green/_update_by_query?wait_for_completion=false&conflicts=proceed"
        "&refresh=true&pipeline=_none&slices=2&requests_per_second=50",
        "body": {},
    }
    assert [one["check"] for one in made.preconditions] == ["index", "writable"]


def test_a_backfill_runs_no_pipeline() -> None:
    """The default one is turned off in the request; a final one cannot be, and is refused."""
    pipes = {"default_pipeline": "p", "final_pipeline": "_none"}
    wanted = alias(body(title=TITLE), migrate=Migrate(backfill=True))
    made = step(routed(wanted, state(body(pipes))), "backfill")
    assert "&pipeline=_none&" in (made.request or {})["path"]
    with pytest.raises(Refused, match="through its final pipeline p again") as refused:
        routed(wanted, state(body({"final_pipeline": "p"})))
    assert refused.value.code == "ESP-4124"
    given = alias(body({"final_pipeline": "p"}, title=TITLE), migrate=Migrate(backfill=True))
    with pytest.raises(Refused, match="through its final pipeline p again"):
        routed(given, state(body()))
    linked = alias(body(CODEC, title=RAW), migrate=Migrate(backfill=True))
    with pytest.raises(Refused, match="through its final pipeline p again"):
        routed(linked, state(body({"final_pipeline": "p"}, title=TITLE)))


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({"excludes": ["secret"]}, "ESP-4110"),
        ({"enabled": False}, "ESP-4110"),
        ({"mode": "synthetic"}, "ESP-4125"),
    ],
)
def test_no_backfill_from_a_source_that_is_not_whole(source: dict[str, Any], code: str) -> None:
    """What is not in `_source` would be gone from the index."""
    date = {"type": "date", "format": "yyyy-MM-dd||strict_date_optional_time"}
    mappings = {"_source": source, "properties": {"at": date}}
    now = normalize.body({"number_of_shards": 2}, mappings)
    wanted = alias(
        normalize.body({"number_of_shards": 2}, {"properties": {"title": TITLE}}),
        migrate=Migrate(backfill=True),
    )
    with pytest.raises(Refused, match="which may not be all of it") as refused:
        routed(wanted, state(now))
    assert refused.value.code == code


def test_a_backfill_keeps_no_versions() -> None:
    with pytest.raises(Refused, match="raises the version of each document") as refused:
        filled({}, {"title": TITLE}, versions="keep")
    assert refused.value.code == "ESP-4127"
    assert kinds(filled({"title": TITLE}, {"title": TITLE}, versions="keep")) == []


def test_nothing_is_filled_unless_asked_for_and_needed() -> None:
    assert kinds(routed(alias(body(title=RAW)), state(body(title=TITLE)))) == ["put_mapping"]
    above = {"type": "keyword", "ignore_above": 9}
    assert kinds(filled({"a": {"type": "keyword"}}, {"a": above})) == ["put_mapping"]
    assert "backfill" not in kinds(filled({"a": {"type": "long"}}, {"a": {"type": "ip"}}))


def test_an_entry_of_indices_is_filled_too() -> None:
    now = State({"logs": Index("logs", body(), uuid="u")})
    found = routed(Index("logs", body(title=TITLE), backfill=True), now)
    assert kinds(found) == ["put_mapping", "backfill"]


def test_a_clone_is_filled_before_its_proof() -> None:
    wanted = alias(body(CODEC, title=RAW), migrate=Migrate(backfill=True))
    found = routed(wanted, state(body({"blocks.write": "true"}, title=TITLE)))
    order = kinds(found)
    assert order.index("put_mapping") < order.index("backfill") < order.index("verify")
    made = step(found, "backfill")
    assert (made.phase, made.arguments["index"]) == ("switch", "f_blue")


def test_a_write_block_refuses_it() -> None:
    wanted = alias(body(title=TITLE), migrate=Migrate(backfill=True))
    with pytest.raises(Refused) as refused:
        routed(wanted, state(body({"blocks.write": "true"})))
    assert refused.value.what == (
        "alias.f: f_green is write-blocked, and its documents cannot be given title"
    )


# Carrying them out


def run_of(cluster: Any, plan: Plan) -> Run:
    notes: list[str] = []
    said = SimpleNamespace(
        step_started=lambda *_: None,
        step_progress=lambda *_: None,
        step_ended=lambda *_: None,
        note=notes.append,
        notes=notes,
    )
    lock = SimpleNamespace(token="t", check=lambda: None)
    return Run(cluster, plan, lock, said, Event())


def planned(found: Routed) -> Plan:
    made = Plan(ID, "", "", {}, "", (found.change,), ordered(list(found.steps)))
    return planfile.sealed(made)


@pytest.fixture
def closing(cluster: Any) -> Plan:
    cluster.make("f_green", settings={"index.number_of_shards": "2"}, aliases={"f": {}})
    return planned(routed(alias(body(CODEC)), state(body()), closable=frozenset({"alias.f"})))


SENT = ["POST /f_green/_close", "PUT /f_green/_settings", "POST /f_green/_open"]


def carry_out(cluster: Any, plan: Plan, folder: Path) -> Run:
    run = run_of(cluster, plan)
    engine.apply(run, open_journal(folder / "journal", plan.digest))
    return run


def test_close_set_open_is_carried_out(cluster: Any, closing: Plan, tmp_path: Path) -> None:
    carry_out(cluster, closing, tmp_path)
    assert cluster.sent == SENT
    assert cluster.indices["f_green"]["closed"] is False
    assert cluster.indices["f_green"]["settings"]["index.codec"] == "best_compression"


@pytest.mark.parametrize("request_", SENT)
@pytest.mark.parametrize("how", ["lose", "drop"])
def test_an_answer_that_is_lost(
    cluster: Any, closing: Plan, tmp_path: Path, how: str, request_: str
) -> None:
    getattr(cluster, how)(request_)
    carry_out(cluster, closing, tmp_path)
    assert cluster.sent == SENT, "sent once"
    assert cluster.indices["f_green"]["closed"] is False


def test_refused_settings_open_the_index_again(cluster: Any, closing: Plan, tmp_path: Path) -> None:
    cluster.refuse("PUT /f_green/_settings")
    with pytest.raises(ServerError, match="refused PUT") as failed:
        carry_out(cluster, closing, tmp_path)
    assert cluster.sent == ["POST /f_green/_close", "POST /f_green/_open"]
    assert "every change was taken back" in failed.value.where
    cluster.before = lambda _: None
    carry_out(cluster, closing, tmp_path)
    assert cluster.sent[2:] == SENT, "the same plan can be applied again"


def test_an_index_that_does_not_open_gets_its_old_settings(
    cluster: Any, closing: Plan, tmp_path: Path
) -> None:
    def once(request: str) -> None:
        if request == SENT[2]:
            cluster.before = lambda _: None
            raise ServerError("no", status=400)

    cluster.before = once
    with pytest.raises(ServerError):
        carry_out(cluster, closing, tmp_path)
    assert cluster.sent == [*SENT[:2], "PUT /f_green/_settings", SENT[2]]
    assert "index.codec" not in cluster.indices["f_green"]["settings"]
    assert cluster.indices["f_green"]["closed"] is False


def test_a_later_step_that_fails_leaves_the_index_open(cluster: Any, tmp_path: Path) -> None:
    cluster.make("f_green", settings={"index.number_of_shards": "2"}, aliases={"f": {}})
    wanted = alias(body(CODEC, title=TITLE))
    plan = planned(routed(wanted, state(body()), closable=frozenset({"alias.f"})))
    cluster.refuse("PUT /f_green/_mapping")
    with pytest.raises(ServerError):
        carry_out(cluster, plan, tmp_path)
    assert cluster.sent == SENT
    assert cluster.indices["f_green"]["settings"]["index.codec"] == "best_compression"


def test_an_interruption_waits_until_the_index_is_open(
    cluster: Any, closing: Plan, tmp_path: Path
) -> None:
    run = run_of(cluster, closing)

    def interrupt(request: str) -> None:
        if request == SENT[0]:
            run.interrupted.set()

    cluster.after = interrupt
    engine.apply(run, open_journal(tmp_path / "journal", closing.digest))
    assert cluster.indices["f_green"]["closed"] is False


def test_an_interruption_before_the_close_closes_nothing(
    cluster: Any, closing: Plan, tmp_path: Path
) -> None:
    run = run_of(cluster, closing)
    run.interrupted.set()
    with pytest.raises(Stopped):
        engine.apply(run, open_journal(tmp_path / "journal", closing.digest))
    assert cluster.sent == []


def test_an_open_is_taken_back_by_a_close(cluster: Any, closing: Plan) -> None:
    """Settings go back on a closed index only."""
    run, one = run_of(cluster, closing), closing.steps[2]
    open_index.undo(one, run)
    open_index.undo(one, run)
    assert cluster.sent == ["POST /f_green/_close"], "once: it is closed then"


def test_a_close_that_is_not_confirmed(cluster: Any, closing: Plan) -> None:
    answer = {"shards_acknowledged": True, "indices": {"f_green": {"closed": False}}}
    cluster.change = lambda *_, **__: answer
    with pytest.raises(EsplanError, match="has confirmed that it is closed"):
        close_index.execute(closing.steps[0], run_of(cluster, closing))


def test_primaries_that_do_not_start(
    cluster: Any, closing: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_index, "PATIENCE", 2)
    run, one = run_of(cluster, closing), closing.steps[2]
    monkeypatch.setattr(open_index, "_status", lambda *_, **__: "red")
    assert open_index.probe(one, run) is False
    with pytest.raises(StepFailed, match="f_green does not serve after it was opened"):
        open_index.execute(one, run)


@pytest.fixture
def filling(cluster: Any) -> Plan:
    settings = {"index.number_of_shards": "2"}
    cluster.make("f_green", documents=3, settings=settings, aliases={"f": {}})
    return planned(filled({}, {"title": TITLE}))


def test_a_backfill_is_repeated_while_others_write(
    cluster: Any, filling: Plan, tmp_path: Path
) -> None:
    cluster.indices["f_green"]["conflicts"] = [2, 1, 0]
    run = carry_out(cluster, filling, tmp_path)
    asked = [one for one in cluster.sent if "_update_by_query" in one]
    assert len(asked) == 3
    assert run.listener.notes == [
        "2 documents were written meanwhile: once more",
        "1 documents were written meanwhile: once more",
    ]
    evidence = [one.data for one in cluster.journalled() if one.event == "done"][-1]
    assert evidence == {"updated": 6, "version_conflicts": 0}


def test_a_backfill_does_not_begin_behind_half_a_refresh(
    cluster: Any, filling: Plan, tmp_path: Path
) -> None:
    """It goes over what a search finds: the documents of a shard that was left out stay empty."""
    half = {"_shards": {"failed": 1, "total": 2, "failures": [{"reason": "gone"}]}}
    real = cluster.read
    cluster.read = lambda at, *more, **how: (
        half if at.endswith("_refresh") else real(at, *more, **how)
    )
    with pytest.raises(StepFailed, match="only a part of f_green answered"):
        carry_out(cluster, filling, tmp_path)
    assert not [one for one in cluster.sent if "_update_by_query" in one]


def test_a_backfill_does_not_run_for_ever(cluster: Any, filling: Plan, tmp_path: Path) -> None:
    cluster.indices["f_green"]["conflicts"] = [1] * 9
    carry_out(cluster, filling, tmp_path)
    assert sum("_update_by_query" in one for one in cluster.sent) == backfill.ROUNDS


@pytest.mark.parametrize(
    ("response", "why"),
    [
        ({"failures": [{"id": "7", "cause": {"reason": "too big"}}]}, "7: too big"),
        ({"canceled": "by user request"}, "by user request"),
        ({"timed_out": True}, "True"),
    ],
)
def test_completed_does_not_mean_good(
    cluster: Any, filling: Plan, response: dict[str, Any], why: str
) -> None:
    whole = {"updated": 1, "version_conflicts": 0, **response}
    cluster.tasks["t"] = {"completed": True, "task": {}, "response": whole}
    cluster.change = lambda *_, **__: {"task": "t"}
    with pytest.raises(StepFailed) as failed:
        backfill.execute(filling.steps[1], run_of(cluster, filling))
    assert failed.value.what == "the documents of f_green could not all be indexed anew"
    assert failed.value.why == why


def test_a_final_pipeline_after_the_plan_refuses_it(
    cluster: Any, filling: Plan, tmp_path: Path
) -> None:
    cluster.indices["f_green"]["settings"]["index.final_pipeline"] = "p"
    with pytest.raises(Refused) as refused:
        carry_out(cluster, filling, tmp_path)
    why = "f_green has the final pipeline p, which would change its documents"
    assert refused.value.why == why
    assert not [one for one in cluster.sent if "_update_by_query" in one]


def test_a_block_after_the_plan_refuses_it(cluster: Any, filling: Plan, tmp_path: Path) -> None:
    cluster.indices["f_green"]["settings"]["index.blocks.write"] = "true"
    with pytest.raises(Refused) as refused:
        carry_out(cluster, filling, tmp_path)
    assert refused.value.why == "f_green is write-blocked: its documents cannot be indexed anew"
