"""Values of what may have any shape: a record that was written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esplan.model import JSON

MOST = 2**63
"""More than there can be of anything."""


def between(began: str, ended: str) -> float | None:
    """Seconds from one time to another; None where one is none, or the clock went back."""
    first, last = moment(began), moment(ended)
    seconds = (last - first).total_seconds() if first and last else -1
    return seconds if seconds >= 0 else None


def moment(at: str) -> datetime | None:
    """The time that a record has; UTC where it says no offset."""
    try:
        found = datetime.fromisoformat(at)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def text(data: JSON, name: str) -> str:
    """A text or a number; nothing where it is neither."""
    found = data.get(name)
    return str(found) if isinstance(found, str | int) else ""


def number(data: JSON, name: str) -> float | None:
    """None where it is no number that counts something."""
    found: Any = data.get(name)
    fine = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < MOST
    return found if fine else None
