"""A real server for every live test: ESPLAN_TEST_URL, or the sandbox, started if need be.

The sandbox runs ESPLAN_TEST_ENGINE, or the default engine. Tests with two clusters start a second
server of that engine and stop it again, unless ESPLAN_TEST_SECOND_URL names one. Tests of security
start one with security on, unless ESPLAN_TEST_SECURED is the folder of one (see secured.py).

With ESPLAN_TEST_ROLES=1 every test runs there, and each command of a world as a user with exactly
the role that `esplan privileges` prints for its desired files.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import processes
import pytest
from world import World

from esplan.cluster import Cluster
from esplan.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from engine import Engine
    from granted import Granted
    from secured import Secured


ROLES = os.environ.get("ESPLAN_TEST_ROLES") == "1"


@pytest.fixture(scope="session")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The server's URL. A sandbox that the suite had to start is stopped again.

    Each worker of pytest-xdist has a server of its own: one apply at a time.
    """
    if ROLES:
        yield request.getfixturevalue("secured").url
        return
    given, engine = os.environ.get("ESPLAN_TEST_URL"), os.environ.get("ESPLAN_TEST_ENGINE", "")
    if given:
        yield given
        return
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0":
        from second import started

        with (
            started(engine, reads_others=False) as found,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("ESPLAN_CACHE_DIR", str(found.cache))
            yield found.url
        return
    from esplan.commands import sandbox

    was_running = sandbox.status().running
    yield sandbox.start(engine, lambda _text, _part: None).url
    if not was_running:
        sandbox.stop(purge=False)


@pytest.fixture(scope="session")
def secured() -> Iterator[Secured]:
    """A server with security on, that only those who sign in may use."""
    from secured import Secured, started

    given = os.environ.get("ESPLAN_TEST_SECURED")
    if given:
        yield Secured(Path(given))
        return
    with started() as found:
        yield found


@pytest.fixture(scope="session")
def admin(secured: Secured) -> Iterator[Cluster]:
    """The secured server, for the one who may do everything."""
    with Cluster(secured.admin, patience=60) as connected:
        yield connected


@pytest.fixture(scope="session")
def second_url(url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Another cluster, which may reindex from the first one; its data is gone afterwards."""
    del url  # it runs first: two servers that start at once take twice as long
    given = os.environ.get("ESPLAN_TEST_SECOND_URL")
    if given:
        yield given
        return
    from second import started

    trusts = request.getfixturevalue("secured").ca if ROLES else ""
    with started(os.environ.get("ESPLAN_TEST_ENGINE", ""), trusts=trusts) as found:
        yield found.url


@pytest.fixture(scope="session")
def second(second_url: str) -> Iterator[Cluster]:
    with Cluster(Connection(second_url), patience=60) as connected:
        yield connected


@pytest.fixture(scope="session")
def cluster(url: str, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if ROLES:
        yield request.getfixturevalue("admin")
        return
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


@pytest.fixture
def copied(name: str, request: pytest.FixtureRequest) -> str:
    """The name, which another server may copy from here, too."""
    if ROLES:
        request.getfixturevalue("granted").copied = name
    return name


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


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Path) -> World:
    """An alias that is not there yet, and the look at what became of it."""
    return World(cluster, url, name, folder)


@pytest.fixture(autouse=ROLES)
def granted(
    secured: Secured,
    admin: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Granted]:
    """Users of the secured server, one of which each command is from now on; gone afterwards."""
    from granted import Granted

    folder = tmp_path_factory.mktemp("granted")
    given = Granted(secured, admin, f"t{secrets.token_hex(4)}", folder)
    monkeypatch.setattr(processes, "sign_in", given.environment)
    yield given
    given.close()


@pytest.fixture
def guarded(admin: Cluster, secured: Secured, folder: Path, granted: Granted) -> Iterator[World]:
    """A world on the secured server, with exactly the roles that its commands need."""
    yield World(admin, secured.url, granted.name, folder)
    for index in indices(admin, granted.name):
        admin.change("DELETE", f"/{index}")
