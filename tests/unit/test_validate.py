from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esplan import desired
from esplan.commands.validate import validate

CASES = Path(__file__).parents[1] / "cases" / "invalid"
NAMES = sorted(
    path.name
    for path in CASES.iterdir()
    if path.name != "parts" and path.suffix not in {".txt", ".out"}
)
PREFIX = {"prefix": "dev"}
VARIABLES = {"variable_unknown": PREFIX, "variable_same_key": PREFIX}


def report(name: str) -> str:
    found = validate([Path(name)], VARIABLES.get(Path(name).stem))
    return "".join(f"{diagnostic}\n" for diagnostic in found.diagnostics)


@pytest.mark.parametrize("name", NAMES)
def test_each_mistake_is_told_with_its_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    expected = (CASES / f"{Path(name).stem}.txt").read_text(encoding="utf-8")
    assert expected
    assert report(name) == expected


def test_all_files_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    found = validate([Path("enum.yaml"), Path("syntax.yaml"), Path("no-such.yaml")])
    assert [(d.file, d.line) for d in found.diagnostics] == [
        ("enum.yaml", 5),
        ("enum.yaml", 6),
        ("no-such.yaml", 1),
        ("syntax.yaml", 3),
    ]
    assert found.files == 3
    assert not found.is_valid


def test_a_valid_file_has_counts_and_no_diagnostics(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        'version: 1\naliases: {a: {index: {name: "a_{color}"}}}\nindices: {b: {}, c: {}}\n',
        encoding="utf-8",
    )
    found = validate([file])
    assert (found.diagnostics, found.files, found.aliases, found.indices) == ((), 1, 1, 2)
    assert found.is_valid


VALID = b"""\
version: 1
aliases:
  classes: &a
    index:
      name: "classes_{color}"
      colors: [green, blue]
      settings: {index.number_of_shards: "2", index: {number_of_replicas: 1}}
      mappings:
        properties: {title: {type: text, fields: {raw: {type: keyword}}}}
        dynamic_templates: [{x: {match: [a], mapping: {type: keyword}}}]
    filter: {term: {a: 1}}
    migrate: {writes: block, slices: 2, requests_per_second: 1e3}
    verify: {method: count}
    finish: {replicas: 1, delete_old: false}
indices:
  "${x}-audit": {settings: {}, mappings: {runtime: {d: {script: x}}}, aliases: {l: {routing: "1"}}}
"""


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid file with pieces cut out, doubled or replaced."""
    content = VALID
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 30)))
        piece = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from(
                    (b"*a", b"&a ", b"<<: ", b"[", b"{", b"]", b"}", b": ", b"- ", b"? ", b"!!x ")
                ),
                st.sampled_from((b"null", b"1", b"1.0", b"[]", b"{}", b"''", b"${", b"\n", b"#")),
                st.just(content[start:end] * 2),
            )
        )
        content = content[:start] + piece + content[end:]
    return content


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.one_of(mutated(), st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_garbage_becomes_diagnostics(content: bytes, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"garbage.{suffix}"
    file.write_bytes(content)
    found = desired.survey([file], {"x": "y"})  # InvalidInput is made of what it returns
    assert (found.desired is None) == bool(found.diagnostics)
    assert all(d.line >= 1 and d.column >= 1 and d.message for d in found.diagnostics)
