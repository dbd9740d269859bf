"""What a server takes and ignores: a plan that asks for it would promise what it cannot keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from esplan.live import ClusterInfo
    from esplan.model import JSON
    from esplan.plan import Step

PATTERNS = ("match", "unmatch", "path_match", "path_unmatch")


@dataclass(frozen=True)
class Ignored:
    """A part of a definition, which servers ignore it, and what to write in its place."""

    part: str
    is_in: Callable[[JSON], bool]
    ignores: Callable[[str, tuple[int, ...]], bool]
    why: str
    remedy: str


def _source_mode(mappings: JSON) -> bool:
    return "mode" in mappings.get("_source", {})


def _pattern_list(mappings: JSON) -> bool:
    rules = (rule for one in mappings.get("dynamic_templates") or () for rule in one.values())
    return any(isinstance(rule.get(name), list) for rule in rules for name in PATTERNS)


IGNORED = (
    Ignored(
        "mappings._source.mode of a new index",
        _source_mode,
        lambda distribution, version: distribution == "elasticsearch" and version >= (9,),
        "from version 9 on, a setting says how the source is kept",
        "write `settings: {index.mapping.source.mode: …}`, without mappings._source.mode",
    ),
    Ignored(
        "a list of patterns in a dynamic template",
        _pattern_list,
        lambda distribution, version: distribution == "opensearch" or version < (8, 9),
        "it reads the whole list as one text, `[a*, b*]`, which no name of a field matches",
        "write one dynamic template for each pattern",
    ),
)


def refuse(steps: Iterable[Step], info: ClusterInfo) -> None:
    """Raises Refused for definitions that would lose a part without a word."""
    found = [(step.address, lost(_mappings(step), info)) for step in steps]
    for ignored in IGNORED:
        addresses = dict.fromkeys(address for address, parts in found if ignored in parts)
        if addresses:
            raise Refused(
                f"{', '.join(addresses)}: {info.distribution} {info.version} takes "
                f"{ignored.part} and ignores it",
                code="ESP-4107",
                why=ignored.why,
                remedy=ignored.remedy,
            )


def _mappings(step: Step) -> JSON:
    """What a step would make the mapping of an index; {} for one that has none."""
    body: JSON = (step.request or {}).get("body") or {}
    inner: JSON = body.get("mappings", {}) if step.kind == "create_index" else body
    return inner if step.kind in ("create_index", "put_mapping") else {}


def lost(mappings: JSON, info: ClusterInfo) -> list[Ignored]:
    """The parts of a mapping that this server would ignore."""
    version = tuple(int(part) for part in info.version.split(".")[:2] if part.isdigit())
    return [o for o in IGNORED if o.ignores(info.distribution, version) and o.is_in(mappings)]
