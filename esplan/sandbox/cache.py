"""The sandbox's folder on disk, its lock, and the account that the server runs as.

    <cache>/lock              held while a command changes the sandbox
    <cache>/state.json        the server that was started last, if it was not stopped
    <cache>/engines/<name>-<version>/   the server's files, never written to after extraction
    <cache>/run/<name>/       config, data, logs and tmp of the server: all it may write to

The folder is ESPLAN_CACHE_DIR, else the user's cache folder. For root, whose own cache folder
nobody else can reach, it is /var/cache/esplan: the server refuses to run as root.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan import durable
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.sandbox import Progress

ACCOUNTS = ("elasticsearch", "nobody")
"""Unprivileged accounts that the server runs as when root starts it: the first that exists."""

ROOTS_CACHE = Path("/var/cache/esplan")


def is_root() -> bool:
    """Whether this process runs as root (never on a system without user ids)."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def cache_folder() -> Path:
    """The sandbox's folder, absolute; it need not exist."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("ESPLAN_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().resolve()
    return ROOTS_CACHE if is_root() else user_cache_path("esplan").resolve()


@contextmanager
def locked(cache: Path, progress: Progress) -> Iterator[None]:
    """Hold the folder's lock, waiting for it; errors of the file system become EsplanErrors.

    The lock is the kernel's: it ends with this process, however that ends.
    """
    try:
        import fcntl
    except ImportError:
        raise EsplanError(
            "the sandbox runs on Linux and macOS only",
            code="ESP-6104",
            remedy="use --url of any cluster",
        ) from None
    try:
        make_folder(cache)
        with os.fdopen(durable.lock_file(cache / "lock")) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("waiting for another esplan sandbox command to end", None)
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise EsplanError(
            "the sandbox cannot use its folder",
            code="ESP-6105",
            where=str(cache),
            why=str(error),
            remedy="make room or correct the permissions, or name another in ESPLAN_CACHE_DIR",
        ) from None


def make_folder(folder: Path) -> None:
    """Create a folder with its parents, each of which any account can enter."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


def server_account() -> dict[str, Any]:
    """Popen's keyword arguments for the account the server runs as; empty if that is one's own.

    Raises EsplanError when root has no unprivileged account to use.
    """
    if not is_root():
        return {}
    import pwd

    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ACCOUNTS:
        if name in known:
            account = known[name]
            return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise EsplanError(
        "Elasticsearch does not run as root, and there is no other account to use",
        code="ESP-6103",
        why=f"none of {', '.join(ACCOUNTS)} exists",
        remedy="run esplan as an ordinary user, or create one of these accounts",
    )


def require_reachable(folder: Path) -> None:
    """Raise EsplanError if an account other than the owner cannot enter `folder`."""
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            raise EsplanError(
                "the account that runs the server cannot reach the sandbox's folder",
                code="ESP-6105",
                where=str(folder),
                why=f"{parent} is closed to others",
                remedy="as root, leave ESPLAN_CACHE_DIR unset, or name a folder others can enter",
            )


def disk_used(folder: Path) -> int:
    """Bytes of the files below `folder`; files that vanish meanwhile count as nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except OSError:
                continue
    return total
