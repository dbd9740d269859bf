"""The one place where files are written: they survive power loss, and no link is followed.

A file is whole or not there: it is written under a random name in its folder, which nobody can
have prepared, with its mode from the start; then it takes its place.

Whoever gets an OSError from here must not try again in the same process: after a failed fsync
the kernel may have dropped what was written, and a later fsync would succeed without it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRIVATE, SHARED = 0o600, 0o666
"""Modes of a file: its owner's alone; as the umask has it."""

LONGEST_NAME = 200
"""Bytes of a name that a temporary file repeats: with its own signs it stays below 255."""

BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Foreign(OSError):
    """Others may have written the file."""


def read(path: Path, largest: int, *, own: bool = False) -> bytes:
    """At most `largest` bytes of a plain file. Raises OSError, and for a link and a larger one.

    `own`: also Foreign for a file that another user has written, or may have.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # or a pipe would be waited for
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError("it is a link, and links are not followed") from None
        raise
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is not a plain file")
        if own:
            _require_own(found, path)
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(f"it is larger than {largest // 2**20} MiB")
    return data


def _require_own(found: os.stat_result, path: Path) -> None:
    """Who owns the folder can put any file there, so that user is believed as we are."""
    if found.st_uid not in (os.geteuid(), 0, path.parent.stat().st_uid):
        raise Foreign(f"it belongs to another user (uid {found.st_uid})")
    if found.st_mode & BY_OTHERS:
        raise Foreign(f"others may write to it (mode {stat.S_IMODE(found.st_mode):04o})")


def write_whole(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """In place of what is there; a link is replaced.

    Temporary file, fsync, rename, fsync of the folder.
    """
    with _written(path, data, mode) as temporary:
        temporary.replace(path)
        sync_folder(path.parent)


def create(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Where there is nothing, not even a link. Raises FileExistsError.

    The folder is left to the caller, who may write many files (`sync_folder`).
    """
    with _written(path, data, mode) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        except OSError:  # a file system without hard links
            _put_new(path, data, mode)


@contextmanager
def _written(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """A temporary file beside `path`; gone afterwards, unless it was renamed."""
    temporary = path.with_name(_temporary(path.name))
    try:
        _put_new(temporary, data, mode)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _put_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = fresh(path, mode)
    try:
        _put(descriptor, data)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def fresh(path: Path, mode: int = PRIVATE) -> int:
    """A descriptor of a file that did not exist. Raises FileExistsError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)


def lock_file(path: Path) -> int:
    """A descriptor to lock, of a file that nothing is written to and that is made if need be."""
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, PRIVATE)


def is_stream(path: Path) -> bool:
    """Whether there is something that must be written to and not replaced: a device, a pipe.

    So are the names of open files (`/dev/stdout`), also where a file is behind one.
    """
    folder = os.path.realpath(path.parent)
    if folder == "/dev" or folder.startswith("/proc/"):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def write_to(path: Path, data: bytes) -> None:
    """To such a stream. Nothing is made, and nothing is cut off."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        with suppress(OSError):  # a pipe cannot be synced
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary(name: str) -> str:
    return f".{os.fsdecode(os.fsencode(name)[:LONGEST_NAME])}.{secrets.token_hex(8)}.tmp"


class Changed(OSError):
    """A file is not what its writer left or read: somebody else writes it, too."""


def append(path: Path, data: bytes, size: int) -> None:
    """At the end of a file that must be there, and of `size` bytes. Raises Changed."""
    with _alone(path, os.O_WRONLY | os.O_APPEND, size) as descriptor:
        _put(descriptor, data)


def replace(path: Path, data: bytes, size: int) -> None:
    """`write_whole` for a file that others replace or append to: it must have `size` bytes still.

    0: it may also not be there yet. Raises Changed.
    """
    with _alone(path, os.O_RDONLY | os.O_CREAT, size):
        write_whole(path, data)


@contextmanager
def _alone(path: Path, flags: int, size: int) -> Iterator[int]:
    """The file, held: whoever waits for it finds that it was replaced, or has another size."""
    import fcntl  # not on Windows, where sandboxes have a message of their own

    descriptor = os.open(path, flags | os.O_NOFOLLOW, PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        held, there = os.fstat(descriptor), path.stat(follow_symlinks=False)
        if (held.st_dev, held.st_ino, held.st_size) != (there.st_dev, there.st_ino, size):
            raise Changed("something else has written to it meanwhile")
        yield descriptor
    finally:
        os.close(descriptor)


def _put(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):
        raise OSError("only a part of it could be written")
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """So that a name in it is as durable as the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
