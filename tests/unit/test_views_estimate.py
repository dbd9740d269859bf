"""views/estimate.py: seconds and bytes in words."""

from __future__ import annotations

from typing import Any

import pytest

from esplan.plan import Plan, Step
from esplan.views import estimate

AT = "2026-01-02T03:04:05+00:00"
OWN = {"from": "journal", "address": "alias.a", "at": AT, "kind": "reindex"}
OTHER = OWN | {"address": "alias.b\x1b"}
BACKFILL = OWN | {"kind": "backfill"}
GUESS = {"from": "measurement", "documents": 20_000}


def step(kind: str = "reindex", **parts: Any) -> Step:
    return Step(kind, "switch", "alias.a", "", estimate=parts)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"seconds": 12.4, "basis": OWN}, "copy about 12 s (as on 2026-01-02)"),
        ({"seconds": 1.0, "basis": OWN}, "copy about 1 s (as on 2026-01-02)"),
        ({"seconds": 0.9, "basis": OWN}, "copy under a second (as on 2026-01-02)"),
        ({"seconds": 245, "basis": OWN}, "copy about 4 min 05 s (as on 2026-01-02)"),
        ({"seconds": 2, "basis": BACKFILL}, "copy about 2 s (as the fill on 2026-01-02)"),
        (
            {"seconds": 2, "basis": {"from": "limit"}},
            "copy about 2 s (as requests_per_second allows)",
        ),
        (
            {"seconds": 4.0, "range": [0.5, 10.2], "basis": OTHER},
            "copy roughly 1 s to 10 s (as the copy of alias.b\\x1b on 2026-01-02)",
        ),
        (
            {"seconds": 4.0, "range": [2.0, 100.0], "basis": GUESS},
            "copy roughly 2 s to 1 min 40 s (guessed from 20,000 documents)",
        ),
        (
            {"seconds": 0.1, "range": [0.1, 0.9], "basis": GUESS},
            "copy under a second (guessed from 20,000 documents)",
        ),
    ],
)
def test_seconds_and_where_they_come_from(parts: dict[str, Any], said: str) -> None:
    assert list(estimate.long_steps([step(**parts), step("create_index")])) == [said]


def test_steps_of_one_basis_share_it() -> None:
    steps = [step(seconds=5, basis=GUESS), step("verify", seconds=3, basis=GUESS)]
    said = "copy about 5 s, proof about 3 s (guessed from 20,000 documents)"
    assert list(estimate.long_steps(steps)) == [said]


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert list(estimate.long_steps([step(documents=3), step("force_merge")])) == []


def whole(*steps: Step, **parts: Any) -> list[str]:
    return list(estimate.whole(Plan("p", "", "", {}, "", steps=steps, estimate=parts)))


def test_a_plan_without_long_steps_says_nothing() -> None:
    assert whole() == []


def test_the_whole_plan() -> None:
    known, unknown = step(seconds=5.0, basis=OWN), step("force_merge")
    count = Step("verify", "switch", "alias.a", "", arguments={"method": "count"})
    assert whole(known, long_steps=1, seconds=5.0) == ["Time: about 5 s"]
    assert whole(known, unknown, unknown, count, long_steps=3, seconds=5.0) == [
        "Time: about 5 s; of force merge it is not known"
    ]
    assert whole(unknown, long_steps=1) == ["Time: not known"]


@pytest.mark.parametrize(
    ("needed", "free", "room", "said"),
    [
        (2048, 9999, 9999, "Disk: up to 2.0 KB needed, 9.8 KB free"),
        (
            2048,
            9999,
            512,
            "Disk: up to 2.0 KB needed, 9.8 KB free, 512 B before the high watermark",
        ),
        (0, 9999, 9999, "Disk: next to none needed, 9.8 KB free"),
        (2048, None, None, "Disk: up to 2.0 KB needed; how much is free is not known"),
    ],
)
def test_disk(needed: int, free: int | None, room: int | None, said: str) -> None:
    assert whole(disk={"needed": needed, "free": free, "room": room}) == [said]
