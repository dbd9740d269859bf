"""Names, scripts and server messages come from elsewhere: nothing in them may steer a terminal."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from esplan.segments import byte_text

LINES = "\n\t"


def clean(text: str, kept: str = "") -> str:
    """Control and format characters shown by their escapes, everything else as it is.

    `kept` are control characters that may stay: the lines of a message, never those of a name.
    """
    if text.isprintable():
        return text
    return "".join(one if one in kept else _shown(one) for one in text)


def _shown(character: str) -> str:
    if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co"):
        return character
    return character.encode("unicode_escape").decode()


def value(anything: Any, longest: int = 100) -> str:
    """A setting or mapping value in one short line, sorted as in a file; nothing is `(none)`."""
    if anything is None:
        return "(none)"
    text = anything
    if not isinstance(anything, str):
        text = json.dumps(anything, ensure_ascii=False, sort_keys=True)
    return shortened(clean(text), longest)


def shortened(text: str, longest: int = 100) -> str:
    """One line of at most so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def count(number: int | None) -> str:
    """`336,776`; `an unknown number of` where nobody knows."""
    return "an unknown number of" if number is None else f"{number:,}"


def size(number: float | None) -> str:
    """Bytes as Elasticsearch counts them: 1 KB is 1,024."""
    if number is None:
        return "unknown size"
    return byte_text(number)


def duration(seconds: float) -> str:
    """`850 ms`, `12.3 s`, `4 min 05 s`, `2 h 07 min`."""
    if seconds < 0.9995:  # noqa: PLR2004  (what rounds to less than a second)
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:  # noqa: PLR2004  (what rounds to less than a minute)
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004  (minutes in an hour)
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
