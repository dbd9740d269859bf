"""The journal on a disk that fails, and a journal that was damaged: resume or refuse, never guess.

After each fault the same plan is applied again, and every document must be there.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import processes
import pytest
from failing_disk import FAULTS

from esplan.errors import JournalError
from esplan.journal import Record, joined, open_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Scale, Tally
    from world import World

pytestmark = pytest.mark.live

TRIAL = "journal I/O"

CALLS = {"write": 18, "fsync": 19, "open": 18, "replace": 1}
"""Of an apply of this plan: one a record, the folder's fsync, and one rename."""

PLACES = [(fault, n + 1) for fault, (call, _) in FAULTS.items() for n in range(CALLS[call])]

POINTS = [
    "after-request:03-reindex",
    "after-request:07-update_aliases",
    "before-done:08-delete_index",
]


def journal_of(world: World) -> Path:
    return world.folder / "plan.json.journal.jsonl"


def spread(places: list[Any], count: int) -> list[Any]:
    """So many of them, the same ones in each run."""
    return places if count >= len(places) else random.Random(7).sample(places, count)


def on_a_failing_disk(world: World, fault: str, number: int) -> dict[str, Any]:
    """Apply with the fault; it must stop, resumable, and have sent nothing more."""
    marker = world.folder / "marker"
    arguments = ["--url", world.url, "apply", str(world.plan), "--auto-approve"]
    done = processes.run([fault, str(number), str(marker), *arguments], "failing_disk:main")
    seen: dict[str, Any] = json.loads(marker.read_text())
    assert seen == {"faults": 1, "written": 0, "sent": []}, f"{fault} {number}: {done.stderr}"
    assert done.returncode == 3, f"{fault} {number}: {done.stderr}"
    assert "cannot be written" in done.stderr
    assert "apply the same plan again" in done.stderr
    assert "Traceback" not in done.stderr
    return seen


def renewed(world: World) -> None:
    """The old index again, alone, and a plan that was never applied."""
    for index in world.everything():
        world.cluster.change("DELETE", f"/{index}")
    journal_of(world).unlink(missing_ok=True)
    world.seed(50)
    world.make_plan()


def test_the_disk_fails_at_every_record(world: World, scale: Scale, tally: Tally) -> None:
    places = [("no space", 1), *spread(PLACES[1:], scale(6, len(PLACES)))]
    for fault, number in places:
        renewed(world)
        on_a_failing_disk(world, fault, number)
        world.apply()
        world.assert_switched()
    tally.add(TRIAL, faults=len(places), lost=0)


def test_the_kernel_takes_no_more_bytes(world: World, scale: Scale, tally: Tally) -> None:
    """A real short write, at any byte: a limit on the size of files."""
    limits = spread(list(range(1, 5500, 61)), scale(2, 30))
    for size in limits:
        renewed(world)
        on_a_failing_disk(world, "limit", size)
        world.apply()
        world.assert_switched()
    tally.add(TRIAL, faults=len(limits), lost=0)


# A damaged file


def forget_mirror(world: World) -> None:
    """Someone has deleted esplan's own index."""
    world.cluster.change("DELETE", "/esplan-state")


@pytest.mark.parametrize("mirrored", [True, False])
def test_cut_at_any_byte_and_applied_again(
    world: World, scale: Scale, tally: Tally, *, mirrored: bool
) -> None:
    """Also without the cluster's copy: what was done is then found in the cluster."""
    counts = {"resumed": 0, "refused": 0}
    cuts = scale(2, 30)
    for number in range(cuts):
        renewed(world)
        world.crash(POINTS[number % len(POINTS)])
        whole = journal_of(world).read_bytes()
        size = random.Random(number).randrange(len(whole))
        journal_of(world).write_bytes(whole[:size])
        if not mirrored:
            forget_mirror(world)
        counts[again(world, f"cut after {size} bytes")] += 1
    assert counts["refused"] == 0 or not mirrored
    tally.add(TRIAL, cuts=cuts, lost=0, **counts)


def again(world: World, what: str) -> str:
    """Apply once more: it must end, or refuse and leave every document where clients find it."""
    arguments = ["--url", world.url, "apply", str(world.plan), "--auto-approve"]
    done = processes.run(arguments)
    assert "Traceback" not in done.stderr, f"{what}\n{done.stderr}"
    if done.returncode == 0:
        world.assert_switched()
        return "resumed"
    assert done.returncode in (1, 3, 4), f"{what}\n{done.stderr}"
    (serving,) = [n for n, one in world.everything().items() if world.name in one["aliases"]]
    assert world.read_documents(serving) == world.documents, what
    return "refused"


