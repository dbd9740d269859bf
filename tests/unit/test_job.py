from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from esplan import cli, schema, source
from esplan.errors import InvalidInput
from esplan.job import SMR, SOURCES, Job, Source, desired, read, sources
from esplan.runs import run_id_to_timestamp
from esplan.views import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "job.md").read_text(encoding="utf-8")
LEGACY = {
    "abort_run": "False",
    "alias_name": "customer-prod",
    "data_source": "customer",
    "delete_old": "True",
    "forcemerge_new": "True",
    "index_base": "customer-2_0_0",
    "new_replicas": "1",
}
JOB = Job(
    "customer-prod",
    "customer",
    "customer-2_0_0",
    1,
    abort_run=False,
    delete_old=True,
    forcemerge_new=True,
)
RUN = "{index_base}-{run_id}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, without an esplan.yaml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Callable[..., Path]:
    """The legacy config with other values; `None` leaves a key out."""

    def write(**changed: Any) -> Path:
        path = folder / "job.json"
        values = {name: one for name, one in (LEGACY | changed).items() if one is not None}
        path.write_text(json.dumps(values, indent=4), encoding="utf-8")
        return path

    return write


def problems(path: Path) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        read(path)
    return [str(one).removeprefix(f"{path}:") for one in refused.value.diagnostics]


# Reading


def test_the_legacy_config_is_read_as_it_is(write: Callable[..., Path]) -> None:
    assert read(write()) == JOB


@pytest.mark.parametrize("text", ["True", "true", "TRUE", "tRuE", True])
@pytest.mark.parametrize("key", ["abort_run", "delete_old", "forcemerge_new"])
def test_true_in_any_case(write: Callable[..., Path], key: str, text: object) -> None:
    assert getattr(read(write(**{key: text})), key) is True


@pytest.mark.parametrize("text", ["False", "false", "FALSE", "fAlSe", False])
@pytest.mark.parametrize("key", ["abort_run", "delete_old", "forcemerge_new"])
def test_false_in_any_case(write: Callable[..., Path], key: str, text: object) -> None:
    assert getattr(read(write(**{key: text})), key) is False


@pytest.mark.parametrize(("given", "expected"), [("0", 0), ("02", 2), (3, 3), ("10", 10)])
def test_replicas_are_a_string_or_an_integer(
    write: Callable[..., Path], given: object, expected: int
) -> None:
    assert read(write(new_replicas=given)).new_replicas == expected


@pytest.mark.parametrize("given", ["2147483648", 2147483648, "02147483648"])
def test_the_size_of_a_segment(write: Callable[..., Path], given: object) -> None:
    assert read(write(max_segment_size_bytes=given)).max_segment_size_bytes == 2**31
    assert read(write()).max_segment_size_bytes is None


