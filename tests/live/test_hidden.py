"""What a role hides is never taken for what is not there: documents by a query, and fields.

On a server with security. Whoever applies is shown a part, whatever who planned was shown.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import processes
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from granted import Granted
    from secured import Secured
    from world import World

pytestmark = pytest.mark.live

HALF: dict[str, Any] = {"query": {"ids": {"values": [str(n) for n in range(1000)]}}}
NO_TEXT: dict[str, Any] = {"field_security": {"grant": ["*"], "except": ["text*"]}}
"""A field that is in no desired file."""

hidden = pytest.mark.parametrize(
    ("limits", "said"), [(HALF, "documents"), (NO_TEXT, "fields")], ids=["documents", "fields"]
)
"""What a role says beside its privileges, and what is hidden by it."""


def limited(granted: Granted, role: str, limits: dict[str, Any]) -> dict[str, Any]:
    """The role that `esplan privileges` prints, with limits on what the files name."""
    body = copy.deepcopy(granted.printed(role)[role])
    named = next(one for one in body["indices"] if "esplan-" not in one["names"][0])
    named.update(limits)
    return dict(body)


def assert_untouched(world: World) -> None:
    """The alias serves every document of the old index, and nothing else is there."""
    found = world.everything()
    assert list(found) == [world.green]
    assert list(found[world.green]["aliases"]) == [world.name]
    assert found[world.green]["settings"]["index"].get("blocks", {}) == {}
    assert world.read_documents(world.green) == world.documents


@hidden
def test_a_plan_is_refused(
    guarded: World, granted: Granted, limits: dict[str, Any], said: str
) -> None:
    guarded.seed(100)
    guarded.desire()
    granted.files = ["-d", "desired.json"]
    granted.fixed["plan"] = limited(granted, "plan", limits)
    done = guarded.esplan("plan", "-d", "desired.json", code=4)
    assert "ESP-4117" in done.stderr
    assert f"{said} of {guarded.green}" in done.stderr
    assert_untouched(guarded)


@hidden
@pytest.mark.parametrize("writes", ["block", "catch-up"])
def test_an_apply_is_refused_before_it_copies(
    guarded: World, granted: Granted, limits: dict[str, Any], said: str, writes: str
) -> None:
    guarded.seed()
    guarded.make_plan(migrate={"writes": writes})
    granted.plan = ["--plan", str(guarded.plan)]
    granted.fixed["apply"] = limited(granted, "apply", limits)
    done = guarded.apply(code=4)
    assert "ESP-4117" in done.stderr
    assert f"{said} of {guarded.green}" in done.stderr
    assert_untouched(guarded)


@hidden
def test_rights_that_change_between_the_copy_and_its_proof(
    guarded: World, granted: Granted, limits: dict[str, Any], said: str
) -> None:
    guarded.seed()
    guarded.make_plan(migrate={"writes": "catch-up"})
    guarded.apply("--through", "prepare")
    granted.plan = ["--plan", str(guarded.plan)]
    granted.fixed["apply"] = limited(granted, "apply", limits)
    done = guarded.apply(code=4)
    assert f"{said} of {guarded.green}" in done.stderr
    assert_untouched(guarded)


@hidden
def test_two_indices_are_not_compared(
    guarded: World, granted: Granted, limits: dict[str, Any], said: str
) -> None:
    one, other = f"{guarded.name}-one", f"{guarded.name}-other"
    for index in (one, other):
        guarded.load(index, {str(n): {"flight": n} for n in range(900, 1100)})
    guarded.cluster.change("DELETE", f"/{other}/_doc/1050", {"refresh": "true"})
    granted.files = ["-d", str(guarded.desire())]
    named = {"names": [f"{guarded.name}*"], "privileges": ["all"], **limits}
    granted.fixed["apply"] = {"cluster": ["monitor"], "indices": [named]}
    done = guarded.esplan("verify", one, other, code=4)
    assert f"{said} of {one}" in done.stderr, done


# Rights that cannot be read


@pytest.fixture
def key_of_a_limited_owner(
    guarded: World, granted: Granted, secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """An API key with a role of its own; what its owner may see it cannot read."""
    made: list[str] = []

    def sign_in_with(limits: dict[str, Any]) -> None:
        own = f"{guarded.name}*"
        cluster = ["monitor", "cancel_task", "manage_own_api_key"]
        cluster += ["cluster:admin/reindex/rethrottle", "indices:admin/index_template/simulate"]
        names = [own, "esplan-*"]
        whole = {"names": ["esplan-*"], "privileges": ["all"]}
        part = {"names": [own], "privileges": ["all"], **limits}
        granted.grant("owner", {"cluster": cluster, "indices": [whole, part]})
        role = {
            "cluster": cluster[:2] + cluster[3:],
            "indices": [{"names": names, "privileges": ["all"]}],
        }
        access = granted.access("owner")
        user = (access["ESPLAN_USERNAME"], access["ESPLAN_PASSWORD"])
        from esplan.cluster import Cluster
        from esplan.connection import Connection

        connection = Connection(
            secured.url, username=user[0], password=user[1], ca_certs=secured.ca
        )
        with Cluster(connection) as owner:
            body = {"name": guarded.name, "role_descriptors": {"own": role}}
            key = owner.change("POST", "/_security/api_key", None, body)
        made.append(key["id"])
        variables = {"ESPLAN_API_KEY": key["encoded"], "ESPLAN_CA_CERTS": secured.ca}
        monkeypatch.setattr(processes, "sign_in", lambda _arguments: variables)

    yield sign_in_with
    guarded.cluster.change("DELETE", "/_security/api_key", None, {"ids": made})


@hidden
@pytest.mark.parametrize("writes", ["block", "catch-up"])
def test_what_is_hidden_shows_without_the_rights(
    guarded: World, key_of_a_limited_owner: Any, limits: dict[str, Any], said: str, writes: str
) -> None:
    guarded.seed()
    guarded.make_plan(migrate={"writes": writes})
    key_of_a_limited_owner(limits)
    done = guarded.apply(code=4)
    assert "ESP-4118" in done.stderr
    assert f"{said} of {guarded.green}" in done.stderr
    assert_untouched(guarded)


def test_a_plan_says_that_it_does_not_know_the_rights(
    guarded: World, key_of_a_limited_owner: Any
) -> None:
    guarded.seed(20)
    guarded.desire()
    key_of_a_limited_owner({})
    done = guarded.esplan("plan", "-d", "desired.json", "-o", str(guarded.plan))
    assert "what the owner of the API key is not shown" in done.stdout
    guarded.apply()
    guarded.assert_switched()


def test_nested_documents_are_not_hidden_ones(guarded: World, key_of_a_limited_owner: Any) -> None:
    guarded.seed(300)
    nested = {"legs": {"type": "nested", "properties": {"stops": {"type": "nested"}}}}
    guarded.cluster.change("PUT", f"/{guarded.green}/_mapping", None, {"properties": nested})
    legs = [{"km": n, "stops": [{"at": "a"}, {"at": "b"}]} for n in range(3)]
    more = {f"n{n}": {"flight": n, "legs": legs} for n in range(50)}
    guarded.load(guarded.green, more)
    guarded.documents |= more
    guarded.cluster.change("DELETE", f"/{guarded.green}/_doc/n7")
    guarded.documents.pop("n7")
    guarded.make_plan()
    key_of_a_limited_owner({})
    guarded.apply()
    guarded.assert_on(guarded.blue)


def test_nested_documents_do_not_stand_for_hidden_ones(
    guarded: World, key_of_a_limited_owner: Any
) -> None:
    guarded.seed(50)
    nested = {"legs": {"type": "nested", "properties": {"km": {"type": "integer"}}}}
    guarded.cluster.change("PUT", f"/{guarded.green}/_mapping", None, {"properties": nested})
    more = {f"n{n}": {"flight": n, "legs": [{"km": 1}]} for n in range(50)}
    guarded.load(guarded.green, more)
    guarded.documents |= more
    guarded.make_plan()
    key_of_a_limited_owner(HALF)
    assert "ESP-4118" in guarded.apply(code=4).stderr
    assert_untouched(guarded)


def test_a_key_with_limits_of_its_own(
    guarded: World, granted: Granted, secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded.seed()
    guarded.make_plan()
    granted.plan = ["--plan", str(guarded.plan)]
    body = {"name": guarded.name, "role_descriptors": {"own": limited(granted, "apply", HALF)}}
    key = guarded.cluster.change("POST", "/_security/api_key", None, body)
    variables = {"ESPLAN_API_KEY": key["encoded"], "ESPLAN_CA_CERTS": secured.ca}
    monkeypatch.setattr(processes, "sign_in", lambda _arguments: variables)
    done = guarded.apply(code=4)
    guarded.cluster.change("DELETE", "/_security/api_key", None, {"ids": [key["id"]]})
    assert "ESP-4117" in done.stderr
    assert_untouched(guarded)


def test_whoever_is_shown_the_whole_by_another_role_is_not_refused(
    guarded: World, granted: Granted
) -> None:
    guarded.seed(100)
    guarded.make_plan()
    granted.plan = ["--plan", str(guarded.plan)]
    body = limited(granted, "apply", HALF)
    whole = {"names": [f"/{guarded.name}_(green|blue)/"], "privileges": ["read"]}
    granted.fixed["apply"] = {**body, "indices": [*body["indices"], whole]}
    guarded.apply()
    guarded.assert_switched()
