"""Which writes of a rollback may have taken a sequence number."""

from __future__ import annotations

from typing import Any

import pytest

from esplan.steps import ledger


@pytest.mark.parametrize(
    ("kind", "maybe"),
    [
        ("document_parsing_exception", 0),
        ("mapper_parsing_exception", 0),
        ("strict_dynamic_mapping_exception", 0),
        ("illegal_argument_exception", 1),
        ("unavailable_shards_exception", 1),
    ],
)
def test_what_the_mapping_refuses_takes_no_number(kind: str, maybe: int) -> None:
    own = ledger.Ledger("p", "u", {}, {})
    said: dict[str, Any] = {"created": 2, "failures": [{"status": 400, "cause": {"type": kind}}]}
    ledger._count(own, {"response": said})
    assert (own.ours, own.maybe) == (2, maybe)
