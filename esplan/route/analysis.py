"""Which settings say how documents are indexed, so that old documents would not follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import Body

ANALYSIS = "index.analysis."
IMPLIED = frozenset({"default", "default_index", "standard"})
"""Analyzers that fields use without naming them."""

USES = frozenset("analyzer normalizer search_analyzer search_quote_analyzer".split())
"""Parameters of a field that name a part of the analysis."""


def indexed_otherwise(name: str, live: Body) -> str:
    """Why old documents must be indexed anew for a setting; empty where they need not.

    A part of the analysis that is new and that nothing uses changes nothing for them. One that
    is there, or whose name is used already (of a built-in part), would: they keep the old terms.
    """
    if name.startswith("index.similarity.") and name.endswith(".discount_overlaps"):
        return "`discount_overlaps` is in the norms: documents are indexed anew"
    if not name.startswith(ANALYSIS):
        return ""
    part = ".".join(name.split(".")[:4])
    own = part.rpartition(".")[2]
    if any(one == part or one.startswith(f"{part}.") for one in live.settings):
        return f"`{own}` is there: documents that it has analysed are indexed anew"
    if own in IMPLIED or own in {*_named(live.mappings), *_listed(live)}:
        return f"`{own}` is in use: documents that it has analysed are indexed anew"
    return ""


def _named(mapping: Any) -> Iterator[str]:
    """Every analyzer and normalizer that a mapping names, templates of fields too."""
    if isinstance(mapping, list):
        for one in mapping:
            yield from _named(one)
    elif isinstance(mapping, dict):
        for name, value in mapping.items():
            if name in USES and isinstance(value, str):
                yield value
            yield from _named(value)


def _listed(live: Body) -> Iterator[str]:
    """Every word in the analysis settings: tokenizers and filters that others are made of."""
    for name, value in live.settings.items():
        if name.startswith(ANALYSIS):
            for one in value if isinstance(value, list) else [value]:
                yield from (word.strip() for word in str(one).split(","))