BOOLEAN = 'write "True" or "False"'
WHOLE = "a whole number, 0 or more"
BYTES = "a whole number of bytes, 1 or more"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("abort_run", "maybe", f'2:18: "maybe" is no value of "abort_run": {BOOLEAN}'),
        ("delete_old", "", f'5:19: "" is no value of "delete_old": {BOOLEAN}'),
        ("delete_old", "True\n", f'5:19: "True\\n" is no value of "delete_old": {BOOLEAN}'),
        ("forcemerge_new", "1", f'6:23: "1" is no value of "forcemerge_new": {BOOLEAN}'),
        ("delete_old", 1, '5:19: "delete_old" must be a string or true or false, not 1'),
        ("new_replicas", "-1", f'8:21: "-1" is no value of "new_replicas": {WHOLE}'),
        ("new_replicas", "1.0", f'8:21: "1.0" is no value of "new_replicas": {WHOLE}'),
        ("new_replicas", "٣", f'8:21: "٣" is no value of "new_replicas": {WHOLE}'),
        ("new_replicas", -1, '8:21: "new_replicas" must be a string or an integer of 0 or more'),
        ("new_replicas", True, '8:21: "new_replicas" must be a string or an integer of 0 or more'),
        ("max_segment_size_bytes", "0", f'no value of "max_segment_size_bytes": {BYTES}'),
        ("max_segment_size_bytes", "2gb", f'no value of "max_segment_size_bytes": {BYTES}'),
        ("max_segment_size_bytes", 0, "must be a string or an integer of 1 or more, not 0"),
        ("data_source", "", '4:20: "" is no value of "data_source": letters, digits'),
        ("data_source", "${a}", '4:20: "${a}" is no value of "data_source": letters, digits'),
        ("alias_name", "a b", '3:19: "a b" is no valid alias name'),
        ("alias_name", "", '3:19: "" is no valid alias name'),
        ("alias_name", "a-{color}", 'or contain a space or any of \\ / * ? " < > | , # : { }'),
        ("alias_name", "${prefix}a", '3:19: "${prefix}a" is no valid alias name'),
        ("index_base", "Customer", '7:19: "Customer" is no valid index name: it must be lower'),
        ("index_base", "a-{run_id}", 'or contain a space or any of \\ / * ? " < > | , # : { }'),
        ("index_base", "${prefix}a", '7:19: "${prefix}a" is no valid index name'),
        ("index_base", "x" * 256, "longer than 255 bytes"),
        ("index_base", ["a"], '7:19: "index_base" must be a string, not a list'),
    ],
)
def test_a_wrong_value_says_what_is_right(
    write: Callable[..., Path], key: str, value: object, expected: str
) -> None:
    (found,) = problems(write(**{key: value}))
    assert expected in found


@pytest.mark.parametrize("key", sorted(LEGACY))
def test_a_missing_key_is_named(write: Callable[..., Path], key: str) -> None:
    assert problems(write(**{key: None})) == [f'1:1: the key "{key}" is missing']


def test_an_unknown_key_is_rejected_with_the_nearest_name(write: Callable[..., Path]) -> None:
    (near,) = problems(write(max_segment_size="1"))
    assert near == ('9:5: unknown key "max_segment_size"; did you mean "max_segment_size_bytes"?')
    (far,) = problems(write(verbose="1"))
    assert far == f'9:5: unknown key "verbose"; known here: {", ".join(sorted(SCHEMA))}'


def test_a_misspelt_key_is_both_missing_and_unknown(write: Callable[..., Path]) -> None:
    assert problems(write(delete_old=None, Delete_Olde="True")) == [
        '1:1: the key "delete_old" is missing; was "Delete_Olde" meant?',
        '8:5: unknown key "Delete_Olde"; did you mean "delete_old"?',
    ]


def test_every_error_is_shown_at_once(write: Callable[..., Path]) -> None:
    found = problems(write(abort_run="no", new_replicas="many", index_base=None, x="y"))
    assert [one.split(" ")[0] for one in found] == ["1:1:", "2:18:", "7:21:", "8:5:"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "1:1: the document must be an object, not a list"),
        ("{", "1:2: "),
        ("", "1:1: the file is empty"),
        ('{"abort_run": "True", "abort_run": "False"}', 'the key "abort_run" is already on line 1'),
    ],
)
def test_what_is_no_config(folder: Path, text: str, expected: str) -> None:
    path = folder / "job.json"
    path.write_text(text, encoding="utf-8")
    assert expected in problems(path)[0]


def test_no_such_file(folder: Path) -> None:
    assert problems(folder / "none.json") == ["1:1: there is no such file"]


SCHEMA: dict[str, Any] = schema.load("job")["properties"]


@pytest.mark.parametrize(
    ("key", "definition"), [("alias_name", "aliasName"), ("index_base", "indexName")]
)
def test_names_follow_the_rules_of_desired_files(key: str, definition: str) -> None:
    rule = schema.load("desired")["$defs"][definition]
    assert SCHEMA[key]["pattern"].replace("[^{}", "[^") == rule["pattern"]
    assert SCHEMA[key]["patternErrorMessage"].removesuffix(" { }") == rule["patternErrorMessage"]
    assert SCHEMA[key]["maxLength"] == rule["maxLength"]


