from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from esplan import cli, drift, live, normalize
from esplan.cluster import Cluster
from esplan.commands import drift as commands
from esplan.commands.drift import Report
from esplan.commands.plan import plan
from esplan.desired import Desired, Place
from esplan.drift import Drift, Seen, Since
from esplan.errors import UsageError
from esplan.history import Apply, Move, Past
from esplan.live import ClusterInfo
from esplan.model import Address, Alias, Body, Finish, Index, Naming, Runs, State
from esplan.views import drift as views

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 2, 1, tzinfo=UTC)
CREATED, ENDED, LATER = (f"2026-01-{day}T00:00:00.000+00:00" for day in ("10", "20", "30"))
BODY = normalize.body({"refresh_interval": "5s"}, {"properties": {"year": {"type": "keyword"}}})
COLORS = Naming("a_{color}", ("green", "blue"))


def wanted(**parts: Any) -> State:
    given: dict[str, Any] = {"body": BODY, "naming": COLORS, "finish": Finish(delete_old=True)}
    return State(aliases={"a": Alias("a", **(given | parts))})


def index(name: str, *aliases: str, body: Body = BODY, **parts: Any) -> Index:
    return Index(name, body, {alias: {} for alias in aliases}, uuid=f"uuid-{name}", **parts)


def applied(*moves: Move, closed: bool = True, last: str = ENDED) -> Past:
    return Past((Apply("p1", CREATED, last, closed, moves),))


TO_BLUE = Move("a", ("a_green",), ("a_blue",))


def found(
    desired: State, *indices: Index, past: Past | None = None, created: str = CREATED
) -> list[Drift]:
    there = {one.name: one for one in indices}
    state = State(there, live.aliases(there))
    seen = Seen(state, dict.fromkeys(there, created), past or Past(), NOW)
    return list(drift.drift(desired, seen, {}))


def brief(drifts: list[Drift]) -> list[tuple[Any, ...]]:
    return [(one.kind, one.path, one.live, one.wanted) for one in drifts]


def with_settings(**settings: Any) -> Body:
    return replace(BODY, settings={**BODY.settings, **settings})


# Differences that a plan would change


def test_none() -> None:
    assert found(wanted(), index("a_blue", "a"), past=applied(TO_BLUE)) == []


def test_changed_values_have_the_rule_of_the_plan() -> None:
    changed = with_settings(**{"index.refresh_interval": "1s"})
    (one,) = found(wanted(), index("a_blue", "a", body=changed))
    assert brief([one]) == [("changed", "settings.index.refresh_interval", "1s", "5s")]
    assert one.rule == "a dynamic setting changes on the open index"
    assert one.since == Since(CREATED, "a_blue was created")
    assert (one.address, one.index, one.note) == ("alias.a", "a_blue", "")


def test_a_way_that_a_plan_refuses_is_a_note() -> None:
    text = normalize.body({}, {"properties": {"year": {"type": "text"}}})
    desired = State({"x": Index("x", BODY)})
    x = index("x", body=replace(text, settings=BODY.settings))
    (one,) = found(desired, x)
    assert brief([one]) == [("changed", "mappings.properties.year.type", "text", "keyword")]
    assert one.note.startswith("a plan is refused: index.x cannot be changed in place")
    assert "\n" not in one.note


def test_missing() -> None:
    desired = replace(wanted(), indices={"x": Index("x", BODY)})
    assert brief(found(desired)) == [
        ("missing", "index", None, "a_{color}"),
        ("missing", "index", None, "x"),
    ]
    gone, _ = found(desired, past=applied(TO_BLUE))
    assert brief([gone]) == [("missing", "index", None, "a_blue")]
    assert gone.rule == "the alias is gone"
    assert gone.since == Since(ENDED, "the apply ended that had put it on a_blue (plan p1)")


def test_on_several() -> None:
    """One fact, not one for each difference to whichever comes first."""
    first = index("a_blue", "a", body=with_settings(**{"index.refresh_interval": "1s"}))
    (one,) = found(wanted(), first, index("a_green", "a"), past=applied(TO_BLUE))
    assert brief([one]) == [("several", "index", ["a_blue", "a_green"], "a_blue")]
    assert "is on 2 indices: a_blue, a_green" in one.note


