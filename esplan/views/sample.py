"""What became of some documents when a plan was made (`changes[].sample`), as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from esplan.views.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import JSON

LONGEST = 300
"""Characters of a document that are shown; the plan file has all of it."""


def lines(found: JSON) -> Iterator[str]:
    """How many were taken, why others were not, and the examples; nothing where none was tried."""
    if not found:
        return
    parts = [f"{found['taken']} taken"]
    parts += [f"{found[name]} {said}" for name, said in OTHERS.items() if found[name]]
    proof = "; the proof held on them" if found.get("proven") else ""
    yield f"tried on {found['documents']} random documents: {', '.join(parts)}{proof}"
    for one in found.get("rejections", ()):
        yield clean(f"  rejected {one['id']}: {one['reason']}")
    for one in found.get("examples", ()):
        yield f"  before {_shown(one['before'])}"
        yield f"  after  {_shown(one['after'])}" if one["after"] else "  after  (not there)"


OTHERS = {"left_out": "left out by the script", "rejected": "rejected"}


def _shown(document: JSON) -> str:
    text = json.dumps(document, ensure_ascii=False)
    return clean(text if len(text) <= LONGEST else f"{text[:LONGEST]} …")
