"""What is left in flight of a switch: requests that met the alias just before it."""

from __future__ import annotations

import time

SECONDS = 1.0
"""So long such a request may still be on its way to the old index.

Deleted at once, requests fail; deleted a second later, none did (seen under 4 clients). A write
that a node forwards after the block is lifted would be acknowledged by the old index alone.
"""


def wait() -> None:
    """Until they are through: answered, or refused by the write block."""
    time.sleep(SECONDS)
