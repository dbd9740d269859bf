from __future__ import annotations

import fcntl
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esplan import durable
from esplan import journal as journals
from esplan.errors import JournalError, Refused, Stopped
from esplan.journal import Journal, Record, beside, joined, open_journal, set_aside

if TYPE_CHECKING:
    from pathlib import Path

PLAN = "d" * 64


def written(path: Path, steps: int = 3) -> Journal:
    """A journal of an apply: start, intent and done of every step, end."""
    journal = Journal(path)
    journal.append("start", data={"plan": PLAN, "host": "höst", "pid": 1})
    for number in range(steps):
        journal.append("intent", f"{number:02d}-put_mapping")
        journal.append("done", f"{number:02d}-put_mapping", {"uuid": "ü", "n": number})
    journal.append("end")
    return journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json.journal.jsonl"


# Writing


def test_what_was_appended_is_read_again(path: Path) -> None:
    journal = written(path)
    assert open_journal(path, PLAN).records == journal.records
    assert [record.seq for record in journal.records] == list(range(8))
    assert path.read_bytes().count(b"\n") == 8


def test_each_line_is_a_record_of_the_contract(path: Path) -> None:
    journal = written(path)
    first, second, *_ = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    assert set(first) == {"seq", "prev", "event", "step", "at", "data", "checksum"}
    assert (first["prev"], second["prev"]) == ("", first["checksum"])
    assert first == asdict(journal.records[0])


