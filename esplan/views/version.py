"""What `--version` says. It answers in a tenth of a second: the client is not even imported."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from esplan import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVERS = {"elasticsearch": "7.17 to 9", "opensearch": "2"}
"""Versions of the servers that esplan speaks to (docs/engines.md)."""

TITLES = {"elasticsearch": "Elasticsearch", "opensearch": "OpenSearch"}


def facts() -> dict[str, Any]:
    """The version of esplan, of its client, of Python, and those of the servers."""
    return {
        "esplan": __version__,
        "elasticsearch_client": version("elasticsearch"),
        "python": platform.python_version(),
        "servers": SERVERS,
    }


def line(found: Mapping[str, Any]) -> str:
    """`esplan 0.1.0 (elasticsearch client …, Python …; servers: …)`."""
    servers = ", ".join(f"{TITLES[name]} {said}" for name, said in found["servers"].items())
    client, python = found["elasticsearch_client"], found["python"]
    return (
        f"esplan {found['esplan']} (elasticsearch client {client}, Python {python}; "
        f"servers: {servers})"
    )


def event(found: Mapping[str, Any]) -> str:
    """The same for programs: one object on one line."""
    return json.dumps({"format_version": "1.0", "event": "version", **found})
