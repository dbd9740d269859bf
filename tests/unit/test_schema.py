from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from esplan import schema, source

if TYPE_CHECKING:
    from collections.abc import Iterator

MINE = ("desired", "config", "job")


ALL = (*MINE, "plan", "journal")
"""The last two describe what esplan writes: no person needs examples of that."""


def keys(part: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema of every key with its place: named ones, free ones, entries of lists."""
    if isinstance(part, list):
        for number, inner in enumerate(part):
            yield from keys(inner, f"{path}[{number}]")
    if not isinstance(part, dict):
        return
    named = part.get("properties", {})
    free = {one: part[one] for one in ("additionalProperties", "items") if one in part}
    for name, inner in (named | free).items():
        if isinstance(inner, dict):
            yield f"{path}.{name}", inner
    for name, inner in part.items():
        if name == "properties":
            for key, one in inner.items():
                yield from keys(one, f"{path}.{key}")
        elif name not in ("examples", "default", "enum", "const", "required"):
            yield from keys(inner, f"{path}.{name}")


def said(key: dict[str, Any], loaded: dict[str, Any], word: str) -> Any:
    """What stands with a key, or with the definition that it names."""
    target = loaded["$defs"][key["$ref"].split("/")[-1]] if "$ref" in key else {}
    return key.get(word) or target.get(word)


@pytest.mark.parametrize("name", MINE)
def test_the_schema_is_valid_and_names_no_host(name: str) -> None:
    loaded = schema.load(name)
    Draft202012Validator.check_schema(loaded)
    assert loaded["$id"] == f"urn:esplan:schema:{name}:1"


@pytest.mark.parametrize("name", ALL)
def test_every_key_is_described(name: str) -> None:
    loaded = schema.load(name)
    found = dict(keys(loaded))
    assert len(found) > 5
    assert [path for path, key in found.items() if not said(key, loaded, "description")] == []


@pytest.mark.parametrize("name", MINE)
def test_every_key_has_examples(name: str) -> None:
    loaded = schema.load(name)
    assert [path for path, key in keys(loaded) if not said(key, loaded, "examples")] == []


@pytest.mark.parametrize("name", ALL)
def test_every_example_and_default_is_valid(name: str) -> None:
    loaded = schema.load(name)
    parts = [("$", loaded), *loaded.get("$defs", {}).items(), *keys(loaded)]
    for path, key in parts:
        validator = Draft202012Validator({"$defs": loaded.get("$defs", {}), **key})
        for example in [
            *(said(key, loaded, "examples") or ()),
            *[key[d] for d in ["default"] if d in key],
        ]:
            assert validator.is_valid(example), f"{path}: {example}"


def test_a_key_without_a_description_is_found() -> None:
    broken = {"properties": {"a": {"items": {"properties": {"b": {"type": "string"}}}}}}
    assert [path for path, key in keys(broken) if "description" not in key] == [
        "$.a",
        "$.a.items",
        "$.a.items.b",
    ]


@pytest.mark.parametrize("suffix", ["yaml", "json"])
@pytest.mark.parametrize("name", MINE)
def test_a_file_may_name_its_schema(name: str, suffix: str) -> None:
    """In a key, which nobody but an editor reads; YAML also in a comment."""
    loaded = schema.load(name)
    example = {key: loaded["properties"][key]["examples"][0] for key in loaded["required"]}
    plain = json.dumps(example)
    named = json.dumps({"$schema": f"{name}.schema.json", **example})
    comment = f"# yaml-language-server: $schema={name}.schema.json\n" if suffix == "yaml" else ""
    for text in (plain, named, comment + plain):
        document = source.parse(f"a.{suffix}", text.encode())
        assert schema.check(document, name) == []


def test_the_text_is_that_of_the_file() -> None:
    for name in ALL:
        assert json.loads(schema.text(name)) == schema.load(name)


def test_an_unknown_schema_is_a_programming_error() -> None:
    with pytest.raises(FileNotFoundError):
        schema.load("no-such")


def found(text: str, definition: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    forget()
    monkeypatch.setattr(schema, "load", lambda _name: definition)
    document = source.parse("a.yaml", text.encode())
    try:
        return [str(diagnostic) for diagnostic in schema.check(document, "test")]
    finally:
        forget()


def forget() -> None:
    schema._validator.cache_clear()
    schema._quick_validator.cache_clear()


ALTERNATIVES: dict[str, Any] = {
    "oneOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}},
            "required": ["kind", "radius"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"kind": {"const": "square"}, "side": {"type": "number"}},
            "required": ["kind", "side"],
            "additionalProperties": False,
        },
    ]
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{kind: square, size: 1, side: x}",
            [
                'a.yaml:1:16: unknown key "size"; did you mean "side"?',
                'a.yaml:1:31: "side" must be a number, not "x"',
            ],
        ),
        (
            "{kind: square, radius: 1}",
            [
                'a.yaml:1:1: the key "side" is missing',
                'a.yaml:1:16: unknown key "radius"; known here: kind, side',
            ],
        ),
        ("{kind: circle}", ['a.yaml:1:1: the key "radius" is missing']),
        ("5", ["a.yaml:1:1: the document must be a string or an object, not 5"]),
    ],
)
def test_alternatives_report_the_one_that_was_meant(
    text: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(text, ALTERNATIVES, monkeypatch) == expected


def test_keywords_without_words_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    definition = {
        "properties": {
            "many": {"maxItems": 1},
            "odd": {"multipleOf": 2},
            "low": {"type": "integer", "minimum": 3},
            "text": {"type": "string", "minLength": 1},
            "code": {"pattern": "^x"},
            "long": {"enum": ["a"]},
            "one": {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        },
        "patternProperties": {"^x-": True},
        "additionalProperties": False,
    }
    text = f"many: [1, 2]\nodd: 3\nlow: 2\ntext: ''\ncode: y\nlong: {'b' * 80}\nx-a: 1\ny-a: 1\n"
    text += "one: x\n"
    assert found(text, definition, monkeypatch) == [
        'a.yaml:1:7: "many" takes at most 1 entries',
        'a.yaml:2:6: "odd" is wrong: 3 is not a multiple of 2',
        'a.yaml:3:6: "low" must be an integer of 3 or more, not 2',
        'a.yaml:4:7: "text" must be a string that is not empty, not ""',
        "a.yaml:5:7: \"code\" is wrong: 'y' does not match '^x'",
        f'a.yaml:6:7: "long" must be "a", not "{"b" * 58}…',
        'a.yaml:8:1: unknown key "y-a"; known here: code, long, low, many, odd, one, text',
        'a.yaml:9:6: "one" must be an object, not "x"',
    ]


def test_a_diagnostic_carries_the_json_path() -> None:
    document = source.parse("a.yaml", b"version: 1\nindices: {a-b: {settings: 1}}\n")
    assert [one.path for one in schema.check(document, "desired")] == ["$.indices['a-b'].settings"]


def patterns(part: Any) -> set[str]:
    """Every regular expression of a schema."""
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    own = {part["pattern"]} if isinstance(part, dict) and "pattern" in part else set()
    return own.union(*map(patterns, parts))


PATTERNS = {
    one: (jsonschema_rs.Draft202012Validator(rule), Draft202012Validator(rule))
    for one in sorted(set().union(*(patterns(schema.load(name)) for name in MINE)))
    for rule in [{"pattern": one}]
}
ODD = "\0\n\r\t\x0b\x1c\x1f\x85\xa0\u1680\u2028\u3000\ufeff\u180e\u0660²\u212a\u017f"
PIECES = [*'aAzZ09_-+.,:#*?<>|/\\"{}$ ', *ODD, "{run_id}", "{index_base}", "kb", "true"]


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_what_is_quickly_found_valid_is_valid(text: str) -> None:
    """Two dialects of regular expressions; the quick one may only refuse more."""
    assert len(PATTERNS) > 10
    for quick, slow in PATTERNS.values():
        assert not quick.is_valid(text) or slow.is_valid(text)


@pytest.mark.parametrize("data", [10**400, {"a": "\ud800"}])
def test_what_cannot_be_checked_quickly_is_checked(
    monkeypatch: pytest.MonkeyPatch, data: Any
) -> None:
    forget()
    monkeypatch.setattr(schema, "load", lambda _name: {"type": "boolean"})
    document = source.Document("a.yaml", source.Node(data, (1, 1)))
    try:
        assert len(schema.check(document, "test")) == 1
    finally:
        forget()
