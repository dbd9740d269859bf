"""Small files that survive power loss: whole or not at all, and never through a link.

Whoever gets an OSError from here must not try again in the same process: after a failed fsync
the kernel may have dropped what was written, and a later fsync would succeed without it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_NAME = 200
"""Bytes of a name that a temporary file repeats: with its own signs it stays below 255."""


def read(path: Path, largest: int) -> bytes:
    """At most `largest` bytes of a plain file. Raises OSError, and for a link and a larger one."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # or a pipe would be waited for
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError("it is a link, and links are not followed") from None
        raise
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no plain file")
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(f"it is larger than {largest // 2**20} MiB")
    return data


def write_whole(path: Path, data: bytes) -> None:
    """In place of what is there: mode 0600, whole or not at all; a link is replaced.

    Temporary file, fsync, rename, fsync of the folder.
    """
    temporary = path.with_name(_temporary(path.name))
    temporary.unlink(missing_ok=True)  # of a killed process: in a container every pid is the same
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(temporary, flags, 0o600)
        try:
            _put(descriptor, data)
        finally:
            os.close(descriptor)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(name: str) -> str:
    return f".{os.fsdecode(os.fsencode(name)[:LONGEST_NAME])}.{os.getpid()}.tmp"


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
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
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
