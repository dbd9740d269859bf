"""Wrong inputs: bytes, texts and structures changed at random, the same ones for the same seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

NAMES = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "*",
    "a*",
    "_all",
    "a,b",
    "-a",
    "+a",
    "_a",
    "A",
    "a b",
    "a#b",
    "a:b",
    "a?b",
    'a"b',
    "a\\b",
    "a|b",
    "a/b",
    "<x-{now/d}>",
    "a\nb",
    "a\tb",
    "a\x00b",
    "a\x1b[31mb",
    "a\x7fb",
    "n" * 256,
    "ü" * 128,
]
"""No index and no alias may be called so."""

VALUES: list[Any] = [
    *NAMES,
    "%3Cx-%7Bnow%2Fd%7D%3E",
    "a\u202eb",
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    -(2**70),
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    {"": {}},
    {"a": {"b": {"c": []}}},
    "${x}",
    "${",
    "{run}",
    "{color}",
    "\ud800",
    "\u2028",
    "[bold red]x[/bold red]",
    "[/]",
    "🦆" * 70,
    "x" * 100_000,
]

TOKENS = [
    *b"{ } [ ] , : \" ' & * ! | > # % @ ` ~ - ? << null".split(),
    *b".inf .nan 0x 1e999 ${ $${x} !!python/object".split(),
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\r",
    b"\x85",
    b"\t",
    b"\n---\n",
    b"\n...\n",
    b"&a [*a]",
    b"\\ud800",
    b"[" * 200,
    b"9" * 5000,
]


@dataclass(frozen=True)
class Mutator:
    """Changes a file of a corpus; other files of it are spliced in."""

    random: Random
    corpus: list[bytes]

    def mutated(self, content: bytes) -> bytes:
        """One to four changes; half of the files that are JSON are changed by their structure."""
        if self.random.random() < 0.5 and (changed := self._restructured(content)) is not None:
            return changed
        for _ in range(self.random.randint(1, 4)):
            content = self.random.choice(self._ways)(content)
        return content

    @property
    def _ways(self) -> list[Any]:
        return [
            self._flipped,
            self._cut,
            self._truncated,
            self._doubled,
            self._token,
            self._spliced,
        ]

    def _span(self, content: bytes) -> tuple[int, int]:
        start = self.random.randint(0, len(content))
        return start, min(len(content), start + self.random.choice((1, 2, 8, 64, 512)))

    def _flipped(self, content: bytes) -> bytes:
        at = self.random.randrange(len(content)) if content else 0
        return content[:at] + bytes([self.random.randrange(256)]) + content[at + 1 :]

    def _cut(self, content: bytes) -> bytes:
        start, end = self._span(content)
        return content[:start] + content[end:]

    def _truncated(self, content: bytes) -> bytes:
        return content[: self.random.randint(0, len(content))]

    def _doubled(self, content: bytes) -> bytes:
        start, end = self._span(content)
        return content[:end] + content[start:end] * self.random.choice((1, 3)) + content[end:]

    def _token(self, content: bytes) -> bytes:
        at = self.random.randint(0, len(content))
        return content[:at] + self.random.choice(TOKENS) + content[at:]

    def _spliced(self, content: bytes) -> bytes:
        other = self.random.choice(self.corpus)
        start, end = self._span(other)
        at = self.random.randint(0, len(content))
        return content[:at] + other[start:end] + content[at:]

    def _restructured(self, content: bytes) -> bytes | None:
        try:
            data = json.loads(content)
        except ValueError:
            return None
        return json.dumps(self.replaced(data)).encode()

    def replaced(self, data: Any) -> Any:
        """One to three values or keys in it are others."""
        for _ in range(self.random.randint(1, 3)):
            path = self.random.choice(list(places(data)))
            data = put(data, path, self._other(get(data, path), data))
        return data

    def _other(self, value: Any, data: Any) -> Any:
        """A wrong value; one from another place; or an object with a key more, less or renamed."""
        pick = self.random.random()
        if isinstance(value, dict) and value and pick < 0.4:
            key = self.random.choice(list(value))
            renamed = {n: v for n, v in value.items() if n != key}
            if pick < 0.25:
                renamed[self.random.choice(NAMES)] = value[key]
            return renamed
        if pick < 0.5:
            return get(data, self.random.choice(list(places(data))))
        return self.random.choice(VALUES)


Place = tuple[str | int, ...]


def places(data: Any, before: Place = ()) -> list[Place]:
    """Every place in a structure, its root first."""
    listed = enumerate(data) if isinstance(data, list) else ()
    parts = data.items() if isinstance(data, dict) else listed
    return [before, *(one for key, value in parts for one in places(value, (*before, key)))]


def get(data: Any, path: Place) -> Any:
    for part in path:
        data = data[part]
    return data


def put(data: Any, path: Place, value: Any) -> Any:
    """A copy with another value there."""
    if not path:
        return value
    copied = data.copy()
    copied[path[0]] = put(data[path[0]], path[1:], value)
    return copied
