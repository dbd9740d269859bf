"""Run the esplan command line against a proxy that spoils answers (`proxy.py`), in short waits.

    main([SILENT, ARGUMENT…])

SILENT is a port that takes a request and never answers. What the proxy cannot play in the middle of
a connection happens here, for real: nobody listens, or nobody answers in time.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from elastic_transport import NodeConfig, Urllib3HttpNode
from proxy import PLAYED

from esplan import activity, cli, cluster, lock
from esplan.steps import force_merge, request, settling

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 0.4
"""Seconds for which a read is repeated; 30 and more in truth."""

NOBODY = 1
"""A port that nobody listens on."""


def main(arguments: list[str]) -> int:
    """In a process of its own (`processes.run`): what it patches stays patched."""
    cluster._Node.perform_request = _playing(cluster._Node.perform_request, int(arguments[0]))
    cluster.Cluster._patiently = _patiently(cluster.Cluster._patiently)
    settling.SECONDS = 0.05
    activity.PAUSE = 0.1
    lock.RENEWAL = 1000.0  # on a busy machine there would be one in some of the trials
    os.fsync = lambda _descriptor: None  # nothing here is about the power
    force_merge.PATIENCE = 1.0
    request.POLL = "100ms"
    return cli.run(arguments[1:])


def _patiently(real: Callable[..., Any]) -> Callable[..., Any]:
    def short(self: Any, *arguments: Any) -> Any:
        self.patience = min(self.patience, PATIENCE)
        return real(self, *arguments)

    return short


def _playing(real: Callable[..., Any], silent: int) -> Callable[..., Any]:
    def played(self: Any, method: str, target: str, *rest: Any, **named: Any) -> Any:
        answer = real(self, method, target, *rest, **named)
        how = answer.meta.headers.get(PLAYED)
        if how is None:
            return answer
        port, seconds = {"refused": (NOBODY, 5.0), "hang": (silent, 0.05)}[how]
        node = Urllib3HttpNode(NodeConfig("http", "127.0.0.1", port))
        try:
            return node.perform_request(method, target, request_timeout=seconds)
        finally:
            node.close()

    return played


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
