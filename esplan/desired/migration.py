"""`migrate` and `verify` of a valid desired file as their part of the model."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from esplan import transform
from esplan.model import JSON, Migrate, Remote, Verify
from esplan.source import confined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LARGEST = 65_535
"""Bytes of a script: the server takes no more (`script.max_size_in_bytes`)."""

ELSEWHERE = (
    "the script says to which index a document goes (_index), and a copy fills the new one only"
)


SCRIPTS = ("script", "inverse")
"""What is a script, or the path of its file."""

SAME = "which documents are rejected must stay the same"

NEED = {
    "max_rejected": SAME,
    "on_rejected": SAME,
    "versions": "a document that clients delete and make anew would have a lower one",
}
"""Why these keys of `migrate` do not go with clients that write meanwhile."""


def migrate(raw: JSON, sources: dict[str, str]) -> Migrate:
    """`sources`: the texts of the scripts that there are."""
    slices = raw.get("slices", "auto")
    parts: dict[str, Any] = {
        **{name: value for name, value in raw.items() if name != "from"},
        "remote": Remote(**raw["from"]) if "from" in raw else None,
        # JSON Schema takes 2.0 for an integer; the server's URL parameter does not.
        "slices": slices if slices == "auto" else int(slices),
        **({"max_rejected": int(raw["max_rejected"])} if "max_rejected" in raw else {}),
        "sample": int(raw.get("sample", Migrate.sample)),
        "rename": tuple(raw.get("rename", {}).items()),
        "drop": tuple(raw.get("drop", ())),
        "script": None,
        "inverse": None,
    }
    for name, source in sources.items():
        parts[name] = {"source": source, "params": raw[name].get("params", {})}
    return Migrate(**parts)


def verify(raw: JSON) -> Verify:
    """How a copy is proven."""
    lists = {name: tuple(raw.get(name, ())) for name in ("ignore", "expect")}
    return Verify(**{**raw, **lists})


def problems(raw: JSON, sources: dict[str, str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a transform: the path below `migrate`, and the message."""
    for name, source in sources.items():
        if transform.writes_elsewhere(source):
            yield (name,), ELSEWHERE
        if transform.OWN in raw[name].get("params", {}):
            yield (name, "params", transform.OWN), f"`{transform.OWN}` is esplan's own parameter"
    renames, drops = raw.get("rename", {}), raw.get("drop", [])
    for old, new in renames.items():
        if old == new:
            yield ("rename", old), f'"{old}" has this name already'
    for new, times in Counter(renames.values()).items():
        if times > 1:
            yield ("rename",), f'{times} fields would become "{new}"'
    for at, path in enumerate(drops):
        if path in renames:
            yield ("drop", at), f'"{path}" is renamed, and gone when fields are dropped'


def read_script(file: Path, within: Sequence[Path]) -> tuple[str, str]:
    """The text of a script, and what is wrong: one of them is empty. Raises confined.Outside."""
    try:
        text = confined.read(file, within, LARGEST)
    except confined.NotPlain:
        return "", f"the script file {file} is not a plain file"
    except FileNotFoundError:
        return "", f"there is no script file {file}"
    except (OSError, ValueError) as error:
        return "", f"the script file {file} cannot be read: {getattr(error, 'strerror', error)}"
    if len(text) > LARGEST:
        return "", f"the script file {file} has more than {LARGEST:,} bytes"
    try:
        return text.decode("utf-8"), ""
    except UnicodeDecodeError:
        return "", f"the script file {file} is not UTF-8"


def of_a_block(migrate: JSON) -> list[str]:
    """The keys that do not go with `writes: catch-up`."""
    return sorted(
        key for key in NEED if key in migrate and (key, migrate[key]) != ("versions", "new")
    )
