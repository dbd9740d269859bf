"""What index templates have given to an index just made: no more than the plan has said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esplan import normalize, templates
from esplan.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import JSON, Body, Index
    from esplan.plan import Step
    from esplan.run import Run
    from esplan.templates import Added

GAINS = "gains"
"""The key in the arguments of a step: what the templates of the plan add, by its whole path."""


def known(one: Added, wanted: Body) -> JSON:
    """What the templates add to a definition: each part by its path."""
    planned = _flat(wanted)
    made = _flat(templates.effective(one, wanted))
    return {path: value for path, value in made.items() if planned.get(path) != value}


def require(step: Step, run: Run, index: Index) -> None:
    """Raise Refused where a template that came or changed after the plan has added something.

    What the server adds by itself is no matter: only what a template says counts.
    """
    found = templates.read(run.cluster)
    one = templates.added(found, index.name) if found.readable else None
    if one is None:
        return
    body = (step.request or {})["body"]
    wanted = normalize.body(body.get("settings", {}), body.get("mappings", {}))
    planned = {**_flat(wanted), **step.arguments.get(GAINS, {})}
    live, given = _flat(index.body), known(one, wanted)
    strange = {
        path: live[path]
        for path, value in given.items()
        if path in live and planned.get(path) not in (value, live[path])
    }
    if strange:
        raise _refused(index.name, one.source, strange)


def _refused(index: str, source: str, strange: JSON) -> Refused:
    said = "; ".join(f"{path}: {value!r}" for path, value in sorted(strange.items()))
    return Refused(
        f"the index {index} came into being otherwise than planned",
        code="ESP-4204",
        why=f"{source} has come or changed since the plan was made, and gave it {said}",
        remedy="make a new plan: it shows what the template adds; or change the template",
    )


def _flat(body: Body) -> JSON:
    """Every part by its path, as a plan writes it."""
    settings = {f"settings.{name}": value for name, value in body.settings.items()}
    return {**settings, **dict(_leaves(body.mappings, "mappings"))}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for name, inner in value.items():
        yield from _leaves(inner, f"{path}.{name}")