def test_the_name_is_taken() -> None:
    (one,) = found(wanted(), index("a"))
    assert one.kind == "missing"
    assert "a is the name of an index, not of an alias" in one.note


def test_target_and_exclude(cluster: Any) -> None:
    desired = Desired(replace(wanted(), indices={"x": Index("x", BODY)}), "0" * 64)
    report = commands.drift(cluster, desired, target=["index.x"], now=NOW)
    assert list(report.looked_at) == ["index.x"]
    assert [one.address for one in report.found] == ["index.x"]
    report = commands.drift(cluster, desired, exclude=["index.x"], now=NOW)
    assert (list(report.looked_at), report.exit_code) == (["alias.a"], 2)
    with pytest.raises(UsageError, match=r"no desired file has index\.y"):
        commands.drift(cluster, desired, target=["index.y"])


def test_five_requests(cluster: Any) -> None:
    given = {"settings": BODY.settings, "mappings": BODY.mappings, "aliases": {"a": {}}}
    cluster.make("a_blue", **given)
    cluster.indices["a_blue"]["settings"]["index.creation_date"] = "1767225600000"
    places = {Address("alias", "a"): Place("d.yaml", 3, 5)}
    report = commands.drift(cluster, Desired(wanted(), "0" * 64, places), now=NOW)
    assert (report.found, report.exit_code) == ((), 0)
    assert len(cluster.asked) <= 5
    assert cluster.log == []
    cluster.indices["a_blue"]["settings"]["index.refresh_interval"] = "1s"
    report = commands.drift(cluster, Desired(wanted(), "0" * 64, places), now=NOW)
    (one,) = report.found
    assert one.since == Since("2026-01-01T00:00:00.000+00:00", "a_blue was created")
    assert one.place == report.looked_at["alias.a"] == Place("d.yaml", 3, 5)
    del cluster.indices["a_blue"]["settings"]["index.creation_date"]
    assert commands.drift(cluster, Desired(wanted(), "0" * 64), now=NOW).found[0].since is None


# What no plan sees


def test_moved() -> None:
    moved, left = found(
        wanted(), index("a_green", "a"), index("a_blue", mark={"address": "alias.a"}),
        past=applied(TO_BLUE),
    )  # fmt: skip
    assert brief([moved, left]) == [
        ("moved", "index", "a_green", "a_blue"),
        ("leftover", "index", "a_blue", None),
    ]
    assert moved.since == Since(ENDED, "the apply ended that had put it on a_blue (plan p1)")
    (moved,) = found(wanted(), index("a_green", "a"), past=applied(TO_BLUE))
    assert moved.note == "a_blue is gone"


def test_not_moved_where_nobody_knows() -> None:
    unsure = applied(replace(TO_BLUE, outcome="unknown"), closed=False)
    assert found(wanted(), index("a_green", "a"), past=unsure) == []
    silent = Past((Apply("p2", LATER, LATER, True, None), *applied(TO_BLUE).applies))
    assert found(wanted(), index("a_green", "a"), past=silent) == []
    assert found(wanted(), index("a_green", "a"), past=applied(replace(TO_BLUE, alias="b"))) == []


def test_a_block() -> None:
    blocked = with_settings(**{"index.blocks.write": "true", "index.blocks.read": "false"})
    (one,) = found(wanted(), index("a_blue", "a", body=blocked))
    assert brief([one]) == [("blocked", "settings.index.blocks.write", "true", None)]
    assert (one.since, one.note) == (Since(CREATED, "a_blue was created"), "")
    going = applied(replace(TO_BLUE, outcome="unknown"), closed=False)
    (one,) = found(wanted(), index("a_green", "a", body=blocked), past=going)
    assert one.note.startswith(f"the apply of plan p1 has not ended, and began at {CREATED}")
    declared = with_settings(**{"index.blocks.write": "true"})
    assert found(wanted(body=declared), index("a_blue", "a", body=declared)) == []


@pytest.mark.parametrize("mark", [{"address": "alias.a"}, {}])
def test_a_guard(mark: dict[str, str]) -> None:
    guard = "esplan-copy-p1-00000000"
    (one,) = found(wanted(), index("a_green", "a"), index("a_blue", guard, mark=mark))
    assert brief([one]) == [("guard", f"aliases.{guard}", {}, None)]
    assert one.since == Since(CREATED, "a_blue was created")


