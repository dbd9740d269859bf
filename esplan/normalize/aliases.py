"""The options of an alias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esplan.normalize.values import an_object, boolean

if TYPE_CHECKING:
    from esplan.model import JSON


def alias_options(raw: JSON) -> JSON:
    """An alias as GET returns it: `routing` split in two, what means nothing left out.

    Raises ValueError when `raw` is no object.
    """
    if raw == {}:
        return {}
    both = an_object(raw, "the options of an alias").get("routing")
    options = {
        "filter": raw.get("filter") or None,
        "index_routing": _routing(raw.get("index_routing", both)),
        "search_routing": _routing(raw.get("search_routing", both)),
        "is_write_index": boolean(raw.get("is_write_index")),
        "is_hidden": boolean(raw.get("is_hidden")) or None,
    }
    return {name: value for name, value in sorted(options.items()) if value is not None}


def _routing(value: Any) -> str | None:
    """A number is sent as its text."""
    return None if value is None else str(value)
