"""Files that other files name, or that stand in a folder: read only below the folders given.

A path is taken for what it leads to. Each part of that is opened by itself, and no part may be a
link any more: one that is put there meanwhile leads nowhere.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""A pipe is not waited for, and a terminal does not become ours: they are refused once open."""

OUTSIDE = "outside the folders that were given"
REMEDY = "move it below the folder of the desired files, or give its folder with -d, too"
LINK = f"this link leads {OUTSIDE}, so it is not read"
LINK_REMEDY = "put the file itself there, or name the file that it leads to with -d"


class Outside(Exception):
    """The file is in none of the folders. Nothing of it was looked at, nor whether it is there."""


class NotPlain(Exception):
    """A folder, a pipe, a device."""


def real(path: Path) -> Path:
    """The path without links; unlike Path.resolve, also for a link that leads to itself."""
    return Path(os.path.realpath(path))


def folders(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Where files may be that are not named by themselves: the folders, and those of files."""
    return tuple(dict.fromkeys(real(one if one.is_dir() else one.parent) for one in paths))


def read(path: Path, within: Sequence[Path], limit: int) -> bytes:
    """The content, and one byte more than `limit` where it is longer.

    `within`: what `folders` returned. Raises Outside, NotPlain, OSError, and ValueError for a NUL.
    """
    found = real(path)
    folder = next((one for one in within if found.is_relative_to(one)), None)
    if folder is None:
        raise Outside
    descriptor = _opened(folder, found.relative_to(folder).parts)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlain
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(limit + 1)


def _opened(folder: Path, parts: Sequence[str]) -> int:
    """A descriptor of the file; of the folder itself without parts."""
    at = os.open(folder, FOLDER)
    try:
        for part in parts[:-1]:
            deeper = os.open(part, FOLDER, dir_fd=at)
            os.close(at)
            at = deeper
        return os.open(parts[-1] if parts else ".", FILE, dir_fd=at)
    finally:
        os.close(at)
