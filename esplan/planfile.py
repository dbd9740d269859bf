"""Plan files: written for review, read with suspicion."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from esplan import durable
from esplan.errors import EsplanError, Refused
from esplan.plan import Change, Plan, Reason, Step, digest

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.model import JSON

FORMAT_VERSION = "1.0"
"""Readers accept a newer minor version and refuse a newer major one."""

LARGEST = 256 * 1024 * 1024
"""Bytes: a plan larger than this was not written by esplan."""


OPTIONAL = ("estimate", "needs", "oracle")
"""Left out where they are empty."""


def document(plan: Plan) -> JSON:
    """The plan as the file holds it: version, plan, summary.

    A view, not a copy: `asdict` would copy every definition once more.
    """
    changes = [_changed(one) for one in plan.changes]
    whole = {
        "format_version": FORMAT_VERSION,
        **_shallow(plan),
        "changes": changes,
        "steps": [*map(_shallow, plan.steps)],
        "summary": plan.summary,
    }
    return {name: value for name, value in whole.items() if value or name not in OPTIONAL}


def _changed(one: Change) -> JSON:
    whole = _shallow(one) | {"reasons": [*map(_shallow, one.reasons)]}
    return {name: value for name, value in whole.items() if value or name != "sample"}


def _shallow(one: Plan | Change | Reason | Step) -> JSON:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def sealed(plan: Plan) -> Plan:
    """The plan with its digest."""
    return replace(plan, digest=_digest(document(plan)))


def _digest(raw: JSON) -> str:
    """Over everything but itself: also what a newer minor version may have added."""
    return digest({name: value for name, value in raw.items() if name != "digest"})


def dumps(plan: Plan) -> str:
    """The text of the file."""
    return canonical(document(plan))


def canonical(raw: JSON) -> str:
    """The one text of a document: sorted, one value a line, so it is stable under `diff`.

    Raises ValueError for what no JSON can hold.
    """
    return json.dumps(raw, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write(plan: Plan, path: Path) -> None:
    """Write with mode 0600, whole or not at all; a link at `path` is replaced, not followed.

    What is no file (`/dev/null`, `/dev/stdout`, a pipe) is written to, and stays what it is.
    """
    try:
        if durable.is_stream(path):
            durable.write_to(path, dumps(plan).encode())
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            durable.write_whole(path, dumps(plan).encode())
    except (OSError, ValueError) as error:
        raise EsplanError(
            f"the plan cannot be written to {path}",
            code="ESP-2403",
            why=getattr(error, "strerror", None) or str(error),
            remedy="choose another file with -o",
        ) from None


def read(path: Path) -> Plan:
    """The plan in a file. Raises EsplanError (not a plan) and Refused (edited, or too new)."""
    return parse(path, content(path))


def parse(path: Path, found: bytes) -> Plan:
    """The same of bytes that were read already: they are those that `write` wrote, to the last.

    A newer minor version may know more keys; its bytes have the same form.
    """
    raw = _load(path, found)
    _check_version(path, raw)
    plan = _plan(path, raw)
    if plan.digest != _digest(raw):
        raise Refused(
            f"{path} was changed after it was written: its digest does not match",
            code="ESP-4001",
            remedy="make a new plan; a plan is reviewed and applied as it is, never edited",
        )
    if not _is_canonical(raw, found):
        raise _written_anew(path, found)
    return plan


def _is_canonical(raw: JSON, found: bytes) -> bool:
    try:
        return canonical(raw).encode() == found
    except (ValueError, RecursionError):  # half a surrogate pair, 1e999; too deep to be ours
        return False


def _written_anew(path: Path, found: bytes) -> Refused:
    return Refused(
        f"{path} is not as esplan wrote it: another program has written it anew",
        code="ESP-2405",
        why=_difference(found),
        remedy="take the file as esplan wrote it, or make a new plan; in a repository, "
        "`*.json -text` in .gitattributes keeps it as it is",
    )


def _difference(found: bytes) -> str:
    """What is not canonical, where that can be said in a line."""
    twice: list[str] = []

    def keys(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        twice.extend(name for at, name in enumerate(names) if name in names[:at])

    json.loads(found, object_pairs_hook=keys)
    if twice:
        return f'an object has the key "{twice[0]}" twice, and only one of them was hashed'
    return "its lines end in CR LF" if b"\r\n" in found else "its JSON has another form"


def content(path: Path) -> bytes:
    """The bytes of a plan file. A pipe or a device does not say how many it has."""
    try:
        with path.open("rb") as file:
            too_large = path.stat().st_size > LARGEST
            found = b"" if too_large else file.read(LARGEST + 1)
    except OSError as error:
        raise EsplanError(
            f"the plan {path} cannot be read",
            code="ESP-2401",
            why=error.strerror or str(error),
            remedy="write one with: esplan plan -d PATH -o FILE",
        ) from None
    if too_large or len(found) > LARGEST:
        raise no_plan(path, "it is far too large")
    return found


def _load(path: Path, found: bytes) -> JSON:
    try:
        raw = json.loads(found.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise no_plan(path, f"it is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise no_plan(path, "it is not a JSON object")
    return raw


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _check_version(path: Path, raw: JSON) -> None:
    version = raw.get("format_version")
    found = re.fullmatch(r"([0-9]{1,6})\.[0-9]{1,6}", version if isinstance(version, str) else "")
    if not found:
        raise no_plan(path, "it has no format_version")
    if int(found[1]) > int(FORMAT_VERSION.partition(".")[0]):
        raise Refused(
            f"{path} has format_version {version}, and this esplan reads {FORMAT_VERSION}",
            code="ESP-4002",
            remedy="apply it with the esplan that wrote it, or a newer one",
        )


def _plan(path: Path, raw: JSON) -> Plan:
    """Build the dataclasses, after the schema has checked every name and type."""
    from esplan import schema
    from esplan.source.node import Document, Node

    problems = schema.check(Document(str(path), Node(raw, (1, 1))), "plan")
    if problems:
        raise no_plan(path, f"{problems[0].path}: {problems[0].message}")
    names = Plan.__dataclass_fields__
    parts = {name: raw[name] for name in names if name in raw or name not in OPTIONAL}
    changes = tuple(_change(one) for one in raw["changes"])
    steps = tuple(_step(one) for one in raw["steps"])
    lists = {n: tuple(raw.get(n, ())) for n in ("drift", "warnings", "needs", "oracle")}
    return Plan(**{**parts, **lists, "changes": changes, "steps": steps})


def _change(raw: JSON) -> Change:
    parts = {name: raw[name] for name in Change.__dataclass_fields__ if name in raw}
    return Change(**{**parts, "reasons": tuple(_reason(one) for one in raw["reasons"])})


def _reason(raw: JSON) -> Reason:
    return Reason(**{name: raw[name] for name in Reason.__dataclass_fields__})


def _step(raw: JSON) -> Step:
    parts = {name: raw[name] for name in Step.__dataclass_fields__}
    return Step(**{**parts, "preconditions": tuple(raw["preconditions"])})


def no_plan(path: Path, why: str) -> EsplanError:
    """The error for a file that esplan did not write."""
    return EsplanError(
        f"{path} is not a plan file",
        code="ESP-2402",
        why=why,
        remedy="write one with: esplan plan -d PATH -o FILE",
    )
