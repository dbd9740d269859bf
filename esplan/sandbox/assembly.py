"""Makes a server's folder of its downloaded archives.

Each function gets the archives in the catalogue's order and an empty folder to work in, tells how
far it is, and returns the server's folder: the given one or one inside. It has `config/`.
"""

from __future__ import annotations

import shutil
import zipfile
from importlib.resources import files
from typing import TYPE_CHECKING

from esplan import durable
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from esplan.sandbox import Progress

    Assembly = Callable[[Sequence[Path], Path, Progress], Path]

REINDEX = """\
type=isolated
name=reindex
description=The API _reindex
version=7.17.29
elasticsearch.version=7.17.29
java.version=1.8
classname=org.elasticsearch.reindex.ReindexPlugin
extended.plugins=
has.native.controller=false
"""


def folder(name: str) -> Assembly:
    """The server is the folder `*/<name>/` of the one archive; with no name, all of `*/`."""

    def assemble(archives: Sequence[Path], partial: Path, progress: Progress) -> Path:
        return extract(archives[0], name, partial, progress)

    return assemble


def extract(archive: Path, name: str, partial: Path, progress: Progress) -> Path:
    """Extract that folder of the archive. Raises EsplanError when the archive has none."""
    with zipfile.ZipFile(archive) as file:
        _extract_members(file, name, partial, progress)
    found = next(partial.glob(f"*/{name}" if name else "*"), None)
    if found is None:
        raise EsplanError(
            f"the archive has no folder {name}/",
            code="ESP-6107",
            where=str(archive),
            remedy="delete that file, then start again",
        )
    return found


def _extract_members(file: zipfile.ZipFile, name: str, partial: Path, progress: Progress) -> None:
    """Write the members of the folder, telling how far it is by their bytes."""
    members = file.infolist()
    wanted = [one for one in members if not name or one.filename.split("/")[1:2] == [name]]
    total, done = sum(member.file_size for member in wanted) or 1, 0
    for member in wanted:
        file.extract(member, partial)
        done += member.file_size
        progress("extracting the server", done / total)


def with_reindex(archives: Sequence[Path], partial: Path, progress: Progress) -> Path:
    """Elasticsearch 7.17's core, with the module `reindex` beside those it has."""
    home = extract(archives[0], "", partial, progress)
    module = home / "modules/reindex"
    _copy(archives[1:], module, progress)
    durable.create(module / "plugin-descriptor.properties", REINDEX.encode())
    return home


def opensearch(archives: Sequence[Path], partial: Path, progress: Progress) -> Path:
    """OpenSearch's jars, the program that starts a node of them, and the JVM's options."""
    _copy(archives, partial / "lib", progress)
    program = "OpenSearchServer.java"
    durable.create(partial / program, (files("esplan.sandbox") / program).read_bytes())
    (partial / "config").mkdir()
    durable.create(partial / "config/jvm.options", b"-Xms1g\n-Xmx1g\n")
    return partial


def _copy(archives: Sequence[Path], target: Path, progress: Progress) -> None:
    target.mkdir()
    for done, archive in enumerate(archives, 1):
        shutil.copyfile(archive, target / archive.name)
        progress("copying the server", done / len(archives))
