from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esplan import planfile
from esplan.errors import EsplanError, Refused
from esplan.plan import Change, Plan, Reason, Step

if TYPE_CHECKING:
    from collections.abc import Callable

PLAN = planfile.sealed(
    Plan(
        id="0123456789abcdef",
        created_at="2026-01-02T03:04:05+00:00",
        esplan_version="0.1.0",
        cluster={"name": "c", "uuid": "u", "version": "8.16.1", "distribution": "elasticsearch"},
        desired_digest="a" * 64,
        changes=(
            Change(
                "alias.ünï",
                "update",
                "dynamic settings",
                "ünï_green",
                "ünï_green",
                (Reason("settings.index.x", None, "1", "a rule", "dynamic settings"),),
                {"settings": {"index.x": None}, "mappings": {"properties": {}}, "options": {}},
                {"settings": {"index.x": "1"}, "mappings": {"properties": {}}, "options": {}},
            ),
        ),
        steps=(
            Step(
                "update_settings",
                "switch",
                "alias.ünï",
                "set x = 1 on ünï_green",
                {"method": "PUT", "path": "/x/_settings", "body": {"index.x": "1"}},
                ({"check": "index", "index": "ünï_green", "uuid": "u"},),
                {"request": {"method": "PUT", "path": "/x/_settings", "body": {"index.x": None}}},
                {"documents": 3, "bytes": None},
                {"index": "ünï_green"},
                "01-update_settings",
            ),
        ),
        warnings=("mind the gap",),
    )
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


@pytest.fixture
def saved(path: Path) -> Path:
    planfile.write(PLAN, path)
    return path


def edited(path: Path, **changes: Any) -> Path:
    raw = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


# Writing


def test_what_was_written_is_read_again(saved: Path) -> None:
    assert planfile.read(saved) == PLAN


TEXT = st.text(max_size=20)
VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PARTS = st.fixed_dictionaries({"settings": st.dictionaries(TEXT, VALUE, max_size=3)})


@given(
    warnings=st.lists(TEXT, max_size=3),
    body=st.none() | st.dictionaries(TEXT, VALUE, max_size=3),
    after=PARTS,
    before=st.none() | PARTS,
)
def test_any_plan_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    warnings: list[str],
    body: Any,
    after: Any,
    before: Any,
) -> None:
    change = replace(PLAN.changes[0], after=after, before=before)
    step = replace(PLAN.steps[0], request={"method": "PUT", "path": "/x", "body": body})
    plan = planfile.sealed(
        replace(PLAN, warnings=tuple(warnings), changes=(change,), steps=(step,), drift=(after,))
    )
    path = tmp_path_factory.mktemp("plan") / "p"
    planfile.write(plan, path)
    assert planfile.read(path) == plan


def test_it_is_stable_and_sorted_with_one_value_a_line() -> None:
    text = planfile.dumps(PLAN)
    assert text == planfile.dumps(planfile.sealed(PLAN))
    assert text.endswith("}\n")
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert '  "warnings": [\n    "mind the gap"\n  ]\n' in text
    assert "ünï_green" in text, "people read it"


def test_it_has_what_the_contract_names() -> None:
    raw = planfile.document(PLAN)
    names = (
        "format_version esplan_version created_at cluster desired_digest summary changes steps "
        "drift warnings digest"
    )
    assert set(names.split()) <= set(raw)
    assert raw["summary"] == {"create": 0, "update": 1, "replace": 0, "delete": 0}


def test_it_is_for_its_owner_only(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    path = tmp_path / "plans" / "new" / "plan.json"
    planfile.write(PLAN, path)
    assert planfile.read(path) == PLAN


def test_an_older_plan_is_replaced(saved: Path) -> None:
    other = planfile.sealed(replace(PLAN, warnings=()))
    planfile.write(other, saved)
    assert planfile.read(saved) == other
    assert [one.name for one in saved.parent.iterdir()] == ["plan.json"], "nothing else is left"


def test_a_link_is_replaced_and_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    path.symlink_to(target)
    planfile.write(PLAN, path)
    assert target.read_text() == "precious"
    assert not path.is_symlink()


def test_a_plan_without_end_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/zero has a size of 0."""
    monkeypatch.setattr(planfile, "LARGEST", 2**20)
    with pytest.raises(EsplanError, match="is not a plan file") as error:
        planfile.read(Path("/dev/zero"))
    assert error.value.why == "it is far too large"
    path.write_bytes(b" " * 2**20 + b"x")
    with pytest.raises(EsplanError, match="is not a plan file"):
        planfile.read(path)


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    """Replacing it as root would take /dev/null from every other process."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as reader:
        planfile.write(PLAN, pipe)
        assert json.loads(reader.read() or "{}").get("digest") == PLAN.digest
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]


