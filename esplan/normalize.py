"""The canonical form of settings, mappings and aliases: one function a rule.

What GET returns is not what was sent. Both sides pass through here before they are compared, so
that equal things are equal values and the diff needs no special case. Each rule was seen on a
real server; its docstring says what the server does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from esplan.model import JSON, Body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MARK = "esplan"
"""The key under a mapping's `_meta` that esplan keeps to itself."""

SERVER_ADDED = (
    "index.creation_date",
    "index.history.uuid",
    "index.merge.enabled",
    "index.provided_name",
    "index.resize.source.",
    "index.routing.allocation.include._tier_preference",
    "index.routing.allocation.initial_recovery.",
    "index.shrink.source.",
    "index.soft_deletes.",
    "index.uuid",
    "index.verified_before_close",
    "index.version.",
)
"""Settings that the server adds by itself: never part of a diff, never sent."""

FREE_FORM = (
    "index.analysis.",
    "index.default_pipeline",
    "index.final_pipeline",
    "index.lifecycle.name",
    "index.lifecycle.rollover_alias",
    "index.query.default_field",
    "index.routing.allocation.",
    "index.routing_path",
    "index.similarity.",
    "index.sort.",
)
"""Settings whose values are names or patterns, never units: `60s` stays `60s` there."""

DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
BYTES = re.compile(r"(\d+)(b|kb|mb|gb|tb|pb)", re.IGNORECASE)
SIZES = {"pb": 1 << 50, "tb": 1 << 40, "gb": 1 << 30, "mb": 1 << 20, "kb": 1 << 10, "b": 1}

FIELD_DEFAULTS: JSON = {
    "index": True,
    "doc_values": True,
    "store": False,
    "enabled": True,
    "fielddata": False,
    "meta": {},
    "format": "strict_date_optional_time||epoch_millis",
}
"""Parameters that GET leaves out when they are sent with these values."""

TEXT_DEFAULTS: JSON = {"norms": True}
JOIN_DEFAULTS: JSON = {"eager_global_ordinals": True}

BOOLEANS = frozenset(
    "coerce date_detection doc_values eager_global_ordinals enabled fielddata ignore_malformed "
    "ignore_z_value index index_phrases norms numeric_detection required "
    "split_queries_on_whitespace store".split()
)
INTEGERS = frozenset({"ignore_above", "position_increment_gap", "dims", "max_shingle_size"})


def body(settings: JSON, mappings: JSON, *, exact: bool = False) -> Body:
    """The canonical definition of an index, from any form that the create-index API accepts.

    Raises ValueError where a form cannot be read, with the reason as its message.
    """
    return Body(canonical_settings(settings), canonical_mappings(mappings), exact)


# Settings


def canonical_settings(settings: JSON) -> JSON:
    """Flat, `index.` prefix, values as strings; what the server adds is left out."""
    inner = settings.get("settings")
    source = inner if isinstance(inner, dict) else settings
    flat = {prefixed(name): value for name, value in flatten(source)}
    kept = {name: value for name, value in flat.items() if not name.startswith(SERVER_ADDED)}
    return {name: setting_value(name, kept[name]) for name in sorted(kept)}


