"""`migrate` and `verify` of a desired file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from esplan import desired
from esplan.desired import migration
from esplan.errors import InvalidInput
from esplan.model import Migrate, Verify

if TYPE_CHECKING:
    from pathlib import Path

FULL = """\
version: 1
aliases:
  f:
    index: {name: "f_{color}"}
    migrate:
      slices: 2.0
      query: {term: {a: 1}}
      rename: {z: y, a.b: c}
      drop: [d, e.f]
      script: {lang: painless, source: "ctx._source.x = params.p", params: {p: [1, 1.0]}}
      pipeline: geo
      sample: 0
    verify:
      ignore: [x.y]
      expect: [{count: 3}, {query: {term: {a: 1}}, sum: {field: n, value: 1.5}}]
"""


def read(folder: Path, text: str) -> tuple[Migrate, Verify, str]:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    found = desired.read([folder])
    alias = found.state.aliases["f"]
    return alias.migrate, alias.verify, found.digest


def failures(folder: Path, migrate: str) -> list[str]:
    head = 'version: 1\naliases:\n  f:\n    index: {name: "f_{color}"}\n'
    with pytest.raises(InvalidInput) as caught:
        read(folder, f"{head}    migrate: {migrate}\n")
    return [f"{one.line}:{one.column}: {one.message}" for one in caught.value.diagnostics]


def test_everything(tmp_path: Path) -> None:
    migrate, verify, _ = read(tmp_path, FULL)
    assert migrate == Migrate(
        slices=2,
        query={"term": {"a": 1}},
        rename=(("z", "y"), ("a.b", "c")),
        drop=("d", "e.f"),
        script={"source": "ctx._source.x = params.p", "params": {"p": [1, 1.0]}},
        pipeline="geo",
        sample=0,
    )
    expect = ({"count": 3}, {"query": {"term": {"a": 1}}, "sum": {"field": "n", "value": 1.5}})
    assert verify == Verify(ignore=("x.y",), expect=expect)


def test_nothing(tmp_path: Path) -> None:
    migrate, verify, _ = read(tmp_path, 'version: 1\naliases: {f: {index: {name: "f_{color}"}}}')
    assert (migrate, verify) == (Migrate(), Verify())


def test_a_script_file_is_read_and_is_part_of_the_digest(tmp_path: Path) -> None:
    inline = FULL.replace("ctx._source.x = params.p", "one")
    in_file = FULL.replace('source: "ctx._source.x = params.p"', "file: s/a.painless")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.painless").write_text("one", encoding="utf-8")
    assert read(tmp_path, in_file) == read(tmp_path, inline)
    (tmp_path / "s" / "a.painless").write_text("other", encoding="utf-8")
    assert read(tmp_path, in_file)[2] != read(tmp_path, inline)[2]


def test_a_script_file_that_is_not_there(tmp_path: Path) -> None:
    (found,) = failures(tmp_path, "{script: {file: no.painless}}")
    assert found == f"5:30: there is no script file {tmp_path / 'no.painless'}"


def test_script_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b" " * (migration.LARGEST + 1))
    assert failures(tmp_path, "{script: {file: x}}")[0].endswith("x is not UTF-8")
    said = failures(tmp_path, "{script: {file: large}}")[0]
    assert said.endswith("large has more than 65,535 bytes")
    assert failures(tmp_path, "{script: {file: .}}")[0].endswith(" is not a plain file")


@pytest.mark.parametrize(
    ("migrate", "said"),
    [
        ("{script: {params: {}}}", "5:23: "),
        ("{script: {source: a, file: b}}", "5:23: "),
        ("{script: {source: a, lang: expression}}", '"expression"'),
        ("{script: {source: ctx._index = 1}}", "5:23: the script says to which index"),
        ("{script: {source: a, params: {esplan: 1}}}", "`esplan` is esplan's own parameter"),
        ("{rename: {a: a}}", '5:27: "a" has this name already'),
        ("{rename: {a: c, b: c}}", '2 fields would become "c"'),
        ("{rename: {a: c}, drop: [a]}", '"a" is renamed, and gone when fields are dropped'),
        ("{rename: {a..b: c}}", "is no path of a field"),
        ("{drop: [a.]}", "is no path of a field"),
        ("{drop: [a, a]}", ""),
        ("{query: {}}", ""),
        ("{sample: 11}", ""),
    ],
)
def test_mistakes(tmp_path: Path, migrate: str, said: str) -> None:
    found = failures(tmp_path, migrate)
    assert any(said in one for one in found), found


def test_a_mistake_stands_once(tmp_path: Path) -> None:
    assert len(failures(tmp_path, "{script: {source: ctx._index = 1}}")) == 1