# As a desired file


def alias(job: Job, known: dict[str, Source] = SOURCES) -> Any:
    return desired(job, known)["aliases"][job.alias_name]


def changed(**values: Any) -> Job:
    return Job(**(vars(JOB) | values))


def test_the_legacy_config_as_a_desired_file() -> None:
    assert desired(JOB, SOURCES) == {
        "version": 1,
        "aliases": {
            "customer-prod": {
                "index": {"name": RUN},
                "runs": {"source": "customer", "index_base": "customer-2_0_0", "run": "latest"},
                "finish": {"replicas": 1, "forcemerge": "auto", "delete_old": True},
            }
        },
    }


def test_what_every_key_changes() -> None:
    assert alias(changed(abort_run=True))["runs"]["abort"] is True
    finish = {"replicas": 0, "forcemerge": "off", "max_segment_size": "2gb", "delete_old": False}
    job = changed(
        new_replicas=0, forcemerge_new=False, delete_old=False, max_segment_size_bytes=2**31
    )
    assert alias(job)["finish"] == finish


def test_the_sources_of_the_contract() -> None:
    base = {"index_base": "b", "run": "latest"}
    found = {
        name: alias(changed(data_source=name, index_base="b"))
        for name in ("customer", "transaction", "smr", "smr-employee", "unheard-of")
    }
    assert {one["index"]["name"] for one in found.values()} == {RUN}
    assert {name: one["runs"] for name, one in found.items()} == {
        "customer": {"source": "customer", **base},
        "transaction": {"source": "transaction", **base, "writes": "ongoing"},
        "smr": {
            "source": "smr",
            **base,
            "entities": {"smr": RUN, "smr-employee": "{index_base}-{run_id}-employee"},
        },
        "smr-employee": {"source": "smr-employee", **base},
        "unheard-of": {"source": "unheard-of", **base},
    }


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, "1b"),
        (1000, "1000b"),
        (1024, "1kb"),
        (1536, "1536b"),
        (3 * 1024**2, "3mb"),
        (2**31, "2gb"),
        (5 * 1024**4, "5tb"),
        (1024**5, "1pb"),
        (2048 * 1024**5, "2048pb"),
    ],
)
def test_a_size_in_its_largest_exact_unit(size: int, expected: str) -> None:
    assert alias(changed(max_segment_size_bytes=size))["finish"]["max_segment_size"] == expected


# Sources of esplan.yaml

CONFIG = f"""\
version: 1
sources:
  film: {{name: "f-{{run_id}}", entities: {{film: "f-{{run_id}}", actor: "{RUN}-a"}}}}
  smr: {{name: "{RUN}", writes: ongoing}}
"""


def test_the_sources_of_esplan_yaml_come_first(folder: Path) -> None:
    assert sources() == SOURCES
    (folder / "esplan.yaml").write_text(CONFIG, encoding="utf-8")
    found = sources()
    assert found["film"] == Source("f-{run_id}", {"film": "f-{run_id}", "actor": f"{RUN}-a"})
    assert found["smr"] == Source(RUN, {}, "ongoing"), "replaced as a whole"
    assert found["transaction"] == SOURCES["transaction"]
    assert SOURCES["smr"].entities == SMR
    (folder / "esplan.yaml").write_text("version: 1\n", encoding="utf-8")
    assert sources() == SOURCES


