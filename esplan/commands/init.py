"""`esplan init`: the files of a start. Nothing that is there is ever changed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from esplan import durable, schema, source
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG, EXAMPLE, HOOKS = source.CONFIG_NAME, "desired/example.yaml", ".pre-commit-config.yaml"

TEMPLATES = {
    CONFIG: "esplan.yaml",
    EXAMPLE: "example.yaml",
    "plans/.gitignore": "plans.gitignore",
    HOOKS: "pre-commit-config.yaml",
}
"""What is written, and the file of the package that holds its text."""

SCHEMAS = {f".esplan/{name}.schema.json": name for name in ("config", "desired")}
"""Copies for an editor: a schema without an address on the web needs one nearby."""


@dataclass(frozen=True)
class Begun:
    """Paths relative to the folder. `kept` says why a file was not written."""

    folder: Path
    written: tuple[str, ...]
    kept: dict[str, str]


def init(folder: Path) -> Begun:
    """Write the files of a start below `folder`, which need not exist.

    Raises EsplanError where one cannot be written; what was written before it stays.
    """
    refused = dict(_unwanted(folder))
    written = []
    for name, text in _texts():
        if name in refused:
            continue
        if _write(folder / name, text):
            written.append(name)
        else:
            refused[name] = "is there already"
    return Begun(folder, tuple(written), refused)


def _texts() -> Iterator[tuple[str, str]]:
    texts = files("esplan.commands") / "start"
    for name, template in TEMPLATES.items():
        yield name, (texts / template).read_text(encoding="utf-8")
    for name, schema_name in SCHEMAS.items():
        yield name, schema.text(schema_name)


def _unwanted(folder: Path) -> Iterator[tuple[str, str]]:
    """Files that would be wrong beside what is there: an example would be an alias more."""
    desired = folder / EXAMPLE
    if not desired.exists() and source.find([desired.parent])[0] and desired.parent.is_dir():
        yield EXAMPLE, f"{desired.parent.name}/ holds files already"
    if any((parent / ".git").exists() for parent in folder.resolve().parents):
        yield HOOKS, "this is a folder of a repository, whose top has its hooks"


def _write(path: Path, text: str) -> bool:
    """False where there is something of that name already, also a link that leads nowhere."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.create(path, text.encode(), durable.SHARED)
        durable.sync_folder(path.parent)
    except FileExistsError as error:
        if error.filename != str(path):  # what should be a folder is a file
            raise _unwritable(path, error) from None
        return False
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    return True


def _unwritable(path: Path, error: Exception) -> EsplanError:
    return EsplanError(
        f"{path} cannot be written",
        code="ESP-6002",
        why=(error.strerror if isinstance(error, OSError) else "") or str(error),
        remedy="choose another folder: esplan init DIR",
    )
