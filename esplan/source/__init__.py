"""Input files: YAML or JSON, as plain data and the line and column of everything in them.

Whatever stands in a file, the worst that comes out is `InvalidInput` with diagnostics.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from esplan.errors import Diagnostic, InvalidInput
from esplan.source import confined, json_text, yaml_text
from esplan.source.confined import folders, real
from esplan.source.node import Document, Mark, Node, Unreadable, json_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.codes import Code

__all__ = [
    "CONFIG_NAME",
    "DESIRED_LIMIT",
    "MAPPING_LIMIT",
    "Document",
    "Found",
    "Mark",
    "Node",
    "find",
    "folders",
    "json_path",
    "parse",
    "read",
    "real",
]

MIB = 1024 * 1024
DESIRED_LIMIT = MIB
"""Bytes of a desired or configuration file."""

MAPPING_LIMIT = 4 * MIB
"""Bytes of a mapping file: they are generated, and may name thousands of fields."""

CONFIG_NAME = "esplan.yaml"
"""esplan's own configuration, which a directory of desired files may hold."""

NOT_PLAIN = "this is not a plain file"

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


@dataclass(frozen=True)
class Found:
    """A file to read. `walked`: it was found in a directory, not named by itself."""

    path: Path
    walked: bool = False


def find(paths: Sequence[Path]) -> tuple[list[Found], list[Diagnostic]]:
    """The files that `paths` mean, each once, and what is wrong with the paths.

    A directory means every .yaml, .yml and .json below it, sorted; hidden names, links to
    directories and esplan.yaml are left out.
    """
    found: dict[Path, Found] = {}
    problems = []
    for path in paths:
        below = sorted(_below(path)) if path.is_dir() else []
        for file in below:
            found.setdefault(real(file), Found(file, walked=True))
        if not path.is_dir():
            found[real(path)] = Found(path)
        elif not below:
            message = "the directory holds no .yaml, .yml or .json file"
            problems.append(Diagnostic(str(path), 1, 1, message, code="ESP-2101"))
    return list(found.values()), problems


def _below(directory: Path) -> Iterator[Path]:
    for folder, deeper, names in os.walk(directory):
        deeper[:] = [name for name in deeper if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith(".") and name != CONFIG_NAME:
                yield path


def read(
    path: Path, *, limit: int = DESIRED_LIMIT, within: Sequence[Path] | None = None
) -> Document:
    """One file of at most `limit` bytes. Raises InvalidInput.

    `within`: the `folders` that it must be in; None for a file that the user has named.
    """
    content = _bytes(path, limit) if within is None else _confined(path, within, limit)
    return parse(str(path), content, limit=limit)


def _bytes(path: Path, limit: int) -> bytes:
    """The file's content, and one byte more than `limit` where it is longer."""
    try:
        if path.exists() and not path.is_file():
            raise _invalid("ESP-2101", str(path), (1, 1), NOT_PLAIN)
        with path.open("rb") as stream:
            return stream.read(limit + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _confined(path: Path, within: Sequence[Path], limit: int) -> bytes:
    try:
        return confined.read(path, within, limit)
    except confined.Outside:
        raise _invalid("ESP-2310", str(path), (1, 1), confined.LINK, confined.LINK_REMEDY) from None
    except confined.NotPlain:
        raise _invalid("ESP-2101", str(path), (1, 1), NOT_PLAIN) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError | ValueError) -> InvalidInput:
    if isinstance(error, FileNotFoundError):
        return _invalid("ESP-2101", str(path), (1, 1), "there is no such file")
    why = error.strerror if isinstance(error, OSError) else str(error)
    return _invalid("ESP-2101", str(path), (1, 1), f"the file cannot be read: {why}")


def parse(file: str, content: bytes, *, limit: int = DESIRED_LIMIT) -> Document:
    """The content of a file; `file` is its name, and one on .json is read as JSON.

    Raises InvalidInput with every problem that can be told at once.
    """
    if len(content) > limit:
        raise _invalid("ESP-2104", file, (1, 1), f"the file is larger than {limit // MIB} MiB")
    text = _text(file, content)
    try:
        is_json = file.lower().endswith(".json")
        root, problems = json_text.parse(text) if is_json else yaml_text.parse(text)
    except Unreadable as error:
        raise _invalid(error.code, file, error.mark, error.message, error.remedy) from None
    if root is None or (root.value is None and not problems):
        raise _invalid("ESP-2106", file, (1, 1), "the file is empty")
    if problems:
        raise InvalidInput(
            [Diagnostic(file, *mark, message, code=code) for mark, message, code in problems]
        )
    return Document(file, root)


def _text(file: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        raise _invalid(
            "ESP-2102", file, _end(before), "the file is not UTF-8", "save it as UTF-8"
        ) from None
    if not text.strip():
        raise _invalid("ESP-2106", file, (1, 1), "the file is empty")
    found = CONTROL.search(text)
    if found:
        sign = f"U+{ord(found[0]):04X}"
        mark = _end(text[: found.start()])
        raise _invalid("ESP-2102", file, mark, f"the control character {sign}")
    return text


def _end(before: str) -> Mark:
    """Line and column of what comes after `before`."""
    lines = re.split(r"\r\n|\r|\n", before)
    return len(lines), len(lines[-1]) + 1


def _invalid(code: Code, file: str, mark: Mark, message: str, remedy: str = "") -> InvalidInput:
    return InvalidInput([Diagnostic(file, *mark, message, remedy=remedy, code=code)])