def test_the_guard_of_another_alias() -> None:
    other = index("a_blue", "esplan-copy-p1-0", mark={"address": "alias.b"})
    assert found(wanted(), index("a_green", "a"), other) == []


def test_leftovers() -> None:
    pair = (index("a_blue", "a"), index("a_green"))
    (one,) = found(wanted(), *pair)
    assert brief([one]) == [("leftover", "index", "a_green", None)]
    assert one.rule == "no alias is on it any more: a_blue serves a"
    assert one.since == Since(CREATED, "a_green was created")
    (one,) = found(wanted(), *pair, past=applied(TO_BLUE))
    moved = "the apply ended that had moved the alias away from a_green (plan p1)"
    assert one.since == Since(ENDED, moved)
    (one,) = found(wanted(), *pair, past=applied(TO_BLUE), created=LATER)
    assert one.since == Since(LATER, "a_green was created")
    _, one = found(wanted(), index("a_blue"), index("a_green", "a"), past=applied(TO_BLUE))
    put = "the apply ended that had put it on a_blue (plan p1)"
    assert brief([one]) == [("leftover", "index", "a_blue", None)]
    assert one.since == Since(ENDED, put)
    managed = replace(wanted(), indices={"a_green": Index("a_green", BODY)})
    assert found(managed, *pair) == []


def test_the_old_index_that_the_file_keeps() -> None:
    pair = (index("a_blue", "a"), index("a_green"))
    keeping = wanted(finish=Finish(delete_old=False))
    assert found(keeping, *pair, past=applied(TO_BLUE)) == []
    assert [one.kind for one in found(keeping, *pair)] == ["leftover"]
    made_again = found(keeping, *pair, past=applied(TO_BLUE), created=LATER)
    assert [one.kind for one in made_again] == ["leftover"]
    options = Apply("p2", LATER, LATER, True, (Move("a", ("a_blue",), ("a_blue",)),))
    assert found(keeping, *pair, past=Past((options, *applied(TO_BLUE).applies))) == []


# Runs of a loader

OLD, NEW = "c-20260101t060000z", "c-20260102t060000z"


def released(run: str = "latest", *, abort: bool = False, delete_old: bool = True) -> State:
    pattern = "c-{run_id}"
    entities = {"customer": pattern}
    loaded = Runs("customer", "{index_base}-{run_id}", "c", entities, run, abort=abort)
    finish = Finish(delete_old=delete_old)
    return wanted(naming=Naming(pattern), runs=loaded, body=Body(), finish=finish)


def test_a_newer_run_is_a_release() -> None:
    (one,) = found(released(), index(OLD, "a"), index(NEW))
    assert brief([one]) == [("release", "index", OLD, NEW)]
    assert one.since == Since(CREATED, f"{NEW} was created")
    assert found(released("20260101t060000z"), index(OLD, "a"), index(NEW)) == []


def test_a_release_that_is_not_wanted_is_none() -> None:
    """Else the settings of the run that is served would be compared."""
    alias = replace(released(abort=True).aliases["a"], body=BODY)
    older = index(OLD, "a", body=Body())
    assert found(State(aliases={"a": alias}), older, index(NEW)) == []
    assert found(State(aliases={"a": replace(alias, runs=None)}), older) != []


def test_moved_to_the_run_that_the_files_want_is_as_they_say() -> None:
    past = applied(Move("a", (), (OLD,)))
    keeping = released(delete_old=False)
    assert found(keeping, index(OLD), index(NEW, "a"), past=past) == []
    past = applied(Move("a", (), (NEW,)))
    assert brief(found(keeping, index(OLD, "a"), index(NEW), past=past)) == [
        ("moved", "index", OLD, NEW),
        ("release", "index", OLD, NEW),
    ]


def test_older_runs_are_left_over_where_the_file_says_delete() -> None:
    assert brief(found(released(), index(OLD), index(NEW, "a"))) == [
        ("leftover", "index", OLD, None)
    ]
    assert found(released(delete_old=False), index(OLD), index(NEW, "a")) == []


def test_no_run_at_all() -> None:
    """The rest of the alias is looked at all the same."""
    blocked = index("other", "a", body=with_settings(**{"index.blocks.write": "true"}))
    refused, block = found(released(), blocked)
    assert brief([refused]) == [("refused", "index", "other", None)]
    assert refused.rule == "there is no safe way to what the files say"
    assert "c-{run_id}" in refused.note
    assert block.kind == "blocked"


