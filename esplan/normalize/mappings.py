"""The root of a mapping: metadata fields, runtime fields, dynamic templates."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from esplan.normalize.defaults import CREATED, MODES_OF_SERIES, locale
from esplan.normalize.fields import TOP, properties, unfolds
from esplan.normalize.parameters import READERS, dynamic, script, subobjects
from esplan.normalize.values import ALIKE, alone, an_object, boolean, many, shown, text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from esplan.model import JSON

MARK = "esplan"
"""The key under a mapping's `_meta` that esplan keeps to itself."""

PROTECT = "protect"
"""The key beside the mark that says that the index must stay. It is no part of the mark: a mark is
compared as a whole, and protection comes and goes."""

TRANSFORM = "transform"
"""The key beside the mark that says which transform the documents went through: a digest. It is
no part of the mark either: it says something about documents, not about who made the index."""

UNFINISHED = "unfinished"
"""The key beside the mark that lists the new fields which a backfill has not brought into every
document. It comes with the fields, and the end of the backfill takes it off."""

BESIDE = (PROTECT, TRANSFORM, UNFINISHED)

THROWAWAY = "oracle"
"""The key of the mark of an index that is only there to ask the server with."""

FORMING = (
    "index.analysis.analyzer.default",
    "index.mapping.ignore_",
    "index.mapping.source.",
    "index.mode",
    CREATED,
)
"""Settings that change what a mapping means, and what GET leaves out of it."""

METADATA_DEFAULTS: dict[str, JSON] = {
    "_source": {"enabled": True, "includes": [], "excludes": []},
    "_routing": {"required": False},
    "_data_stream_timestamp": {"enabled": False},
    "_field_names": {},
}
"""Metadata fields, and what GET leaves out of them; one with nothing left is gone itself."""

SERIES_METADATA: dict[str, JSON] = {
    "_source": {"mode": "synthetic"},
    "_data_stream_timestamp": {"enabled": True},
}
"""What the server adds under `index.mode` logsdb and time_series."""

TIME = "@timestamp"
"""The field that a time series is ordered by."""

RUNTIME_DEFAULTS: JSON = {
    "format": "strict_date_optional_time||epoch_millis",
    "meta": {},
    "on_script_error": "fail",
}


def canonical_mappings(mappings: JSON, settings: JSON | None = None) -> JSON:
    """The root of a mapping: `properties` always there, esplan's mark never.

    `settings` are those of the same index in canonical form: some defaults depend on them.
    Raises ValueError for a form that cannot be read.
    """
    source = without_mark(_unwrapped(an_object(mappings, "mappings")))
    given = {name: v for name, v in (settings or {}).items() if name.startswith(FORMING)}
    return _canonical(json.dumps([source, given]))


@lru_cache(ALIKE)
def _canonical(text: str) -> JSON:
    """By text, which unlike `==` tells 1 from 1.0 and from true. What it returns is shared."""
    source, given = json.loads(text)
    root = {name: ROOT.get(name, _as_it_is)(name, value) for name, value in source.items()}
    if "runtime" in root:
        root["runtime"] = _localized(root["runtime"], given)
    root = {name: value for name, value in root.items() if not _says_nothing(name, value, given)}
    place = replace(
        TOP, settings=given, unfold=unfolds(root), dynamic=root.get("dynamic", TOP.dynamic)
    )
    fields = properties(source.get("properties", {}), place)
    return {**root, "properties": _of_series(fields, given)}


def _of_series(fields: JSON, settings: JSON) -> JSON:
    """The time of a series is never malformed: the server says so whether it was sent or not."""
    time = fields.get(TIME, {})
    if (
        settings.get("index.mode") not in MODES_OF_SERIES
        or time.get("ignore_malformed") is not False
    ):
        return fields
    rest = {name: value for name, value in time.items() if name != "ignore_malformed"}
    return {**fields, TIME: rest}


def _unwrapped(mappings: JSON) -> JSON:
    """`{"_doc": {…}}`, as version 6 had it."""
    inner = mappings.get("_doc")
    return inner if isinstance(inner, dict) and len(mappings) == 1 else mappings


def without_mark(root: JSON) -> JSON:
    """`_meta` without esplan's own key, and gone when that was all of it."""
    meta = root.get("_meta")
    if not isinstance(meta, dict) or MARK not in meta:
        return root
    rest = {key: value for key, value in meta.items() if key != MARK}
    return {**root, "_meta": rest} if rest else {k: v for k, v in root.items() if k != "_meta"}


def mark(mappings: JSON) -> JSON:
    """Who made the index, from the mapping's `_meta`: {} for one that esplan did not make."""
    return {key: value for key, value in _own(mappings).items() if key not in BESIDE}


def is_protected(mappings: JSON) -> bool:
    """Whether esplan was told to keep this index, whatever the files say today."""
    return _own(mappings).get(PROTECT) is True


def transformed(mappings: JSON) -> str:
    """The digest of the transform that the documents went through; empty where none is known."""
    found = _own(mappings).get(TRANSFORM)
    return found if isinstance(found, str) else ""


