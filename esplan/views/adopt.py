"""What `esplan adopt` found, as the files of a folder or as one document, and what it left out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from esplan.adopt import document
from esplan.source import CONFIG_NAME
from esplan.views import yaml
from esplan.views.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.adopt import Adopted, Adoption, LeftOut
    from esplan.commands.adopt import Written

ONE = "desired.yaml"
"""The name of the only document, where one is asked for."""

MAPPINGS = "mappings"
"""The folder of long mappings."""

LONGEST_MAPPING = 40
"""Lines of a mapping that stands in the desired file itself."""

LONGEST_NAME = 100
"""Characters of a file's name that are taken over."""

SAFE = re.compile(r"[a-z0-9_-][a-z0-9._-]*", re.ASCII)
DEPTH = 3
"""Levels in a desired file that stay in lines of their own: section, object, part."""


def one(found: Adoption) -> dict[str, str]:
    """One document with every object."""
    return {ONE: _text(found.objects)}


def folder(found: Adoption) -> dict[str, str]:
    """A file for each object, and for each long mapping, by its path in the folder."""
    files: dict[str, str] = {}
    for each in found.objects:
        name = _file_name(each.address.name)
        files[name] = _text([each])
        if files[name].count("\n") > LONGEST_MAPPING:
            files |= _apart(each, name)
    return files


def _text(objects: Sequence[Adopted]) -> str:
    notes = [f"# {clean(each.note)}\n" for each in objects if each.note]
    return "".join([*notes, yaml.dumps(document(objects), inline=DEPTH), "\n"])


def _file_name(name: str) -> str:
    """Safe everywhere, also where upper and lower case are the same."""
    if SAFE.fullmatch(name) and len(name) <= LONGEST_NAME and f"{name}.yaml" != CONFIG_NAME:
        return f"{name}.yaml"
    safe = re.sub(r"[^a-z0-9_-]+", "-", name.lower())[:LONGEST_NAME].strip("-")
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.yaml".lstrip("-")


def _apart(each: Adopted, name: str) -> dict[str, str]:
    """The object's file without its mapping, and that of the mapping, where that is long.

    A mapping file is read without variables, so nothing in it is escaped.
    """
    is_alias = each.address.kind == "alias"
    body = each.entry["index"] if is_alias else each.entry
    said = yaml.dumps(body.get("mappings", {}), inline=DEPTH - 1)
    if said.count("\n") < LONGEST_MAPPING:
        return {}
    path = f"{MAPPINGS}/{name}"
    short = {**body, "mappings": {"file": path}}
    entry = {**each.entry, "index": short} if is_alias else short
    return {name: _text([replace(each, entry=entry)]), path: f"{said}\n"}


def left_out(found: Sequence[LeftOut]) -> Iterator[Text]:
    """A line an index."""
    for each in found:
        yield Text(f"left out: {clean(each.index)}: {clean(each.why)}", "dim")


def written(folder: str, done: Written) -> Text:
    """How many files are new, and how many were there already."""
    files = f"{done.new} file{'' if done.new == 1 else 's'}"
    kept = f"; {done.same} as they were" if done.same else ""
    return Text(f"Wrote {files} to {clean(folder)}{kept}. See: esplan plan -d {clean(folder)}")


def afterwards(alias: str, found: Adoption) -> Iterator[Text]:
    """The desired file that says what is there once the plan of `--alias` is applied."""
    yield Text(f"\nOnce it is applied, `esplan adopt {clean(alias)}` gives:", "bold")
    yield Text(one(found)[ONE].rstrip("\n"))
