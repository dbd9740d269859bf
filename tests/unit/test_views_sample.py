from __future__ import annotations

from esplan.views import sample

THREE = "3 taken, 1 left out by the script, 1 rejected"
FOUND = {
    "documents": 5,
    "taken": 3,
    "left_out": 1,
    "rejected": 1,
    "proven": True,
    "rejections": [{"id": "7\x1b[2J", "reason": "no number"}],
    "examples": [
        {"before": {"_id": "1", "_source": {"a": "ü"}}, "after": None},
        {"before": {"_id": "2"}, "after": {"_id": "2", "_source": {"a": "x" * 400}}},
    ],
}


def test_nothing_was_tried() -> None:
    assert list(sample.lines({})) == []


def test_what_became_of_the_documents() -> None:
    found = list(sample.lines(FOUND))
    assert found[:5] == [
        f"tried on 5 random documents: {THREE}; the proof held on them",
        "  rejected 7\\x1b[2J: no number",
        '  before {"_id": "1", "_source": {"a": "ü"}}',
        "  after  (not there)",
        '  before {"_id": "2"}',
    ]
    assert found[5].endswith("xxx …")
    assert len(found[5]) < 320


def test_a_proof_that_was_not_made_is_not_said_to_hold() -> None:
    (line, *_) = sample.lines({**FOUND, "proven": False, "left_out": 0, "rejected": 0})
    assert line == "tried on 5 random documents: 3 taken"
