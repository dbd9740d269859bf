"""What a shell may complete besides commands and options: from files, never from a cluster.

Nothing is checked here, and what cannot be read is left out: whoever presses a key wants no error.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan import source
from esplan.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PLANS = Path("plans")
MOST_PLANS = 50
LARGEST_PLAN = 4 * source.MIB
LARGEST_FILES = source.MIB // 2
"""Bytes of all desired files together: parsed in less than the blink that a key press may take."""

KINDS = {"aliases": "alias", "indices": "index"}
VARIABLE = re.compile(r"\$\{([^{}]*)\}")


def environments(config: str = "") -> list[str]:
    """Their names, in the order of the file."""
    return list(_environments(config))


def plans() -> list[str]:
    """Plan files in `plans/`, the newest first. A journal's name ends otherwise."""
    try:
        found = [(one.stat().st_mtime, str(one)) for one in PLANS.glob("[!.]*.json")]
    except OSError:
        return []
    return [name for _, name in sorted(found, reverse=True)[:MOST_PLANS]]


def addresses(
    desired: Sequence[str], plan: str = "", *, config: str = "", env: str = ""
) -> list[str]:
    """Of the objects in desired files, else of those in a plan; variables are those of `env`."""
    if desired:
        found = _environments(config).get(env)
        values = found.get("vars") if isinstance(found, dict) else None
        variables = values if isinstance(values, dict) else {}
        return sorted({_filled(one, variables) for one in _named(desired)})
    return sorted(_planned(Path(plan).expanduser())) if plan else []


def codes() -> list[str]:
    """Of errors."""
    from typing import get_args

    from esplan.codes import Code

    return list(get_args(Code))


def checks() -> list[str]:
    """What `esplan doctor` can look at."""
    from esplan.doctor import CHECKS

    return [one.name for one in CHECKS]


def engines() -> list[str]:
    """What a sandbox can run."""
    from esplan.sandbox.engines import ENGINES

    return list(ENGINES)


def _environments(config: str) -> dict[str, Any]:
    data = _data(Path(config or source.CONFIG_NAME), source.DESIRED_LIMIT)
    found = data.get("environments")
    return found if isinstance(found, dict) else {}


def _named(paths: Sequence[str]) -> Iterator[str]:
    """Addresses as the files write them, until the files get too large."""
    left = LARGEST_FILES
    given = [Path(path).expanduser() for path in paths]
    within = source.folders(given)
    for one in source.find(given)[0]:
        if left <= 0:
            return
        data = _data(one.path, left, within if one.walked else None)
        left -= one.path.stat().st_size if one.path.is_file() else 0
        for section, kind in KINDS.items():
            objects = data.get(section)
            yield from (f"{kind}.{name}" for name in objects) if isinstance(objects, dict) else ()


def _data(path: Path, limit: int, within: Sequence[Path] | None = None) -> dict[str, Any]:
    try:
        found = source.read(path, limit=limit, within=within).data
    except InvalidInput:
        return {}
    return found if isinstance(found, dict) else {}


def _filled(address: str, variables: dict[str, Any]) -> str:
    """An address with its variables; one whose variable has no value stays as it is."""
    return VARIABLE.sub(lambda one: str(variables.get(one[1], one[0])), address)


def _planned(path: Path) -> set[str]:
    try:
        if path.stat().st_size > LARGEST_PLAN:
            return set()
        changes = json.loads(path.read_bytes())["changes"]
        return {str(one["address"]) for one in changes if one["action"] != "no-op"}
    except (OSError, ValueError, LookupError, TypeError):
        return set()
