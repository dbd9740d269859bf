"""`verify --repair`: what is refused, asked and shown, and the condition of every write."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import cli
from esplan.checksum import Ids, Report
from esplan.checksum.repair import Repaired, repair
from esplan.cli.verify import _consent
from esplan.commands import repair as commands
from esplan.commands.repair import Intent, intent, shown, to_json
from esplan.errors import Refused, StepFailed
from esplan.views.verify import repaired, wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

REPORT = Report(
    "checksum",
    "a",
    "b",
    5,
    5,
    {"a": {"0": 9}, "b": {"0": 9}},
    differing=1,
    missing=Ids(1, ("m",)),
    extra=Ids(1, ("x",)),
    different=Ids(2, ("d", "e")),
)
INTENT = Intent("a", "b", ("one", "two"), 1, 1, 2)


def make(cluster: Any, **settings: str) -> None:
    for name in ("a", "b"):
        given = {f"index.{n.replace('__', '.')}": v for n, v in settings.items()}
        cluster.make(name, settings=given if name == "b" else {})


def test_what_is_to_be_done_and_whom_it_serves(cluster: Any) -> None:
    make(cluster)
    cluster.indices["b"]["aliases"] = {"two": {}, "one": {}}
    assert intent(cluster, REPORT) == INTENT
    assert wanted(INTENT) == (
        "In b, which serves one, two: 1 created, 1 deleted, 2 replaced, as they are in a."
    )


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"blocks__write": "true"}, "b cannot be repaired: index.blocks.write"),
        ({"final_pipeline": "p"}, "its index.final_pipeline would change what is written"),
    ],
)
def test_what_cannot_be_repaired(cluster: Any, settings: Any, why: str) -> None:
    make(cluster, **settings)
    with pytest.raises(Refused, match=why):
        intent(cluster, REPORT)


@pytest.mark.parametrize("name", ["a", "b"])
def test_an_index_that_is_gone_since_the_comparison(
    cluster: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(cluster)
    monkeypatch.setattr("esplan.commands.repair.seen.require_all", lambda *_: None)
    del cluster.indices[name]
    with pytest.raises(Refused, match=f"the index {name} is gone since the comparison"):
        intent(cluster, REPORT)


def test_a_block_that_is_off_is_none(cluster: Any) -> None:
    make(cluster, blocks__write="false")
    assert intent(cluster, REPORT)


def test_too_many_are_no_repair(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make(cluster)
    monkeypatch.setattr(commands, "MOST", 3)
    with pytest.raises(Refused, match="4 documents differ, and at most 3 are repaired") as caught:
        intent(cluster, REPORT)
    assert "let a plan make the index anew" in caught.value.remedy


def hits(*found: Any, total: int = -1) -> Any:
    count = len(found) if total < 0 else total
    return {"hits": {"total": {"value": count}, "hits": list(found)}}


def hit(id_: str, seq: int = 1, shard: int = 0, **more: Any) -> Any:
    place = {"_shard": f"[b][{shard}]", "_seq_no": seq, "_primary_term": 1}
    return {"_id": id_, "_source": {"n": 1}, **place, **more}


class Sides:
    """Answers to the searches of both sides; `sent` are the lines of each bulk."""

    def __init__(self, old: Iterable[Any], new: Iterable[Any], refused: str = "") -> None:
        self.sides = {"/a/_search": list(old), "/b/_search": list(new)}
        self.refused = refused
        self.sent: list[Any] = []

    def read(self, path: str, _params: Any, body: Any) -> Any:
        wanted_ids = body["query"]["ids"]["values"]
        return hits(*(one for one in self.sides[path] if one["_id"] in wanted_ids))

    def change(self, _method: str, path: str, params: Any, body: Any, **_: Any) -> Any:
        assert (path, params["pipeline"]) == ("/b/_bulk", "_none")
        self.sent.append(body)
        verbs = [line for line in body if line.keys() & {"create", "index", "delete"}]
        error = {"type": "version_conflict_engine_exception"}
        return {"items": [self._item(*line.items(), error) for line in verbs]}

    def _item(self, line: Any, error: Any) -> Any:
        verb, meta = line
        failed = {"error": error, "status": 409} if meta["_id"] == self.refused else {"status": 200}
        return {verb: {"_id": meta["_id"], **failed}}


def only(**kinds: Any) -> Report:
    found = {kind: Ids(len(ids), tuple(ids)) for kind, ids in kinds.items()}
    return Report("checksum", "a", "b", 1, 1, REPORT.marks, differing=1, **found)


def test_every_write_has_its_condition() -> None:
    sides: Any = Sides(
        [hit("m", _routing="r"), hit("d")], [hit("x", seq=3, _routing="s"), hit("d", seq=4)]
    )
    done = repair(sides, only(missing=["m"], extra=["x"], different=["d"]), lambda: None)
    assert done == Repaired(1, 1, 1)
    assert sides.sent == [
        [{"create": {"_id": "m", "routing": "r"}}, {"n": 1}],
        [{"delete": {"_id": "x", "routing": "s", "if_seq_no": 3, "if_primary_term": 1}}],
        [{"index": {"_id": "d", "if_seq_no": 4, "if_primary_term": 1}}, {"n": 1}],
    ]


def test_a_document_of_another_routing_is_made_only_if_the_old_one_is_gone() -> None:
    both = ([hit("d", _routing="r")], [hit("d", seq=2)])
    sides: Any = Sides(*both)
    assert repair(sides, only(different=["d"]), lambda: None) == Repaired(replaced=1)
    assert [next(iter(body[0])) for body in sides.sent] == ["delete", "create"]
    sides = Sides(*both, refused="d")
    done = repair(sides, only(different=["d"]), lambda: None)
    assert done == Repaired(left={"d": "somebody wrote it meanwhile"})
    assert len(sides.sent) == 1


@pytest.mark.parametrize(
    ("kind", "old", "new", "why"),
    [
        ("missing", [], [], "it has changed since it was compared"),
        ("missing", [hit("i")], [hit("i")], "it has changed since it was compared"),
        ("extra", [hit("i")], [hit("i")], "it has changed since it was compared"),
        ("extra", [], [hit("i", seq=10)], "it has changed since it was compared"),
        ("different", [hit("i")], [], "it has changed since it was compared"),
        ("different", [hit("i")], [hit("i"), hit("i")], "1 documents of this id are in the first"),
    ],
)
def test_what_is_not_as_it_was_is_left(kind: str, old: Any, new: Any, why: str) -> None:
    sides: Any = Sides(old, new)
    done = repair(sides, only(**{kind: ["i"]}), lambda: None)
    assert sides.sent == []
    assert done.left["i"].startswith(why)


def test_copies_that_are_not_all_seen_are_not_guessed() -> None:
    cluster: Any = SimpleNamespace(read=lambda *_: hits(hit("i"), total=2))
    with pytest.raises(StepFailed, match="too many documents of a have the same ids"):
        repair(cluster, only(different=["i"]), lambda: None)


def test_what_was_done_and_what_was_left() -> None:
    left = {f"{n:03}": "why\x1b" for n in range(101)}
    said = [line.plain for line in repaired(Repaired(1, 0, 2, left), REPORT)]
    assert said[0] == "\nRepaired: 1 created, 0 deleted, 2 replaced"
    assert said[1] == "  left as it is: 000: why\\x1b"
    assert "  and 1 more" in said
    assert said[-1] == "\nNot equal."
    event = to_json(Repaired(1), REPORT)
    assert (event["created"], event["left"], event["report"]["equal"]) == (1, {}, False)


def test_a_report_shows_a_part_of_the_ids() -> None:
    many = tuple(f"{n:04}" for n in range(500))
    cut = shown(Report("checksum", "a", "b", 1, 1, {}, extra=Ids(500, many, "d")))
    assert cut.extra == Ids(500, many[:100], "d")


# Consent


@pytest.mark.parametrize(("answer", "is_given"), [("yes", True), ("y", False), ("", False)])
def test_only_yes_is_consent(
    monkeypatch: pytest.MonkeyPatch, answer: str, *, is_given: bool
) -> None:
    asked: list[str] = []

    def ask(text: str, **_: Any) -> str:
        asked.append(text)
        return answer

    for stream in ("stdin", "stderr"):
        monkeypatch.setattr(sys, stream, SimpleNamespace(isatty=lambda: True))
    given: Any = SimpleNamespace(console=lambda **_: SimpleNamespace(input=ask))
    if is_given:
        _consent(given, INTENT, auto_approve=False)
    else:
        with pytest.raises(Refused, match="the repair was not approved"):
            _consent(given, INTENT, auto_approve=False)
    assert "which serves one, two: 1 created, 1 deleted, 2 replaced" in asked[0]
    assert _consent(given, INTENT, auto_approve=True) is None
    assert len(asked) == 1


def test_numbers_alone_are_no_ground_for_a_repair(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["verify", "a", "b", "--repair", "--method", "count"]
    assert cli.run([*arguments, "--url", "http://127.0.0.1:1"]) == 64
    assert "--repair needs to know which documents differ" in capsys.readouterr().err
