"""rates.py: what journals say about the speed of past steps."""

from __future__ import annotations

from typing import Any

import pytest

from esplan import rates, state_index
from esplan.errors import ServerError
from esplan.journal import Record
from esplan.plan import STATE_INDEX, Step
from esplan.rates import Measured

STEP = Step("reindex", "switch", "alias.a", "copy", estimate={"documents": 10, "bytes": 2000})

WRONG = {"kind": "verify", "address": "a", "documents": 1, "bytes": 1, "seconds": "soon"}


def recorded(cluster: Any, data: dict[str, Any], day: int = 1) -> None:
    at = f"2026-01-{day:02d}T00:00:00+00:00"
    record = Record(0, "", "done", "s", at, data).sealed()
    state_index.store(cluster, str(day) * 64, record)


def test_what_a_step_records_is_found_again_newest_first(cluster: Any) -> None:
    recorded(cluster, {"created": 9, **rates.evidence(STEP, 1.23456, 9)}, day=1)
    recorded(cluster, rates.evidence(STEP, 2), day=2)
    recorded(cluster, {"created": 9}, day=3)
    cluster.asked.clear()
    assert rates.read(cluster) == (
        Measured("reindex", "alias.a", 10, 2000, 2, "2026-01-02T00:00:00+00:00"),
        Measured("reindex", "alias.a", 9, 2000, 1.235, "2026-01-01T00:00:00+00:00"),
    )
    assert cluster.asked == [f"/{STATE_INDEX}/_search"]


def test_such_a_record_is_still_a_part_of_its_journal(cluster: Any) -> None:
    recorded(cluster, rates.evidence(STEP, 2))
    assert list(state_index.last_records(cluster)) == ["1" * 64]


@pytest.mark.parametrize("data", [{"kind": "x"}, {}, [], WRONG])
def test_what_another_esplan_wrote_is_left_out(cluster: Any, data: Any) -> None:
    recorded(cluster, {"measured": data})
    assert rates.read(cluster) == ()


def test_what_took_no_time_says_nothing(cluster: Any) -> None:
    recorded(cluster, rates.evidence(STEP, 0.0001))
    assert rates.read(cluster) == ()


def test_no_journals_and_no_privilege(cluster: Any) -> None:
    cluster.read = lambda *_: None
    assert rates.read(cluster) == ()

    def refuse(*_: Any) -> Any:
        raise ServerError("no", status=status)

    cluster.read, status = refuse, 403
    assert rates.read(cluster) == ()
    status = 500
    with pytest.raises(ServerError):
        rates.read(cluster)
