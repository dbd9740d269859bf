"""Names, scripts and messages as markdown, HTML and mermaid: nothing in them is markup.

Everything goes through `clean` first, so it is one line, but for the lines of a script.
"""

from __future__ import annotations

import html as html_module
import re

from esplan.views.clean import LINES, clean

MARKUP = re.compile(r"(@|#(?=\d))|[\\`*_|<>\[\]&~$#]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""The group: what a forge takes for a mention even where it is escaped, but never in `code`."""

START = re.compile(r"(\d*)([-+=.)])|( )")
"""What begins a list, a heading or a block of code at the start of a line."""

NO_SPAN = re.compile(r"[|\\]|^\s|\s$")
"""What a code span cannot hold in a cell of a table."""


def plain(words: str) -> str:
    """Markdown that reads as these words: no markup, link, mention or list, and no cell's end."""
    text = clean(words)
    start = START.match(text)
    if start is None:
        return MARKUP.sub(_reference, text)
    rest = MARKUP.sub(_reference, text[start.end() :])
    return f"&#32;{rest}" if start[3] else f"{start[1]}\\{start[2]}{rest}"


def _reference(found: re.Match[str]) -> str:
    character = found[0]
    if found[1]:
        return f"<code>{character}</code>"
    return f"&#{ord(character)};" if character in "<>&:." else f"\\{character}"


def code(words: str) -> str:
    """A name or a value in the type of code, also in a cell of a table; nothing for no words."""
    text = clean(words)
    if not text:
        return ""
    if NO_SPAN.search(text):
        return f"<code>{plain(text)}</code>"
    marks, pad = "`" * (_longest(text) + 1), " " if "`" in text else ""
    return f"{marks}{pad}{text}{pad}{marks}"


def _longest(text: str) -> int:
    """Of the runs of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)


def html(words: str) -> str:
    """Inside an HTML element, where markdown means nothing."""
    text = html_module.escape(clean(words))
    return re.sub(r"@|(?<!&)#(?=\d)", r"<code>\g<0></code>", text)


def fence(text: str, language: str = "") -> str:
    """A block of code; its fence is longer than any run of backticks inside."""
    marks = "`" * max(3, _longest(text) + 1)
    return f"{marks}{language}\n{clean(text, LINES)}\n{marks}"


def label(words: str) -> str:
    """The text of a mermaid node or edge, between quotes: all but letters and digits as `#35;`."""
    return re.sub(r"[^0-9A-Za-z_. -]", lambda found: f"#{ord(found[0])};", clean(words))
