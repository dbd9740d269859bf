"""Every script that a plan would run in the cluster, whole: what a reviewer consents to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from esplan.views.clean import clean
from esplan.views.hanging import hanging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from esplan.plan import Plan


def scripts(plan: Plan) -> Iterator[RenderableType]:
    """Each one once, with its steps; line by line, as it would be sent."""
    listed = found(plan)
    if listed:
        yield Text("\nScripts", "bold")
    for script, steps in listed:
        yield from _script(script, steps)


def found(plan: Plan) -> list[tuple[dict[str, Any], str]]:
    """Each one once, and in which steps: `step 3`, `steps 3, 5`."""
    listed: dict[str, list[str]] = {}
    for number, step in enumerate(plan.steps, 1):
        for script in _within([step.request, step.arguments]):
            steps = listed.setdefault(json.dumps(script, sort_keys=True), [])
            steps += [] if str(number) in steps else [str(number)]
    return [
        (json.loads(script), f"{'step' if len(steps) == 1 else 'steps'} {', '.join(steps)}")
        for script, steps in listed.items()
    ]


def _within(anything: Any) -> Iterator[Any]:
    """What stands under `script` at any depth, where it is one and not a field of that name."""
    if isinstance(anything, list):
        for one in anything:
            yield from _within(one)
    elif isinstance(anything, dict):
        for name, one in anything.items():
            if name == "script" and _is_script(one):
                yield {"lang": "painless", **({"source": one} if isinstance(one, str) else one)}
            else:
                yield from _within(one)


def _is_script(one: Any) -> bool:
    if not isinstance(one, dict) or "type" in one:
        return isinstance(one, str)
    return isinstance(one.get("source", one.get("id")), str)


def _script(script: dict[str, Any], steps: str) -> Iterator[RenderableType]:
    lang = clean(str(script["lang"]))
    yield Text(f"  {lang}, in {steps}")
    if stored := script.get("id"):
        yield Text(f"    stored in the cluster as {clean(str(stored))}")
    for line in source(script).split("\n"):
        yield hanging(f"| {line}", 4)
    if script.get("params"):
        yield hanging(f"params: {params(script)}", 4)


def source(script: dict[str, Any]) -> str:
    """Its lines; empty for one that is stored in the cluster."""
    lines = str(script.get("source", "")).rstrip().expandtabs(4).splitlines()
    return "\n".join(map(clean, lines))


def params(script: dict[str, Any]) -> str:
    """Its parameters as JSON in one line."""
    return clean(json.dumps(script.get("params", {}), ensure_ascii=False, sort_keys=True))
