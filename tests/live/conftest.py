"""A real server for every live test: ESPLAN_TEST_URL, or the sandbox, started if need be.

The sandbox runs ESPLAN_TEST_ENGINE, or the default engine. Tests with two clusters start a second
server of that engine and stop it again, unless ESPLAN_TEST_SECOND_URL names one.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest

from esplan.cluster import Cluster, Connection

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from engine import Engine


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """The server's URL. A sandbox that the suite had to start is stopped again."""
    given = os.environ.get("ESPLAN_TEST_URL")
    if given:
        yield given
        return
    from esplan.commands import sandbox

    was_running = sandbox.status().running
    yield sandbox.start(os.environ.get("ESPLAN_TEST_ENGINE", ""), lambda _text, _part: None).url
    if not was_running:
        sandbox.stop(purge=False)


@pytest.fixture(scope="session")
def second_url(url: str) -> Iterator[str]:
    """Another cluster, which may reindex from the first one; its data is gone afterwards."""
    del url  # it runs first: two servers that start at once take twice as long
    given = os.environ.get("ESPLAN_TEST_SECOND_URL")
    if given:
        yield given
        return
    from second import started

    with started(os.environ.get("ESPLAN_TEST_ENGINE", "")) as found:
        yield found


@pytest.fixture(scope="session")
def second(second_url: str) -> Iterator[Cluster]:
    with Cluster(Connection(second_url), patience=60) as connected:
        yield connected


@pytest.fixture(scope="session")
def cluster(url: str) -> Iterator[Cluster]:
    with Cluster(Connection(url), patience=60) as connected:
        yield connected


@pytest.fixture(scope="session")
def engine(cluster: Cluster) -> Engine:
    """What runs at the URL, and what it lacks."""
    from engine import of

    return of(cluster)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test marked `scripts` ends with a clear refusal, and no otherwise, where there are none."""
    from engine import of

    marked = pyfuncitem.get_closest_marker("scripts")
    if marked is None or of(pyfuncitem.funcargs["world"].cluster).has_scripts:
        return (yield)
    with pytest.raises(AssertionError, match="the cluster does not run Painless"):
        yield
    return True


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    """A name that nothing else uses; every index that starts with it is gone afterwards."""
    unique = f"t{secrets.token_hex(4)}"
    yield unique
    for index in indices(cluster, unique):
        cluster.change("DELETE", f"/{index}")


def indices(cluster: Cluster, prefix: str) -> list[str]:
    found = cluster.read(f"/{prefix}*", {"expand_wildcards": "all", "filter_path": "*.aliases"})
    return sorted(found or {})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with no settings of the person who runs the tests."""
    monkeypatch.chdir(tmp_path)
    for variable in [one for one in os.environ if one.startswith("ESPLAN_")]:
        monkeypatch.delenv(variable)
    return tmp_path
