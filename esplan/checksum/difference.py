"""Which ids make two sides differ: a join that fits on the disk where it does not fit in memory."""

from __future__ import annotations

import sqlite3
from itertools import islice
from typing import TYPE_CHECKING, Self

from esplan.checksum.report import Ids
from esplan.rejected import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

SHOWN = 100
"""Ids of one kind that a report lists; all are counted."""

MISSING = "SELECT id FROM row WHERE side = 0 EXCEPT SELECT id FROM row WHERE side = 1"
EXTRA = "SELECT id FROM row WHERE side = 1 EXCEPT SELECT id FROM row WHERE side = 0"
# An id may occur twice in an index whose documents are routed: hence the count(*). SQLite takes
# compound operators from left to right.
DIFFERENT = """
SELECT id FROM (
  SELECT id, hash, count(*) FROM row WHERE side = 0 GROUP BY id, hash
  EXCEPT SELECT id, hash, count(*) FROM row WHERE side = 1 GROUP BY id, hash)
UNION SELECT id FROM (
  SELECT id, hash, count(*) FROM row WHERE side = 1 GROUP BY id, hash
  EXCEPT SELECT id, hash, count(*) FROM row WHERE side = 0 GROUP BY id, hash)
INTERSECT SELECT id FROM row WHERE side = 0
INTERSECT SELECT id FROM row WHERE side = 1
"""


class Difference:
    """Rows `(id, hash)` of both sides, in a temporary database that vanishes with the block."""

    def __init__(self) -> None:
        """An empty file name is SQLite's private temporary database: memory first, then disk."""
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE row (side INTEGER, id TEXT, hash TEXT)")

    def __enter__(self) -> Self:
        """Close it with the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the temporary file."""
        self._database.close()

    def add(self, side: int, rows: Iterable[tuple[str, str]]) -> None:
        """Take rows of the source (side 0) or the target (side 1)."""
        self._database.execute("BEGIN")
        new = ((side, id_, hashed) for id_, hashed in rows)
        self._database.executemany("INSERT INTO row VALUES (?, ?, ?)", new)
        self._database.execute("COMMIT")

    def ids(self, listed: int = SHOWN) -> tuple[Ids, Ids, Ids]:
        """Missing, extra and different documents; `listed` of each kind by their ids."""
        kinds = (MISSING, EXTRA, DIFFERENT)
        missing, extra, different = (self._ids(one, listed) for one in kinds)
        return missing, extra, different

    def whole(self, most: int) -> tuple[list[str], list[str], list[str]]:
        """The ids of `ids`, but not only the first: up to `most` of each kind, in order."""
        kinds = (MISSING, EXTRA, DIFFERENT)
        first, second, third = ([*islice(self._all(one), most)] for one in kinds)
        return first, second, third

    def _ids(self, query: str, listed: int) -> Ids:
        count, first = 0, list[str]()

        def counted() -> Iterator[str]:
            nonlocal count
            for id_ in self._all(query):
                count += 1
                if count <= listed:
                    first.append(id_)
                yield id_

        digest = fingerprint(counted())
        return Ids(count, tuple(first), digest) if count else Ids()

    def _all(self, query: str) -> Iterator[str]:
        """Every id that one of the three queries finds, in order."""
        rows = self._database.execute(
            f"SELECT id FROM ({query}) ORDER BY id"  # noqa: S608  (the three constants above)
        )
        return (id_ for (id_,) in rows)
