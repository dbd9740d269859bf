"""Synthetic `_source`: the server makes each document of what it has indexed, when it is asked.

What comes back looks whole and may not be: a date has its first format alone, a scaled number is
rounded, a long keyword may be gone. So it stands for a document only where the server is known to
write every field as exactly as it has indexed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.normalize.defaults import MILLIS, MODES_OF_SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import JSON

MODE = "index.mapping.source.mode"

DERIVED = "index.derived_source.enabled"
"""The setting by which OpenSearch does the same."""

EXACT = frozenset("boolean byte date double integer ip keyword long short".split())
"""Types that are written as exactly as they are indexed: values of an array in another order, and
those of a keyword, an ip or a boolean once, which is how they are indexed, too."""

HARMLESS = frozenset(("index", "meta", "time_series_dimension", "time_series_metric", "type"))
"""Parameters of such a field that change nothing about that."""

REMEDY = "load the new index from where the data came from (migrate: {data: discard}, or runs)"


def unsure(settings: JSON, mappings: JSON) -> str:
    """Why documents that are read from the index may not be those that it holds; empty: they are.

    `settings` are flat.
    """
    if settings.get(DERIVED) == "true":
        return f"its _source is made of what is indexed ({DERIVED}), which may not be all of it"
    if not _is_on(settings, mappings):
        return ""
    found = [*_unsure_root(mappings), *_unsure(mappings, "")]
    if not found:
        return ""
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""  # noqa: PLR2004  (enough to see)
    said = ", ".join(found[:3]) + more
    return f"its _source is synthetic, made of what is indexed: that may not be all of {said}"


def _is_on(settings: JSON, mappings: JSON) -> bool:
    """Whichever says so; else the mode of the index."""
    said = {settings.get(MODE), mappings.get("_source", {}).get("mode")} - {None, ""}
    modes = {str(one).lower() for one in said}
    return "synthetic" in modes or (not modes and settings.get("index.mode") in MODES_OF_SERIES)


def _unsure_root(mappings: JSON) -> list[str]:
    return [name for name in ("enabled", "subobjects") if name in mappings]


def _unsure(mapping: JSON, above: str) -> Iterator[str]:
    """The paths of fields that are not known to come back as they are."""
    for name, one in (mapping.get("properties") or {}).items():
        path = f"{above}{name}"
        if "properties" in one or one.get("type") == "object":
            if one.get("type", "object") != "object" or {"enabled", "subobjects"} & one.keys():
                yield path
            else:
                yield from _unsure(one, f"{path}.")
        elif not _is_exact(one):
            yield path


def _is_exact(field: JSON) -> bool:
    own = {name: value for name, value in field.items() if name not in HARMLESS}
    if own.get("ignore_malformed") is False:
        del own["ignore_malformed"]
    if field.get("type") == "date" and own.get("format") == MILLIS:
        del own["format"]
    return field.get("type") in EXACT and not own
