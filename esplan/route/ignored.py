"""What a server takes and ignores: a plan that asks for it would promise what it cannot keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from esplan.live import ClusterInfo
    from esplan.model import JSON
    from esplan.plan import Step

MODE = "_source.mode"


def refuse(steps: Iterable[Step], info: ClusterInfo) -> None:
    """Raises Refused for a new index whose definition would lose a part without a word."""
    lost = [
        one.address
        for one in steps
        if one.kind == "create_index"
        and one.request
        and is_ignored(one.request["body"]["mappings"], info)
    ]
    if lost:
        raise Refused(
            f"{', '.join(lost)}: {info.distribution} {info.version} takes mappings.{MODE} of a "
            "new index and ignores it",
            why="from version 9 on, a setting says how the source is kept",
            remedy=f"write `settings: {{index.mapping.source.mode: …}}`, without mappings.{MODE}",
        )


def is_ignored(mappings: JSON, info: ClusterInfo) -> bool:
    """Elasticsearch 9 has an own setting for the mode of `_source`, and reads that alone."""
    major = int(info.version.partition(".")[0])
    ignores = info.distribution == "elasticsearch" and major >= 9  # noqa: PLR2004  (as said)
    return ignores and "mode" in mappings.get("_source", {})
