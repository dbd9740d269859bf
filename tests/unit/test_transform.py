from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from esplan import transform
from esplan.model import Migrate


def scripted(source: str, **params: Any) -> Migrate:
    return Migrate(script={"source": source, "params": params})


# The digest


def test_nothing_declared_has_no_digest() -> None:
    assert transform.digest(Migrate(slices=4, requests_per_second=5, backfill=True)) == ""


DECLARED = [
    scripted("a"),
    scripted("b"),
    scripted("a", p=1),
    Migrate(pipeline="p"),
    Migrate(query={"term": {"a": 1}}),
    Migrate(rename=(("a", "b"),)),
    Migrate(rename=(("a", "b"), ("c", "d"))),
    Migrate(rename=(("c", "d"), ("a", "b"))),
    Migrate(drop=("a",)),
]


def test_every_part_and_its_order_has_a_digest_of_its_own() -> None:
    assert len({transform.digest(one) for one in DECLARED}) == len(DECLARED)


@pytest.mark.parametrize("one", DECLARED)
def test_how_fast_a_copy_is_is_no_part_of_the_digest(one: Migrate) -> None:
    faster = replace(one, slices=9, requests_per_second=1, sample=0)
    assert transform.digest(faster) == transform.digest(one)


@pytest.mark.parametrize("one", DECLARED)
def test_none_takes_the_transform_away_and_leaves_the_rest(one: Migrate) -> None:
    assert transform.none(replace(one, slices=9)) == Migrate(slices=9)


# The script


def test_a_script_alone_is_sent_as_it_stands() -> None:
    source = "ctx._source.a = 1 // done\n"
    sent = {"lang": "painless", "source": source, "params": {"p": 1}}
    assert transform.script(scripted(source, p=1)) == sent


@pytest.mark.parametrize("one", [Migrate(), Migrate(query={"a": 1}), Migrate(pipeline="p")])
def test_what_is_no_script_sends_none(one: Migrate) -> None:
    assert transform.script(one) is None


def test_the_text_of_rename_is_the_same_for_all_paths() -> None:
    one = transform.script(Migrate(rename=(("a", "b"),)))
    other = transform.script(Migrate(rename=(("x.y.z", "x.q"),)))
    assert one
    assert other
    assert one["source"] == other["source"]
    rename = [{"common": ["x"], "old": ["y", "z"], "named": ["q"]}]
    assert other["params"] == {"esplan": {"rename": rename, "drop": []}}


@pytest.mark.parametrize(
    ("old", "new", "common"),
    [("a", "a.b", []), ("a.b", "a", []), ("a.b.c", "a.b.d", ["a", "b"]), ("a.b", "c.b", [])],
)
def test_both_rests_of_a_rename_have_a_name(old: str, new: str, common: list[str]) -> None:
    sent = transform.script(Migrate(rename=((old, new),)))
    assert sent
    (found,) = sent["params"]["esplan"]["rename"]
    assert found["common"] == common
    assert ".".join([*common, *found["old"]]) == old
    assert ".".join([*common, *found["named"]]) == new


def test_functions_come_first_then_rename_drop_and_the_users_own() -> None:
    source = "def f(def x) { return x }\nctx._source.a = f(1) // done"
    given = replace(scripted(source), drop=("b",), rename=(("c", "d"),))
    sent = transform.script(given)
    assert sent
    parts = [
        "void esplanRename(",
        "void esplanDrop(",
        "def f(def x) { return x }",
        "for (def one : params.esplan.rename)",
        "for (def path : params.esplan.drop)",
        "ctx._source.a = f(1) // done\n",
    ]
    at = [sent["source"].index(part) for part in parts]
    assert at == sorted(at)
    assert sent["source"].endswith("// done\n")  # Painless takes no comment at the very end


@pytest.mark.parametrize(
    ("source", "functions"),
    [
        ("ctx.a = 1", ""),
        ("", ""),
        ("if (x) { y } else if (z) { q }", ""),
        ("for (int i = 0; i < 3; i++) { }", ""),
        ("void f() { } g()", "void f() { }"),
        ("int[] f(def a, List b) { if (a) { return 1 } } int g() {} x()", "int[] f"),
        ("def f() { return '}' } x", "def f() { return '}' }"),
        ('def f() { return "}\\"}" } x', 'def f() { return "}\\"}" }'),
        ("def f() { /* } */ 1 // }\n } x", "def f() { /* } */ 1 // }\n }"),
        ("def f() { return /[}]/.matcher(a) } x", "def f() { return /[}]/.matcher(a) }"),
        ("def f() { a =~ /}/ } x", "def f() { a =~ /}/ }"),
        ("def f() { a / b; c / 2 } x / y", "def f() { a / b; c / 2 }"),
        ("// a word {\n/* more */ def f() { 1 } x", "// a word {\n/* more */ def f() { 1 }"),
        ("def f() { no end", "def f() { no end"),
    ],
)
def test_the_functions_that_a_script_begins_with(source: str, functions: str) -> None:
    found, body = transform.parted(source)
    assert found.startswith(functions)
    assert bool(found) == bool(functions)
    assert f"{found}{body}".replace(" ", "") == source.strip().replace(" ", "")


@pytest.mark.parametrize(
    "source",
    [
        "ctx._index = 'x'",
        "ctx['_index']='x'",
        'ctx["_index"] = 1',
        "ctx.put('_index', 'x')",
        "Map m = ctx; m._index = 'x'",
        "metadata().index = 'x'",
        "metadata().setIndex('x')",
        "def m = metadata(); m.index = 'x'",
    ],
)
def test_a_script_that_says_to_which_index_a_document_goes(source: str) -> None:
    assert transform.writes_elsewhere(source)


@pytest.mark.parametrize(
    "source",
    [
        "if (ctx._index == 'x') { ctx.op = 'noop' }",
        "ctx._source.index = ctx._index",
        "ctx._source.my_index = 5",
        "ctx._source.from = ctx._index + '-old'",
    ],
)
def test_a_script_that_only_reads_the_index(source: str) -> None:
    assert not transform.writes_elsewhere(source)


def test_the_way_back_of_a_rename_is_the_rename_back() -> None:
    back = transform.inverse(Migrate(rename=(("a.b", "a.c"), ("x", "y"))))
    assert back is not None
    assert back["script"]["params"]["esplan"]["rename"] == [
        {"common": [], "old": ["y"], "named": ["x"]},
        {"common": ["a"], "old": ["c"], "named": ["b"]},
    ]
    assert "drops" not in back


def test_the_way_back_says_what_it_does_not_bring_back() -> None:
    assert transform.inverse(Migrate(drop=("a",))) == {"drops": ["a"]}


@pytest.mark.parametrize("parts", [{"script": {"source": "x", "params": {}}}, {"pipeline": "p"}])
def test_nobody_knows_the_way_back_of_a_script(parts: dict[str, Any]) -> None:
    assert transform.inverse(Migrate(**parts)) is None
    declared = {"source": "y", "params": {"n": 1}}
    back = transform.inverse(Migrate(**parts, inverse=declared))
    assert back == {"script": {"lang": "painless", **declared}}


def test_a_subset_goes_back_as_it_is() -> None:
    assert transform.inverse(Migrate(query={"match_all": {}})) == {}
