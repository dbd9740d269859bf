"""Pipelines that a plan depends on: those of a copy, and those of the index that serves then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import pipelines
from esplan.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.route.context import Routed

SETTINGS = ("index.default_pipeline", "index.final_pipeline")

COPYING = ("catch_up", "reindex", "remote_reindex", "verify")
"""Kinds before which the pipeline of a copy is looked at: the proof comes after the copy."""


def named(routed: Routed) -> set[str]:
    """Every pipeline that the steps name."""
    return {*_of_copy(routed.steps), *_of_index(routed.steps)}


def piped(routed: Routed, found: JSON) -> Routed:
    """With the checks. `found`: the pipelines of the cluster. Raises Refused for one it lacks."""
    address = routed.change.address
    copying, serving = set(_of_copy(routed.steps)), set(_of_index(routed.steps))
    for name in sorted({*copying, *serving}):
        if lacking := pipelines.missing(found, name):
            raise _refused(address, name, lacking, serving)
    same = tuple(_same(name, found) for name in sorted(copying))
    there: tuple[JSON, ...] = tuple({"check": "pipeline", "name": name} for name in sorted(serving))
    return replace(routed, steps=tuple(_checked(one, same, there) for one in routed.steps))


def _of_copy(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        body = (step.request or {}).get("body")
        if step.kind in COPYING and body and (name := body["dest"].get("pipeline")):
            yield name


def _of_index(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        yield from _set_by(step)


def _set_by(step: Step) -> Iterator[str]:
    """The pipelines that a step gives to an index."""
    body = (step.request or {}).get("body") or {}
    if step.kind not in ("create_index", "resize_index", "update_settings"):
        return
    settings = body if step.kind == "update_settings" else body.get("settings", {})
    for setting in SETTINGS:
        name = settings.get(setting)
        if name and name != pipelines.NONE:
            yield name


def _same(name: str, found: JSON) -> JSON:
    return {"check": "pipeline", "name": name, "digest": pipelines.fingerprint(found, name)}


def _checked(step: Step, same: tuple[JSON, ...], there: tuple[JSON, ...]) -> Step:
    more: tuple[JSON, ...] = ()
    if step.kind in COPYING:
        more = same
    elif step.kind == "update_aliases" or [*_set_by(step)]:
        more = there
    return replace(step, preconditions=(*step.preconditions, *more)) if more else step


def _refused(address: str, name: str, lacking: list[str], serving: set[str]) -> Refused:
    said = ", ".join(lacking)
    if name in serving:
        return Refused(
            f"{address}: there is no ingest pipeline {said}, which {', '.join(SETTINGS)} would use",
            code="ESP-4123",
            why="every write to the index would be refused (400)",
            remedy=f"make it first (PUT /_ingest/pipeline/{lacking[0]}), or correct its name",
        )
    return Refused(
        f"{address}: there is no ingest pipeline {said}",
        code="ESP-4301",
        why="migrate.pipeline names one that the cluster does not have"
        if lacking == [name]
        else f"the pipeline {name} (migrate.pipeline) calls one that the cluster does not have",
        remedy=f"make it first (PUT /_ingest/pipeline/{lacking[0]}), or correct its name",
    )
