from __future__ import annotations

from pathlib import Path

import pytest

from esplan import desired
from esplan.errors import InvalidInput
from esplan.model import Address, Finish, Migrate, Naming, Verify
from esplan.source import confined

FULL = """\
$schema: ../schemas/desired.schema.json
version: 1
aliases:
  classes:
    index:
      name: "classes_{color}"
      settings: {number_of_shards: 2, index: {refresh_interval: 30000ms}}
      mappings: {properties: {title: {type: text}}, exact: true}
    filter: {term: {year: 2026}}
    routing: "1"
    migrate: {writes: block, slices: 2, requests_per_second: 500}
    verify: {method: count}
    finish: {replicas: 1, delete_old: true}
indices:
  "${prefix}-audit":
    settings: {"index.number_of_replicas": "${replicas}", note: "$${kept}"}
    aliases: {Audit: {is_write_index: true}}
"""
VARIABLES = {"prefix": "dev", "replicas": "2"}


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        path = folder / f"{stem.replace('__', '/')}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def failures(*paths: Path, variables: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        desired.read(paths, variables)
    return [f"{Path(d.file).name}:{d.line}: {d.message}" for d in caught.value.diagnostics]


def test_an_alias_in_full(tmp_path: Path) -> None:
    found = desired.read([write(tmp_path, a_yaml=FULL)], VARIABLES).state.aliases["classes"]
    assert found.naming == Naming("classes_{color}", ("green", "blue"))
    assert found.body.settings == {
        "index.number_of_replicas": "1",
        "index.number_of_shards": "2",
        "index.refresh_interval": "30s",
    }
    assert found.body.mappings["properties"] == {"title": {"type": "text"}}
    assert found.body.exact
    assert "exact" not in found.body.mappings
    assert found.options == {
        "filter": {"term": {"year": 2026}},
        "index_routing": "1",
        "search_routing": "1",
    }
    assert (found.migrate, found.verify) == (Migrate("block", 2, 500), Verify("count"))
    assert found.finish == Finish(delete_old=True)


def test_variables_are_replaced_in_keys_and_values(tmp_path: Path) -> None:
    found = desired.read([write(tmp_path, a_yaml=FULL)], VARIABLES).state.indices
    assert list(found) == ["dev-audit"]
    assert found["dev-audit"].body.settings == {
        "index.note": "${kept}",
        "index.number_of_replicas": "2",
    }
    assert found["dev-audit"].aliases == {"Audit": {"is_write_index": True}}


def test_a_variables_value_is_not_searched_again(tmp_path: Path) -> None:
    folder = write(tmp_path, a_yaml="version: 1\nindices: {a: {settings: {x: '${a}'}}}\n")
    found = desired.read([folder], {"a": "${b}", "b": "no"}).state.indices["a"]
    assert found.body.settings == {"index.x": "${b}"}


def test_defaults(tmp_path: Path) -> None:
    text = 'version: 1\naliases: {a: {index: {name: "a-{generation}"}}}\n'
    alias = desired.read([write(tmp_path, a_yaml=text)]).state.aliases["a"]
    assert alias.naming == Naming("a-{generation}", ())
    assert (alias.migrate, alias.verify, alias.finish) == (Migrate(), Verify(), Finish())
    assert (alias.options, alias.body.settings, alias.body.exact) == ({}, {}, False)


def test_places_name_file_line_and_column(tmp_path: Path) -> None:
    places = desired.read([write(tmp_path, a_yaml=FULL)], VARIABLES).places
    assert str(places[Address("alias", "classes")]) == f"{tmp_path}/a.yaml:4:3"
    assert str(places[Address("index", "dev-audit")]) == f"{tmp_path}/a.yaml:15:3"


