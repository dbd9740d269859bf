"""JSON Schema: the shape of every file, and its violations as diagnostics a person can act on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import jsonschema_rs
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

    from esplan.errors import Diagnostic
    from esplan.model import JSON
    from esplan.source.node import Document
    from esplan.source.node import Path as DataPath

TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
DESCRIBED = frozenset(
    "type const enum anyOf oneOf minimum maximum exclusiveMinimum minLength minProperties".split()
)
"""Keywords whose schema says in words what is expected."""

WORDS = {
    "minItems": "needs at least {} entries",
    "maxItems": "takes at most {} entries",
    "uniqueItems": "has the same entry twice",
}

SHOWN = 60
"""Characters of a wrong value that a message repeats."""


@dataclass(frozen=True)
class _Violation:
    """One keyword that a value breaks: `rule` is its name, `limit` its value in `schema`."""

    path: DataPath
    rule: str
    limit: Any
    schema: JSON
    instance: Any
    message: str
    is_name: bool


def _violation(error: ValidationError) -> _Violation:
    schema = error.schema if isinstance(error.schema, dict) else {}
    return _Violation(
        tuple(error.absolute_path),
        str(error.validator),
        error.validator_value,
        schema,
        error.instance,
        error.message,
        "propertyNames" in error.absolute_schema_path,
    )


@cache
def load(name: str) -> JSON:
    """The schema `name`: out of the wheel, or out of the checkout of an editable install.

    Callers share it: do not change it. Raises FileNotFoundError for a name that does not exist.
    """
    loaded: JSON = json.loads(text(name))
    return loaded


def text(name: str) -> str:
    """The schema as its file has it. Raises FileNotFoundError for a name that does not exist."""
    file = f"{name}.schema.json"
    packaged = files("esplan") / "schemas" / file
    source = packaged if packaged.is_file() else Path(__file__).parents[1] / "schemas" / file
    return source.read_text(encoding="utf-8")


def check(document: Document, name: str, definition: str = "") -> list[Diagnostic]:
    """Every violation of the schema `name` (or of one of its `$defs`), in file order."""
    if _is_valid(document.data, name, definition):
        return []
    errors = _validator(name, definition).iter_errors(document.data)
    found = (_diagnostics(document, _violation(e)) for top in errors for e in _flat(top))
    return sorted({diagnostic for several in found for diagnostic in several})


def _is_valid(data: Any, name: str, definition: str) -> bool:
    """Whether there is no violation: said in a fraction of the time that it takes to name them."""
    try:
        return _quick_validator(name, definition).is_valid(data)
    except (ValueError, TypeError):  # deeper, or with larger numbers, than it can look at
        return False


@cache
def _quick_validator(name: str, definition: str) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(_part(name, definition))


@cache
def _validator(name: str, definition: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_part(name, definition))


def _part(name: str, definition: str) -> JSON:
    """A schema, or one of its `$defs`."""
    schema = load(name)
    if not definition:
        return schema
    return {"$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean "…"?` for the most similar known word; empty where none is similar."""
    matches = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f'did you mean "{matches[0]}"?' if matches else ""


def _flat(error: ValidationError) -> Iterator[ValidationError]:
    """Of an anyOf or oneOf, the errors of the alternative that was meant."""
    if error.validator not in ("anyOf", "oneOf") or not error.context:
        yield error
        return
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    meant = [branch for branch in branches.values() if not _is_another_kind(branch)]
    if not meant:
        yield error
        return
    for inner in min(meant, key=len):
        yield from _flat(inner)


def _is_another_kind(branch: list[ValidationError]) -> bool:
    """The value is not even of the alternative's type, or carries another constant."""
    return any(
        error.validator in ("const", "enum")
        or (not error.path and (error.validator == "type" or _is_scalar(error.instance)))
        for error in branch
    )


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _diagnostics(document: Document, found: _Violation) -> Iterator[Diagnostic]:
    path = found.path
    if found.is_name:
        yield document.diagnostic(
            (*path, found.instance), _wrong_value(found), code="ESP-2305", key=True
        )
    elif found.rule == "additionalProperties":
        yield from _unknown_keys(document, found)
    elif found.rule == "required":
        for name in found.limit:
            if name not in found.instance:
                message = f'the key "{name}" is missing{_inside(path)}{_misspelt(name, found)}'
                yield document.diagnostic(path, message, code="ESP-2202")
    else:
        yield document.diagnostic(path, _wrong_value(found), code="ESP-2203")


def _misspelt(name: str, found: _Violation) -> str:
    """The unknown key that was probably meant to be the missing one."""
    known = found.schema.get("properties", {})
    unknown = {key.lower(): key for key in found.instance if key not in known}
    matches = get_close_matches(name, unknown, n=1)
    return f"; was {_shown(unknown[matches[0]])} meant?" if matches else ""


def _unknown_keys(document: Document, found: _Violation) -> Iterator[Diagnostic]:
    """One diagnostic a key, with the known key that is most like it."""
    known = found.schema.get("properties", {})
    patterns = found.schema.get("patternProperties", {})
    for name in found.instance:
        if name in known or any(re.search(pattern, name) for pattern in patterns):
            continue
        hint = nearest(name, known) or f"known here: {', '.join(sorted(known))}"
        message = f"unknown key {_shown(name)}{_inside(found.path)}; {hint}"
        yield document.diagnostic((*found.path, name), message, code="ESP-2201", key=True)


def _inside(path: DataPath) -> str:
    return f' in "{path[-1]}"' if path else ""


def _wrong_value(found: _Violation) -> str:
    """What was expected, and what stands there."""
    name = f'"{found.path[-1]}"' if found.path else "the document"
    shown = "the value" if found.schema.get("writeOnly") else _shown(found.instance)
    if found.rule == "dependentRequired":
        return _missing_beside(found)
    if found.rule in ("pattern", "maxLength") and "patternErrorMessage" in found.schema:
        return f"{shown} {found.schema['patternErrorMessage']}"
    expected = describe(found.schema) if found.rule in DESCRIBED else ""
    if not expected:
        known = WORDS.get(found.rule, "").format(found.limit)
        return f"{name} {known or 'is wrong: ' + found.message}"
    words = [word for word in found.limit if isinstance(word, str)] if found.rule == "enum" else []
    near = nearest(found.instance, words) if isinstance(found.instance, str) else ""
    return f"{name} must be {expected}, not {shown}" + (f"; {near}" if near else "")


def _missing_beside(found: _Violation) -> str:
    """A key that another one needs."""
    needed = found.limit.items()
    key, name = next((k, n) for k, names in needed for n in names if _lacks(found.instance, k, n))
    return f'the key "{name}" is missing{_inside(found.path)}: "{key}" needs it'


def _lacks(instance: JSON, key: str, name: str) -> bool:
    return key in instance and name not in instance


def describe(schema: JSON) -> str:
    """A schema in words: `"auto" or an integer from 1 to 64`; empty where words fail."""
    alternatives = schema.get("anyOf") or schema.get("oneOf") or ()
    if said := [text for one in alternatives if (text := describe(one))]:
        return " or ".join(dict.fromkeys(said))
    if "const" in schema or "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kinds = schema.get("type", [])
    words = [TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return " or ".join(words) + _bounds(schema)


def _bounds(schema: JSON) -> str:
    if "exclusiveMinimum" in schema:
        return f" greater than {schema['exclusiveMinimum']}"
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f" of {schema['minimum']} or more"
    if schema.get("minProperties", 0) > 1:
        return f" of {schema['minProperties']} keys or more"
    if schema.get("minLength") or schema.get("minProperties"):
        return " that is not empty"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