def test_the_file_is_for_its_owner_only(path: Path) -> None:
    written(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_that_is_not_there_is_empty(path: Path) -> None:
    assert open_journal(path, PLAN).records == []
    assert not path.exists()


def test_states_evidence_and_end(path: Path) -> None:
    journal = Journal(path)
    assert (journal.state("1"), journal.evidence("1"), journal.ended) == (None, {}, False)
    journal.append("start", data={"plan": PLAN})
    journal.append("intent", "1")
    assert journal.state("1") == "intent"
    journal.append("done", "1", {"n": 1})
    journal.append("undone", "1")
    journal.append("done", "1", {"n": 2})
    assert (journal.state("1"), journal.state("2")) == ("done", None)
    assert journal.evidence("1") == {"n": 2}
    assert not journal.ended
    journal.append("end")
    assert journal.ended


def test_appending_goes_on_after_the_last_record(path: Path) -> None:
    written(path, steps=1)
    again = open_journal(path, PLAN)
    again.append("start", data={"plan": PLAN})
    assert [record.seq for record in open_journal(path, PLAN).records] == [0, 1, 2, 3, 4]


def test_a_record_is_durable_before_it_is_mirrored(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (seen.append("fsync"), real(fd))[1])
    journal = Journal(path, mirror=lambda _record: seen.append("mirror"))
    journal.append("start", data={"plan": PLAN})
    assert seen == ["fsync", "fsync", "mirror"], "the file, its folder, then the cluster"
    journal.append("intent", "1")
    assert seen[3:] == ["fsync", "mirror"]


def test_a_disk_that_does_not_take_it_stops_the_apply(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored: list[Record] = []
    journal = Journal(path, mirror=mirrored.append)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalError, match="cannot be written") as error:
        journal.append("start")
    assert error.value.why == "No space left on device"
    assert "make room" in error.value.remedy
    assert (mirrored, journal.records) == ([], [])


def torn(path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """The disk took half of its last record."""
    journal, real = written(path, steps=1), os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[: len(data) // 2]))
    with pytest.raises(JournalError, match="cannot be written"):
        journal.append("intent", "1")
    monkeypatch.undo()
    return journal


def test_half_a_record_is_no_record(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = torn(path, monkeypatch)
    assert open_journal(path, PLAN).records == journal.records


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("")
    path.symlink_to(target)
    with pytest.raises(JournalError, match="cannot be read") as error:
        open_journal(path, PLAN)
    assert error.value.why == "it is a link, and links are not followed"
    with pytest.raises(JournalError, match="cannot be written"):
        Journal(path).append("start")
    assert (target.read_text(), path.is_symlink()) == ("", True)


def test_a_pipe_in_its_place_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(JournalError, match="cannot be read") as error:
        open_journal(path, PLAN)
    assert error.value.why == "it is not a plain file"


def test_a_journal_that_is_far_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "LARGEST", 2 * 2**20)
    with path.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(JournalError, match="cannot be read") as error:
        open_journal(path, PLAN)
    assert error.value.why == "it is larger than 2 MiB"


def test_reading_changes_nothing(path: Path) -> None:
    """The apply that writes the file may be running: half a record may be whole in a moment."""
    journal = written(path, steps=1)
    cut = path.read_bytes()[:-5]
    path.write_bytes(cut)
    assert open_journal(path, PLAN).records == journal.records[:-1]
    with pytest.raises(Refused):
        set_aside(path.with_name("plan.json"))
    assert path.read_bytes() == cut


def test_after_a_torn_line_nothing_more_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object beside it may not go on: its record would follow the half of another one."""
    journal = torn(path, monkeypatch)
    before = path.read_bytes()
    for write in (lambda: journal.append("intent", "2"), lambda: journal.store(journal.records)):
        with pytest.raises(JournalError, match="could not be written before"):
            write()
    assert path.read_bytes() == before
    again = open_journal(path, PLAN)
    again.append("start", data={"plan": PLAN})
    assert open_journal(path, PLAN).records == [*journal.records, again.records[-1]]


def test_after_a_record_that_is_not_mirrored_nothing_more_is_written(path: Path) -> None:
    """Else the copy in the cluster would have a hole."""

    def refuse(_record: Record) -> None:
        raise JournalError("the journal cannot be mirrored")

    journal = Journal(path, mirror=refuse)
    with pytest.raises(JournalError, match="cannot be mirrored"):
        journal.append("start", data={"plan": PLAN})
    with pytest.raises(JournalError, match="could not be written before"):
        journal.append("intent", "1")
    assert len(open_journal(path, PLAN).records) == 1


def test_each_process_makes_durable_what_it_goes_on_from(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it read may be in memory alone: an earlier process stopped at a failed fsync."""
    written(path, steps=1)
    before, synced, real = path.stat().st_ino, [], os.fsync

    def noted(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append("folder" if stat.S_ISDIR(found.st_mode) else found.st_size)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    again = open_journal(path, PLAN)
    again.append("start", data={"plan": PLAN})
    assert synced == [path.stat().st_size, "folder"]
    assert path.stat().st_ino != before, "a file of its own"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_that_something_else_writes_to(path: Path) -> None:
    journal = written(path, steps=1)
    with path.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(JournalError, match="is not as this apply has left it"):
        journal.append("intent", "1")


def test_a_file_that_another_apply_has_made_meanwhile(path: Path) -> None:
    """It had lost the lock before it wrote its first line."""
    late = open_journal(path, PLAN)
    whole = written(path, steps=1).path.read_bytes()
    with pytest.raises(JournalError, match="is not as this apply has left it"):
        late.append("start", data={"plan": PLAN})
    assert path.read_bytes() == whole


def test_a_file_that_another_apply_has_replaced_while_it_was_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, flock, opened = written(path, steps=1), fcntl.flock, Event()

    def told(file: Any, operation: int) -> None:
        opened.set()
        flock(file, operation)

    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        monkeypatch.setattr(fcntl, "flock", told)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(journal.append, "intent", "1")
            assert opened.wait(10)
            durable.write_whole(path, whole := path.read_bytes())
            fcntl.flock(held, fcntl.LOCK_UN)
            with pytest.raises(JournalError, match="is not as this apply has left it"):
                waiting.result()
    assert path.read_bytes() == whole


def test_a_file_that_is_gone_is_not_begun_in_the_middle(path: Path) -> None:
    journal = written(path, steps=1)
    path.unlink()
    with pytest.raises(JournalError, match="cannot be written"):
        journal.append("intent", "1")
    assert not path.exists()


def test_what_somebody_else_has_put_there_is_neither_used_nor_in_the_way(path: Path) -> None:
    """In a container every esplan has the same pid; the name had it once."""
    left = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    left.write_text("half")
    written(path)
    assert left.read_text() == "half"


@pytest.mark.parametrize("bits", [0o620, 0o602])
def test_a_journal_that_others_may_write_to_is_shown_and_not_believed(
    path: Path, bits: int
) -> None:
    written(path)
    path.chmod(bits)
    for decide in (
        lambda: open_journal(path, PLAN),
        lambda: set_aside(path.with_name("plan.json")),
    ):
        with pytest.raises(JournalError, match="may have been written by others") as error:
            decide()
        assert error.value.code == "ESP-2406"
        assert f"chmod 600 {path}" in error.value.remedy
    assert open_journal(path, PLAN, believed=False).records
    path.chmod(0o600)
    assert open_journal(path, PLAN).records


def test_a_plan_with_the_longest_name(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 120)
    written(path)
    assert len(open_journal(path, PLAN).records) == 8


@pytest.mark.parametrize("plan", [None, 1, "../../../x", "d" * 63, {}])
def test_a_journal_whose_plan_is_no_digest_is_not_renamed(tmp_path: Path, plan: Any) -> None:
    """The digest becomes a part of the new name."""
    path = beside(tmp_path / "plan.json")
    record = Record(0, "", "end", "", "", {"plan": plan}).sealed()
    path.write_text(f"{record.line()}\n")
    with pytest.raises(JournalError, match="damaged in line 1"):
        set_aside(tmp_path / "plan.json")


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir()
    with pytest.raises(JournalError, match="cannot be read"):
        open_journal(path, PLAN)


def test_the_journal_of_another_plan(path: Path) -> None:
    written(path)
    with pytest.raises(JournalError, match="is the journal of another plan") as error:
        open_journal(path, "e" * 64)
    assert "move it away" in error.value.remedy


# Damage


def outcome(path: Path) -> list[Record] | JournalError:
    """Records, or the one error that is allowed."""
    try:
        return open_journal(path, PLAN).records
    except JournalError as error:
        return error


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of files: the disk need not keep them."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.mark.usefixtures("fast")
def test_cut_at_every_byte(path: Path) -> None:
    """A torn tail is dropped, and off the file; every whole record before it stays."""
    journal = written(path)
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        count = whole[:size].count(b"\n")
        assert outcome(path) == journal.records[:count], f"cut after {size} bytes"
        again = open_journal(path, PLAN)
        again.append("start", data={"plan": PLAN})
        kept = whole.splitlines(keepends=True)[:count]
        assert path.read_bytes() == b"".join([*kept, f"{again.records[-1].line()}\n".encode()])


def test_a_flipped_byte_is_refused_with_its_line(path: Path) -> None:
    r"""But for one that means the same: the `f` in `\u00f6` may be an `F`."""
    journal = written(path)
    whole = path.read_bytes()
    for position in range(len(whole) - 1):
        line = whole[:position].count(b"\n") + 1
        for bit in (0x01, 0x20, 0x80):
            flipped = bytes([whole[position] ^ bit])
            path.write_bytes(whole[:position] + flipped + whole[position + 1 :])
            found = outcome(path)
            if not isinstance(found, JournalError):
                assert found == journal.records, f"byte {position} ^ {bit:#x} was not noticed"
                assert flipped.isalpha()
                continue
            assert f"damaged in line {line}" in found.what
            assert path.stat().st_size == len(whole), "a damaged journal is left as it is"


@given(position=st.integers(0, 2000), value=st.integers(0, 255), data=st.data())
def test_any_byte_changed_is_whole_records_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int, data: Any
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    journal = written(path, steps=2)
    whole = bytearray(path.read_bytes())
    whole[position % len(whole)] = value
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(bytes(whole[:cut]))
    found = outcome(path)
    if not isinstance(found, JournalError):
        assert found == journal.records[: len(found)]


@given(st.binary(max_size=300))
def test_any_bytes_are_an_empty_journal_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    path.write_bytes(raw)
    found = outcome(path)
    assert found == [] or isinstance(found, JournalError)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"1e999",
        b'{"seq": 0}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"seq":"0","prev":"","event":"end","step":"","at":"","data":{},"checksum":""}',
        b'{"seq":0,"prev":"","event":"end","step":"","at":"\\ud800","data":{},"checksum":""}',
        b'{"seq":0,"prev":[],"event":{},"step":null,"at":1,"data":1,"checksum":{}}',
        b"9" * 5000,
    ],
    ids=range(12),
)
def test_a_line_that_is_no_record(path: Path, line: bytes) -> None:
    path.write_bytes(line + b"\n")
    with pytest.raises(JournalError, match="damaged in line 1") as error:
        open_journal(path, PLAN)
    assert "restore the file" in error.value.remedy


def test_a_first_record_without_a_plan(path: Path) -> None:
    record = Record(0, "", "start", "", "", {}).sealed()
    path.write_text(record.line() + "\n", encoding="utf-8")
    with pytest.raises(JournalError):
        open_journal(path, PLAN)


@pytest.mark.parametrize("data", [None, 1, "x", []])
def test_a_first_record_whose_data_is_no_object(path: Path, data: Any) -> None:
    record = replace(Record(0, "", "start", "", "", {}), data=data).sealed()
    path.write_text(record.line() + "\n", encoding="utf-8")
    with pytest.raises(JournalError):
        open_journal(path, PLAN)


@pytest.mark.parametrize("drop", [0, 1, 3])
def test_a_line_gone_from_the_middle(path: Path, drop: int) -> None:
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:drop] + lines[drop + 1 :]))
    with pytest.raises(JournalError, match=f"damaged in line {drop + 1}"):
        open_journal(path, PLAN)


