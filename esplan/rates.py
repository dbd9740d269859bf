"""How long the long steps of past applies took, as the journals in `esplan-state` say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from esplan import journal
from esplan.errors import FORBIDDEN, ServerError
from esplan.plan import STATE_INDEX
from esplan.state_index import MEASURED

if TYPE_CHECKING:
    from esplan.live import Reader
    from esplan.model import JSON
    from esplan.plan import Step


LATEST = 200
"""Records to look at: the newest."""


@dataclass(frozen=True)
class Measured:
    """One long step that was carried out whole. `documents`, `bytes` (primaries): what it handled.

    None where nobody counted. `at` is when it ended, ISO 8601 by its host's clock.
    """

    kind: str
    address: str
    documents: int | None
    bytes: int | None
    seconds: float
    at: str = ""


def evidence(step: Step, seconds: float, documents: int | None = None) -> JSON:
    """What a step's `done` record says about its speed; `documents` as they were counted now."""
    counted = step.estimate.get("documents") if documents is None else documents
    size = step.estimate.get("bytes")
    one = Measured(step.kind, step.address, counted, size, round(seconds, 3))
    return {MEASURED: {name: value for name, value in asdict(one).items() if name != "at"}}


def read(cluster: Reader) -> tuple[Measured, ...]:
    """The newest first, in one request; none where there are no journals, or they may not be read.

    What was recorded in the last second is not searchable yet.
    """
    body: JSON = {
        "size": LATEST,
        "query": {"term": {"kind": MEASURED}},
        "sort": [{"at": {"order": "desc", "unmapped_type": "date"}}, {"seq": "desc"}],
        "_source": ["record"],
    }
    try:
        answer = cluster.read(f"/{STATE_INDEX}/_search", None, body) or {"hits": {"hits": []}}
    except ServerError as error:
        if error.status != FORBIDDEN:
            raise
        return ()
    found = (_measured(hit["_source"]) for hit in answer["hits"]["hits"])
    return tuple(one for one in found if one)


def _measured(source: JSON) -> Measured | None:
    """None for a record that another esplan wrote in another way: an estimate can do without."""
    try:
        record = journal.parse(source["record"])
        one = Measured(**record.data[MEASURED], at=record.at)
        is_telling = one.seconds > 0
    except (KeyError, TypeError, ValueError):
        return None
    return one if is_telling else None