def flatten(tree: JSON, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested and dotted names are the same name."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def prefixed(name: str) -> str:
    """`number_of_shards` and `index.number_of_shards` are the same setting."""
    return name if name.startswith("index.") else f"index.{name}"


def setting_value(name: str, value: Any) -> Any:
    """Strings, or lists of strings; None stays (back to the default).

    A list of one means the same as its only value, unless the server would split or trim that
    value when it reads it as a list. Durations and sizes get their largest exact unit, except
    where values are names.
    """
    if value is None:
        return None
    if isinstance(value, list):
        items = [scalar(item) for item in value]
        return items[0] if len(items) == 1 and _is_one_item(items[0]) else items
    text = scalar(value)
    return text if name.startswith(FREE_FORM) else byte_size(duration(text))


def _is_one_item(text: str) -> bool:
    """Read as a list, the text is itself: `a, b => c` would become two items, ` a` another."""
    return bool(text) and "," not in text and text == text.strip()


def scalar(value: Any) -> str:
    """The server keeps settings as strings; booleans in lower case, 1.0 stays 1.0."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def duration(text: str) -> str:
    """`30000ms` is `30s`."""
    match = DURATION.fullmatch(text)
    if not match:
        return text
    return _largest(int(match[1]) * MILLISECONDS[match[2]], MILLISECONDS, text)


def byte_size(text: str) -> str:
    """`1024MB` is `1gb`."""
    match = BYTES.fullmatch(text)
    if not match:
        return text
    return _largest(int(match[1]) * SIZES[match[2].lower()], SIZES, text)


def _largest(amount: int, units: dict[str, int], text: str) -> str:
    """The amount in the largest unit that divides it; zero keeps its own spelling's unit."""
    fitting = (f"{amount // size}{unit}" for unit, size in units.items() if amount % size == 0)
    return next(fitting, text) if amount else f"0{list(units)[-1]}"


# Mappings


def canonical_mappings(mappings: JSON) -> JSON:
    """The root of a mapping: `properties` always there, esplan's mark never."""
    wrapped = mappings.get("_doc")
    source = wrapped if isinstance(wrapped, dict) and len(mappings) == 1 else mappings
    root = _parameters({key: value for key, value in source.items() if key != "properties"})
    root = without_mark(root)
    if root.get("_source") in ({"enabled": True}, {}):
        del root["_source"]
    if "runtime" in root:
        root["runtime"] = {name: runtime_field(f) for name, f in root["runtime"].items()}
    if "dynamic_templates" in root:
        root["dynamic_templates"] = [dynamic_template(t) for t in root["dynamic_templates"]]
    unfolds = root.get("subobjects", True) not in (False, "false")
    root["properties"] = properties(source.get("properties") or {}, unfold=unfolds)
    return root


def without_mark(root: JSON) -> JSON:
    """`_meta` without esplan's own key, and gone when that was all of it."""
    meta = root.get("_meta")
    if not isinstance(meta, dict) or MARK not in meta:
        return root
    rest = {key: value for key, value in meta.items() if key != MARK}
    return {**root, "_meta": rest} if rest else {k: v for k, v in root.items() if k != "_meta"}


def mark(mappings: JSON) -> JSON:
    """What esplan wrote into the mapping's `_meta`: {} for an index that it did not make."""
    meta = mappings.get("_meta")
    found = meta.get(MARK) if isinstance(meta, dict) else None
    return found if isinstance(found, dict) else {}


def properties(tree: JSON, *, unfold: bool = True) -> JSON:
    """Fields by name; a dotted name unfolds into objects and merges with its siblings."""
    if not isinstance(tree, dict):
        raise ValueError("properties must be an object of fields by name")
    result: JSON = {}
    for name, definition in tree.items():
        if not isinstance(definition, dict):
            raise ValueError(f"the field {name!r} must be an object with a type")
        head, dot, rest = name.partition(".") if unfold else (name, "", "")
        nested = {"properties": {rest: definition}} if dot else definition
        result[head] = _merged(result[head], field(nested)) if head in result else field(nested)
    return dict(sorted(result.items()))


def _merged(one: JSON, other: JSON) -> JSON:
    """Two definitions of one object, as the server merges `a.b` with a sibling `a`."""
    inner = {**one.get("properties", {})}
    for name, definition in other.get("properties", {}).items():
        inner[name] = _merged(inner[name], definition) if name in inner else definition
    return {**one, **other, "properties": dict(sorted(inner.items()))}


def field(definition: JSON) -> JSON:
    """One field, its sub-fields and multi-fields included.

    An object has `properties` and no `type`, however it was written.
    """
    kind = definition.get("type", "object")
    result = _without_defaults(_parameters(definition), kind)
    if kind in ("object", "nested"):
        unfolds = definition.get("subobjects", True) not in (False, "false")
        result["properties"] = properties(definition.get("properties") or {}, unfold=unfolds)
        if kind == "object":
            result.pop("type", None)
    if "fields" in result:
        result["fields"] = {name: field(f) for name, f in sorted(result["fields"].items())}
        if not result["fields"]:
            del result["fields"]
    return result


def _parameters(definition: JSON) -> JSON:
    """Every parameter's value in its canonical form; the parameters themselves stay."""
    return {name: PARAMETERS.get(name, _typed(name))(v) for name, v in definition.items()}


def _typed(name: str) -> Callable[[Any], Any]:
    """The server turns strings into the parameter's own type."""
    if name in BOOLEANS:
        return lambda value: value == "true" if value in ("true", "false") else value
    if name in INTEGERS:
        return lambda value: int(value) if str(value).lstrip("-").isdigit() else value
    return lambda value: value


def _without_defaults(definition: JSON, kind: str) -> JSON:
    """Explicit defaults disappear from GET; a search analyzer equal to the analyzer too."""
    defaults = FIELD_DEFAULTS
    if kind == "text":
        defaults = defaults | TEXT_DEFAULTS
    if kind == "join":
        defaults = defaults | JOIN_DEFAULTS
    kept = {k: v for k, v in definition.items() if k not in defaults or v != defaults[k]}
    if "analyzer" in kept and kept.get("search_analyzer") == kept["analyzer"]:
        del kept["search_analyzer"]
    return kept


def dynamic(value: Any) -> str:
    """`dynamic: true` comes back as the lower-case string."""
    return str(value).lower()


def copy_to(value: Any) -> list[str]:
    """One target or many: always a list."""
    return value if isinstance(value, list) else [value]


def runtime_field(definition: JSON) -> JSON:
    """A script given as a string becomes an object that names its language."""
    script = definition.get("script")
    if script is None:
        return definition
    given = {"source": script} if isinstance(script, str) else script
    return {**definition, "script": {"lang": "painless", **given}}


def dynamic_template(template: JSON) -> JSON:
    """A `match` of one pattern equals the pattern alone; the rest is kept as it was sent."""
    return {
        name: _matches(rule) if isinstance(rule, dict) else rule for name, rule in template.items()
    }


def _matches(rule: JSON) -> JSON:
    def alone(value: Any) -> Any:
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    return {key: alone(value) if "match" in key else value for key, value in rule.items()}


PARAMETERS: dict[str, Callable[[Any], Any]] = {"dynamic": dynamic, "copy_to": copy_to}


# Aliases


def alias_options(raw: JSON) -> JSON:
    """An alias as GET returns it: `routing` split in two, what means nothing left out."""
    both = raw.get("routing")
    options = {
        "filter": raw.get("filter") or None,
        "index_routing": raw.get("index_routing", both),
        "search_routing": raw.get("search_routing", both),
        "is_write_index": raw.get("is_write_index"),
        "is_hidden": raw.get("is_hidden") or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return {n: str(v) if n.endswith("_routing") else v for n, v in sorted(given.items())}