def test_lines_in_another_order(path: Path) -> None:
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2], lines[3] = lines[3], lines[2]
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalError, match="damaged in line 3"):
        open_journal(path, PLAN)


def test_text_that_is_no_unicode_can_be_journalled(path: Path) -> None:
    """An error message of a server may hold half of a surrogate pair."""
    journal = Journal(path)
    journal.append("start", data={"plan": PLAN, "why": "\ud800"})
    assert open_journal(path, PLAN).records == journal.records


# Two copies


def test_the_longer_copy_wins(path: Path) -> None:
    records = written(path).records
    names = ("here", "there")
    assert joined(records, records[:2], names) == records
    assert joined(records[:2], records, names) == records
    assert joined([], records, names) == records
    assert joined([], [], names) == []


def test_copies_that_disagree(path: Path, tmp_path: Path) -> None:
    one = written(path, steps=1).records
    other = Journal(tmp_path / "other")
    other.store(one[:2])
    other.append("failed")
    with pytest.raises(JournalError, match="here and there disagree from record 2 on"):
        joined(one, other.records, ("here", "there"))


# Beside a plan


def test_it_lies_beside_its_plan(tmp_path: Path) -> None:
    assert beside(tmp_path / "a.json") == tmp_path / "a.json.journal.jsonl"


