"""Codes of errors: one explained, all of them listed, and the page `docs/errors.md`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from esplan.codes import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from esplan.codes import Entry
    from esplan.model import JSON

WIDTH = 100
"""Columns of a text, at most: longer lines are hard to read."""

EXITS = {
    1: "an error",
    3: "the apply stopped part-way: apply the same plan again",
    4: "refused",
    5: "another apply holds the lock",
    64: "the command line or the configuration is wrong",
}

HEAD = """\
# Errors

Every error says what went wrong, where, why, and what to do; and it has a code:

```text
Error ESP-4104: alias.films is on 2 indices: films_blue, films_green
Why: esplan keeps an alias on exactly one index, and cannot know which one is right
To do: remove it from the wrong ones: POST /_aliases, remove alias films
More: esplan explain ESP-4104
```

`esplan explain CODE` says what stands here. It needs no cluster. A code is one cause with one cure; it
never gets another meaning. With `--json` it is the key `code` of an `error` event, and of each diagnostic.
In text a diagnostic has its code at the end of its line.

What the exit code says about the state of the cluster:

| exit code | after an `apply` |
|---|---|
| 1 | the reason is known. What was begun and not switched was taken back; the error says what is left |
| 3 | the outcome is not known, or the apply was stopped. Nothing was taken back and nothing is lost: apply the same plan again |
| 4 | refused. As 1: what was begun and not switched was taken back |
| 5 | another apply holds the lock: nothing was changed |
| 64 | nothing was sent |

Where a code has the exit codes 1 and 3, it is 3 when an apply that has begun was stopped by it.

*This page is made by `esplan explain --format markdown > docs/errors.md`.*
"""  # noqa: E501  (lines of markdown)


def table(entries: Iterable[Entry]) -> Iterator[RenderableType]:
    """A line each, by what they are about."""
    for digit, some in _groups(entries):
        yield Text(f"{digit}xxx  {GROUPS[digit]}", "bold")
        yield _rows((f"  {one.code} ", one.title) for one in some)
        yield Text()
    yield Text("Explain one: esplan explain CODE", "dim")


def _groups(entries: Iterable[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    for digit, some in groupby(entries, key=lambda one: one.code[4]):
        yield digit, list(some)


def text(entries: Sequence[Entry]) -> Iterator[RenderableType]:
    """Each of them whole, for a terminal."""
    for number, one in enumerate(entries):
        if number:
            yield Text()
        yield from _text(one)


def _text(entry: Entry) -> Iterator[RenderableType]:
    yield Text.assemble((f"{entry.code}: ", "bold red"), (entry.title, "bold"))
    yield Text()
    yield _rows([(" ", entry.means)])
    yield from _listed("Why it happens", entry.why)
    yield from _listed("What to do", entry.do, numbered=True)
    if entry.example:
        yield Text("\nFor example", "bold")
        yield from (Text(f"  {line}") for line in entry.example.splitlines())
    yield Text("\nExit code", "bold")
    yield from (Text(f"  {code}: {EXITS[code]}") for code in entry.exits)
    if entry.see:
        yield Text("\nSee also", "bold")
        yield from (Text(f"  docs/{page}") for page in entry.see)


def _listed(title: str, said: Sequence[str], *, numbered: bool = False) -> Iterator[RenderableType]:
    yield Text(f"\n{title}", "bold")
    signs = [f"  {number}." if numbered else "  -" for number in range(1, len(said) + 1)]
    yield _rows(zip(signs, said, strict=True))


def _rows(rows: Iterable[tuple[str, str]]) -> Table:
    """A sign, and a text that is folded to the right of it."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=WIDTH)
    for sign, said in rows:
        table.add_row(sign, Text(said))
    return table


def parts(entry: Entry) -> JSON:
    """The same for programs."""
    return asdict(entry)


def page(entries: Sequence[Entry]) -> str:
    """Markdown: the whole catalogue with its head, or some of it without."""
    whole = len({one.code[4] for one in entries}) == len(GROUPS)
    blocks = [HEAD, "\n".join(_index(entries))] if whole else []
    for digit, some in _groups(entries):
        blocks += [f"## {GROUPS[digit]}"] if whole else []
        blocks += ["\n".join(_markdown(one)) for one in some]
    return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def _index(entries: Iterable[Entry]) -> Iterator[str]:
    yield "| code | means |"
    yield "|---|---|"
    yield from (f"| [{one.code}](#{one.code.lower()}) | {one.title} |" for one in entries)


def _markdown(entry: Entry) -> Iterator[str]:
    """The code alone is the heading: so its anchor never changes."""
    yield f"### {entry.code}\n"
    yield f"**{entry.title}.** {entry.means}\n"
    yield "Why it happens:\n"
    yield from (f"- {one}" for one in entry.why)
    yield "\nWhat to do:\n"
    yield from (f"{number}. {one}" for number, one in enumerate(entry.do, 1))
    if entry.example:
        yield f"\n```text\n{entry.example}\n```"
    said = ", or ".join(f"{code} ({EXITS[code]})" for code in entry.exits)
    yield f"\nExit code: {said}."
    if entry.see:
        yield f"\nSee also: {', '.join(f'[{one}]({one})' for one in entry.see)}."