def test_a_closed_run_is_refused() -> None:
    (one,) = found(released(), index(NEW, "a", is_open=False))
    assert one.kind == "refused"
    assert f"the run {NEW} is closed" in one.note


# Views

HOSTILE = "a\x1b[31m\n::error::x]]>&<b>|`%\u202e\ufffe"
INFO = ClusterInfo("prod", "u", "8.16.1", "elasticsearch")


def report(*drifts: Drift) -> Report:
    places = {one.address: one.place for one in drifts}
    return Report(INFO, {"index.fine": Place("d.yaml", 9, 3), **places}, drifts)


def one_drift(**parts: Any) -> Drift:
    since = Since(CREATED, "a_blue was created")
    values = ("index.refresh_interval", "1s", "5s", "a rule", since, "a note")
    made = Drift("changed", "alias.a", "a_blue", *values, Place("d/a.yaml", 4, 3))
    return replace(made, **parts)


def hostile() -> Report:
    place = Place(f"d,:{HOSTILE}.yaml", 4, 3)
    address = f"alias.{HOSTILE}"
    return report(
        one_drift(
            address=address, path=HOSTILE, live=HOSTILE, rule=HOSTILE, note=HOSTILE, place=place,
            since=Since(CREATED, HOSTILE),
        )
    )  # fmt: skip


def lines(given: Report) -> list[str]:
    return "\n".join(one.plain for one in views.text(given)).split("\n")


def test_text() -> None:
    second = one_drift(kind="leftover", path="index", live="a_green", wanted=None, since=None)
    assert lines(report(one_drift(), second)) == [
        "Drift of the cluster prod (elasticsearch 8.16.1)",
        "",
        "alias.a  d/a.yaml:4:3",
        "  changed: index.refresh_interval in a_blue: 1s → 5s",
        "    a rule",
        f"    not before {CREATED}, when a_blue was created",
        "  leftover: index: a_green → (none)",
        "    a rule",
        "  a note",
        "",
        "Drift: 1 of 2 objects differs: 1 changed, 1 leftover.",
    ]
    assert lines(report())[-1] == "No drift: 1 object is as the files say."


def test_hostile_names_stay_on_their_line() -> None:
    assert len(lines(hostile())) == len(lines(report(one_drift())))
    for form in ("markdown", "junit", "github"):
        shown = views.FORMATS[form](hostile())
        assert "\x1b" not in shown, form
        assert "\u202e" not in shown, form


def test_json() -> None:
    shown = json.loads(views.json(hostile()))
    assert shown["format_version"] == "1.0"
    assert shown["looked_at"] == ["index.fine", f"alias.{HOSTILE}"]
    assert shown["drift"][0]["live"] == HOSTILE
    assert shown["drift"][0]["since"] == {"at": CREATED, "event": HOSTILE}
    assert shown["drift"][0]["place"]["line"] == 4


def test_markdown() -> None:
    assert views.markdown(report()) == "**No drift: 1 object is as the files say.**\n"
    row = views.markdown(report(one_drift())).splitlines()[-1]
    assert row == (
        "| alias.a | changed | index.refresh\\_interval | 1s | 5s | a rule<br>"
        f"not before {CREATED}, when a\\_blue was created<br>a note |"
    )
    shown = views.markdown(hostile())
    assert len(shown.splitlines()) == 5
    assert "&#60;b&#62;\\|\\`%" in shown
    assert "<b>" not in shown


def test_junit() -> None:
    root = ET.fromstring(views.junit(report(one_drift())))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), root.get("failures")) == ("2", "1", "1")
    fine, failed = suite
    assert (fine.get("name"), fine.get("file"), list(fine)) == ("index.fine", "d.yaml", [])
    assert (failed.get("name"), failed.get("line")) == ("alias.a", "4")
    assert failed[0].get("message") == "changed"
    assert failed[0].text == (
        "changed: index.refresh_interval: 1s → 5s; a rule; "
        f"not before {CREATED}, when a_blue was created; a note"
    )
    clean = "a\\x1b[31m\\n::error::x]]>&<b>|`%\\u202e\ufffd"
    (suite,) = ET.fromstring(views.junit(hostile()))
    assert suite[1].get("name") == f"alias.{clean}"
    assert clean in (suite[1][0].text or "")