def test_an_ended_journal_is_set_aside_for_a_new_plan(tmp_path: Path) -> None:
    plan = tmp_path / "a.json"
    journal = written(beside(plan))
    (tmp_path / "a.json.rejected.jsonl").write_text("{}\n")
    set_aside(plan)
    assert (tmp_path / f"a.json.{PLAN[:12]}.rejected.jsonl").exists()
    assert not (tmp_path / "a.json.rejected.jsonl").exists()
    kept = tmp_path / f"a.json.{PLAN[:12]}.journal.jsonl"
    assert open_journal(kept, PLAN).records == journal.records
    assert open_journal(beside(plan), "e" * 64).records == []


def test_an_apply_that_was_taken_back_is_set_aside_too(tmp_path: Path) -> None:
    plan = tmp_path / "a.json"
    journal = Journal(beside(plan))
    journal.append("start", data={"plan": PLAN})
    journal.append("failed")
    journal.append("undone")
    set_aside(plan)
    assert not beside(plan).exists()


def test_no_journal_to_set_aside(tmp_path: Path) -> None:
    set_aside(tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("last", [("intent", "1"), ("done", "1"), ("undone", "1"), ("failed", "")])
def test_an_unfinished_apply_keeps_its_place(tmp_path: Path, last: tuple[Any, str]) -> None:
    plan = tmp_path / "a.json"
    journal = Journal(beside(plan))
    journal.append("start", data={"plan": PLAN})
    journal.append(*last)
    with pytest.raises(Refused, match="was begun and has not ended") as refused:
        set_aside(plan)
    assert "esplan apply" in refused.value.remedy
    assert beside(plan).exists()


def test_the_format_version_is_one_of_the_contract() -> None:
    assert journals.FORMAT_VERSION == "1.0"


# Who else writes


def test_a_file_that_somebody_else_has_written_to_is_not_written_to(tmp_path: Path) -> None:
    """Another apply of the same plan: its records must not be followed by a stale one."""
    path = tmp_path / "j"
    late, other = (Journal(path) for _ in range(2))
    other.append("start", data={"plan": PLAN})
    before = path.read_bytes()
    with pytest.raises(JournalError, match="is not as this apply has left it") as error:
        late.append("start", data={"plan": PLAN})
    assert "another apply of the same plan" in error.value.why
    assert path.read_bytes() == before


def test_nothing_is_recorded_without_permission(tmp_path: Path) -> None:
    def lost() -> None:
        raise Stopped("the lock was lost")

    made = Journal(tmp_path / "j", permit=lost)
    with pytest.raises(Stopped):
        made.append("start", data={"plan": PLAN})
    assert not made.path.exists()


def test_a_torn_line_is_left_where_another_apply_may_be_writing_it(path: Path) -> None:
    whole = written(path, steps=1).path.read_bytes()
    path.write_bytes(whole + b'{"seq": 1')
    journal = open_journal(path, PLAN)
    assert path.read_bytes() == whole + b'{"seq": 1'
    journal.append("intent", "1")
    assert path.read_bytes().startswith(whole + b'{"at"')
