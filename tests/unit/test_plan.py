from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esplan.errors import Refused
from esplan.plan import Change, Phase, Plan, Step, digest, ordered, refuse_overlap


def step(kind: str, phase: Phase, address: str, **arguments: Any) -> Step:
    return Step(kind, phase, address, f"{kind} of {address}", arguments=arguments)


def change(address: str, action: Any) -> Change:
    return Change(address, action, "", None, None, (), None, {})


def plan(*changes: Change) -> Plan:
    return Plan("p", "", "0", {}, "d", changes)


def test_creates_come_before_switches_and_switches_before_deletes() -> None:
    steps = [
        step("create_index", "prepare", "alias.a"),
        step("update_aliases", "switch", "alias.a"),
        step("delete_index", "finish", "alias.a"),
        step("create_index", "prepare", "alias.b"),
        step("reindex", "switch", "alias.b"),
        step("update_aliases", "switch", "alias.b"),
    ]
    assert [(one.id, one.address) for one in ordered(steps)] == [
        ("01-create_index", "alias.a"),
        ("02-create_index", "alias.b"),
        ("03-update_aliases", "alias.a"),
        ("04-reindex", "alias.b"),
        ("05-update_aliases", "alias.b"),
        ("06-delete_index", "alias.a"),
    ]


def test_no_steps() -> None:
    assert ordered([]) == ()


@pytest.mark.parametrize("kind", ["create_index", "resize_index"])
def test_two_objects_must_not_make_the_same_index(kind: str) -> None:
    one = step("create_index", "prepare", "alias.a", index="x_green")
    other = step(kind, "prepare", "index.x_green", index="x_green")
    with pytest.raises(
        Refused, match=r"alias\.a and index\.x_green would both create the index"
    ) as e:
        refuse_overlap((one, other))
    assert "different names" in e.value.remedy


def test_other_steps_may_share_an_index() -> None:
    refuse_overlap(
        (
            step("create_index", "prepare", "alias.a", index="x"),
            step("create_index", "prepare", "alias.b", index="y"),
            step("await_health", "switch", "alias.a", index="x"),
        )
    )


def test_the_summary_counts_every_action_but_no_op() -> None:
    made = plan(change("alias.a", "create"), change("b", "create"), change("c", "no-op"))
    assert made.summary == {"create": 2, "update": 0, "replace": 0, "delete": 0}


def test_the_change_of_an_address() -> None:
    made = plan(change("alias.a", "create"), change("alias.b", "update"))
    assert made.change("alias.b").action == "update"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES))
def test_the_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert digest(turned) == digest(value)
    assert digest(json.loads(json.dumps(value))) == digest(value)


@given(st.dictionaries(st.text(), VALUES), st.dictionaries(st.text(), VALUES))
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest(one) == digest(other)) is same


def test_the_digest_is_sha_256_over_canonical_json() -> None:
    text = b'{"a":["\\u00fc"],"b":1}'
    assert digest({"b": 1, "a": ["ü"]}) == hashlib.sha256(text).hexdigest()


def test_text_that_is_no_unicode_has_a_digest_too() -> None:
    """JSON files may hold half of a surrogate pair (`"\\ud800"`)."""
    assert len(digest({"a": json.loads('"\\ud800"')})) == 64
