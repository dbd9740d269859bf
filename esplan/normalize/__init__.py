"""The canonical form of settings, mappings and aliases: one function or table row a rule.

What GET returns is not what was sent. Both sides pass through here before they are compared, so
that equal things are equal values and the diff needs no special case. The canonical form is also
what is sent when an index is made, so it means the same there and holds nothing that the server
adds by itself. Rules and defaults were seen on Elasticsearch 8.16 and 9.4 unless their comment says
otherwise; a wrong shape is a ValueError with its reason, and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.model import Body
from esplan.normalize.aliases import alias_options
from esplan.normalize.fields import TOP, field, properties
from esplan.normalize.mappings import (
    FORMING,
    MARK,
    THROWAWAY,
    canonical_mappings,
    is_protected,
    is_throwaway,
    mark,
    meta,
    transformed,
    unfinished,
)
from esplan.normalize.settings import (
    SERVER_ADDED,
    canonical_settings,
    parted_settings,
    setting_value,
    without_overridden,
)
from esplan.normalize.versions import is_chosen, read_by

if TYPE_CHECKING:
    from esplan.model import JSON

__all__ = [
    "FORMING",
    "MARK",
    "SERVER_ADDED",
    "THROWAWAY",
    "TOP",
    "alias_options",
    "beside",
    "body",
    "canonical_mappings",
    "canonical_settings",
    "field",
    "is_chosen",
    "is_protected",
    "is_throwaway",
    "mark",
    "meta",
    "properties",
    "read_by",
    "setting_value",
    "transformed",
    "unfinished",
    "without_overridden",
]


def body(settings: JSON, mappings: JSON, *, exact: bool = False) -> Body:
    """The canonical definition of an index, from any form that the create-index API accepts.

    Raises ValueError where a form cannot be read, with the reason as its message.
    """
    flat, unseen = parted_settings(settings)
    return Body(flat, canonical_mappings(mappings, flat), exact, unseen)


def beside(wanted: Body, live: JSON) -> Body:
    """The definition of a file, read as an index with these settings (canonical) reads it.

    The server leaves out of a mapping what an index setting makes the default, also a setting
    that the file does not name and that is therefore kept.
    """
    kept = {
        name: value
        for name, value in live.items()
        if name.startswith(FORMING) and name not in wanted.settings
    }
    if not kept:
        return wanted
    return replace(wanted, mappings=canonical_mappings(wanted.said, {**kept, **wanted.settings}))
