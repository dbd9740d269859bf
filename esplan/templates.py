"""Index templates: what the server adds by itself to a new index whose name they match.

Of the composable templates the one of the highest priority counts, with its components; the legacy
ones count, all of them, where no composable one matches. What a create request says wins over both.
How they are merged was seen on Elasticsearch 8.16.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

from esplan import diff, normalize
from esplan.errors import FORBIDDEN, ServerError
from esplan.request import there

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.diff import Difference
    from esplan.live import Reader
    from esplan.model import JSON, Body


@dataclass(frozen=True)
class Templates:
    """Every template of a cluster, as GET returns them. `readable`: we may look at them."""

    composable: tuple[JSON, ...] = ()
    components: JSON = field(default_factory=dict)
    legacy: JSON = field(default_factory=dict)
    readable: bool = True


@dataclass(frozen=True)
class Added:
    """What a new index gets beside its own definition.

    `source`: the templates, in words. `settings`: canonical. `mappings`: raw, one after the other;
    of `legacy` templates even the parameters of one field are merged. `aliases`: canonical.
    `data_stream`: the server makes no plain index of that name.
    """

    source: str
    settings: JSON = field(default_factory=dict)
    mappings: tuple[JSON, ...] = ()
    aliases: JSON = field(default_factory=dict)
    data_stream: bool = False
    legacy: bool = False


def read(cluster: Reader) -> Templates:
    """Three requests, however many templates there are. Nothing is known where we may not look."""
    try:
        composable = _all(cluster, "/_index_template")
        components = _all(cluster, "/_component_template")
        legacy = _all(cluster, "/_template")
    except ServerError as error:
        if error.status != FORBIDDEN:
            raise
        return Templates(readable=False)
    return Templates(
        tuple(composable.get("index_templates", ())),
        {
            one["name"]: one["component_template"]
            for one in components.get("component_templates", ())
        },
        legacy,
    )


def _all(cluster: Reader, path: str) -> JSON:
    found: JSON = there(cluster.read(path), path)
    return found


def added(templates: Templates, index: str) -> Added | None:
    """What a new index of that name would get; None where no template matches."""
    matching = [
        one
        for one in templates.composable
        if matches(one["index_template"]["index_patterns"], index)
    ]
    if matching:
        return _composed(max(matching, key=_priority), templates.components, index)
    legacy = {
        name: one for name, one in templates.legacy.items() if matches(one["index_patterns"], index)
    }
    if not legacy:
        return None
    names = sorted(legacy, key=lambda name: (legacy[name].get("order", 0), name))
    said = f"the legacy template{'s' if len(names) > 1 else ''} {', '.join(names)}"
    return _added(said, [legacy[name] for name in names], index, legacy=True)


def matches(patterns: str | Sequence[str], index: str) -> bool:
    """A `*` is anything; nothing else has a meaning of its own."""
    several = [patterns] if isinstance(patterns, str) else patterns
    return any(
        re.fullmatch(".*".join(map(re.escape, one.split("*"))), index, re.DOTALL) for one in several
    )


def _priority(template: JSON) -> int:
    return int(template["index_template"].get("priority") or 0)


def _composed(template: JSON, components: JSON, index: str) -> Added:
    body = template["index_template"]
    names = [name for name in body.get("composed_of", ()) if name in components]
    parts = [components[name].get("template", {}) for name in names]
    said = f"the index template {template['name']}"
    return _added(
        said, [*parts, body.get("template", {})], index, data_stream="data_stream" in body
    )


def _added(said: str, parts: list[JSON], index: str, **flags: bool) -> Added:
    """The parts in their order: what a later one says wins."""
    settings: JSON = {}
    aliases: JSON = {}
    for part in parts:
        found = normalize.body(part.get("settings", {}), {})
        settings |= found.settings | found.creation
        for name, options in part.get("aliases", {}).items():
            aliases[name.replace("{index}", index)] = normalize.alias_options(options)
    mappings = tuple(part["mappings"] for part in parts if part.get("mappings"))
    given = {name: value for name, value in settings.items() if value is not None}
    return Added(said, given, mappings, aliases, **flags)


# The index that the server would make


def effective(one: Added, wanted: Body) -> Body:
    """The definition of the new index, of what is sent (canonical) and what the templates add."""
    settings = {**one.settings, **wanted.settings}
    merge = _deep if one.legacy else _by_field
    raw = reduce(merge, (*map(_unwrapped, one.mappings), wanted.mappings))
    return normalize.body(settings, raw)


def disagreements(one: Added, wanted: Body) -> Iterator[Difference]:
    """Where the new index would not be as it is wanted, though all of that was sent."""
    made = diff.projected(effective(one, wanted), wanted)
    return diff.differences(made, diff.shown(wanted))


def _unwrapped(mappings: JSON) -> JSON:
    inner = mappings.get("_doc")
    return inner if isinstance(inner, dict) and len(mappings) == 1 else mappings


def _deep(base: Any, new: Any) -> Any:
    """Legacy: objects are merged to their last key, lists of rules by the name of the rule."""
    if isinstance(base, dict) and isinstance(new, dict):
        both = {name: _deep(base[name], new[name]) for name in base.keys() & new.keys()}
        return {**base, **new, **both}
    if _are_rules(base) and _are_rules(new):
        there = {name for rule in new for name in rule}
        return [*new, *(rule for rule in base if not there & rule.keys())]
    return new


def _by_field(base: JSON, new: JSON) -> JSON:
    """Composable: a field replaces a field; objects have the fields of both."""
    result = {**base, **new}
    for name in base.keys() & new.keys():
        if name == "properties":
            result[name] = _fields(base[name], new[name])
        elif name == "dynamic_templates":
            result[name] = _rules(base[name], new[name])
        elif name == "runtime":
            result[name] = {**base[name], **new[name]}
        elif name.startswith("_"):
            result[name] = _deep(base[name], new[name])
    return result


def _fields(base: Any, new: JSON) -> JSON:
    """Both in their unfolded form, so that a dotted name meets its object."""
    one = normalize.properties(base or {})
    both = {
        name: _by_field(one[name], new[name])
        for name in one.keys() & new.keys()
        if "properties" in one[name] and "properties" in new[name]
    }
    return {**one, **new, **both}


def _rules(base: list[JSON], new: list[JSON]) -> list[JSON]:
    """A rule of the same name is replaced where it stands; others come behind."""
    named = {name: {name: rule[name]} for rule in [*base, *new] for name in rule}
    return list(named.values())


def _are_rules(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and len(one) == 1 for one in value)
