"""A real, throwaway Elasticsearch on localhost, for trying esplan and for its tests.

engines.py    which servers there are, and what they are made of (jars/: lists of artifacts)
launchers.py  how each is started
assembly.py   how the folder of each is made of its archives
cache.py      the folder on disk, its lock, and the account the server runs as
java.py       finds a Java that can run the server
download.py   Maven artifacts → checked → assembled once, atomically
server.py     starts, stops and describes the one server
seed.py       loads a public data set to play with
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[str, float | None], None]
    """Told what is going on: a text, and the fraction done (0..1), or None where unknown."""