def test_an_open_file_by_its_name_is_written_to(tmp_path: Path) -> None:
    """`-o /dev/stdout > file`: as root, /dev/stdout itself would become the plan."""
    with (tmp_path / "f").open("w") as file:
        planfile.write(PLAN, Path(f"/dev/fd/{file.fileno()}"))
    assert planfile.read(tmp_path / "f") == PLAN


def test_a_failed_write_leaves_the_old_plan(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EsplanError, match="cannot be written") as error:
        planfile.write(planfile.sealed(replace(PLAN, warnings=())), saved)
    assert error.value.why == "No space left on device"
    assert planfile.read(saved) == PLAN
    assert [one.name for one in saved.parent.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("name", ["file/plan.json", "n" * 300, "folder", "file/deeper/plan.json"])
def test_a_place_where_no_file_can_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(EsplanError, match="the plan cannot be written") as error:
        planfile.write(PLAN, tmp_path / name)
    assert "-o" in error.value.remedy


@pytest.mark.parametrize("name", ["", ".", "/", ".."])
def test_a_folder_is_no_place_for_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EsplanError, match="the plan cannot be written"):
        planfile.write(PLAN, type(tmp_path)(name))


# Reading


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"9" * 5000, "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b"null", "it is not a JSON object"),
        (b"{}", "it has no format_version"),
        (b'{"format_version": null}', "it has no format_version"),
        (b'{"format_version": "x"}', "it has no format_version"),
        ('{"format_version": "\u00b2"}'.encode(), "it has no format_version"),
        (b'{"format_version": "' + b"1" * 5000 + b'.0"}', ""),
        (b'{"format_version": "1.0"}', "required"),
        (b'{"format_version": 1}', ""),
    ],
    ids=range(14),
)
def test_what_is_not_a_plan(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(EsplanError) as error:
        planfile.read(path)
    assert str(path) in error.value.what
    assert why in error.value.why or "missing" in error.value.why
    assert error.value.remedy


def test_no_such_file(path: Path) -> None:
    with pytest.raises(EsplanError, match="cannot be read") as error:
        planfile.read(path)
    assert error.value.why == "No such file or directory"
    assert "esplan plan" in error.value.remedy


def test_a_folder_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(EsplanError, match="cannot be read"):
        planfile.read(tmp_path)


def test_a_file_too_large_is_not_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planfile, "LARGEST", 10)
    with pytest.raises(EsplanError, match="is not a plan file") as error:
        planfile.read(saved)
    assert error.value.why == "it is far too large"


@pytest.mark.parametrize("version", ["2.0", "10.3"])
def test_a_newer_major_version_is_refused(saved: Path, version: str) -> None:
    with pytest.raises(Refused, match=f"has format_version {version}") as refused:
        planfile.read(edited(saved, format_version=version))
    assert "a newer one" in refused.value.remedy


def test_a_newer_minor_version_may_have_more_keys(path: Path) -> None:
    raw = planfile.document(PLAN) | {"format_version": "1.9", "news": {"a": 1}}
    raw["digest"] = planfile._digest(raw)
    path.write_text(planfile.canonical(raw), encoding="utf-8")
    assert replace(planfile.read(path), digest="") == replace(PLAN, digest="")
    edited(path, news={"a": 2})
    with pytest.raises(Refused, match="was changed after it was written"):
        planfile.read(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"warnings": []},
        {"created_at": "2026-01-02T03:04:06+00:00"},
        {"summary": {"create": 0, "update": 0, "replace": 0, "delete": 0}},
        {"digest": "0" * 64},
        {"added": 1},
    ],
)
def test_an_edited_plan_is_refused(saved: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="was changed after it was written") as refused:
        planfile.read(edited(saved, **changes))
    assert "make a new plan" in refused.value.remedy


