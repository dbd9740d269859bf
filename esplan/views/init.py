"""What `esplan init` says."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.text import Text

from esplan.views.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.commands.init import Begun

HOLDS = {
    "esplan.yaml": "the clusters: dev, ppte and prod",
    "desired/example.yaml": "what they should have: one alias, to change",
    "plans/.gitignore": "plans are committed, journals are not",
    ".pre-commit-config.yaml": "checks the desired files before each commit",
    ".esplan/config.schema.json": "for your editor: esplan schema config",
    ".esplan/desired.schema.json": "for your editor: esplan schema desired",
}


def text(begun: Begun) -> Iterator[Text]:
    """The files, and what to do next."""
    where = clean(str(begun.folder))
    for name in begun.written:
        yield Text(f"  wrote  {name:<28} {HOLDS[name]}", "green")
    for name, why in begun.kept.items():
        yield Text(f"  left   {name:<28} {clean(why)}")
    if not begun.written:
        yield Text("Nothing to write: all of it is there.")
        return
    yield Text("\nNext:")
    if where != ".":
        yield Text(f"  cd {clean(shlex.quote(str(begun.folder)))}")
    yield Text("  write the URLs of your clusters into esplan.yaml")
    yield Text("  esplan validate desired/")
    yield Text("  esplan plan -d desired/ --env dev -o plans/first.json")
    yield Text("What is live already, as files: esplan adopt -o desired/ --env dev")
