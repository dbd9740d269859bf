"""`migrate.data: discard`: its steps, its consent, and its apply on a cluster in memory."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from esplan import apply as engine
from esplan import normalize, safety
from esplan.commands.plan import plan as make_plan
from esplan.desired import Desired
from esplan.errors import Refused, UsageError
from esplan.journal import open_journal
from esplan.model import Alias, Finish, Migrate, Naming, State
from esplan.run import Run
from esplan.views import plan_text
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.plan import Plan

SETTINGS = {"index.number_of_shards": "1", "index.number_of_replicas": "0"}
LIFECYCLE = {"index.lifecycle.name": "p"}


class Held:
    token = "t"

    def check(self) -> None:
        """Ours."""


def alias(name: str = "films", year: str = "keyword", **parts: Any) -> Alias:
    settings = {**SETTINGS, **parts.pop("settings", {})}
    body = normalize.body(settings, {"properties": {"year": {"type": year}}})
    naming = Naming(f"{name}_{{color}}", ("green", "blue"))
    given = {"naming": naming, "migrate": Migrate(data="discard"), "finish": Finish(), **parts}
    return Alias(name, body=body, **given)


def make(cluster: Any, name: str, **parts: Any) -> None:
    mappings = {"properties": {"year": {"type": "integer"}}, **parts.pop("mappings", {})}
    body = {"settings": SETTINGS, "mappings": mappings, "aliases": {name: {}}, **parts}
    cluster.make(f"{name}_green", documents=3, **body)


@pytest.fixture
def live(cluster: Any) -> Any:
    make(cluster, "films")
    return cluster


def planned(cluster: Any, *wanted: Alias, **how: Any) -> Plan:
    state = State({}, {one.name: one for one in wanted})
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return make_plan(cluster, Desired(state, "0" * 64), now=now, **how)


def applied(cluster: Any, plan: Plan, path: Path, **how: Any) -> None:
    safety.require(plan)
    journal = open_journal(path / "j", plan.digest)
    engine.apply(Run(cluster, plan, Held(), Silent()), journal, **how)


def kinds(plan: Plan) -> list[str]:
    return [step.kind for step in plan.steps]


def test_a_new_empty_index_is_made_and_switched_to(live: Any, tmp_path: Path) -> None:
    plan = planned(live, alias(), allow_discard=["alias.films"])
    assert kinds(plan) == ["create_index", "await_health", "update_aliases"]
    (change,) = plan.changes
    assert (change.action, change.route, change.target) == ("replace", "discard", "films_blue")
    assert plan.needs == ()
    applied(live, plan, tmp_path)
    assert live.indices["films_blue"]["aliases"] == {"films": {}}
    assert live.indices["films_blue"]["documents"] == 0
    assert live.indices["films_green"]["aliases"] == {}
    assert live.indices["films_green"]["documents"] == 3
    assert not any("reindex" in one or "_block" in one for one in live.sent)


@pytest.mark.parametrize("through", ["prepare", "switch"])
def test_what_was_written_since_the_consent_is_not_discarded(
    live: Any, tmp_path: Path, through: str
) -> None:
    """Before anything is made, at the switch, and at the delete."""
    finish = Finish(delete_old=True)
    plan = planned(live, alias(finish=finish), allow_discard=["alias.films"])
    applied(live, plan, tmp_path, through=through)
    live.indices["films_green"]["documents"] = 5
    journal = open_journal(tmp_path / "j", plan.digest)
    with pytest.raises(Refused) as refused:
        engine.apply(Run(live, plan, Held(), Silent()), journal)
    why = "films_green has 5 documents now, and 3 were to be discarded"
    assert why in refused.value.why
    assert live.indices["films_green"]["documents"] == 5


def test_consent_is_to_no_more_than_the_plan_has_shown(live: Any, tmp_path: Path) -> None:
    plan = planned(live, alias(), allow_discard=["alias.films"])
    live.indices["films_green"]["documents"] = 4
    with pytest.raises(Refused) as refused:
        applied(live, plan, tmp_path)
    assert (refused.value.code, refused.value.exit_code) == ("ESP-4601", 4)
    assert list(live.indices) == ["esplan-state", "films_green"]
    live.indices["films_green"]["documents"] = 2
    (tmp_path / "fewer").mkdir()
    applied(live, plan, tmp_path / "fewer")
    assert live.indices["films_blue"]["aliases"] == {"films": {}}


def test_the_plan_is_shown_without_consent_and_not_carried_out(live: Any, tmp_path: Path) -> None:
    plan = planned(live, alias())
    why = "alias.films: 3 documents of films_green will not be in films_blue"
    assert plan.needs == (
        {"consent": "discard", "address": "alias.films", "index": "films_green", "why": why},
    )
    with pytest.raises(Refused) as refused:
        applied(live, plan, tmp_path)
    assert refused.value.exit_code == 4
    assert why in refused.value.what
    assert "--allow-discard" in refused.value.remedy
    assert list(live.sent) == []


def test_the_loss_is_the_first_consequence_that_the_plan_shows(live: Any) -> None:
    console = Console(file=io.StringIO(), width=200)
    for one in plan_text.plan(planned(live, alias(), allow_discard=["alias.films"])):
        console.print(one)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "DISCARDS 3 documents: films_blue begins empty" in shown
    assert "3 documents of films_green will not be in films_blue" in shown
    assert "copies" not in shown


@pytest.mark.parametrize("address", ["alias.film", "films", "index.films_green"])
def test_a_consent_that_nothing_needs_is_a_mistake(live: Any, address: str) -> None:
    with pytest.raises(UsageError, match=f"--allow-discard {address}: this plan would discard"):
        planned(live, alias(), allow_discard=["alias.films", address])


def test_a_change_in_place_keeps_the_documents(live: Any) -> None:
    wanted = alias(year="integer", settings={"index.refresh_interval": "5s"})
    assert kinds(planned(live, wanted)) == ["update_settings"]
    with pytest.raises(UsageError, match="would discard nothing there"):
        planned(live, wanted, allow_discard=["alias.films"])


def test_a_clone_is_not_made_of_what_is_to_be_empty(live: Any) -> None:
    wanted = alias(year="integer", settings={"index.codec": "best_compression"})
    plan = planned(live, wanted)
    assert kinds(plan) == ["create_index", "await_health", "update_aliases"]
    assert plan.changes[0].reasons[0].route == "clone"


def test_the_old_index_goes_without_a_proof_once_the_alias_has_left_it(
    live: Any, tmp_path: Path
) -> None:
    plan = planned(live, alias(finish=Finish(delete_old=True)), allow_discard=["alias.films"])
    checks = [one["check"] for one in plan.steps[-1].preconditions]
    assert checks == ["alias", "serves", "durable", "unaliased", "left", "consented"]
    applied(live, plan, tmp_path)
    assert "films_green" not in live.indices
    assert live.indices["films_blue"]["aliases"] == {"films": {}}


def test_an_alias_that_somebody_moved_back_is_not_robbed_of_its_index(
    live: Any, tmp_path: Path
) -> None:
    plan = planned(live, alias(finish=Finish(delete_old=True)), allow_discard=["alias.films"])
    applied(live, plan, tmp_path, through="switch")
    live.indices["films_green"]["aliases"] = live.indices["films_blue"]["aliases"]
    live.indices["films_blue"]["aliases"] = {}
    with pytest.raises(Refused, match="the alias films is on films_green, not on films_blue"):
        applied(live, plan, tmp_path)
    assert live.indices["films_green"]["documents"] == 3


def test_a_lifecycle_begins_after_the_switch(cluster: Any) -> None:
    make(cluster, "films")
    wanted = alias(settings=LIFECYCLE)
    plan = planned(cluster, wanted, allow_discard=["alias.films"])
    assert kinds(plan)[-1] == "update_settings"
    assert "index.lifecycle.name" not in plan.steps[0].request["body"]["settings"]  # type: ignore[index]


def test_an_index_without_its_source_may_be_left(cluster: Any) -> None:
    make(cluster, "films", mappings={"_source": {"enabled": False}})
    with pytest.raises(Refused, match="does not keep the whole _source"):
        planned(cluster, alias(migrate=Migrate()))
    assert planned(cluster, alias()).changes[0].route == "discard"


def test_a_group_with_one_that_is_copied_and_one_that_is_not(cluster: Any) -> None:
    make(cluster, "films")
    make(cluster, "actors")
    both = (alias(group="g"), alias("actors", group="g", migrate=Migrate()))
    plan = planned(cluster, *both, allow_discard=["alias.films"])
    (switch,) = (step for step in plan.steps if step.kind == "update_aliases")
    assert switch.arguments["members"] == ["alias.actors", "alias.films"]
    proofs = [one for one in switch.preconditions if one["check"] == "proven"]
    assert [one["address"] for one in proofs] == ["alias.actors"]
