"""Which shards an answer is about: an answer about none of them looks like an empty index.

A search leaves out the shards of a frozen index (`search.throttled`) without a word, and says in
`_shards.total` that it asked fewer. So what was asked is held against how many shards there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from esplan.errors import Incomplete, StepFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.live import Reader
    from esplan.model import JSON

_KNOWN: WeakKeyDictionary[Any, dict[str, int]] = WeakKeyDictionary()
"""By cluster and index, as it was when it was asked last: an index may be made anew."""


def of(cluster: Reader, names: Sequence[str]) -> dict[str, int]:
    """How many shards each index has, by its concrete name. Raises StepFailed for a missing one."""
    path = f"/{','.join(quote(name, safe='') for name in names)}"
    settings = cluster.read(path, {"filter_path": "*.settings.index.number_of_shards"})
    found = present(settings, ", ".join(names))
    return {n: int(one["settings"]["index"]["number_of_shards"]) for n, one in found.items()}


def require(cluster: Reader, answer: JSON, names: Sequence[str], *, copies: bool = False) -> None:
    """Raises unless the answer is about every shard of these indices or aliases.

    `copies`: the request goes
    to the replicas, too, so that there may be more. Raises StepFailed where shards were not asked,
    and Incomplete where they are away.
    """
    about = answer["_shards"]
    if _is_about(about, _known(cluster, names), copies=copies):
        return
    expected = sum(of(cluster, names).values())
    _remember(cluster, names, expected)
    _require(about, expected, ", ".join(names), copies=copies)


def require_one(answer: JSON, where: str) -> None:
    """The same of a point in time, which is always of one shard, and of a search of one."""
    _require(answer["_shards"], 1, where, copies=False)


def _require(about: JSON, expected: int, where: str, *, copies: bool) -> None:
    if _is_about(about, expected, copies=copies):
        return
    away = copies or int(about["total"]) >= expected
    raise (Incomplete if away else StepFailed)(
        f"only a part of {where} answered",
        code="ESP-3301" if away else "ESP-3307",
        why=f"{about['successful']} shards answered, and there are {expected}",
        remedy="see GET _cluster/allocation/explain"
        if away
        else "searches leave out a frozen index: POST /INDEX/_unfreeze, then try again",
    )


def _is_about(about: JSON, expected: int, *, copies: bool) -> bool:
    answered = int(about["successful"])
    if copies:
        return answered >= expected > 0
    return answered == int(about["total"]) == expected > 0


def _known(cluster: Reader, names: Sequence[str]) -> int:
    return _KNOWN.get(cluster, {}).get(",".join(names), 0)


def _remember(cluster: Reader, names: Sequence[str], number: int) -> None:
    _KNOWN.setdefault(cluster, {})[",".join(names)] = number


def present(answer: Any, what: str) -> JSON:
    """The answer, if it was not 404; StepFailed otherwise."""
    if answer is None:
        raise StepFailed(
            f"{what} is not there to be compared",
            code="ESP-3304",
            why="the server answered 404",
            remedy="see which indices there are: GET _cat/indices",
        )
    return dict(answer)
