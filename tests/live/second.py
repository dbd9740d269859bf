"""Another server of the engine under test, in a cache folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from esplan.sandbox import server
from esplan.sandbox.cache import cache_folder, locked, server_account
from esplan.sandbox.download import install
from esplan.sandbox.engines import DEFAULT, ENGINES
from esplan.sandbox.java import find_java

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.sandbox.engines import Engine
    from esplan.sandbox.launchers import Command, Launch


class Server(NamedTuple):
    """Where it answers, and its cache folder."""

    url: str
    cache: Path


@contextmanager
def started(name: str, *, reads_others: bool = True, trusts: str = "") -> Iterator[Server]:
    """The engine of that name. `reads_others`: it may reindex from any server of this machine.

    `trusts`: the file of an authority whose servers it may read, too.
    """
    engine = ENGINES[name or DEFAULT]
    listed = "allowlist" if engine.name.startswith("opensearch") else "whitelist"
    allowed = f'reindex.remote.{listed}: "127.0.0.1:*,localhost:*"'
    engine = replace(engine, settings=(*engine.settings, *[allowed] * reads_others))
    engine = _trusting(engine, trusts) if trusts else engine
    with prepared(engine) as folder:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ESPLAN_CACHE_DIR", str(folder))
            found = server.start(engine, _silent)
        yield Server(found.url, folder)


def _trusting(engine: Engine, ca: str) -> Engine:
    def launch(one: Launch) -> Command:
        config = one.run / "config"
        shutil.copy(ca, config / "ca.pem")
        shutil.chown(config / "ca.pem", config.stat().st_uid, config.stat().st_gid)
        return engine.launcher(one)

    trusted = "reindex.ssl.certificate_authorities: ca.pem"
    return replace(engine, launcher=launch, settings=(*engine.settings, trusted))


@contextmanager
def prepared(engine: Engine = ENGINES[DEFAULT]) -> Iterator[Path]:
    """A cache folder with the engine's files, where no server runs yet; in the end none does."""
    folder = Path(tempfile.mkdtemp(prefix="esplan-second-"))
    folder.chmod(0o755)
    (folder / "engines").symlink_to(_installed(engine))
    try:
        yield folder
    finally:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ESPLAN_CACHE_DIR", str(folder))
            server.stop(purge=True, progress=_silent)
        shutil.rmtree(folder)


def _installed(engine: Engine) -> Path:
    """The folder of the engines in the ordinary cache, with this one in it: fetched once."""
    with locked(cache_folder(), _silent):
        java = find_java(engine.java_min, engine.java_max, server_account(), engine.java_module)
        return install(engine, cache_folder(), java, _silent).parent


def _silent(_text: str, _part: float | None) -> None:
    """No progress wanted."""
