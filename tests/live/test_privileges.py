"""The roles of `esplan privileges`: they are enough, and each privilege in them is needed.

Nothing here signs in as anybody else; only what a test looks at and sets up is the admin's.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from esplan.privileges import RETHROTTLE, SIMULATE

if TYPE_CHECKING:
    from granted import Granted
    from world import World

pytestmark = pytest.mark.live


def in_place(world: World) -> dict[str, Any]:
    """A field more, another number of replicas, no new index."""
    fields = {"flight": {"type": "integer"}, "more": {"type": "keyword"}}
    return world.make_plan(properties=fields, settings={"number_of_replicas": 0})


def test_the_standard_migration(guarded: World) -> None:
    guarded.seed(300)
    guarded.make_plan()
    guarded.apply()
    guarded.assert_switched()


def test_a_catch_up_with_a_force_merge(guarded: World) -> None:
    guarded.seed(300, shards=2)
    finish = {"delete_old": True, "forcemerge": 1}
    guarded.make_plan(migrate={"writes": "catch-up"}, finish=finish)
    guarded.apply()
    guarded.assert_switched()


def test_a_transform(guarded: World) -> None:
    guarded.seed(300)
    made = guarded.make_plan(migrate={"drop": ["text"]})
    assert made["changes"][0]["sample"]["documents"], "it was tried on documents"
    guarded.apply()
    guarded.documents = {
        key: {name: value for name, value in one.items() if name != "text"}
        for key, one in guarded.documents.items()
    }
    guarded.assert_on(guarded.blue)


def test_a_change_in_place(guarded: World) -> None:
    guarded.seed(20)
    made = in_place(guarded)
    assert "reindex" not in [step["kind"] for step in made["steps"]]
    guarded.apply()
    assert "No changes" in plan(guarded).stdout


def plan(world: World, code: int = 0) -> Any:
    return world.esplan("plan", "-d", "desired.json", code=code)


# Each privilege, taken away


def groups(world: World) -> dict[str, str]:
    """A name of each group of names in the roles."""
    return {
        "named": world.name,
        "guard": "esplan-copy-*",
        "state": "esplan-state",
        "fence": "esplan-fence-*",
        "throwaway": "esplan-oracle-*",
        "every": "*",
        "tasks": ".tasks",
    }


def take_away(granted: Granted, role: str, where: str, privilege: str) -> None:
    """Give the user of the role all of it but this one privilege; it must have been there."""
    roles = granted.printed(role)
    body = copy.deepcopy(roles[role])
    held = body["cluster"] if where == "cluster" else None
    for one in body["indices"]:
        if where in one["names"] and privilege in one["privileges"]:
            held = one["privileges"]
    assert held, f"{where} is not in the role"
    held.remove(privilege)
    body["indices"] = [one for one in body["indices"] if one["privileges"]]
    granted.fixed[role] = body


def parts(world: World, granted: Granted, role: str) -> set[tuple[str, str]]:
    """All that the role holds, as group and privilege."""
    roles = granted.printed(role)
    names = {name: group for group, name in groups(world).items()}
    found = {("cluster", one) for one in roles[role]["cluster"]}
    for one in roles[role]["indices"]:
        (group,) = {names[name] for name in one["names"] if name in names}
        found |= {(group, privilege) for privilege in one["privileges"]}
    return found


PLAN = [
    ("cluster", SIMULATE, 0, ["the definitions was not tried", SIMULATE]),
    ("cluster", "monitor", 1, ["lacks privileges that plan needs", "monitor on the cluster"]),
    *(
        ("named", one, 1, ["lacks privileges that plan needs", f"{one} on t"])
        for one in ("view_index_metadata", "monitor", "read")
    ),
    ("throwaway", "manage", 0, ["not tried", "is unauthorized", "manage"]),
    ("throwaway", "read", 0, ["not tried", "is unauthorized", "[read,all]"]),
    ("throwaway", "write", 0, ["not tried", "is unauthorized", "write"]),
]
"""Group, privilege, exit code, and what is said."""


@pytest.mark.parametrize(
    ("group", "privilege", "code", "said"), PLAN, ids=lambda one: str(one)[:30]
)
def test_a_plan_without_one_privilege(
    guarded: World, granted: Granted, group: str, privilege: str, code: int, said: list[str]
) -> None:
    guarded.seed(50)
    guarded.desire(migrate={"drop": ["text"]})
    granted.files = ["-d", "desired.json"]
    take_away(granted, "plan", groups(guarded).get(group, group), privilege)
    before = guarded.everything()
    done = plan(guarded, code)
    shown = done.stderr if code else done.stdout
    assert [one for one in said if one not in shown] == [], shown
    assert "Traceback" not in done.stderr
    assert guarded.everything() == before
    throwaways = guarded.cluster.read("/esplan-oracle-*", {"expand_wildcards": "all"})
    assert throwaways == {}


def test_a_status_without_a_look_at_the_journals(guarded: World, granted: Granted) -> None:
    guarded.seed(20)
    in_place(guarded)
    guarded.apply()
    guarded.esplan("status")
    take_away(granted, "plan", "esplan-state", "read")
    said = guarded.esplan("status", code=1).stderr
    assert "is unauthorized for user" in said
    assert "on indices [esplan-state], this action is granted by the index privileges" in said


APPLY = [
    *(
        ("cluster", one, [f"{one} on the cluster", "apply needs: nothing was changed"])
        for one in ("cancel_task", RETHROTTLE)
    ),
    ("cluster", "monitor", ["cluster:monitor/main", "[monitor,manage,all]"]),
    ("named", "manage", ["lacks privileges that apply needs: nothing was changed", "manage on"]),
    ("named", "read", ["lacks privileges that apply needs: nothing was changed", "read on"]),
    ("named", "write", ["lacks privileges that apply needs: nothing was changed", "write on"]),
    *(
        (group, privilege, [f"{privilege} on {name}", "apply needs: nothing was changed"])
        for group, name in (("guard", "esplan-copy-*"), ("state", "esplan-state"))
        for privilege in ("manage", "read", "write")
    ),
    ("fence", "manage", ["manage on esplan-fence-*", "apply needs: nothing was changed"]),
]


@pytest.mark.parametrize(
    ("group", "privilege", "said"), APPLY, ids=[f"{one}-{two}" for one, two, _ in APPLY]
)
def test_an_apply_without_one_privilege(
    guarded: World, granted: Granted, group: str, privilege: str, said: list[str]
) -> None:
    guarded.seed(50)
    guarded.make_plan()
    take_away(granted, "apply", groups(guarded).get(group, group), privilege)
    done = guarded.apply(code=1)
    assert [one for one in said if one not in done.stderr] == [], done.stderr
    assert "Traceback" not in done.stderr
    guarded.assert_on(guarded.green)
    granted.fixed.clear()
    guarded.apply()
    guarded.assert_switched()


def test_a_privilege_that_is_gone_in_the_middle(guarded: World, granted: Granted) -> None:
    """An apply that goes on asks again, and changes nothing, until it is back."""
    guarded.seed(50)
    guarded.make_plan()
    guarded.crash("before-intent:03-reindex")
    take_away(granted, "apply", guarded.name, "write")
    said = guarded.apply(code=1).stderr
    assert f"write on {guarded.name}" in said
    granted.fixed.clear()
    guarded.apply()
    guarded.assert_switched()


MAIN = "GET /: action [cluster:monitor/main] is unauthorized"
SEEN = "the index privileges [view_index_metadata,"
COUNTED = "by the index privileges [monitor,"

SURVEY = [
    ("cluster", "monitor", "sizing", "by the cluster privileges [cross_cluster_replicat"),
    *(("cluster", "monitor", command, MAIN) for command in ("maintain", "doctor")),
    *(
        ("every", "view_index_metadata", command, SEEN)
        for command in ("adopt", "maintain", "doctor")
    ),
    *(("every", "monitor", one, COUNTED) for one in ("adopt", "sizing", "maintain", "doctor")),
    ("tasks", "read", "doctor", "POST /.tasks/_search: action [indices:data/read/search] is"),
    ("state", "read", "doctor", "on indices [esplan-state], this action is granted by the"),
]
"""Group, privilege, the command that needs it, and what is said."""


@pytest.mark.parametrize(
    ("group", "privilege", "command", "said"),
    SURVEY,
    ids=[f"{group}-{privilege}-{command}" for group, privilege, command, _ in SURVEY],
)
def test_a_look_at_all_of_it_without_one_privilege(
    guarded: World, granted: Granted, group: str, privilege: str, command: str, said: str
) -> None:
    """Only doctor goes on without; it has findings in any case."""
    fine, code = (2, 2) if command == "doctor" else (0, 1)
    guarded.seed(20)
    guarded.make_plan()  # esplan-state is there afterwards
    guarded.apply()
    whole = guarded.esplan(command, code=fine)
    assert "is unauthorized" not in whole.stdout + whole.stderr
    take_away(granted, "survey", groups(guarded).get(group, group), privilege)
    done = guarded.esplan(command, code=code)
    shown = done.stderr if code == 1 else done.stdout
    assert said in shown, shown
    assert "Traceback" not in done.stderr


def test_every_privilege_was_taken_away(guarded: World, granted: Granted) -> None:
    guarded.desire(migrate={"drop": ["text"]})
    granted.files = ["-d", "desired.json"]
    tried = {(group, privilege) for group, privilege, *_ in PLAN} | {("state", "read")}
    assert parts(guarded, granted, "plan") == tried
    assert parts(guarded, granted, "apply") == {(group, one) for group, one, _ in APPLY}
    looked = {(group, one) for group, one, *_ in SURVEY}
    ilm = {("cluster", "read_ilm")}  # the sandbox has none
    assert parts(guarded, granted, "survey") == looked | ilm