def test_the_file_of_config_is_read_in_its_place(folder: Path) -> None:
    (folder / "esplan.yaml").write_text("version: 2\n", encoding="utf-8")
    other = folder / "other.yaml"
    other.write_text(CONFIG, encoding="utf-8")
    assert "film" in sources(other)
    with pytest.raises(InvalidInput) as refused:
        sources(folder / "none.yaml")
    assert "there is no such file" in str(refused.value.diagnostics[0])


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ('{name: "{index_base}"}', "must hold {run_id} once"),
        ('{name: "{run_id}-{run_id}"}', "must hold {run_id} once"),
        ('{name: "a-{color}-{run_id}"}', "and no other { or }"),
        ('{name: "${run_id}"}', '"${run_id}" is no pattern of index names'),
        ('{name: "A-{run_id}"}', "lower case"),
        ('{name: "a-{run_id}", entities: {a: "a-{run_id}"}}', "an object of 2 keys or more"),
        ('{name: "a-{run_id}", entities: {a: "a-{run_id}", b: "b"}}', '"b" is no pattern'),
        ('{name: "a-{run_id}", entities: {a: "a-{run_id}", "${b}": "b-{run_id}"}}', "an entity:"),
        ('{name: "a-{run_id}", writes: always}', '"writes" must be "ongoing", not "always"'),
        ("{}", 'the key "name" is missing in "film"'),
        ('{nam: "a-{run_id}"}', 'unknown key "nam" in "film"; did you mean "name"?'),
    ],
)
def test_a_wrong_source_says_what_is_right(folder: Path, declared: str, expected: str) -> None:
    (folder / "esplan.yaml").write_text(f"version: 1\nsources:\n  film: {declared}\n")
    with pytest.raises(InvalidInput) as refused:
        sources()
    assert any(expected in str(one) for one in refused.value.diagnostics)


# YAML


def parsed(text: str, version: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = version  # type: ignore[assignment]  # (a string is taken too)
    return reader.load(text)


TEXTS = st.sampled_from(["off", "no", "y", "null", "~", "2026", "1_0", "1.5", "2026-11-21", "="])
WORDS = st.text("abyn-_.{}$019 :#'\"\\é", min_size=1, max_size=9)


@given(st.dictionaries(TEXTS | WORDS, st.lists(TEXTS | WORDS | st.integers() | st.booleans())))
def test_yaml_says_the_same_in_both_versions(data: dict[str, Any]) -> None:
    text = yaml.dumps(data)
    assert source.parse("a.yaml", text.encode()).data == data
    assert parsed(text, "1.2") == data
    assert parsed(text, "1.1") == data


def test_only_what_needs_quotes_has_them() -> None:
    job = changed(forcemerge_new=False, max_segment_size_bytes=2**31)
    quoted = re.findall(r'"(.*)"', yaml.dumps(desired(job, SOURCES)))
    assert quoted == [RUN, "off"]


# The command


def test_convert_prints_the_desired_file(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["job", "convert", str(write())]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (block("yaml"), "")


def test_convert_prints_json(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["job", "convert", str(write()), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == desired(JOB, SOURCES)


def test_convert_takes_the_sources_of_config(
    write: Callable[..., Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other.yaml").write_text(CONFIG, encoding="utf-8")
    arguments = ["job", "convert", str(write(data_source="film")), "--config", "other.yaml"]
    assert cli.run(arguments) == 0
    assert 'name: "f-{run_id}"' in capsys.readouterr().out


def test_convert_shows_every_diagnostic(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(delete_old="perhaps", index_base=None)
    assert cli.run(["job", "convert", str(path), "--no-color"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f'{path}:1:1: the key "index_base" is missing [ESP-2202]',
        f'{path}:5:19: "perhaps" is no value of "delete_old": {BOOLEAN} [ESP-2203]',
    ]
    assert "2 errors in the input files" in err


def test_the_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["job"]) == 0
    assert "convert" in capsys.readouterr().out


# docs/job.md


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_page_shows_the_config_and_every_key() -> None:
    assert json.loads(block("json")) == LEGACY
    assert [key for key in SCHEMA if f"| `{key}` |" not in PAGE] == []


def test_the_page_shows_every_source() -> None:
    assert [name for name in SOURCES if f"| `{name}` |" not in PAGE] == []


def test_the_run_ids_of_the_page_are_one_run() -> None:
    ids = block("text").splitlines()
    assert len(ids) > 5
    assert len({run_id_to_timestamp(one) for one in ids}) == 1
    with pytest.raises(ValueError, match="ambiguous"):
        run_id_to_timestamp("2026-11-21t07-34-35-05")
