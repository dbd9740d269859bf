"""Which server `plan --oracle` asks: the cluster itself, or a sandbox of the same version."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from esplan import live
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.cluster import Cluster
    from esplan.live import ClusterInfo

FIRST = "ask the cluster itself: --oracle cluster"


@contextmanager
def asked(
    where: Literal["cluster", "sandbox"] | None, cluster: Cluster
) -> Iterator[Cluster | None]:
    """The server to ask; None where none is wanted. Raises EsplanError where no sandbox fits."""
    if where != "sandbox":
        yield cluster if where else None
        return
    from esplan.cluster import Cluster
    from esplan.connection import Connection
    from esplan.sandbox import server

    wanted = live.cluster_info(cluster)
    running = server.status().sandbox
    if running is None:
        raise EsplanError(
            "no sandbox runs that could be asked",
            code="ESP-6101",
            remedy=remedy(wanted, stop=False),
        )
    with Cluster(Connection(running.url), patience=10) as sandbox:
        found = live.cluster_info(sandbox)
        if (found.distribution, found.version) != (wanted.distribution, wanted.version):
            raise EsplanError(
                f"the sandbox is {found.distribution} {found.version}, and the cluster is "
                f"{wanted.distribution} {wanted.version}",
                code="ESP-6102",
                where=running.url,
                why="another version has other rules",
                remedy=remedy(wanted, stop=True),
            )
        yield sandbox


def remedy(wanted: ClusterInfo, *, stop: bool) -> str:
    """The command that starts a sandbox of that version, if there is one."""
    from esplan.sandbox.engines import ENGINES

    names = [
        one.name
        for one in ENGINES.values()
        if one.version == wanted.version and one.name.startswith(wanted.distribution)
    ]
    if not names:
        return f"there is no sandbox of {wanted.distribution} {wanted.version}; {FIRST}"
    first = "esplan sandbox stop && " if stop else ""
    return f"{first}esplan sandbox start --engine {names[0]}; or {FIRST}"