def test_the_digest_is_that_of_the_merged_content(tmp_path: Path) -> None:
    one = write(tmp_path / "1", a_yaml="version: 1\nindices: {a: {}, b: {settings: {x: 1}}}\n")
    two = write(
        tmp_path / "2",
        z_json='{"version": 1, "indices": {"a": {}}}',
        b_yaml="# other order, other files\nversion: 1\nindices: {b: {settings: {x: 1}}}\n",
    )
    other = write(tmp_path / "3", a_yaml="version: 1\nindices: {a: {}, b: {settings: {x: 2}}}\n")
    assert desired.read([one]).digest == desired.read([two]).digest
    assert desired.read([one]).digest != desired.read([other]).digest
    assert len(desired.read([one]).digest) == 64


NAMES_FILE = """\
version: 1
aliases:
  classes:
    index: {name: "classes_{color}", mappings: {file: mappings/classes.json, exact: true}}
"""
PLAIN = '{"properties": {"title": {"type": "keyword"}}}'


def test_a_mapping_file_stands_beside_the_desired_file(tmp_path: Path) -> None:
    plain = write(tmp_path / "1", a_yaml=NAMES_FILE, mappings__classes_json=PLAIN)
    wrapped = write(
        tmp_path / "2", a_yaml=NAMES_FILE, mappings__classes_json=f'{{"mappings": {PLAIN}}}'
    )
    for folder in (plain, wrapped):
        alias = desired.read([folder]).state.aliases["classes"]
        assert alias.body.mappings == {"properties": {"title": {"type": "keyword"}}}
        assert alias.body.exact
    assert desired.read([plain]).digest == desired.read([wrapped]).digest


def test_the_digest_covers_the_mapping_file(tmp_path: Path) -> None:
    folder = write(tmp_path, a_yaml=NAMES_FILE, mappings__classes_json=PLAIN)
    before = desired.read([folder]).digest
    write(tmp_path, mappings__classes_json=PLAIN.replace("keyword", "text"))
    assert desired.read([folder]).digest != before


def test_a_mapping_file_named_as_desired_file_is_one(tmp_path: Path) -> None:
    folder = write(tmp_path, a_yaml=NAMES_FILE, mappings__classes_json=PLAIN)
    assert failures(folder, folder / "mappings" / "classes.json") == [
        'classes.json:1: the key "version" is missing',
        'classes.json:1: unknown key "properties"; known here: $schema, aliases, indices, version',
    ]


def test_a_directory_without_desired_files_but_with_stray_json_fails(tmp_path: Path) -> None:
    folder = write(tmp_path, a_yaml=NAMES_FILE, mappings__classes_json=PLAIN, stray_json=PLAIN)
    assert [line.split(":")[0] for line in failures(folder)] == ["stray.json", "stray.json"]


def test_an_error_in_a_shared_mapping_file_is_told_once(tmp_path: Path) -> None:
    other = NAMES_FILE.replace("classes:", "flights:").replace("classes_{", "flights_{")
    folder = write(tmp_path, a_yaml=NAMES_FILE, b_yaml=other, mappings__classes_json="{")
    assert failures(folder) == ["classes.json:1: not JSON: expected a key in double quotes"]


def test_a_mapping_path_with_a_nul_is_a_missing_file(tmp_path: Path) -> None:
    text = 'version: 1\nindices: {a: {mappings: {file: "x\\0"}}}\n'
    (message,) = failures(write(tmp_path, a_yaml=text))
    assert "there is no mapping file" in message


def test_equal_replicas_in_both_places_are_fine(tmp_path: Path) -> None:
    text = (
        'version: 1\naliases: {a: {index: {name: "a_{color}", settings: {number_of_replicas: "2"}},'
        " finish: {replicas: 2}}}\n"
    )
    alias = desired.read([write(tmp_path, a_yaml=text)]).state.aliases["a"]
    assert alias.body.settings == {"index.number_of_replicas": "2"}


@pytest.mark.parametrize(
    ("expands", "settings"),
    [
        ("0-1", {"index.auto_expand_replicas": "0-1"}),
        ("false", {"index.auto_expand_replicas": "false", "index.number_of_replicas": "2"}),
    ],
)
def test_replicas_say_nothing_where_they_expand(
    tmp_path: Path, expands: str, settings: dict[str, str]
) -> None:
    text = (
        'version: 1\naliases: {a: {index: {name: "a_{color}",'
        f' settings: {{auto_expand_replicas: "{expands}"}}}}, finish: {{replicas: 2}}}}}}\n'
    )
    alias = desired.read([write(tmp_path, a_yaml=text)]).state.aliases["a"]
    assert alias.body.settings == settings


