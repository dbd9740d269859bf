"""Writing files: whole, for one's own eyes, and through nothing that somebody has prepared."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from esplan import durable

if TYPE_CHECKING:
    from collections.abc import Callable


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("write", [durable.write_whole, durable.create])
def test_a_file_is_private_from_its_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, bytes], None]
) -> None:
    seen: list[int] = []

    def noted(descriptor: int, data: bytes) -> int:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return len(data)

    before = os.umask(0)
    monkeypatch.setattr(os, "write", noted)
    try:
        write(tmp_path / "f", b"x")
    finally:
        monkeypatch.undo()
        os.umask(before)
    assert (seen, mode(tmp_path / "f")) == ([0o600], 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["f"]


def test_the_name_that_is_written_under_cannot_be_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: set[str] = set()
    real: Any = durable.fresh

    def noted(path: Path, *rest: Any) -> int:
        names.add(path.name)
        return int(real(path, *rest))

    monkeypatch.setattr(durable, "fresh", noted)
    for _ in range(10):
        durable.write_whole(tmp_path / ("long" * 60), b"x")
    assert len(names) == 10


@pytest.mark.parametrize("there", ["file", "link", "dangling link", "folder"])
def test_what_is_there_is_not_created(tmp_path: Path, there: str) -> None:
    path, target = tmp_path / "f", tmp_path / "target"
    if there in ("file", "link"):
        target.write_text("precious")
    if there == "folder":
        path.mkdir()
    elif there == "file":
        target.rename(path)
    else:
        path.symlink_to(target)
    with pytest.raises(FileExistsError) as error:
        durable.create(path, b"x")
    assert error.value.filename == str(path)
    assert b"x" not in [one.read_bytes() for one in tmp_path.iterdir() if one.is_file()]


def test_created_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    durable.create(tmp_path / "f", b"x")
    with pytest.raises(FileExistsError):
        durable.create(tmp_path / "f", b"y")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("f", b"x")]


def test_a_lock_file_is_never_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "lock").symlink_to("target")
    with pytest.raises(OSError, match="symbolic link"):
        durable.lock_file(tmp_path / "lock")


# What others may have written


def owned(monkeypatch: pytest.MonkeyPatch, me: int, file: int, folder: int) -> None:
    """As if the users were these."""
    real, looked = os.fstat, Path.stat

    def with_owner(found: os.stat_result, owner: int) -> os.stat_result:
        return os.stat_result((*found[:4], owner, *found[5:]))

    monkeypatch.setattr(os, "geteuid", lambda: me)
    monkeypatch.setattr(os, "fstat", lambda fd: with_owner(real(fd), file))
    monkeypatch.setattr(Path, "stat", lambda one, **k: with_owner(looked(one, **k), folder))


@pytest.mark.parametrize(
    ("me", "file", "folder", "is_own"),
    [
        (1000, 1000, 0, True),
        (1000, 0, 0, True),
        (1000, 1001, 1001, True),
        (1000, 1001, 0, False),
        (1000, 1001, 1000, False),
        (0, 1000, 1000, True),
        (0, 1000, 0, False),
    ],
)
def test_a_file_of_another_user_is_foreign(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    me: int,
    file: int,
    folder: int,
    is_own: bool,
) -> None:
    """But not of the one whose folder it is: that user could put any file there."""
    durable.write_whole(tmp_path / "f", b"x")
    owned(monkeypatch, me, file, folder)
    assert durable.read(tmp_path / "f", 9) == b"x"
    if is_own:
        assert durable.read(tmp_path / "f", 9, own=True) == b"x"
    else:
        with pytest.raises(durable.Foreign, match="another user"):
            durable.read(tmp_path / "f", 9, own=True)


@pytest.mark.parametrize(("bits", "is_own"), [(0o644, True), (0o660, False), (0o602, False)])
def test_a_file_that_others_may_write_to_is_foreign(
    tmp_path: Path, bits: int, *, is_own: bool
) -> None:
    durable.write_whole(tmp_path / "f", b"x")
    (tmp_path / "f").chmod(bits)
    if is_own:
        assert durable.read(tmp_path / "f", 9, own=True) == b"x"
    else:
        with pytest.raises(durable.Foreign, match=f"others may write to it .mode {bits:04o}"):
            durable.read(tmp_path / "f", 9, own=True)
