"""`esplan sandbox start | stop | status | seed`: a real, throwaway Elasticsearch on localhost.

Nothing here prints: `progress` is told what goes on, and what is returned is for a view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import EsplanError
from esplan.sandbox import server
from esplan.sandbox.engines import DEFAULT
from esplan.sandbox.engines import engine as known_engine

if TYPE_CHECKING:
    from esplan.sandbox import Progress
    from esplan.sandbox.seed import Seeded
    from esplan.sandbox.server import Ended, Status
    from esplan.sandbox.state import Sandbox


def start(engine: str, progress: Progress) -> Sandbox:
    """Start the engine of that name, or say where it runs. Raises EsplanError and UsageError."""
    return server.start(known_engine(engine or DEFAULT), progress)


def stop(purge: bool, progress: Progress = lambda _text, _done: None) -> Ended:  # noqa: FBT001  (the command's one flag)
    """End the server if one runs; `purge` deletes its data too."""
    return server.stop(purge=purge, progress=progress)


def status() -> Status:
    """What runs, where, which version, and how much disk the sandbox takes."""
    return server.status()


def seed(progress: Progress, reset: bool) -> Seeded:  # noqa: FBT001  (the command's one flag)
    """Load the flights into the running sandbox, and into no other cluster.

    Raises EsplanError when none runs, Refused when its `flights` is something else.
    """
    from esplan.cluster import Cluster
    from esplan.connection import Connection
    from esplan.sandbox.seed import seed as load

    sandbox = server.status().sandbox
    if sandbox is None:
        raise EsplanError("no sandbox runs", code="ESP-6101", remedy="esplan sandbox start")
    with Cluster(Connection(sandbox.url), patience=10) as cluster:
        return load(cluster, progress, reset=reset)