def test_what_is_said_of_a_mapping_is_kept_beside_its_canonical_form(tmp_path: Path) -> None:
    text = "version: 1\nindices: {a: {mappings: {properties: {f: {type: date, index: true}}}}}\n"
    body = desired.read([write(tmp_path, a_yaml=text)]).state.indices["a"].body
    assert body.said == {"properties": {"f": {"type": "date", "index": True}}}
    assert body.mappings == {"properties": {"f": {"type": "date"}}}


def test_whole_floats_are_integers(tmp_path: Path) -> None:
    text = (
        'version: 1\naliases: {a: {index: {name: "a_{color}"}, migrate: {slices: 2.0},'
        " finish: {replicas: 1.0}}}\n"
    )
    alias = desired.read([write(tmp_path, a_yaml=text)]).state.aliases["a"]
    assert repr(alias.migrate.slices) == "2"
    assert alias.body.settings == {"index.number_of_replicas": "1"}


@pytest.mark.parametrize(
    ("part", "line"), [("settings", 6), ("mappings", 7), ("mapping file", 1), ("options", 3)]
)
def test_what_normalize_refuses_is_told_at_its_key(
    part: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object, **_: object) -> desired.build.Body:
        if "bad" in str(given):
            raise ValueError(f"refused {part}")
        return desired.build.Body()

    mappings = "{file: m.json}" if part == "mapping file" else "{_meta: {x: bad}}"
    text = (
        'version: 1\naliases:\n  a:\n    index:\n      name: "a_{color}"\n'
        f"      settings: {{x: {'bad' if part == 'settings' else 1}}}\n"
        f"      mappings: {'{}' if part in ('settings', 'options') else mappings}\n"
        f"    filter: {{x: {'bad' if part == 'options' else 1}}}\n"
    )
    name = "alias_options" if part == "options" else "body"
    monkeypatch.setattr(desired.build.normalize, name, refuse)
    folder = write(tmp_path, a_yaml=text)
    (folder / "m.json").write_text('{"_meta": {"x": "bad"}}', encoding="utf-8")
    file = "m.json" if part == "mapping file" else "a.yaml"
    paths = [folder / "a.yaml"]
    assert failures(*paths) == [f"{file}:{line}: refused {part}"]


@pytest.mark.parametrize("pattern", ["{color}", "{generation}", "{date}"])
def test_only_the_broken_objects_are_reported(pattern: str, tmp_path: Path) -> None:
    good = [f'  a{n}: {{index: {{name: "a{n}_{pattern}"}}}}' for n in range(100)]
    bad = [f"  b.{n}: {{}}" for n in range(100)]
    folder = write(tmp_path, a_yaml="\n".join(["version: 1", "aliases:", *good, *bad]))
    found = desired.survey([folder])
    assert (found.aliases, len(found.diagnostics)) == (200, 100)
    assert {one.message for one in found.diagnostics} == {
        f'the key "index" is missing in "b.{n}"' for n in range(100)
    }


@pytest.mark.parametrize("said", ["${replicas}", "$${replicas}"])
def test_replicas_that_no_variable_says(tmp_path: Path, said: str) -> None:
    """Without --env a variable has no value; `$${` is a plain `${`."""
    path = tmp_path / "d.yaml"
    path.write_text(
        "version: 1\naliases:\n  a:\n    index: {name: 'a_{date}'}\n"
        f"    finish: {{replicas: '{said}'}}\n"
    )
    (found,) = desired.survey([path]).diagnostics
    assert (found.line, "replicas" in found.message) == (5, True)


