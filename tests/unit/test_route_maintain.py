"""What `esplan maintain` must leave alone, and what it says of leftovers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from esplan.activity import Activity
from esplan.errors import Refused
from esplan.leftovers import leftovers
from esplan.live import aliases
from esplan.model import Body, Index, Runs, State
from esplan.plan import GUARD
from esplan.route import Context, Routed
from esplan.route.maintain import KINDS, leftover, maintained
from esplan.route.release import is_run_of
from esplan.sizing.model import Advice, Copy, Sizing

SHARDS = Advice("shards", "tiny shards", "warning", "6 shards of 1 KB each", "", {})
SHRINK = replace(SHARDS, arguments={"shards": 1, "route": "shrink"})
COPIES = tuple(Copy(shard, True, "node", 1, 1, 1) for shard in range(6))


def index(name: str, *on: str, **parts: Any) -> Index:
    settings = {"index.number_of_shards": "6"} | parts.pop("settings", {})
    names = {alias: {} for alias in on}
    return replace(Index(name, Body(settings), names, uuid=f"u-{name}", documents=7), **parts)


def context(*indices: Index, **parts: Any) -> Context:
    live = {one.name: one for one in indices}
    made = Context("0123456789abcdef", State(live, aliases(live)), date(2026, 1, 2))
    return replace(made, **parts)


def shrunk(*indices: Index) -> Routed:
    """The first of the indices, which has too many shards."""
    name = indices[0].name
    sizing = Sizing(name, True, 6, 0, 6, copies=COPIES, advice=(SHRINK,))
    found = maintained(sizing, frozenset(KINDS), context(*indices))
    assert found is not None
    return found


def test_a_shrink() -> None:
    found = shrunk(index("x_green", "x"))
    assert found.change.route == "shrink"
    assert found.change.target == "x_blue"


@pytest.mark.parametrize(
    ("indices", "said"),
    [
        ([index("x_b", "x"), index("x_a", "x")], "its alias x is on 2 indices: x_a, x_b"),
        ([index("x_b", f"{GUARD}0123-ab")], "index.x_b is left alone: a plan that has not ended"),
        (
            [index("x_b", "x", settings={"index.blocks.read_only": "true"})],
            "index.x_b is left alone: it has index.blocks.read_only",
        ),
    ],
)
def test_left_alone(indices: list[Index], said: str) -> None:
    found = shrunk(*indices)
    assert (found.change.action, found.steps) == ("no-op", ())
    assert said in found.warnings[0]


def test_a_resized_index_inherits_no_block() -> None:
    """The server copies the settings of the source, a flood-stage block among them."""
    block = "index.blocks.read_only_allow_delete"
    found = shrunk(index("x_green", "x", settings={block: "true"}))
    (link,) = [step for step in found.steps if step.kind == "resize_index"]
    assert (link.request or {})["body"]["settings"][block] is None


# Leftovers


def named(*indices: Index) -> list[str]:
    return [one.index.name for one in leftovers(context(*indices).live)]


def test_a_newer_generation_is_no_leftover() -> None:
    assert named(index("x-000006", "x"), index("x-000005"), index("x-000007")) == ["x-000005"]


def test_a_family_behind_two_aliases_is_as_old_as_its_oldest() -> None:
    """Whichever alias comes last by name: what lies between the two may be the one's next run."""
    others = (index("x-20260102"), index("x-20251231"), index("x-20260104"))
    for current, previous in (("a", "b"), ("b", "a")):
        live = (index("x-20260103", current), index("x-20260101", previous))
        assert named(*live, *others) == ["x-20251231"]


def test_a_likeness_is_not_called_a_fact() -> None:
    red, white = index("wine_red"), index("wine_white", "wines")
    (found,) = leftovers(context(red, white).live)
    (warning,) = leftover(found, context(red, white)).warnings
    assert warning == (
        "index.wine_red (7 documents) may be left over: its name is like that of wine_white, "
        "which wines is on. To delete it, if nobody needs it: --allow-delete index.wine_red"
    )


def test_esplans_own_mark_is_a_fact() -> None:
    old = index("wine_red", mark={"address": "alias.wines"}, documents=1)
    live = (old, index("wine_white", "wines"))
    (found,) = leftovers(context(*live).live)
    (warning,) = leftover(found, context(*live)).warnings
    assert "(1 document) may be left over: it served wines, which is on wine_white" in warning


def test_a_leftover_that_somebody_writes_to_is_not_deleted() -> None:
    red, white = index("wine_red"), index("wine_white", "wines")
    (found,) = leftovers(context(red, white).live)
    allowed = frozenset({"index.wine_red"})
    marks = {"wine_red": {"0": 7}}
    quiet = context(red, white, allowed=allowed, activity=Activity(marks))
    unwritten = {"check": "unwritten", "index": "wine_red", "marks": {"0": 7}}
    steps = leftover(found, quiet).steps
    assert [one.kind for one in steps] == ["retire_index", "delete_index"]
    assert all(unwritten in one.preconditions for one in steps)
    busy = replace(quiet, activity=Activity(marks, frozenset(marks)))
    with pytest.raises(Refused, match="wine_red is no leftover: somebody writes to it"):
        leftover(found, busy)


def test_what_a_leftover_needs_to_be_deleted() -> None:
    """Its alias on the same index with its documents; and nobody has opened a closed one."""
    red, white = index("wine_red", is_open=False), index("wine_white", "wines")
    (found,) = leftovers(context(red, white).live)
    allowed = context(red, white, allowed=frozenset({"index.wine_red"}))
    (delete,) = leftover(found, replace(allowed, closed={"wine_red": 4})).steps
    checks = [one for one in delete.preconditions if one["check"] in ("alias", "heir", "left")]
    assert checks == [
        {"check": "alias", "alias": "wines", "on": ["wine_white"]},
        {"check": "heir", "index": "wine_white", "uuid": "u-wine_white", "documents": 7},
        {"check": "left", "index": "wine_red", "closed": True, "settings_version": 4},
    ]
    with pytest.raises(Refused, match="nobody could tell whether it was opened") as refused:
        leftover(found, replace(allowed, closed={"wine_red": None}))
    assert refused.value.code == "ESP-4126"


# Releases: whose run an index is


@pytest.mark.parametrize(
    ("source", "name", "is_its"),
    [
        ("customer", "customer-2_0_0-20261120t060000z", True),
        ("customer", "customer-1_9_0-20261120t060000z", True),
        ("customer", "customer-20261120t060000z", True),
        ("customer", "customer-v3-20261120t060000z", True),
        ("customer", "customer-vip-20261120t060000z", False),
        ("customer", "customers-20261120t060000z", False),
        ("smr", "smr-employee-20261120t060000z", False),
        ("smr", "smr-20261120t060000z-employee", False),
        ("customer", "customer-" + 60 * "1" + "x-20261120t060000z", False),
    ],
)
def test_is_run_of(source: str, name: str, is_its: bool) -> None:  # noqa: FBT001  (a parameter)
    loaded = Runs(source, "{index_base}-{run_id}", f"{source}-2_0_0")
    assert is_run_of(loaded, name) is is_its
