"""JSON Schema: the shape of every file, and its violations as diagnostics a person can act on."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan.errors import Diagnostic
from esplan.source.node import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

    from esplan.model import JSON

TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
SHOWN = 60
"""Characters of a wrong value that a message repeats."""


@cache
def load(name: str) -> JSON:
    """The schema `name`: out of the wheel, or out of the checkout of an editable install.

    Callers share it: do not change it. Raises FileNotFoundError for a name that does not exist.
    """
    file = f"{name}.schema.json"
    packaged = files("esplan") / "schemas" / file
    source = packaged if packaged.is_file() else Path(__file__).parents[1] / "schemas" / file
    loaded: JSON = json.loads(source.read_text(encoding="utf-8"))
    return loaded


def check(document: Document, name: str, definition: str = "") -> list[Diagnostic]:
    """Every violation of the schema `name` (or of one of its `$defs`), in file order."""
    errors = _validator(name, definition).iter_errors(document.data)
    found = (_diagnostic(document, error) for top in errors for error in _flat(top))
    return sorted({diagnostic for several in found for diagnostic in several})


@cache
def _validator(name: str, definition: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    schema = load(name)
    if definition:
        schema = {"$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    return Draft202012Validator(schema)


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


def _diagnostic(document: Document, error: ValidationError) -> Iterator[Diagnostic]:
    path = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        yield document.diagnostic((*path, error.instance), _wrong_name(error), key=True)
    elif error.validator == "additionalProperties":
        yield from _unknown_keys(document, error)
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield document.diagnostic(path, f'the key "{name}" is missing{_inside(path)}')
    else:
        yield document.diagnostic(path, _wrong_value(error), remedy=_remedy(error))


def _unknown_keys(document: Document, error: ValidationError) -> Iterator[Diagnostic]:
    """One diagnostic a key, with the known key that is most like it."""
    path, schema = tuple(error.absolute_path), error.schema
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name in error.instance:
        if name in known or any(re.search(pattern, name) for pattern in patterns):
            continue
        remedy = nearest(name, known) or f"known here: {', '.join(sorted(known))}"
        message = f"unknown key {_shown(name)}{_inside(path)}; {remedy}"
        yield document.diagnostic((*path, name), message, key=True)


def _inside(path: tuple[str | int, ...]) -> str:
    return f' in "{path[-1]}"' if path else ""


def _wrong_name(error: ValidationError) -> str:
    why = error.schema.get("patternErrorMessage")
    return f"{_shown(error.instance)} {why or 'is no valid name: ' + error.message}"


def _wrong_value(error: ValidationError) -> str:
    """What was expected, and what stands there."""
    name = next((str(part) for part in reversed(error.absolute_path)), "the document")
    shown = _shown(error.instance)
    if error.validator in ("pattern", "maxLength") and "patternErrorMessage" in error.schema:
        return f"{shown} {error.schema['patternErrorMessage']}"
    if error.validator in ("uniqueItems", "minItems", "maxItems", "dependentRequired"):
        return f'"{name}": {error.message}'
    expected = describe(error.schema)
    near = _remedy(error)
    hint = f"; {near}" if near else ""
    return f'"{name}" must be {expected}, not {shown}{hint}' if expected else error.message


def _remedy(error: ValidationError) -> str:
    if error.validator == "enum" and isinstance(error.instance, str):
        return nearest(error.instance, [w for w in error.validator_value if isinstance(w, str)])
    return ""


def describe(schema: JSON) -> str:
    """A schema in words: `"auto" or an integer from 1 to 64`; empty where words fail."""
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return " or ".join(describe(alternative) for alternative in alternatives)
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
    if schema.get("minLength") or schema.get("minProperties"):
        return " that is not empty"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
