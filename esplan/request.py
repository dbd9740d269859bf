"""A request as plans, advice and findings show it, and the path of an index in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from esplan.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.model import JSON

Item = TypeVar("Item")

NAMES_A_REQUEST = 3_500
"""Characters of index names, quoted: a request line has up to 4,096 bytes
(`http.max_initial_line_length`), and a name up to 255, of which each may be quoted as three."""


def there(answer: Any, path: str) -> Any:
    """The answer about what is always there: a 404 is none of the cluster's. Raises Unreachable.

    So it is with a path that names no index, or only by wildcards, or with `ignore_unavailable`.
    Whoever took a proxy's 404 for "there is none" would create or delete.
    """
    if answer is None:
        raise Unreachable(
            f"the answer to {path} is 404, and the cluster never answers so",
            code="ESP-3004",
            remedy="check --url: a proxy or another product may answer there",
        )
    return answer


def document(answer: Any, path: str) -> JSON | None:
    """A document with its `_source`; None where there is none. Raises Unreachable.

    An answer of another shape is none of the cluster's, and says nothing about the document.
    """
    parts = answer if isinstance(answer, dict) else {}
    if answer is None or parts.get("found") is False:
        return None
    if not parts.get("found") or not isinstance(parts.get("_source"), dict):
        raise Unreachable(
            f"the answer to {path} is not what the cluster answers about a document",
            code="ESP-3004",
            remedy="check --url: a proxy or another product may answer there",
        )
    return parts


def request(method: str, path: str, body: JSON | None = None) -> JSON:
    """A request as the plan file holds it."""
    return {"method": method, "path": path, "body": body}


def index_path(name: str, rest: str = "") -> str:
    """The path of one index; its name is quoted."""
    return f"/{quote(name, safe='')}{rest}"


def batches(indices: Sequence[str]) -> Iterator[list[str]]:
    """As many names as fit into one URL."""
    batch: list[str] = []
    length = 0
    for name in indices:
        length += len(quote(name, safe="")) + 1
        if batch and length > NAMES_A_REQUEST:
            yield batch
            batch, length = [], len(quote(name, safe="")) + 1
        batch.append(name)
    if batch:
        yield batch


def pieces(values: Sequence[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """As many values at a time as one request may ask for."""
    return (tuple(values[at : at + size]) for at in range(0, len(values), size))
