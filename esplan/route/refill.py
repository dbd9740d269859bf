"""What stands against indexing the documents of an index once more: its settings and mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import pipelines, synthetic
from esplan.errors import Refused

if TYPE_CHECKING:
    from esplan.model import Body, Index, Migrate


def refuse(address: str, index: Index, wanted: Body, fields: list[str], *, linked: bool) -> None:
    """Raise Refused where the documents would not be as they were afterwards.

    `wanted`: what the files say, which is set before. `linked`: they are written to an index made
    by hard links, whose block is off.
    """
    if not linked and index.body.settings.get("index.blocks.write") == "true":
        raise Refused(
            f"{address}: {index.name} is write-blocked, and its documents cannot be given "
            f"{fields[0]}",
            code="ESP-4109",
            remedy="lift the block, or plan without `backfill`",
        )
    _refuse_incomplete(address, index)
    _refuse_final_pipeline(address, index, wanted)


def refuse_new_versions(address: str, index: Index, migrate: Migrate) -> None:
    """Each document that is written again has the next version, which a client may be about to use.

    The request cannot keep it: a write with the same external version is refused.
    """
    if migrate.versions == "keep":
        raise Refused(
            f"{address}: a backfill raises the version of each document of {index.name} by one, "
            "and migrate.versions says keep",
            code="ESP-4127",
            why="a client's next write with a version of its own would be refused (409)",
            remedy="plan without `backfill`: the documents have the new fields when they are "
            "written next, or in the next new index, whose copy keeps the versions",
        )


def _refuse_incomplete(address: str, index: Index) -> None:
    """A document that is written again is what `_source` says, and no more than that."""
    lossy, made = index.body.lossy, synthetic.unsure(index.body.settings, index.body.mappings)
    why = f"its mapping has _source.{lossy[0]}" if lossy else made
    if why:
        raise Refused(
            f"{address}: a backfill writes each document of {index.name} again from its _source, "
            "which may not be all of it",
            code="ESP-4110" if lossy else "ESP-4125",
            why=why,
            remedy="plan without `backfill`: what is written from now on has the new fields",
        )


def _refuse_final_pipeline(address: str, index: Index, wanted: Body) -> None:
    """No request can turn it off, so each document would go through it a second time."""
    name = {**index.body.settings, **wanted.settings}.get(pipelines.FINAL)
    if pipelines.is_one(name):
        raise Refused(
            f"{address}: a backfill would send every document of {index.name} through its final "
            f"pipeline {name} again",
            code="ESP-4124",
            why="documents that are there would be changed",
            remedy=f"take {pipelines.FINAL} off the index for as long as the backfill runs "
            "(documents that clients write meanwhile do not go through it), or plan without "
            "`backfill`",
        )
