"""Single values: what the server makes of a string where it wants a number or a boolean."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esplan.model import JSON

ALIKE = 4096
"""How many canonical forms are remembered: most indices of a cluster are like others."""

WHOLE = re.compile(r"[+-]?\d+(\.0+)?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def an_object(value: Any, name: str) -> JSON:
    """The value itself. Raises ValueError, in words, when it is no object."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object, not {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A wrong value in the words of a message."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value)


def boolean(value: Any) -> Any:
    """`"true"` is true; what is no boolean stays, for the server to refuse."""
    return value == "true" if value in ("true", "false") else value


def whole(value: Any) -> Any:
    """`"5"`, `"5.0"` and `5.0` are 5."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value.split(".")[0]) if isinstance(value, str) and WHOLE.fullmatch(value) else value


def decimal(value: Any) -> Any:
    """`"1e3"` and 1000 are 1000.0."""
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value) else value
    return _float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _float(value: int) -> float | int:
    try:
        return float(value)
    except OverflowError:
        return value


def single(value: Any) -> Any:
    """A `float` keeps 32 bits: 16777217 becomes 16777216.0."""
    return _rounded(decimal(value), "f")


def half(value: Any) -> Any:
    """A `half_float` keeps 16 bits: 0.1 becomes 0.099975586."""
    return _rounded(_rounded(decimal(value), "f"), "e")


def _rounded(value: Any, size: str) -> Any:
    """The shortest decimal that is the same number in that many bits, as the server prints it."""
    if not isinstance(value, float):
        return value
    try:
        kept = struct.unpack(size, struct.pack(size, value))[0]
    except OverflowError:
        return value
    shorter = (float(f"{kept:.{digits}g}") for digits in range(1, 10))
    return next((s for s in shorter if struct.pack("f", s) == struct.pack("f", kept)), kept)


def text(value: Any) -> str:
    """A number or boolean where the server keeps a string: `true`, `1.0`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def many(value: Any) -> list[Any]:
    """One or several: always a list."""
    return value if isinstance(value, list) else [value]


def alone(value: Any) -> Any:
    """A list of one is the one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
