"""What a desired file expects of a new index (`verify.expect`), and whether it holds."""

from __future__ import annotations

import json
from math import isclose
from typing import TYPE_CHECKING, Any

from esplan.checksum.side import count, refresh, search
from esplan.errors import VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON

DIGITS = 1e-12
"""A sum of decimals is not exact: the order in which they are added shows in its last digits."""

MOST = 100
"""Documents whose values are looked at."""


def is_total(expected: JSON) -> bool:
    """Whether it says how many documents there are in all."""
    return "count" in expected and "query" not in expected


def require(cluster: Cluster, index: str, expected: Sequence[JSON]) -> None:
    """Raises VerificationFailed with every expectation that does not hold.

    StepFailed where a part of the index did not answer, ServerError for a query that is none.
    """
    if not expected:
        return
    refresh(cluster, [index])
    wrong = [said for one in expected if (said := _wrong(cluster, index, one))]
    if wrong:
        raise VerificationFailed(
            f"{index} is not as verify.expect says",
            code="ESP-4702",
            why="\n".join(wrong),
            remedy="nothing was switched; correct the expectation, or what fills the index",
        )


def _wrong(cluster: Cluster, index: str, one: JSON) -> str:
    """What was wanted and what was found; empty where they are the same."""
    query = one.get("query")
    among = f" among {json.dumps(query, ensure_ascii=False)}" if query else ""
    if "count" in one:
        found = count(cluster, index, query)
        return "" if found == one["count"] else f"{found} documents{among}, not {one['count']}"
    if "sum" in one:
        field, wanted = one["sum"]["field"], one["sum"]["value"]
        total = _sum(cluster, index, field, query)
        same = isclose(total, wanted, rel_tol=DIGITS)
        return "" if same else f"the sum of {field}{among} is {total:.15g}, not {wanted}"
    return _other_value(cluster, index, one["value"], query, among)


def _sum(cluster: Cluster, index: str, field: str, query: JSON | None) -> float:
    body: JSON = {"size": 0, "aggs": {"sum": {"sum": {"field": field}}}}
    body |= {"query": query} if query else {}
    return float(search(cluster, index, body)["aggregations"]["sum"]["value"] or 0)


def _other_value(cluster: Cluster, index: str, value: JSON, query: JSON | None, among: str) -> str:
    """Of a few documents, each of which is looked at."""
    field, wanted = value["field"], json.dumps(value["is"])
    body = {"size": MOST, "query": query or {"match_all": {}}, "track_total_hits": True}
    hits = search(cluster, index, body)["hits"]
    total = hits["total"]["value"]
    if not 0 < total <= MOST:
        return f"{total} documents{among}: a value is expected of 1 to {MOST}"
    for hit in hits["hits"]:
        found = [json.dumps(one) for one in _values(hit["_source"], field.split("."))]
        if found != [wanted] and not (wanted == "null" and not found):
            shown = ", ".join(found) or "nothing"
            return f"{field}{among} is {shown} in the document {hit['_id']}, not {wanted}"
    return ""


def _values(value: Any, path: list[str]) -> list[Any]:
    """The values at a path; names may hold dots, and lists are walked into."""
    if isinstance(value, list):
        return [one for inner in value for one in _values(inner, path)]
    if not path:
        return [value]
    if not isinstance(value, dict):
        return []
    names = [(".".join(path[:at]), path[at:]) for at in range(1, len(path) + 1)]
    return [one for name, rest in names if name in value for one in _values(value[name], rest)]
