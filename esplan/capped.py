"""Answers that are cut off: a page of documents may be of any length, and memory is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

MOST = "x-esplan-most"
"""The bytes that an answer may have: a header that is never sent."""

PIECE = 1 << 16
"""Bytes that are read at once."""


class TooLong(ValueError):
    """An answer was cut off. The client's transport lets an error of this kind through."""


class Pool:
    """urllib3's connections, as the client's node uses them, with an eye on `MOST`."""

    def __init__(self, pool: Any) -> None:
        """`pool` is the node's own."""
        self._pool, self.close = pool, pool.close

    def urlopen(
        self, method: str, target: str, *, headers: MutableMapping[str, str], **options: Any
    ) -> Any:
        """The answer, whole. Raises TooLong; the connection is closed then."""
        most = int(headers.pop(MOST, 0))
        if not most:
            return self._pool.urlopen(method, target, headers=headers, **options)
        options["preload_content"] = False
        answer = self._pool.urlopen(method, target, headers=headers, **options)
        try:
            data = self._read(answer, most)
        finally:
            answer.release_conn()
        return SimpleNamespace(status=answer.status, headers=answer.headers, data=data)

    @staticmethod
    def _read(answer: Any, most: int) -> bytes:
        data = bytearray()
        while piece := answer.read(PIECE):
            data += piece
            if len(data) > most:
                answer.close()
                raise TooLong
        return bytes(data)