def test_a_flipped_byte_and_then_no_file(world: World, scale: Scale, tally: Tally) -> None:
    """Refused with its line, nothing sent; without the file the cluster's own copy is enough."""
    flips = scale(2, 20)
    for number in range(flips):
        renewed(world)
        world.crash(POINTS[number % len(POINTS)])
        whole, before = journal_of(world).read_bytes(), world.everything()
        position = random.Random(number).randrange(len(whole) - 1)
        journal_of(world).write_bytes(flipped(whole, position, 0x01))
        refused = world.apply(code=1).stderr
        line = whole[:position].count(b"\n") + 1
        assert f"{journal_of(world)} is damaged in line {line}" in refused
        assert world.everything() == before
        journal_of(world).unlink()
        world.apply()
        world.assert_switched()
    tally.add(TRIAL, flips=flips, refused=flips, resumed=flips, lost=0)


def flipped(whole: bytes, position: int, bit: int) -> bytes:
    return whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :]


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def of_another_plan(path: Path) -> None:
    made = Record(0, "", "start", "", "", {"plan": "0" * 64}).sealed()
    path.write_text(made.line() + "\n")


@pytest.mark.parametrize("put", [a_link, a_folder, of_another_plan])
def test_something_else_in_its_place(
    world: World, tally: Tally, put: Callable[[Path], None]
) -> None:
    renewed(world)
    world.crash(POINTS[1])
    before = world.everything()
    put(journal_of(world))
    assert str(journal_of(world)) in world.apply(code=1).stderr
    assert world.everything() == before
    journal_of(world).rename(world.folder / "away")
    world.apply()
    world.assert_switched()
    tally.add(TRIAL, edits=1, refused=1, resumed=1, lost=0)


@pytest.mark.parametrize("content", [b"", b"\0" * 4096])
def test_an_empty_file_and_a_torn_first_line(world: World, tally: Tally, content: bytes) -> None:
    """Nothing of it was ever acknowledged; the cluster's copy has the rest."""
    renewed(world)
    world.crash(POINTS[2])
    journal_of(world).write_bytes(content)
    world.apply()
    world.assert_switched()
    tally.add(TRIAL, edits=1, resumed=1, lost=0)


def test_the_file_and_the_copy_in_the_cluster_disagree(world: World, tally: Tally) -> None:
    """Two hosts applied it without knowing of each other: both are named, nothing is sent."""
    renewed(world)
    world.crash(POINTS[1])
    records = open_journal(journal_of(world), json.loads(world.plan.read_text())["digest"]).records
    other = [Record(r.seq, "", r.event, r.step, r.at, {**r.data, "other": 1}) for r in records]
    lines, prev = [], ""
    for one in other:
        sealed = Record(one.seq, prev, one.event, one.step, one.at, one.data).sealed()
        lines.append(sealed.line() + "\n")
        prev = sealed.checksum
    journal_of(world).write_text("".join(lines))
    before = world.everything()
    refused = world.apply(code=1).stderr
    assert f"{journal_of(world)} and the journal in the index esplan-state disagree" in refused
    assert world.everything() == before
    tally.add(TRIAL, edits=1, refused=1, lost=0)


# Every place of a recorded journal, read offline


def damaged(lines: list[bytes]) -> Iterator[bytes]:
    """Each pair of lines swapped, each line doubled, each but the last one removed."""
    count = len(lines)
    for one in range(count):
        yield b"".join([*lines[: one + 1], *lines[one:]])
        if one < count - 1:
            yield b"".join([*lines[:one], *lines[one + 1 :]])
        for other in range(one + 1, count):
            mixed = [*lines]
            mixed[one], mixed[other] = mixed[other], mixed[one]
            yield b"".join(mixed)


def test_every_byte_of_a_real_journal(world: World, scale: Scale, tally: Tally) -> None:
    renewed(world)
    world.apply()
    whole = journal_of(world).read_bytes()
    digest = json.loads(world.plan.read_text())["digest"]
    true = open_journal(journal_of(world), digest).records
    path = world.folder / "damaged"

    def outcome(content: bytes) -> list[Record] | None:
        path.write_bytes(content)
        try:
            return joined(open_journal(path, digest).records, true, ("file", "cluster"))
        except JournalError:
            return None

    for size in range(len(whole) + 1):
        assert outcome(whole[:size]) == true, f"cut after {size} bytes"
    places = [(position, bit) for position in range(len(whole) - 1) for bit in (1, 0x20, 0x80)]
    flips = spread(places, scale(1000, len(places)))
    for position, bit in flips:
        found = outcome(flipped(whole, position, bit))
        assert found in (None, true), f"byte {position} ^ {bit:#x}"
        assert found is None or whole[position : position + 1].isalpha()
    edits = list(damaged(whole.splitlines(keepends=True)))
    for content in edits:
        assert outcome(content) is None
    tally.add(TRIAL, cuts=len(whole) + 1, flips=len(flips), edits=len(edits), lost=0)
