from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esplan import source
from esplan.errors import InvalidInput
from esplan.source import yaml_text
from esplan.source.node import Unreadable

if TYPE_CHECKING:
    from pathlib import Path


def messages(content: bytes, name: str = "a.yaml") -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        source.parse(name, content)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("-5", -5),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("~", None),
        ("True", True),
        ("'true'", "true"),
        ("!!str 5", "5"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_yaml_scalars_follow_the_core_schema_of_1_2(text: str, value: object) -> None:
    found = source.parse("a.yaml", f"a: {text}\n".encode()).data["a"]
    assert (found, type(found)) == (value, type(value))


def test_a_version_directive_does_not_bring_yaml_1_1_back() -> None:
    assert source.parse("a.yaml", b"%YAML 1.1\n---\na: on\n").data == {"a": "on"}


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_every_key_and_value_has_its_place(name: str) -> None:
    document = source.parse(name, b'{"a": [1,\n  {"b": null, "c": {}}],\n "d": []}')
    assert document.mark(("a",)) == (1, 7)
    assert document.mark(("a", 0)) == (1, 8)
    assert document.mark(("a", 1, "c"), key=True) == (2, 15)
    assert document.mark(("a", 1, "c")) == (2, 20)
    assert document.mark(("d",)) == (3, 7)
    assert document.mark(("d",), key=True) == (3, 2)


def test_a_place_that_is_not_there_is_its_nearest_ancestor() -> None:
    document = source.parse("a.yaml", b"a:\n  b: {}\n")
    assert document.mark(("a", "b", "x", "y")) == (2, 6)
    assert document.mark(("a", "x"), key=True) == (2, 3)


def test_what_comes_through_an_alias_stands_at_its_anchor() -> None:
    document = source.parse("a.yaml", b"a: &x\n  b: 1\nc: *x\n")
    assert document.data["c"] == {"b": 1}
    assert document.mark(("c", "b")) == (2, 6)


def test_merge_keys_give_way_to_own_keys() -> None:
    text = b"a: &x {p: 1, q: 1}\nb: &y {q: 2, r: 2}\nc:\n  <<: [*x, *y]\n  p: 3\n"
    assert source.parse("a.yaml", text).data["c"] == {"p": 3, "q": 1, "r": 2}
    assert messages(b"c:\n  <<: 3\n") == ["a.yaml:2:7: << takes an object or a list of objects"]
    assert source.parse("a.yaml", b"'<<': 3\n").data == {"<<": 3}


def test_json_is_read_as_json() -> None:
    document = source.parse("a.JSON", b'\xef\xbb\xbf{"a": "\\ud83d\\ude00\\/", "b":\t1e2}')
    assert document.data == {"a": "😀/", "b": 100.0}


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8")),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)
        ),
    ).filter(lambda value: value is not None)
)
def test_json_reads_back_what_the_standard_library_wrote(value: object) -> None:
    for indent in (None, 1):
        content = json.dumps(value, indent=indent).encode()
        assert source.parse("a.json", content).data == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1, 2", "expected ',' or ']'"),
        (b'{"a": 1', "expected ',' or '}'"),
        (b'{"a" 1}', "expected ':' after the key"),
        (b"{a: 1}", "expected a key in double quotes"),
        (b'["a\nb"]', "Invalid control character at"),
        (b"[1] [2]", "only one document is allowed"),
        (b"[1e999]", "the number is too large"),
        (b"[" + b"9" * 5000 + b"]", "the number is too long"),
        (b"[" * 5000, "the nesting is deeper than 100 levels"),
        (b"[-Infinity]", "-Infinity is not a JSON value"),
        (b"null", "the file is empty"),
        (b" \n", "the file is empty"),
    ],
)
def test_what_is_not_json_is_told_with_its_place(content: bytes, message: str) -> None:
    (found,) = messages(content, "a.json")
    assert message in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1e999", "a.yaml:1:4: the number is too large"),
        (b"a: " + b"9" * 5000, "a.yaml:1:4: the number is too long"),
        (b"[" * 5000, "a.yaml:1:102: the nesting is deeper than 100 levels"),
        (b'a: "\\U00ffffff"', "a.yaml:1:1: not YAML: chr() arg not in range(0x110000)"),
        (b"[a, b]: 1", "a.yaml:1:1: the key a list or an object is not a string: put it in quotes"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(content: bytes, message: str) -> None:
    assert messages(content) == [message]


FRAGMENTS = [
    *(
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ":",
        " : ",
        "#",
        "a#b",
        "a #b",
    ),
    *(
        "'x'",
        '"y"',
        '"\\u00e9"',
        "'it''s'",
        '"\\/"',
        "|\n  t\n",
        ">-\n  f\n   g\n",
        "|+\n  z\n\n",
        "|2\n   q\n",
    ),
    *(
        "# c",
        "&x ",
        "*x",
        "!!str ",
        "! ",
        "!<tag:yaml.org,2002:str> ",
        "~",
        "yes",
        "0o17",
        "1e3",
        "? ",
        "<<: ",
    ),
    *(
        "---",
        "...",
        "%YAML 1.2\n",
        "%TAG !e! tag:e,2000:\n",
        "\t",
        "\r\n",
        "\u2028",
        "\x85",
        "\ufeff",
        "é",
        "😀",
    ),
    *(
        "@",
        "`",
        "%",
        "\\",
        "\x7f",
        "k: v\n",
        "? a\n: b\n",
        "- a\n- b\n",
        "  c: d\n",
        ":a",
        "-a",
        "a:b",
    ),
    *("{a:1}", "[a:1]", '{"a":1}', '"a\n  b"', "'a\n\n  b'", "2001-01-01"),
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join))
@settings(max_examples=1_000, deadline=None)
def test_libyaml_reads_what_the_other_parser_reads(text: str) -> None:
    """It is asked first, so wherever its answer is taken it must be the same, places included."""
    with patch.object(yaml_text, "_quickly", return_value=None):
        try:
            slow = yaml_text.parse(text)
        except Unreadable as error:
            slow = error.args
    try:
        fast = yaml_text.parse(text)
    except Unreadable as error:
        fast = error.args
    assert fast == slow


