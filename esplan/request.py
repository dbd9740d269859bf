"""A request as plans, advice and findings show it, and the path of an index in it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from esplan.model import JSON


def request(method: str, path: str, body: JSON | None = None) -> JSON:
    """A request as the plan file holds it."""
    return {"method": method, "path": path, "body": body}


def index_path(name: str, rest: str = "") -> str:
    """The path of one index; its name is quoted."""
    return f"/{quote(name, safe='')}{rest}"
