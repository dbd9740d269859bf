"""Fields: names unfolded, parameters in their own type, defaults left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as member
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any

from esplan.normalize.defaults import OBJECT_KINDS, defaults
from esplan.normalize.parameters import READERS, null_value, sent_null
from esplan.normalize.types import SPECIAL
from esplan.normalize.values import shown

if TYPE_CHECKING:
    from esplan.model import JSON


@dataclass(frozen=True)
class Place:
    """Where fields stand, as far as their meaning depends on it.

    `settings`: of the index, canonical. `unfold`: a dot in a name makes an object. `dynamic`: in
    force here. `in_nested`: inside a nested field. `reaches_root`: what is included in the parent
    is in the root too.
    """

    settings: JSON = member(default_factory=dict)
    unfold: bool = True
    dynamic: str = "true"
    in_nested: bool = False
    reaches_root: bool = True


TOP = Place()


def unfolds(definition: JSON) -> bool:
    """Whether dots in the names of these properties make objects."""
    if definition.get("type") == "passthrough":
        return False
    return str(definition.get("subobjects", True)).lower() != "false"


def properties(tree: Any, place: Place = TOP) -> JSON:
    """Fields by name; a dotted name unfolds into objects and merges with its siblings.

    The server goes through the names in their order, so that of two definitions of one field the
    dotted one wins. An empty list is no fields. Raises ValueError for a wrong shape.
    """
    found: dict[str, list[JSON]] = {}
    for name, value in _in_order(tree):
        head, definition = _unfolded(name, _definition(name, value), place)
        found.setdefault(head, []).append(definition)
    result = {name: field(reduce(_merged, found[name]), place) for name in sorted(found)}
    return result if place.unfold else _flattened(result, place)


def _in_order(tree: Any) -> tuple[tuple[str, Any], ...]:
    """Names with their definitions; a tuple is the fields of several, already in order."""
    if isinstance(tree, tuple) or tree == []:
        return tuple(tree)
    if not isinstance(tree, dict):
        raise ValueError(f"properties must be an object of fields by name, not {shown(tree)}")
    return tuple((name, tree[name]) for name in sorted(tree))


def _definition(name: str, value: Any) -> JSON:
    if not isinstance(value, dict):
        raise ValueError(f"the field {name!r} must be an object with a type, not {shown(value)}")
    return value


def _unfolded(name: str, definition: JSON, place: Place) -> tuple[str, JSON]:
    """`a.b` is `b` among the properties of `a`; a dot at the end is nothing."""
    if not place.unfold:
        return name, definition
    name = name.rstrip(".") or name
    head, dot, rest = name.partition(".")
    return (head, {"properties": {rest: definition}}) if dot and head else (name, definition)


def _merged(one: JSON, other: JSON) -> JSON:
    """Two definitions of one field: objects have the fields of both, else the later is it.

    Of a field and an object nothing can be made: both stay visible, for the server to refuse.
    """
    if "properties" not in one and "properties" not in other:
        return other
    both = (definition.get("properties", {}) for definition in (one, other))
    return {**one, **other, "properties": tuple(chain.from_iterable(map(_in_order, both)))}


def _flattened(tree: JSON, place: Place) -> JSON:
    """Without sub-objects the server turns an object into its dotted fields.

    It refuses an object that says anything of its own; that one stays as it is. On 8.16.1 a field
    loses its `copy_to` on the way, on 9.4.3 it keeps it, and where it is written with its dotted
    name both keep it: so that is what is sent, and what a plan adds where it was lost.
    """
    result: JSON = {}
    for name, definition in tree.items():
        inner = _flattened(definition["properties"], place) if _is_plain(definition, place) else {}
        plain = {f"{name}.{rest}": one for rest, one in inner.items()}
        result |= plain if _is_plain(definition, place) else {name: definition}
    return dict(sorted(result.items()))


def _is_plain(definition: JSON, place: Place) -> bool:
    """An object without a meaning of its own. Only objects are without a type here."""
    said = {"subobjects": False, "dynamic": place.dynamic, **definition}
    return (
        said.keys() == {"properties", "subobjects", "dynamic"}
        and said["subobjects"] is False
        and said["dynamic"] == place.dynamic
    )


def field(definition: JSON, place: Place = TOP) -> JSON:
    """One field, its sub-fields and multi-fields included.

    An object has `properties` and no `type`, however it was written. Raises ValueError for a
    wrong shape.
    """
    kind = definition.get("type", "object")
    if not isinstance(kind, str):
        raise ValueError(f"the type of a field must be a name, not {shown(kind)}")
    result = _parameters(definition, kind)
    if kind in OBJECT_KINDS or "properties" in definition:
        inner = _within(result, kind, place)
        result["properties"] = properties(definition.get("properties", {}), inner)
    if "fields" in definition:
        result["fields"] = multi_fields(definition["fields"], place)
    result = SPECIAL.get(kind, _as_it_is)(result, place.settings)
    if kind == "nested":
        result = _included_once(result, place)
    usual = defaults(result, place.settings)
    return {
        name: value
        for name, value in result.items()
        if (name not in usual or value != usual[name]) and (name, value) != ("type", "object")
    }


def _as_it_is(definition: JSON, _settings: JSON) -> JSON:
    return definition


def _within(definition: JSON, kind: str, place: Place) -> Place:
    """The place of the fields inside an object."""
    here = definition.get("dynamic", place.dynamic)
    inner = replace(place, unfold=unfolds(definition), dynamic=here)
    if kind != "nested":
        return inner
    in_parent = not place.in_nested and definition.get("include_in_parent") is True
    in_root = definition.get("include_in_root") is True
    return replace(inner, in_nested=True, reaches_root=in_root or in_parent)


def _included_once(nested: JSON, place: Place) -> JSON:
    """`include_in_root` says nothing new where the parent, which has it, is in the root.

    The server looks at the parent's own `include_in_root` only, or that it is the root.
    """
    if not place.reaches_root or nested.get("include_in_parent") is not True:
        return nested
    return {name: value for name, value in nested.items() if name != "include_in_root"}


def multi_fields(tree: Any, place: Place) -> JSON:
    """The `fields` of a field. An empty list is none."""
    if tree == []:
        return {}
    if not isinstance(tree, dict):
        raise ValueError(f"fields must be an object of fields by name, not {shown(tree)}")
    return {name: field(_definition(name, tree[name]), place) for name in sorted(tree)}


def _parameters(definition: JSON, kind: str) -> JSON:
    """Every parameter but the fields inside, in the type that the server gives it."""
    result: JSON = {}
    for name, value in definition.items():
        if name in ("properties", "fields") or sent_null(name, value):
            continue
        if name == "null_value":
            result[name] = null_value(kind, value)
        else:
            result[name] = READERS[name](value) if name in READERS else value
    return result
