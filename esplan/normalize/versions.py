"""What a desired body means to the version that made an index.

Desired files know no version, so that their canonical form keeps what only some versions leave out.
Beside a live index it is read again, as that version reads it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from esplan.normalize.defaults import CREATED, MODES_OF_SERIES, is_nine
from esplan.normalize.mappings import canonical_mappings
from esplan.normalize.types import CHOSEN
from esplan.normalize.values import ALIKE

if TYPE_CHECKING:
    from esplan.model import JSON, Body

PARAMETERS = {"date_nanos": "format", "geo_point": "index"}
"""What depends on the version, by type; beside `locale`, which all kinds of dates have."""


def read_by(body: Body, created: str) -> Body:
    """A canonical desired body as it is in an index that this version made.

    `created` is `index.version.created`; empty where it is not known: the body itself.
    """
    if created and (
        body.settings.get("index.mode") in MODES_OF_SERIES or _depends(json.dumps(body.mappings))
    ):
        settings = {**body.settings, CREATED: created}
        body = replace(body, mappings=canonical_mappings(body.mappings, settings))
    if not is_nine(created) or "dynamic_templates" not in body.mappings:
        return body
    return replace(body, mappings={**body.mappings, "dynamic_templates": _last(body.mappings)})


@lru_cache(ALIKE)
def _depends(mappings: str) -> bool:
    return _says(json.loads(mappings))


def _says(mappings: Any) -> bool:
    """Whether a field says one of the parameters that depend on the version."""
    if not isinstance(mappings, dict):
        return False
    of_type = PARAMETERS.get(str(mappings.get("type")), "locale")
    return "locale" in mappings or of_type in mappings or any(map(_says, mappings.values()))


def _last(mappings: JSON) -> list[JSON]:
    """Version 9 keeps one template of a name: the last, at the place of the first."""
    templates = {tuple(one): one for one in mappings["dynamic_templates"]}
    return list(templates.values())


def is_chosen(name: str, live: JSON) -> bool:
    """Whether a parameter of a live field may be there because nobody said anything of it."""
    value: Any = live.get(name)
    return name == "index_options" and live.get("type") == "dense_vector" and value in CHOSEN
