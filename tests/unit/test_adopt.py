"""What is adopted of a live state, and how it is written; `tests/live` has the server's own."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from esplan import adopt, cli, desired, live, source
from esplan.commands import adopt as commands
from esplan.errors import EsplanError, Refused, UsageError
from esplan.views import adopt as views
from esplan.views import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.adopt import Adoption

NOW = datetime(2026, 11, 21, tzinfo=UTC)
RUN, OLDER = "20261120t060000z", "20261118t060000z"


class Live:
    """A server that has these indices: `name=[aliases]`, or a whole definition."""

    def __init__(self, **indices: Any) -> None:
        self.raw = {n: one if isinstance(one, dict) else on(*one) for n, one in indices.items()}

    def read(self, path: str, params: Any = None) -> Any:
        del params
        root = {"cluster_name": "c", "cluster_uuid": "u", "version": {"number": "8.16.1"}}
        return root if path == "/" else self.raw if path.startswith("/*") else {}


def on(*aliases: str, mappings: Any = None, **settings: Any) -> dict[str, Any]:
    given = {"uuid": "x", "number_of_shards": "1", "number_of_replicas": "1", **settings}
    options = {alias: {} for alias in aliases}
    return {"settings": {"index": given}, "mappings": mappings or {}, "aliases": options}


def adopted(**indices: Any) -> Adoption:
    """What is adopted; it is proven, too."""
    server = Live(**indices)
    state = live.read_state(server)
    for render in (views.one, views.folder):
        commands._prove(render(adopt.adopt(state, NOW)), state, NOW)
    return adopt.adopt(state, NOW)


def entries(**indices: Any) -> dict[str, Any]:
    return {str(one.address): one.entry for one in adopted(**indices).objects}


def patterns(**indices: Any) -> dict[str, str]:
    """The index name of every alias; "" for an index."""
    found = entries(**indices)
    return {name: entry.get("index", {}).get("name", "") for name, entry in found.items()}


# How indices are named


@pytest.mark.parametrize(
    ("index", "pattern"),
    [
        ("a_green", "a_{color}"),
        ("x-blue", "x-{color}"),
        ("a-000007", "a-{generation}"),
        ("a-2026.01.31", "a-{date}"),
        ("something", "a_{color}"),
        ("a-v2", "a_{color}"),
        (f"c-1_0-{RUN}", "{index_base}-{run_id}"),
        (f"c-{RUN}-old", "{index_base}-{run_id}-old"),
        (RUN, "{run_id}"),
        ("a-29991231t000000z", "a_{color}"),
    ],
)
def test_the_pattern_is_that_of_the_index_or_made_from_the_alias(index: str, pattern: str) -> None:
    assert patterns(**{index: ["a"]}) == {"alias.a": pattern}


def test_an_index_with_no_alias_or_several_is_an_entry_of_indices() -> None:
    assert entries(x_green=[], y_green=["b", "a"]) == {
        "index.x_green": {},
        "index.y_green": {"aliases": {"a": {}, "b": {}}},
    }


def test_an_alias_on_several_indices_stands_with_each_of_them() -> None:
    both = {"aliases": {"a": {}}}
    assert entries(a_green=["a"], a_blue=["a"]) == {"index.a_blue": both, "index.a_green": both}


def test_two_aliases_on_colours_of_one_name_get_patterns_of_their_own() -> None:
    assert patterns(x_green=["a"], x_blue=["b"]) == {
        "alias.a": "a_{color}",
        "alias.b": "b_{color}",
    }


def test_of_two_aliases_with_one_pattern_the_first_keeps_it() -> None:
    """Index names are lower case, aliases need not be."""
    assert patterns(p=["A"], q=["a"]) == {"alias.A": "a_{color}", "alias.a": "a-{generation}"}


def test_a_closed_run_is_none_that_can_be_released() -> None:
    closed = on("a", verified_before_close="true")
    assert patterns(**{f"c-{RUN}": closed}) == {"alias.a": "a_{color}"}


def test_a_pattern_that_gives_a_foreign_name_is_not_taken() -> None:
    assert patterns(plain=["a"], a_green=[]) == {"alias.a": "a-{generation}", "index.a_green": ""}
    taken = {"plain": ["a"], "a_blue": ["b", "c"], "a-000001": []}
    assert patterns(**taken)["index.plain"] == ""


def test_braces_in_a_name_are_no_placeholders() -> None:
    assert patterns(**{"x{y}_green": ["a"], "z": ["b{c}"]}) == {
        "alias.a": "a_{color}",
        "index.z": "",
    }


def test_siblings_without_an_alias_are_left_out_with_the_reason() -> None:
    found = adopted(a_green=["a"], a_blue=[], **{"b-000002": ["b"], "b-000003": []})
    assert [str(one.address) for one in found.objects] == ["alias.a", "alias.b"]
    assert [(one.index, one.why) for one in found.left_out] == [
        ("a_blue", "alias.a may give that name to its index"),
        ("b-000003", "alias.b may give that name to its index"),
    ]


def test_colours_are_said_where_they_are_not_the_usual_ones() -> None:
    def colors(**indices: Any) -> Any:
        return entries(**indices)["alias.a"]["index"].get("colors")

    assert colors(a_blue=["a"]) is None
    assert colors(a_red=["a"]) == ["red", "green"]
    assert colors(a_red=["a"], a_black=[]) == ["red", "black"]


def test_the_latest_run_or_the_run_itself() -> None:
    """Two aliases may be on the runs of one loader."""
    found = entries(**{f"c-2_0-{RUN}": ["prod"], f"c-2_0-{OLDER}": ["test"]})
    runs = {"source": "c", "index_base": "c-2_0"}
    assert found["alias.prod"] == {
        "index": {"name": "{index_base}-{run_id}"},
        "runs": runs,
        "finish": {"replicas": 1},
    }
    assert found["alias.test"]["runs"] == runs | {"run": OLDER}
    (prod, _) = adopted(**{f"c-2_0-{RUN}": ["prod"], f"c-2_0-{OLDER}": ["test"]}).objects
    assert prod.note == f"alias.prod: `source: c` is guessed from the name c-2_0-{RUN}"
    expanding = on("prod", auto_expand_replicas="0-1")
    assert "finish" not in entries(**{f"c-{RUN}": expanding})["alias.prod"]


def test_what_is_esplans_own_is_left_out() -> None:
    mark = {"_meta": {"esplan": {"plan": "p", "address": "alias.a"}}}
    own = on("a", "esplan-copy-1", "esplan-fence-2", mappings=mark)
    found = entries(**{"a_green": own, "esplan-state": ["esplan-fence-1"]})
    assert found == {"alias.a": {"index": {"name": "a_{color}"}}}


def test_an_alias_that_no_file_can_name_is_left_out() -> None:
    assert entries(x=[".hidden"]) == {"index.x": {}}


# What an entry says


def test_settings_are_short_and_have_their_own_types() -> None:
    given = {
        "number_of_shards": "2",
        "refresh_interval": "30000ms",
        "hidden": "true",
        "blocks": {"read_only_allow_delete": "true"},
        "merge": {"policy": {"max_merged_segment": "2gb"}},
        "analysis": {"analyzer": {"a": {"type": "custom", "filter": ["x"], "tokenizer": "y"}}},
        "creation_date": "1",
    }
    assert entries(x=on(**given))["index.x"]["settings"] == {
        "analysis.analyzer.a": {"filter": "x", "tokenizer": "y", "type": "custom"},
        "hidden": True,
        "merge.policy.max_merged_segment": "2gb",
        "number_of_shards": 2,
        "refresh_interval": "30s",
    }


def test_the_servers_own_number_of_replicas_is_not_said() -> None:
    settings = {"number_of_replicas": "0", "auto_expand_replicas": "0-1"}
    assert entries(x=on(**settings)) == {"index.x": {"settings": {"auto_expand_replicas": "0-1"}}}
    settings = {"number_of_replicas": "0", "auto_expand_replicas": "false"}
    said = {"number_of_replicas": 0, "auto_expand_replicas": False}
    assert entries(x=on(**settings)) == {"index.x": {"settings": said}}


def test_a_setting_that_goes_on_behind_a_value() -> None:
    flat = {"a": 1, "a.b": 2, "c.d.e": 3, "f.g": 4, "f.h.i": 5}
    assert adopt.nested(flat) == {"a": 1, "a.b": 2, "c.d.e": 3, "f": {"g": 4, "h.i": 5}}


def test_alias_options_with_one_routing() -> None:
    one = on()
    one["aliases"] = {
        "a": {"index_routing": "1", "search_routing": "1", "filter": {"term": {"x": "${y}"}}},
        "b": {"index_routing": "1", "search_routing": "1,2"},
    }
    assert entries(x=one)["index.x"]["aliases"] == {
        "a": {"filter": {"term": {"x": "${y}"}}, "routing": "1"},
        "b": {"index_routing": "1", "search_routing": "1,2"},
    }


# Files


def test_a_long_mapping_stands_in_a_file_of_its_own() -> None:
    """And is not escaped there, since it is read without variables."""
    fields = {f"f{n:02d}": {"type": "long", "meta": {"u": "${a}"}} for n in range(41)}
    server = Live(a_green=on("a", mappings={"properties": fields}))
    texts = commands.adopt(server, [], views.folder).texts
    assert texts["a.yaml"].endswith("mappings: {file: mappings/a.yaml}}\n")
    lines = texts["mappings/a.yaml"].splitlines()
    assert lines[:2] == ["properties:", '  f00: {type: long, meta: {u: "${a}"}}']
    few = {name: fields[name] for name in sorted(fields)[:39]}
    texts = commands.adopt(Live(a_green=on("a", mappings={"properties": few})), [], views.folder)
    assert list(texts.texts) == ["a.yaml"]
    assert 'f00: {type: long, meta: {u: "$${a}"}}' in texts.texts["a.yaml"]


def test_a_file_is_called_as_its_object() -> None:
    assert views._file_name("a.b-c_1") == "a.b-c_1.yaml"


@pytest.mark.parametrize("name", ["esplan", "Upper", "ü", "%", ".", "con{x}", "a" * 255, "a.B"])
def test_a_name_that_is_no_safe_file_gets_another_one(name: str) -> None:
    """`esplan.yaml` is the configuration; upper case may be lower case; a name may be too long."""
    made = views._file_name(name)
    assert made.endswith(f"{hashlib.sha256(name.encode()).hexdigest()[:8]}.yaml")
    assert re.fullmatch(r"[a-z0-9][a-z0-9_.-]{,119}", made)


def test_files_that_are_there_are_kept(tmp_path: Path) -> None:
    texts = {"a.yaml": "version: 1\n", "mappings/a.yaml": "{}\n"}
    assert commands.write(texts, tmp_path) == commands.Written(2, 0)
    assert commands.write(texts | {"b.yaml": "x\n"}, tmp_path) == commands.Written(1, 2)
    with pytest.raises(Refused, match=r"has other files of these names: a\.yaml") as refused:
        commands.write({"a.yaml": "other\n", "c.yaml": "x\n"}, tmp_path)
    assert "adopt overwrites nothing" in refused.value.why
    assert not (tmp_path / "c.yaml").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EsplanError, match="the files cannot be written to"):
        commands.write({"a.yaml": "x\n"}, tmp_path / "file")


# The promise


def test_files_that_say_something_else_are_not_handed_out() -> None:
    server = Live(a_green=on("a", refresh_interval="30s"), b_green=["b"])

    def wrong(found: Adoption) -> dict[str, str]:
        return {n: text.replace("30s", "31s") for n, text in views.folder(found).items()}

    with pytest.raises(EsplanError, match="are not handed out") as defect:
        commands.adopt(server, [], wrong)
    assert defect.value.why == "alias.a: settings.index.refresh_interval"
    assert "this is a defect of esplan" in defect.value.remedy


def test_files_that_cannot_be_read_are_not_handed_out() -> None:
    with pytest.raises(EsplanError, match="are not handed out") as defect:
        commands.adopt(Live(a_green=["a"]), [], lambda _found: {"x.yaml": "version: 2\n"})
    assert defect.value.why.startswith("x.yaml:1:")


def test_files_without_a_safe_plan_are_not_handed_out() -> None:
    text = 'version: 1\naliases: {a_green: {index: {name: "x_{color}"}}}\n'
    with pytest.raises(EsplanError, match="are not handed out") as defect:
        commands.adopt(Live(a_green=["a"]), [], lambda _found: {"x.yaml": text})
    assert "a_green is the name of an index" in defect.value.why


def test_one_document_has_a_limit() -> None:
    fields = {f"a_long_name_of_a_field_{n:05d}": {"type": "keyword"} for n in range(25_000)}
    server = Live(x=on(mappings={"properties": fields}))
    with pytest.raises(EsplanError, match="more than the 1 MiB") as large:
        commands.adopt(server, [], lambda found: {views.ONE: str(adopt.document(found.objects))})
    assert "-o DIR" in large.value.remedy


# Patterns


def test_patterns_are_names_or_wildcards_of_aliases_and_indices() -> None:
    found = adopted(a_green=["a"], a_blue=[], b_1=["b"], x=[])

    def names(*given: str) -> list[str]:
        return [str(one.address) for one in adopt.selected(found, given).objects]

    assert names("a") == names("a_g*") == names("a_green") == ["alias.a"]
    assert names("b,x") == names("b", "x") == ["alias.b", "index.x"]
    assert names("*") == ["alias.a", "alias.b", "index.x"]
    assert names("?") == names("") == []
    assert [one.index for one in adopt.selected(found, ["a*"]).left_out] == ["a_blue"]


def test_a_pattern_that_matches_nothing_says_why() -> None:
    server = Live(a_green=["a"], a_blue=[])
    with pytest.raises(EsplanError, match="no index or alias matches nope"):
        commands.adopt(server, ["nope"], views.one)
    with pytest.raises(EsplanError, match="matches a_blue") as left:
        commands.adopt(server, ["a_blue"], views.one)
    assert left.value.why == "a_blue is left out: alias.a may give that name to its index"
    with pytest.raises(EsplanError, match="no index or alias: there is nothing to adopt"):
        commands.adopt(Live(), [], views.one)


# --alias


def test_an_alias_for_an_index_is_one_fenced_call() -> None:
    made, after = commands.wrap(Live(plain=[]), "a", "plain")
    (step,) = made.steps
    assert (step.address, step.kind) == ("alias.a", "update_aliases")
    assert step.request is not None
    actions = step.request["body"]["actions"]
    assert actions[2:] == [{"add": {"index": "plain", "alias": "a"}}]
    assert actions[0]["remove"]["must_exist"] is True
    assert [one["check"] for one in step.preconditions] == ["index", "unaliased", "absent"]
    undo = {"remove": {"index": "plain", "alias": "a", "must_exist": True}}
    assert step.undo["request"]["body"]["actions"][2:] == [undo]
    assert [one.entry for one in after.objects] == [{"index": {"name": "a_{color}"}}]
    assert "do not follow the alias" in made.warnings[0]


@pytest.mark.parametrize(
    ("alias", "index", "error", "said"),
    [
        ("b", "plain", Refused, "b is taken: it is an alias"),
        ("plain", "plain", Refused, "plain is taken: it is an index"),
        ("a", "x", Refused, "x has aliases already: b"),
        ("a", "pla*", EsplanError, r"there is no index pla\*"),
        (".a", "plain", UsageError, "begins with a dot"),
        ("A", "plain", UsageError, "must be lower case"),
    ],
)
def test_an_alias_that_cannot_be_is_refused(
    alias: str, index: str, error: type[EsplanError], said: str
) -> None:
    with pytest.raises(error, match=said):
        commands.wrap(Live(plain=[], x=["b"]), alias, index)


# The command line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["adopt", "-o"], "-o needs a folder"),
        (["adopt", "--alias", "a"], "--alias needs exactly one index"),
        (["adopt", "a", "b", "--alias", "c"], "--alias needs exactly one index"),
    ],
)
def test_a_wrong_command_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 64
    assert said in capsys.readouterr().err


def test_views_of_names_that_would_steer_a_terminal() -> None:
    out = io.StringIO()
    Console(file=out).print(*views.left_out([adopt.LeftOut("a\x1b[31m", "why")]))
    assert out.getvalue() == "left out: a\\x1b[31m: why\n"


# YAML


SIGNS = (
    ": ? - , [ ] { } # & * ! | > ' \" % @ ` ~ = << \\ \u2028 é ::1 {x} !a &a *a @a `a %a".split()
)
WORDS = "on null 1e3 0x1 2026-11-21 a,b -a a:b a: [a".split()
TEXTS = ["", " a", "a ", "a: b", "a #b", "- a", "a\tb", "a" * 200]
LINES = ["a\nb", "a\n\n  b\n", "\na", "a \nb", "a\n\nb\n\n", "x\n---\ny", " a\nb", "a\n b", "é\nb"]


@pytest.mark.parametrize("text", [*SIGNS, *WORDS, *TEXTS, *LINES])
def test_any_text_comes_back_in_a_block_and_in_line(text: str, tmp_path: Path) -> None:
    inner = {"k": text, "l": [text, 1], "long": ["x" * 70]}
    alias = {"index": {"name": "a_{color}", "mappings": {"_meta": {**inner, "m": {text: text}}}}}
    file = tmp_path / "a.yaml"
    for inline in (3, 4, 5, 6, 1000):
        said = yaml.dumps({"version": 1, "aliases": {"a": alias}}, inline=inline)
        file.write_text(said + "\n", encoding="utf-8")
        state = desired.read([file]).state
        assert state.aliases["a"].body.mappings["_meta"] == {**inner, "m": {text: text}}


@pytest.mark.parametrize("text", ["a\nb", "a\nb\n", "a\nb\n\n", "a\n\n\n"])
def test_lines_at_the_end_of_a_document(text: str) -> None:
    said = yaml.dumps({"a": text}) + "\n"
    assert source.parse("a.yaml", said.encode()).data == {"a": text}