def test_a_plain_file_is_read_by_libyaml() -> None:
    with patch.object(yaml_text, "_document", wraps=yaml_text._document) as document:
        yaml_text.parse("version: 1\naliases: {a: [1, 'x']}  # comment\n")
    assert [call.kwargs for call in document.call_args_list] == [{"pure": False}]


def test_a_file_may_not_be_larger_than_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"#" * (source.DESIRED_LIMIT - 2) + b"\n1")
    assert source.read(file).data == 1
    file.write_bytes(b"#" * (source.DESIRED_LIMIT - 1) + b"\n1")
    with pytest.raises(InvalidInput) as caught:
        source.read(file)
    assert [d.message for d in caught.value.diagnostics] == ["the file is larger than 1 MiB"]


def test_a_missing_file_a_folder_and_a_pipe_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    expected = {
        "none": "there is no such file",
        ".": "this is not a plain file",
        "pipe": "this is not a plain file",
        "loop": "the file cannot be read: Too many levels of symbolic links",
        "x" * 300: "the file cannot be read: File name too long",
    }
    for name, message in expected.items():
        with pytest.raises(InvalidInput) as caught:
            source.read(tmp_path / name)
        assert [d.message for d in caught.value.diagnostics] == [message]


def test_a_directory_means_its_files_sorted_and_once(tmp_path: Path) -> None:
    for name in ("b.yml", "a.json", "sub/c.YAML", ".git/x.yaml", "esplan.yaml", "n.txt", ".h.yaml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    found, problems = source.find([tmp_path, tmp_path / "a.json", tmp_path / "sub"])
    assert not problems
    assert [(one.path.relative_to(tmp_path).as_posix(), one.walked) for one in found] == [
        ("a.json", False),
        ("b.yml", True),
        ("sub/c.YAML", True),
    ]


def test_json_paths_quote_what_is_no_plain_name() -> None:
    assert source.json_path(("indices", "audit-2026", 0, "it's")) == (
        "$.indices['audit-2026'][0]['it\\'s']"
    )
