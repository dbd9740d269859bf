from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from esplan.views import escape
from esplan.views.clean import LINES, clean

MARKDOWN = MarkdownIt("commonmark").enable("table")
TEXT = st.text(st.sampled_from("a1 .-+=)#@|`\\*_<>[]&~$!:/w\n\u202e") | st.characters())


def words(rendered: str) -> str:
    """What a reader sees of a line: its text, and whether anything in it is markup."""
    tokens = MARKDOWN.parseInline(rendered)[0].children or []
    markup = [one for one in tokens if one.type not in ("text", "code_inline", "text_special")]
    assert {one.content for one in markup} <= {"<code>", "</code>"}, "no other HTML, no link"
    return "".join(one.content for one in tokens if one.type != "html_inline")


@settings(deadline=None)
@given(TEXT)
def test_what_is_plain_reads_as_it_was(text: str) -> None:
    assert words(escape.plain(text)).strip() == clean(text).strip()


@settings(deadline=None)
@given(TEXT)
def test_code_reads_as_it_was(text: str) -> None:
    assert words(escape.code(text)).strip() == clean(text).strip()


@settings(deadline=None)
@given(TEXT, TEXT)
@example("a|b", "a|b\\")
@example("a\\|b`", "`a\\|b")
def test_a_row_of_a_table_stays_one(left: str, right: str) -> None:
    row = f"| {escape.plain(left)} | {escape.code(right)} |"
    tokens = MARKDOWN.parse(f"| a | b |\n|---|---|\n{row}\n")
    cells = [one.content for one in tokens if one.type == "inline"][2:]
    assert [words(one).strip() for one in cells] == [clean(one).strip() for one in (left, right)]


@settings(deadline=None)
@given(TEXT)
def test_a_line_of_a_list_stays_one(text: str) -> None:
    kinds = [one.type for one in MARKDOWN.parse(f"- {escape.plain(text)}\n- b\n")]
    assert kinds.count("list_item_open") == 2
    assert set(kinds) <= {
        "bullet_list_open", "list_item_open", "paragraph_open", "inline",
        "paragraph_close", "list_item_close", "bullet_list_close",
    }  # fmt: skip


@settings(deadline=None)
@given(TEXT)
def test_a_block_of_code_ends_where_it_ends(text: str) -> None:
    (block,) = MARKDOWN.parse(escape.fence(text, "java"))
    assert (block.type, block.info) == ("fence", "java")
    assert block.content == clean(text, LINES) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a_b", "a\\_b"),
        ("fills @timestamp", "fills <code>@</code>timestamp"),
        ("see #12, not # 12", "see <code>#</code>12, not \\# 12"),
        ("- a", "\\- a"),
        ("1. a", "1\\. a"),
        ("2026-01-02", "2026\\-01-02"),
        (" a", "&#32;a"),
        ("https://a.example and www.a.example", "https&#58;//a.example and www&#46;a.example"),
        ("<b>&amp;", "&#60;b&#62;&#38;amp;"),
        ("a\nb\x1b", "a\\\\nb\\\\x1b"),
    ],
)
def test_plain(text: str, said: str) -> None:
    assert escape.plain(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("@timestamp", "`@timestamp`"),
        ("a`b``c", "``` a`b``c ```"),
        ("a|b", "<code>a\\|b</code>"),
        ("a\\", "<code>a\\\\</code>"),
        (" a", "<code>&#32;a</code>"),
    ],
)
def test_code(text: str, said: str) -> None:
    assert escape.code(text) == said


def test_html() -> None:
    assert escape.html("<b a='1'>&\n@x #1") == (
        "&lt;b a=&#x27;1&#x27;&gt;&amp;\\n<code>@</code>x <code>#</code>1"
    )


@settings(deadline=None)
@given(TEXT)
def test_a_label_has_no_character_that_mermaid_reads(text: str) -> None:
    """Beside letters and digits only references, as mermaid decodes them."""
    found = escape.label(text)
    assert set(found) <= set("0123456789_. -#;") | set(map(chr, range(65, 91))) | set(
        map(chr, range(97, 123))
    )
    assert found.isascii()


def test_labels() -> None:
    assert escape.label("flights_green") == "flights_green"
    assert escape.label('a"]\n') == "a#34;#93;#92;n"
