"""What `esplan init` writes, and that it writes over nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from esplan import cli, config, schema
from esplan.commands.init import SCHEMAS, TEMPLATES, init
from esplan.commands.validate import validate
from esplan.errors import EsplanError
from esplan.views.init import HOLDS, text

EVERYTHING = {*TEMPLATES, *SCHEMAS}

KEY = r"^( *)# ( *(- \{|[\w-]+:( |$)))"
"""In a comment: a key, or an item of a list."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def files(folder: Path) -> dict[str, str]:
    found = (one for one in folder.rglob("*") if one.is_file())
    return {str(one.relative_to(folder)): one.read_text() for one in found}


def shown(folder: Path) -> str:
    return "\n".join(line.plain for line in text(init(folder)))


def test_it_writes_a_start_that_is_valid(folder: Path) -> None:
    begun = init(Path())
    assert set(begun.written) == EVERYTHING == set(files(folder)) == set(HOLDS)
    assert begun.kept == {}
    found = validate([Path("desired")])
    assert (found.diagnostics, found.files, found.aliases) == ((), 1, 1)
    for name in ("dev", "ppte", "prod"):
        assert config.environment(name).url
        assert validate([Path("desired")], config.environment(name).variables).is_valid


def test_what_is_commented_out_is_valid_too(folder: Path) -> None:
    """Each line of YAML behind a `#`, and a `${var}` among them."""
    init(folder)
    for name in ("esplan.yaml", "desired/example.yaml"):
        file = folder / name
        told = re.sub(KEY, r"\1\2", file.read_text(), flags=re.MULTILINE)
        assert told != file.read_text()
        file.write_text(re.sub(r"^yaml-language.*\n", "", told, flags=re.MULTILINE))
    file = folder / "esplan.yaml"
    file.write_text(file.read_text().replace("replicas: 0", "replicas: 0, refresh: 30s"))
    prod = config.environment("prod")
    assert prod.signers == Path("certs/signers")
    assert (prod.protect, prod.consent.allow_delete) == (("alias.customer-*",), "ask")
    assert (len(prod.schedule.release), prod.schedule.prepare_any) == (1, True)
    assert [hook.run for hook in prod.hooks] == ["hooks/tell.sh"]
    found = validate([Path("desired")], config.environment("dev").variables)
    assert (found.diagnostics, found.aliases, found.indices) == ((), 1, 1)


def test_an_editor_finds_the_schemas(folder: Path) -> None:
    init(folder)
    for name in ("esplan.yaml", "desired/example.yaml"):
        file = folder / name
        (target,) = re.findall(
            r"^# yaml-language-server: \$schema=(\S+)$", file.read_text(), re.MULTILINE
        )
        found = json.loads((file.parent / target).read_text())
        assert found == schema.load("config" if name == "esplan.yaml" else "desired")


def test_nothing_is_written_twice(folder: Path) -> None:
    init(folder)
    mine = dict.fromkeys(EVERYTHING, "mine\n")
    for name, content in mine.items():
        (folder / name).write_text(content)
    again = init(folder)
    assert again.written == ()
    assert set(again.kept) == EVERYTHING
    assert files(folder) == mine
    assert "Nothing to write" in "".join(one.plain for one in text(again))


def test_a_link_that_leads_nowhere_is_left(folder: Path) -> None:
    (folder / "esplan.yaml").symlink_to(folder / "elsewhere")
    assert init(folder).kept == {"esplan.yaml": "is there already"}
    assert not (folder / "elsewhere").exists()


def test_no_example_beside_desired_files(folder: Path) -> None:
    """It would be an alias more, which the next apply makes."""
    (folder / "desired").mkdir()
    (folder / "desired" / "mine.yaml").write_text("version: 1\n")
    assert init(folder).kept == {"desired/example.yaml": "desired/ holds files already"}
    assert not (folder / "desired" / "example.yaml").exists()


def test_hooks_belong_to_the_top_of_a_repository(folder: Path) -> None:
    (folder / ".git").mkdir()
    assert ".pre-commit-config.yaml" in init(folder).written
    assert ".pre-commit-config.yaml" not in init(folder / "search").written


def test_it_says_what_to_do_next(folder: Path) -> None:
    said = shown(folder / "a b")
    assert "cd " in said
    assert "'" in said
    assert "esplan validate desired/" in said
    assert "esplan plan -d desired/ --env dev -o plans/first.json" in said
    assert "left   esplan.yaml                  is there already" in shown(folder / "a b")


@pytest.mark.parametrize("name", ["desired", "new"])
def test_what_cannot_be_written_is_an_error(folder: Path, name: str) -> None:
    (folder / name).write_text("a file\n")
    with pytest.raises(EsplanError, match="cannot be written") as caught:
        init(folder if name == "desired" else folder / "new")
    assert caught.value.remedy == "choose another folder: esplan init DIR"
    assert (folder / name).read_text() == "a file\n"


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", "new"]) == 0
    assert "wrote  esplan.yaml" in capsys.readouterr().out
    assert cli.run(["init", "new", "--json"]) == 0
    event: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (event["event"], event["folder"], event["written"]) == ("begun", "new", [])
    assert set(event["left"]) == EVERYTHING


@pytest.mark.parametrize("name", ["desired", "config", "job", "plan", "journal"])
def test_schemas_are_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["schema", name]) == 0
    assert capsys.readouterr().out == schema.text(name)


def test_there_is_no_other_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["schema", "nonsense"]) == 64
    assert "'nonsense' is not one of" in capsys.readouterr().err