@pytest.mark.parametrize(
    "changes", [{"steps": None}, {"steps": [{}]}, {"changes": {}}, {"cluster": {}}, {"id": 1}]
)
def test_a_plan_of_another_shape_is_no_plan(saved: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(EsplanError, match="is not a plan file") as error:
        planfile.read(edited(saved, **changes))
    assert next(iter(changes)) in error.value.why


@settings(max_examples=400)
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_no_changed_byte_makes_another_plan(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    path = tmp_path_factory.mktemp("plan") / "p"
    raw = bytearray(planfile.dumps(PLAN).encode())
    raw[position % len(raw)] = value
    path.write_bytes(bytes(raw))
    try:
        found = planfile.read(path)
    except EsplanError:
        return
    assert found == PLAN, "white space may change, and nothing else"


@given(st.integers(0, 10_000))
def test_no_part_of_a_plan_is_a_plan(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    path = tmp_path_factory.mktemp("plan") / "p"
    raw = planfile.dumps(PLAN).rstrip().encode()
    path.write_bytes(raw[: size % len(raw)])
    with pytest.raises(EsplanError, match="is not a plan file"):
        planfile.read(path)


CREATED = '"created_at": "2026-01-02T03:04:05+00:00"'


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda t: t.replace(f"  {CREATED}", f"  {CREATED},\n  {CREATED}"), '"created_at" twice'),
        (lambda t: t.replace('"kind": ', '"kind": "x",\n      "kind": ', 1), '"kind" twice'),
        (lambda t: json.dumps(json.loads(t)), "another form"),
        (lambda t: json.dumps(json.loads(t), indent=2, sort_keys=True) + "\n", "another form"),
        (lambda t: t.replace("\n", "\r\n"), "CR LF"),
        (lambda t: t + "\n", "another form"),
        (lambda t: t.removesuffix("\n"), "another form"),
        (lambda t: t.replace('"update"', '"\\u0075pdate"', 1), "another form"),
        (lambda t: t.replace('"update": 1', '"update": 1e0', 1), "another form"),
    ],
    ids=["twice", "deep", "compact", "escaped", "crlf", "more", "less", "letter", "number"],
)
def test_only_the_bytes_that_esplan_wrote_are_a_plan(
    saved: Path, how: Callable[[str], str], why: str
) -> None:
    """The digest is right each time: it is over what was read, and what was read is the same."""
    text = saved.read_text("utf-8")
    other = how(text)
    assert other != text
    raw = json.loads(other)
    raw["digest"] = planfile._digest(raw)
    saved.write_bytes(other.replace(json.loads(text)["digest"], raw["digest"]).encode())
    with pytest.raises(Refused, match="is not as esplan wrote it") as refused:
        planfile.read(saved)
    assert (refused.value.code, refused.value.exit_code) == ("ESP-2405", 4)
    assert why in refused.value.why


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_plan(saved: Path, number: str) -> None:
    saved.write_text(saved.read_text("utf-8").replace('"update": 1', f'"update": {number}'))
    with pytest.raises(EsplanError, match="is not a plan file") as error:
        planfile.read(saved)
    assert f"{number} is not a number" in error.value.why


@pytest.mark.parametrize("ending", ["x", "{}", "\0"])
def test_nothing_may_follow(saved: Path, ending: str) -> None:
    saved.write_text(saved.read_text("utf-8") + ending)
    with pytest.raises(EsplanError, match="is not a plan file"):
        planfile.read(saved)


def test_half_a_surrogate_pair_is_no_text(saved: Path) -> None:
    raw = json.loads(saved.read_text("utf-8")) | {"warnings": ["\ud800"]}
    raw["digest"] = planfile._digest(raw)
    saved.write_text(json.dumps(raw, indent=2, sort_keys=True) + "\n")
    with pytest.raises(Refused, match="is not as esplan wrote it"):
        planfile.read(saved)