def test_github() -> None:
    """As a runner reads it: a command ends with its line, properties with `,` and `::`."""
    (line, last) = views.github(report(one_drift())).splitlines()
    assert line == (
        "::warning file=d/a.yaml,line=4,col=3,title=alias.a%3A changed::changed: "
        "index.refresh_interval: 1s → 5s; a rule; "
        f"not before {CREATED}, when a_blue was created; a note"
    )
    summary = "Drift: 1 of 2 objects differs: 1 changed."
    assert last == f"::notice title=esplan drift::{summary}"
    shown = views.github(hostile()).splitlines()
    assert len(shown) == 2
    properties, _, said = shown[0].removeprefix("::warning ").partition("::")
    assert [one.partition("=")[0] for one in properties.split(",")] == [
        "file", "line", "col", "title",
    ]  # fmt: skip
    assert properties.startswith("file=d%2C%3Aa\\x1b[31m\\n%3A%3Aerror%3A%3Ax]]>&<b>|`%25")
    assert "%25" in said


def test_a_place_that_is_not_known() -> None:
    given = report(one_drift(place=None))
    assert lines(given)[2] == "alias.a"
    assert views.github(given).startswith("::warning title=alias.a%3A changed::")
    assert ET.fromstring(views.junit(given))[0][1].get("file") is None


# The command line


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("text", "Drift of the cluster fake"),
        ("json", "{"),
        ("markdown", "**Drift: 1 of 1"),
        ("junit", "<testsuites"),
        ("github", "::warning file="),
    ],
)
def test_formats_and_exit_codes(
    form: str,
    start: str,
    cluster: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "desired.json"
    path.write_text(json.dumps({"version": 1, "indices": {"x": {}}}))
    monkeypatch.setattr(Cluster, "read", lambda _self, *given, **more: cluster.read(*given, **more))
    arguments = ["--url", "http://localhost:1", "drift", "-d", str(path), "--format", form]
    assert cli.run(arguments) == 2
    assert capsys.readouterr().out.startswith(start)
    assert cli.run([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["drift"][0]["kind"] == "missing"
    cluster.make("x")
    assert cli.run(arguments) == 0
    assert capsys.readouterr().err == ""


# Beside a plan


def beside(desired: State, *indices: Index) -> list[tuple[str, str | None]]:
    there = {one.name: one for one in indices}
    found = drift.beside(desired, State(there, live.aliases(there)))
    return [(one.kind, one.index) for one in found]


def test_what_stays_beside_a_plan_is_what_the_state_alone_tells() -> None:
    """No difference of the plan, nothing of the past, and no index that the file keeps."""
    body = with_settings(**{"index.blocks.write": "true", "index.refresh_interval": "1s"})
    mark = {"address": "alias.a"}
    there = [index("a_blue", "a", body=body), index("a_green", mark=mark)]
    there += [index("a_red", "esplan-copy-p1-00000000", mark=mark)]
    both = [("blocked", "a_blue"), ("guard", "a_red")]
    assert beside(wanted(), *there) == [*both, ("leftover", "a_green")]
    assert beside(wanted(finish=Finish()), *there) == both
    assert beside(State(), *there) == []


@pytest.mark.parametrize(("shards", "named"), [(1, ["a_green"]), (2, [])])
def test_a_plan_names_what_it_leaves_as_it_is(cluster: Any, shards: int, named: list[str]) -> None:
    """Not what its alias leaves: the block on a_green goes with it."""
    shown = {"index.number_of_shards": "1", "index.blocks.write": "true"}
    cluster.make("a_green", settings=shown, aliases={"a": {}})
    body = normalize.body({"number_of_shards": shards}, {})
    made = plan(cluster, Desired(wanted(body=body), ""), now=NOW)
    assert [one["index"] for one in made.drift] == named
    assert bool(made.steps) == (not named)
    if named:
        assert made.drift[0] == {
            "kind": "blocked",
            "address": "alias.a",
            "index": "a_green",
            "path": "settings.index.blocks.write",
            "live": "true",
            "wanted": None,
            "rule": "a block that the files do not have is on an index behind the alias",
        }
