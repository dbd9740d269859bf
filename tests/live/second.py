"""A second server of the engine under test, in a cache folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from esplan.sandbox import server
from esplan.sandbox.cache import cache_folder
from esplan.sandbox.engines import DEFAULT, ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def started(name: str) -> Iterator[str]:
    """Its URL. It may reindex from any server of this machine; the first one may not."""
    engine = ENGINES[name or DEFAULT]
    listed = "allowlist" if engine.name.startswith("opensearch") else "whitelist"
    allowed = f'reindex.remote.{listed}: "127.0.0.1:*,localhost:*"'
    engine = replace(engine, settings=(*engine.settings, allowed))
    folder = Path(tempfile.mkdtemp(prefix="esplan-second-"))
    folder.chmod(0o755)
    engines = cache_folder() / "engines"
    if (engines / engine.name).exists():
        (folder / "engines").symlink_to(engines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESPLAN_CACHE_DIR", str(folder))
        found = server.start(engine, lambda _text, _part: None)
    try:
        yield found.url
    finally:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ESPLAN_CACHE_DIR", str(folder))
            server.stop(purge=True, progress=lambda _text, _part: None)
        shutil.rmtree(folder)
