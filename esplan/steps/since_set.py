"""Whether settings and alias options still are as an apply has set them.

What somebody else has set since is not undone. What is as it was before the apply needs no undoing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esplan.codes import Code
    from esplan.model import JSON, Index

CODE: Code = "ESP-4518"
REMEDY = (
    "put what is to be there into the desired file, and plan that; or set it by hand to what the "
    "plan had made it, and roll back"
)


def check(index: str, settings: JSON, before: JSON) -> JSON:
    """The precondition of a step that puts `settings` back to `before`."""
    return {"check": "set", "index": index, "settings": settings, "before": before}


def otherwise(index: Index, settings: JSON, before: JSON) -> list[str]:
    """Each setting that somebody has changed since, with both values."""
    now = index.body.settings
    return [
        f"{name.removeprefix('index.')} was {_said(value)} on {index.name} after the apply, "
        f"and is {_said(now.get(name))}"
        for name, value in settings.items()
        if now.get(name) not in (value, before.get(name))
    ]


def moved(index: Index, goal: JSON, before: JSON) -> list[str]:
    """Each alias of it whose options somebody has changed; `goal` as in `update_aliases`."""
    now = index.aliases
    return [
        f"the options of the alias {alias} on {index.name} were {on[index.name] or 'none'} "
        f"after the apply, and are {now.get(alias) or 'none'}"
        for alias, on in goal.items()
        if index.name in on
        and now.get(alias) not in (on[index.name], before.get(alias, {}).get(index.name))
    ]


def _said(value: object) -> object:
    return "the default" if value is None else value
