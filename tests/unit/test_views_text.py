"""What the golden cases do not show; `tests/cases` has whole plans."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from esplan.commands.apply import Outcome
from esplan.commands.status import Status, Task
from esplan.errors import Diagnostic, EsplanError, InvalidInput, Refused
from esplan.holder import Holder
from esplan.plan import Change, Plan, Reason, Step
from esplan.state_index import Unfinished
from esplan.views import plan_text, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

CLUSTER = {"name": "c", "uuid": "u", "version": "8.16.1", "distribution": "elasticsearch"}
PLAN = Plan("0" * 16, "2026-01-01T00:00:00+00:00", "0.1.0", CLUSTER, "d" * 64, digest="e" * 64)
HOLDER = Holder("tok", "host", "m", 7, "1", "abcdefghijklmnop", "2026-01-01")


def shown(renderables: Iterable[RenderableType] | RenderableType) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, no_color=True, highlight=False, soft_wrap=True)
    for one in renderables if hasattr(renderables, "__next__") else [renderables]:
        console.print(one)
    return out.getvalue()


def change(**parts: Any) -> Change:
    whole = Change("alias.a", "update", "dynamic settings", "a_green", "a_green", (), {}, {})
    return replace(whole, **parts)


def test_a_saved_plan_says_how_to_carry_it_out() -> None:
    found = shown(plan_text.plan(replace(PLAN, changes=(change(),)), "plans/p.json"))
    assert "Saved in plans/p.json; carry it out with: esplan apply plans/p.json" in found
    assert f"Digest: {'e' * 64}" in found


def test_unchanged_objects_are_counted() -> None:
    same = change(address="alias.b", action="no-op", route="nothing")
    assert "\n1 object unchanged" in shown(plan_text.plan(replace(PLAN, changes=(change(), same))))
    found = shown(plan_text.plan(replace(PLAN, changes=(same, same))))
    assert "No changes: 2 objects are as the files say." in found


def test_what_apply_refuses_and_the_warnings_come_just_before_the_summary() -> None:
    needs = ({"consent": "unprotect", "why": "it is protected", "address": "alias.a"},)
    left = {"address": "alias.a", "index": "a_blue", "path": "index", "rule": "it is left"}
    one = replace(PLAN, changes=(change(),), needs=needs, warnings=("one", "two"), drift=(left,))
    lines = shown(plan_text.plan(one)).splitlines()
    assert lines[lines.index("Warnings") :] == [
        "Warnings",
        "  apply will refuse this plan: it is protected",
        "  one",
        "  two",
        "",
        "Plan: 0 to create, 1 to update, 0 to replace, 0 to delete; 0 steps.",
        f"Digest: {'e' * 64}",
        "Not saved: give -o FILE to keep this plan for esplan apply.",
    ]


def test_indices_that_are_deleted_are_counted_apart() -> None:
    deletes = tuple(
        Step("delete_index", "finish", "alias.a", "delete", arguments={"index": f"a-{n}"})
        for n in range(15)
    )
    found = shown(plan_text.plan(replace(PLAN, changes=(change(),), steps=deletes))).splitlines()
    assert "0 to delete; 15 steps." in found[-4]
    assert found[-3] == f"Deletes 15 indices: {', '.join(f'a-{n}' for n in range(12))} and 3 more"


def test_differences_with_one_rule_say_it_once() -> None:
    rules = ("fixed", "fixed", "free", "fixed")
    reasons = tuple(Reason(f"p{n}", 1, None, one, "reindex") for n, one in enumerate(rules))
    found = shown(plan_text.plan(replace(PLAN, changes=(change(reasons=reasons),)))).splitlines()
    assert [line.strip() for line in found[3:10]] == [
        "p0: 1 → (none)",
        "p1: 1 → (none)",
        "reindex: fixed",
        "p2: 1 → (none)",
        "reindex: free",
        "p3: 1 → (none)",
        "reindex: fixed",
    ]


def test_an_empty_plan() -> None:
    assert "No changes" in shown(plan_text.plan(PLAN))


def test_no_changes_with_a_warning_does_not_say_that_all_is_well() -> None:
    same = change(action="no-op", route="nothing")
    warned = replace(PLAN, changes=(same,), warnings=("alias.a: runs.abort is true\x1b",))
    found = shown(plan_text.plan(warned)).splitlines()
    assert found[1:] == [
        "",
        "Warnings",
        "  alias.a: runs.abort is true\\x1b",
        "",
        "No changes: 1 object is left as it is.",
    ]
    found = shown(plan_text.plan(replace(warned, changes=(same, same))))
    assert "No changes: 2 objects are left as they are." in found


def test_what_a_plan_leaves_as_it_is_has_a_part_of_its_own() -> None:
    left = {"address": "alias.a", "index": "a_blue", "path": "index", "rule": "it is left\x1b"}
    found = shown(plan_text.plan(replace(PLAN, changes=(change(action="no-op"),), drift=(left,))))
    assert found.splitlines()[1:] == [
        "",
        "Not as the files say, and not changed by this plan (see esplan drift)",
        "  alias.a: a_blue index: it is left\\x1b",
        "",
        "No changes: 1 object is left as it is.",
    ]
    assert "alias.a: a_blue index" in shown(
        plan_text.plan(replace(PLAN, changes=(change(),), drift=(left,)))
    )


def test_a_first_release_is_not_described_as_a_new_index() -> None:
    """The loader made it: only what the file says would stand there, or `none declared`."""
    after = {"settings": {}, "mappings": {}, "options": {}, "index": "a-1"}
    one = change(action="create", route="release", index=None, target="a-1", after=after)
    found = shown(plan_text.plan(replace(PLAN, changes=(one,))))
    assert "  + alias.a  create: a-1 (release)" in found
    assert "fields:" not in found


def test_the_next_release_says_what_becomes_of_the_old_run() -> None:
    one = change(action="replace", route="release", index="a-1", target="a-2")
    found = shown(plan_text.plan(replace(PLAN, changes=(one,))))
    assert "-/+ alias.a  replace: a-1 → a-2 (release)" in found
    assert "keeps a-1" in found
    assert "copies" not in found
    delete = Step("delete_index", "finish", "alias.a", "delete", arguments={"index": "a-1"})
    found = shown(plan_text.plan(replace(PLAN, changes=(one,), steps=(delete,))))
    assert "deletes a-1 at the end: this cannot be undone" in found
    assert "keeps" not in found


def test_nothing_in_a_plan_steers_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;x\x07\u202e"
    reason = Reason(f"settings.{evil}", evil, {"a": evil}, evil, evil)
    step = Step("put_mapping", "switch", evil, evil, {"method": "PUT"}, (), {"none": evil})
    plan = replace(
        PLAN,
        cluster=dict.fromkeys(CLUSTER, evil),
        created_at=evil,
        changes=(change(address=evil, index=evil, target=evil, route=evil, reasons=(reason,)),),
        steps=(step,),
        warnings=(evil,),
    )
    found = shown(plan_text.plan(plan, "p"))
    assert not {"\x1b", "\x07", "\u202e"} & set(found)


def test_markup_in_a_plan_is_only_text() -> None:
    step = Step("put_mapping", "switch", "alias.a", "[red]x[/red]", None, (), {"none": "[b]"})
    plan = replace(PLAN, changes=(change(address="alias.[bold]a"),), steps=(step,))
    found = shown(plan_text.plan(plan))
    assert "[red]x[/red]" in found
    assert "alias.[bold]a" in found


def test_an_error_has_a_line_for_each_part() -> None:
    error = EsplanError("what", where="here", why="because", remedy="do it")
    assert shown(text.error(error)) == "Error: what\nWhere: here\nWhy: because\nTo do: do it\n"
    assert shown(text.error(Refused("only what"))) == "Error: only what\n"


def test_an_error_shows_its_code_and_where_to_read_more() -> None:
    said = shown(text.error(Refused("what", code="ESP-4101", remedy="do it")))
    assert said == "Error ESP-4101: what\nTo do: do it\nMore: esplan explain ESP-4101\n"


def test_more_is_about_the_codes_of_the_diagnostics() -> None:
    found = [Diagnostic("f.yaml", 2, 3, "wrong", code=code) for code in ("ESP-2203", "ESP-2201")]
    error = InvalidInput([*found, found[0]])
    assert shown(text.error(error)).splitlines() == [
        "Error ESP-2001: 3 errors in the input files",
        "More: esplan explain ESP-2201 ESP-2203",
    ]
    assert text.error_parts(error)["diagnostics"][0]["code"] == "ESP-2201"


def test_an_error_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in shown(text.error(EsplanError("\x1b[2J", why="\x1b[2J")))


def test_the_parts_of_an_error_for_programs() -> None:
    error = EsplanError("a", code="ESP-6003", where="b", why="c", remedy="d")
    assert text.error_parts(error) == {
        "code": "ESP-6003",
        "what": "a",
        "where": "b",
        "why": "c",
        "remedy": "d",
    }
    diagnostic = Diagnostic("f.yaml", 2, 3, "wrong", "$.a", "right it")
    parts = text.error_parts(InvalidInput([diagnostic]))
    assert parts["diagnostics"] == [
        {
            "file": "f.yaml",
            "line": 2,
            "column": 3,
            "message": "wrong",
            "path": "$.a",
            "remedy": "right it",
            "code": "",
        }
    ]


def test_a_diagnostic_is_clickable() -> None:
    found = shown(text.diagnostic(Diagnostic("f.yaml", 2, 3, "wrong", "$", "right it")))
    assert found == "f.yaml:2:3: wrong\n    right it\n"
    found = shown(text.diagnostic(Diagnostic("f.yaml", 2, 3, "wrong", code="ESP-2203")))
    assert found == "f.yaml:2:3: wrong [ESP-2203]\n"


def test_a_quiet_status() -> None:
    assert shown(
        text.status(Status(None, holder_is_dead=False, unfinished=(), unreadable=(), tasks=()))
    ) == ("Lock: free\nUnfinished applies: none\nRunning tasks: none\n")


def test_a_busy_status() -> None:
    status = Status(
        HOLDER,
        holder_is_dead=True,
        unfinished=(Unfinished("p" * 64, "id", "host", "then", "now", 3, 9),),
        unreadable=("q" * 64,),
        tasks=(
            Task("n:1", "esplan:x", "reindex", 50, 200, 61),
            Task("n:2", "esplan:y", "reindex", 0, 0, 1),
        ),
    )
    assert shown(text.status(status)).splitlines() == [
        f"Lock: {HOLDER} (this process is gone: the next apply takes over)",
        "  lock id tok",
        "Unfinished apply of plan pppppppppppp: 3 of 9 steps, from host, since then, last sign now",
        "The journal of plan qqqqqqqqqqqq in the cluster cannot be read",
        "Running: reindex: 50 of 200 documents (25%) after 1 min 01 s, task n:1",
        "Running: reindex: after 1.0 s, task n:2",
    ]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome(9, 0, 12.0), "Applied: 9 steps in 12.0 s."),
        (Outcome(1, 8, 0.5), "Left for later phases: 8 steps; apply the plan again for them."),
        (Outcome(0, 0, 0.0, already=True), "Nothing to do: everything in this plan is done."),
    ],
)
def test_the_last_word_of_an_apply(outcome: Outcome, said: str) -> None:
    assert said in shown(text.applied(outcome))


def test_other_last_words() -> None:
    said = shown(text.abandoned([])).strip()
    assert said == "Taken back: what this plan began and did not switch."
    assert "Stays in the cluster: the index a." in shown(text.abandoned(["the index a"]))
    assert "host, pid 7" in shown(text.unlocked(HOLDER))
