"""One environment of esplan.yaml: where it is, what differs there, and what is allowed there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esplan import windows
from esplan.hooks import Hook
from esplan.windows import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from esplan.errors import Diagnostic
    from esplan.source import Document

EVERYTHING = "*"
"""The pattern of `protect: true`."""


@dataclass(frozen=True)
class Consent:
    """How somebody has to say yes. Empty or None where the environment does not say.

    `approve`: digest. `allow_delete`, `allow_discard`, `allow_many`: ask or never. `objects` and
    `percent`: what counts as many, where that is stricter than for all.
    """

    approve: str = ""
    allow_delete: str = ""
    allow_discard: str = ""
    allow_many: str = ""
    objects: int | None = None
    percent: int | None = None


@dataclass(frozen=True)
class Environment:
    """One environment of esplan.yaml. `variables` is None when none was chosen.

    `credentials`: the names of the variables that hold them; none where ESPLAN_* do. `protect`:
    patterns of addresses.
    """

    name: str = ""
    url: str = ""
    variables: Mapping[str, str] | None = None
    cluster_uuid: str = ""
    ca_certs: str = ""
    signers: Path | None = None
    cloud_id: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict)
    protect: tuple[str, ...] = ()
    consent: Consent = field(default_factory=Consent)
    schedule: Schedule = field(default_factory=Schedule)
    hooks: tuple[Hook, ...] = ()


def of(name: str, raw: Mapping[str, Any], path: Path) -> Environment:
    """What stands under a name in the file at `path`, in which nothing is wrong."""
    certs, signers = raw.get("ca_certs", ""), raw.get("signers", "")
    return Environment(
        name,
        raw.get("url", ""),
        {key: _text(value) for key, value in raw.get("vars", {}).items()},
        raw.get("cluster_uuid", ""),
        str(path.parent / certs) if certs else "",
        path.parent / signers if signers else None,
        raw.get("cloud_id", ""),
        raw.get("credentials", {}),
        _patterns(raw.get("protect", False)),
        _consent(raw.get("consent", {})),
        windows.schedule(raw),
        hooks(raw.get("hooks", ()), path),
    )


def _text(value: str | float) -> str:
    """A variable's value as it stands in a file: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _patterns(raw: bool | list[str]) -> tuple[str, ...]:  # noqa: FBT001  (as the file has it)
    if isinstance(raw, bool):
        return (EVERYTHING,) if raw else ()
    return tuple(raw)


def _consent(raw: Mapping[str, Any]) -> Consent:
    return Consent(**{name: value for name, value in raw.items() if name != "many"} | _many(raw))


def _many(raw: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = raw.get("many", {})
    return found


def hooks(raw: Any, path: Path) -> tuple[Hook, ...]:
    """A list of hooks in the file at `path`, whose folder is theirs."""
    folder = path.parent.absolute()
    return tuple(
        Hook(one["run"], folder, frozenset(one["on"]), float(one.get("timeout", Hook.timeout)))
        for one in raw
    )


def problems(document: Document) -> Iterator[Diagnostic]:
    """What no schema can see in the environments of a configuration file."""
    for name, raw in document.data.get("environments", {}).items():
        for path, message in windows.problems(raw):
            yield document.diagnostic(("environments", name, *path), message, code="ESP-2203")
