"""Every script that a plan would run in the cluster, whole: what a reviewer consents to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from esplan.views.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.plan import Plan


def scripts(plan: Plan) -> Iterator[Text]:
    """Each one once, with its steps; line by line, as it would be sent."""
    found: dict[str, list[str]] = {}
    for number, step in enumerate(plan.steps, 1):
        for script in _within([step.request, step.arguments]):
            steps = found.setdefault(json.dumps(script, sort_keys=True), [])
            steps += [] if str(number) in steps else [str(number)]
    if found:
        yield Text("\nScripts", "bold")
    for text, steps in found.items():
        yield from _script(json.loads(text), steps)


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


def _script(script: dict[str, Any], steps: list[str]) -> Iterator[Text]:
    lang = clean(str(script["lang"]))
    yield Text(f"  {lang}, in {'step' if len(steps) == 1 else 'steps'} {', '.join(steps)}")
    if stored := script.get("id"):
        yield Text(f"    stored in the cluster as {clean(str(stored))}")
    for line in str(script.get("source", "")).rstrip().splitlines():
        yield Text(f"    | {clean(line)}")
    if params := script.get("params"):
        yield Text(f"    params: {clean(json.dumps(params, ensure_ascii=False, sort_keys=True))}")