def test_a_script_file_without_end(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(
        "version: 1\naliases:\n  a:\n    index: {name: 'a_{color}', colors: [x, y]}\n"
        "    migrate: {script: {file: /dev/zero}}\n"
    )
    (found,) = desired.survey([path]).diagnostics
    assert found.message == '"/dev/zero" is outside the folders that were given'


# Files that are named


FOREIGN = 'version: 1\naliases: {a: {index: {name: "a_{color}"}}}\n'


@pytest.mark.parametrize("given", ["folder", "file"])
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "indices: {a: {mappings: {file: %s}}}",
        'aliases: {a: {index: {name: "a_{color}", mappings: {file: %s}}}}',
        'aliases: {a: {index: {name: "a_{color}"}, migrate: {script: {file: %s}}}}',
        (
            'aliases: {a: {index: {name: "a_{color}"},'
            " migrate: {script: {source: x}, inverse: {file: %s}}}}"
        ),
    ],
)
def test_no_file_outside_is_read_nor_said_to_be_there(
    tmp_path: Path, text: str, given: str, *, there: bool
) -> None:
    """By dots, whole, by a link, by a folder that is a link: found or not, the answer is one."""
    inside, outside = tmp_path / "desired", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    if there:
        (outside / "m.txt").write_text("hunter2: [")
    (inside / "link").symlink_to(outside / "m.txt")
    (inside / "away").symlink_to(outside)
    for name in ("../outside/m.txt", str(outside / "m.txt"), "link", "away/m.txt"):
        (inside / "a.yaml").write_text("version: 1\n" + text % name + "\n")
        (found,) = desired.survey([inside if given == "folder" else inside / "a.yaml"]).diagnostics
        assert (found.code, found.line) == ("ESP-2310", 2)
        assert found.message == f'"{name}" is outside the folders that were given'
        assert "hunter2" not in f"{found}{found.remedy}"


def test_a_link_to_a_file_in_the_folders_is_read(tmp_path: Path) -> None:
    """As in a volume of Kubernetes, where each file is one."""
    hidden = tmp_path / "given" / "..2026"
    hidden.mkdir(parents=True)
    (hidden / "a.yaml").write_text("version: 1\nindices: {a: {mappings: {file: m.json}}}\n")
    (hidden / "m.json").write_text('{"properties": {"f": {"type": "long"}}}')
    (tmp_path / "given/..data").symlink_to("..2026")
    for name in ("a.yaml", "m.json"):
        (tmp_path / "given" / name).symlink_to(f"..data/{name}")
    body = desired.read([tmp_path / "given"]).state.indices["a"].body
    assert body.mappings == {"properties": {"f": {"type": "long"}}}


def test_two_folders_that_are_given_may_name_each_others_files(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        desired__a_yaml="version: 1\nindices: {a: {mappings: {file: ../mappings/m.json}}}\n",
        mappings__m_json=PLAIN,
    )
    assert desired.read([folder / "desired", folder / "mappings"]).state.indices["a"].body.mappings


def test_a_desired_file_that_is_a_link_out_is_not_read_unless_it_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, desired__b_yaml="version: 1\nindices: {b: {}}\n", a_yaml=FOREIGN)
    (folder / "desired/link.yaml").symlink_to(folder / "a.yaml")
    assert failures(folder / "desired") == [
        "link.yaml:1: this link leads outside the folders that were given, so it is not read"
    ]
    named = desired.read([folder / "desired/b.yaml", folder / "desired/link.yaml"])
    assert set(named.state.aliases) == {"a"}


def test_a_link_that_is_put_there_between_look_and_opening_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, in__sub__m_json="{}", out__m_json='{"hunter2": 1}')
    within = confined.folders([folder / "in"])
    real = confined.real

    def raced(path: Path) -> Path:
        found = real(path)
        swap()
        return found

    def swap() -> None:
        swapped.rename(folder / "kept")
        swapped.symlink_to(folder / "out" if swapped.name == "sub" else folder / "out/m.json")

    for swapped in (folder / "in/sub/m.json", folder / "in/sub"):
        monkeypatch.setattr(confined, "real", raced)
        with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
            confined.read(folder / "in/sub/m.json", within, 100)
        monkeypatch.undo()
        swapped.unlink()
        (folder / "kept").rename(swapped)