def unfinished(mappings: JSON) -> tuple[str, ...]:
    """Fields that a backfill has begun to fill, and has not brought into every document."""
    found = _own(mappings).get(UNFINISHED)
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def meta(
    mappings: JSON,
    mark: JSON,
    *,
    protect: bool,
    transform: str = "",
    unfinished: Collection[str] = (),
) -> JSON:
    """A whole `_meta`, as it is sent: the owner's keys, and esplan's own if there is anything."""
    own = {**mark, PROTECT: True} if protect else mark
    own = {**own, TRANSFORM: transform} if transform else own
    own = {**own, UNFINISHED: sorted(unfinished)} if unfinished else own
    rest: JSON = mappings.get("_meta", {})
    return {**rest, MARK: own} if own else rest


def _own(mappings: JSON) -> JSON:
    meta = mappings.get("_meta")
    found = meta.get(MARK) if isinstance(meta, dict) else None
    return found if isinstance(found, dict) else {}


def is_throwaway(mappings: JSON) -> bool:
    """Whether the oracle made this index, to ask the server with it."""
    return _own(mappings).get(THROWAWAY) is True


def _says_nothing(name: str, value: Any, settings: JSON) -> bool:
    """An empty metadata field, no runtime fields, `enabled: true`, `_meta` null or empty.

    An empty `_meta` cannot be told from none: esplan's mark is all that there is in both.
    """
    if name in METADATA_DEFAULTS:
        added = settings.get("index.mode") in MODES_OF_SERIES and SERIES_METADATA.get(name)
        return value in ({}, added)
    return (name, value) in (("runtime", {}), ("enabled", True), ("_meta", None), ("_meta", {}))


def _as_it_is(name: str, value: Any) -> Any:
    """The server takes no null at the root, except for `_meta`."""
    if value is None and name != "_meta":
        raise ValueError(f"`{name}` must not be null")
    return value


def metadata(name: str, value: Any) -> JSON:
    """`_source`, `_routing` …: string booleans read, defaults left out, `mode` in lower case."""
    parts = {key: boolean(part) for key, part in an_object(value, f"`{name}`").items()}
    if isinstance(parts.get("mode"), str):
        parts["mode"] = parts["mode"].lower()
    defaults = METADATA_DEFAULTS[name]
    return {
        key: part for key, part in parts.items() if key not in defaults or part != defaults[key]
    }


def dynamic_date_formats(_name: str, value: Any) -> list[Any]:
    """One format or many: a list; `none` is the empty one."""
    return [] if value == "none" else many(value)


def runtime(_name: str, value: Any) -> JSON:
    """Runtime fields by name; their names stay dotted."""
    fields = an_object(value, "`runtime`")
    return {name: runtime_field(name, fields[name]) for name in sorted(fields)}


def runtime_field(name: str, definition: Any) -> JSON:
    """A script and the fields of a lookup in their long form; defaults left out.

    The sub-fields of a composite field come back as they were sent.
    """
    given = an_object(definition, f"the runtime field {name!r}")
    result = {key: RUNTIME.get(key, lambda part: part)(part) for key, part in given.items()}
    return {
        key: part
        for key, part in result.items()
        if part is not None and (key not in RUNTIME_DEFAULTS or part != RUNTIME_DEFAULTS[key])
    }


def _localized(fields: JSON, settings: JSON) -> JSON:
    """The locale of a date is left out where it is that of the version."""
    usual = locale(settings)
    return {
        name: {key: part for key, part in one.items() if (key, part) != ("locale", usual)}
        for name, one in fields.items()
    }


def fetch_fields(value: Any) -> list[Any]:
    """A field to fetch given by its name alone becomes an object."""
    return [{"field": one} if isinstance(one, str) else one for one in many(value)]


def dynamic_templates(_name: str, value: Any) -> list[JSON]:
    """Templates in their order, each an object that names one rule."""
    if not isinstance(value, list):
        raise ValueError(f"`dynamic_templates` must be a list, not {shown(value)}")
    return [dynamic_template(template) for template in value]


def dynamic_template(template: Any) -> JSON:
    """Patterns in their short form; the mapping that a rule makes comes back as it was sent."""
    rules = an_object(template, "a dynamic template")
    return {name: _rule(an_object(r, f"the rule {name!r}")) for name, r in rules.items()}


def _rule(rule: JSON) -> JSON:
    """`match: ["a*"]` is `match: "a*"`, and `match: []` is none; nor is the usual pattern said."""
    short = {key: patterns(value) if "match" in key else value for key, value in rule.items()}
    kept = {key: value for key, value in short.items() if "match" not in key or value != []}
    return {key: value for key, value in kept.items() if (key, value) not in USUAL_PATTERN}


USUAL_PATTERN = (("match_pattern", "simple"),)
"""The default: 8.16 returns it where it was sent, 7.17 and OpenSearch 2.19 do not."""


def patterns(value: Any) -> Any:
    """A list of one pattern is the pattern; a number is its text."""
    texts = [text(one) for one in many(value)]
    return alone(texts)


ROOT: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(METADATA_DEFAULTS, metadata),
    **dict.fromkeys(
        ("date_detection", "numeric_detection", "enabled"), lambda _name, value: boolean(value)
    ),
    "dynamic": lambda _name, value: dynamic(value),
    "dynamic_date_formats": dynamic_date_formats,
    "dynamic_templates": dynamic_templates,
    "runtime": runtime,
    "subobjects": lambda _name, value: subobjects(value),
    "properties": lambda _name, value: value,
}
"""How the parameters at the root are read."""

RUNTIME: dict[str, Callable[[Any], Any]] = {
    "fetch_fields": fetch_fields,
    "locale": READERS["locale"],
    "script": script,
}
