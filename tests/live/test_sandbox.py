"""The sandbox for real: its server as the other live tests use it, and a start that fails.

A sandbox that somebody runs is not stopped, and flights that somebody loaded are not touched.
What needs no running server happens in a cache folder of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from esplan.commands import sandbox
from esplan.errors import EsplanError, Refused
from esplan.sandbox import download, server
from esplan.sandbox.cache import is_root, server_account
from esplan.sandbox.engines import DEFAULT, ENGINES
from esplan.sandbox.java import find_java
from esplan.sandbox.seed import FLIGHTS, INDEX, TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live
ENGINE = ENGINES[os.environ.get("ESPLAN_TEST_ENGINE", DEFAULT)]


def silent(_text: str, _done: float | None) -> None:
    """No progress wanted."""


@pytest.fixture
def own_server(url: str) -> str:
    """The URL of the sandbox; skipped where the live tests use another cluster."""
    found = sandbox.status().sandbox
    if found is None or found.url != url:
        pytest.skip("the live tests do not use the sandbox")
    return url


def test_it_runs_and_is_the_engine_it_should_be(own_server: str) -> None:
    shown = sandbox.status()
    assert shown.version == ENGINE.version
    assert shown.disk > 1_000_000, "its logs, its data and what it unpacks"
    assert shown.sandbox is not None
    again = sandbox.start(ENGINE.name, silent)
    assert (again.url, again.pid) == (own_server, shown.sandbox.pid)
    assert again.was_running


@pytest.mark.usefixtures("own_server")
def test_it_listens_on_loopback_only(cluster: Cluster) -> None:
    (node,) = cluster.read("/_nodes/_local")["nodes"].values()
    bound = [*node["http"]["bound_address"], *node["transport"]["bound_address"]]
    assert [address.rsplit(":")[0] for address in bound] == ["127.0.0.1", "127.0.0.1"]
    assert not any(address.endswith((":9200", ":9300")) for address in bound)


@pytest.mark.usefixtures("own_server")
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc")
def test_it_does_not_run_as_root_and_knows_no_secret() -> None:
    found = sandbox.status().sandbox
    assert found is not None
    process = Path(f"/proc/{found.pid}")
    assert process.stat().st_uid == server_account().get("user", os.getuid())
    if is_root():
        assert b"ESPLAN_" not in (process / "environ").read_bytes()


@pytest.fixture
def no_flights(own_server: str, cluster: Cluster) -> Iterator[str]:
    """The sandbox without flights, as it was before; skipped where somebody has loaded some."""
    if cluster.read("/flights,flights_*/_alias", {"ignore_unavailable": "true"}):
        pytest.skip("the sandbox holds flights already")
    yield own_server
    cluster.change("DELETE", f"/{INDEX}")


@pytest.mark.usefixtures("no_flights")
def test_seed(cluster: Cluster) -> None:
    told: list[float | None] = []
    first = sandbox.seed(lambda _text, done: told.append(done), reset=False)
    assert (first.documents, first.loaded) == (FLIGHTS, True)
    assert told == sorted(done for done in told if done is not None)
    assert told[-1] == 1.0
    assert cluster.read("/flights/_count")["count"] == FLIGHTS
    mapping = cluster.read(f"/{INDEX}/_mapping")[INDEX]["mappings"]["properties"]
    assert {name: field["type"] for name, field in mapping.items()} == TYPES
    assert sandbox.seed(silent, reset=False).loaded is False
    cluster.change("DELETE", f"/{INDEX}/_doc/1")
    with pytest.raises(Refused, match="holds other indices") as caught:
        sandbox.seed(silent, reset=False)
    assert caught.value.why == "flights is an alias of 336,775 documents"
    assert sandbox.seed(silent, reset=True).loaded
    assert cluster.read("/flights/_count")["count"] == FLIGHTS


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of the test's own, which the server's account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="esplan-test-"))
    folder.chmod(0o755)
    monkeypatch.setenv("ESPLAN_CACHE_DIR", str(folder))
    yield folder
    shutil.rmtree(folder)


def test_a_server_that_refuses_its_settings(empty_cache: Path) -> None:
    java = find_java(ENGINE.java_min, ENGINE.java_max, {}, ENGINE.java_module)
    repository = download.Maven(java).repository()
    if not all((repository / artifact.path).exists() for artifact in ENGINE.artifacts):
        pytest.skip("the archive is not in the local Maven repository, and it is large")
    broken = replace(ENGINE, settings=(*ENGINE.settings, "no.such.setting: 1"))
    with pytest.raises(EsplanError, match=rf"{ENGINE.name} did not start \(exit code") as caught:
        server.start(broken, silent)
    assert "unknown setting [no.such.setting]" in caught.value.why
    assert caught.value.where.startswith(str(empty_cache))
    assert not sandbox.status().running
    assert not sandbox.stop(purge=False).was_running
