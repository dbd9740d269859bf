"""How a page and a screen are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from transcript import alike, rewritten, shown
from tutorial import completed, difference, examples
from walks import not_json

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
# Page

```console
$ one
$ esplan apply plans/x.json
…
Apply this plan? Only 'yes' does it: yes
  done: it (…)
^C
  stopping
```

```yaml
$ no: command
```

```console
$ echo $?
3
```
"""


def test_the_examples_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    one, apply, code = examples(page)
    assert [example.code for example in (one, apply, code)] == [0, 3, 0]
    assert (one.line, one.command, one.expected) == (4, "one", ())
    assert (apply.line, apply.asks, apply.is_stopped) == (5, True, True)
    assert apply.before_stop == [
        "…",
        "Apply this plan? Only 'yes' does it: yes",
        "  done: it (…)",
    ]
    assert apply.at_the_end == ["…", "  stopping"]
    assert (code.line, code.command, code.expected) == (18, "echo $?", ("3",))


@pytest.mark.parametrize(
    ("expected", "shown_"),
    [
        ([], []),
        (["a"], ["a"]),
        (["a (…)"], ["a (12 ms)"]),
        (["…", "b"], ["a", "b"]),
        (["a", "…"], ["a", "b", "c"]),
        (["a", "…", "c"], ["a", "c"]),
        (["…"], []),
        (["a.*"], ["a.*"]),
    ],
)
def test_what_is_alike(expected: list[str], shown_: list[str]) -> None:
    assert difference(expected, shown_) == ""


@pytest.mark.parametrize(
    ("expected", "shown_", "said"),
    [
        (["a"], [], "the page says:\na\nand the screen:\n"),
        (["a"], ["b"], "the page says:\na\nand the screen:\nb"),
        ([], ["b"], "the screen says more than the page:\nb"),
        (["a"], ["a", "b"], "the screen says more than the page:\nb"),
        (["a", "c"], ["a", "b", "c"], "the page says:\nc\nand the screen:\nb\nc"),
        (["a", "…", "b"], ["b", "a"], "the page says:\na\nand the screen:\nb\na"),
        (["a.*"], ["abc"], "the page says:\na.*\nand the screen:\nabc"),
    ],
)
def test_what_is_not(expected: list[str], shown_: list[str], said: str) -> None:
    assert difference(expected, shown_) == said


def test_a_command_takes_from_the_screen_what_the_page_leaves_out() -> None:
    seen = "started: http://127.0.0.1:9\nTo use it: export ESPLAN_URL=http://127.0.0.1:47997\n"
    command = "export ESPLAN_URL=http://127.0.0.1:…"
    assert completed(command, seen) == "export ESPLAN_URL=http://127.0.0.1:47997"
    assert completed(command, '{"url": "http://127.0.0.1:5"}').endswith(":5")
    assert completed("echo $?", seen) == "echo $?"
    with pytest.raises(AssertionError, match="nothing on the screen looks like"):
        completed("--approve 3f9a…", seen)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ('{"format_version": "1.0",\n "a": 1}\n', ""),
        ('{"format_version": "1.0"}\n{"format_version": "1.0"}\n', ""),
        ('{"format_version": "1.0"}\n{"a": 1}\n', "no format_version: {'a': 1}"),
        ('{"format_version": "1.0"}\nDone.\n', "this is no JSON: Done."),
        ("", "it says nothing"),
    ],
)
def test_what_programs_can_read(out: str, said: str) -> None:
    assert not_json(out) == said


def test_a_transcript_is_alike_but_for_times_and_digests() -> None:
    done = "$ esplan apply\n  done: copy it: 336,776 documents"
    old = f"{done} (11.5 s)\n48.9 MB, roughly 5 s to 1 min 29 s\n"
    new = f"{done} (1 min 02 s)\n51 MB, about 12 s\n"
    assert alike(old) == alike(new)
    assert alike(old) != alike(new.replace("336,776", "336,775"))
    page = f"# Page\n\n```yaml\na: 1\n```\n\n```console\n{old}```\n\n```console\n$ more\n```\n"
    assert shown(page) == old
    assert rewritten(page, new) == page.replace(old, new)
