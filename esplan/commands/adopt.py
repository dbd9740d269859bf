"""`esplan adopt`: live indices and aliases → desired files, or → a plan that adds an alias."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from esplan import adopt as adoption
from esplan import desired, diff, durable, live, planfile, route
from esplan.commands.plan import assembled
from esplan.desired.naming import name_problems, pattern_problems
from esplan.errors import EsplanError, InvalidInput, Refused, UsageError
from esplan.model import State
from esplan.plan import Change, Reason, digest
from esplan.route import rules
from esplan.route.rules import Route
from esplan.source import DESIRED_LIMIT, MIB
from esplan.steps import update_aliases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from esplan.adopt import Adoption
    from esplan.live import Reader
    from esplan.model import JSON, Index
    from esplan.plan import Plan

    Rendered = Mapping[str, str]
    """Texts of files by their paths in a folder."""

SHOWN = 10
"""Differences that a message lists."""


@dataclass(frozen=True)
class Files:
    """What was found, and the texts that say it, by their paths in a folder; they are proven."""

    found: Adoption
    texts: Rendered


@dataclass(frozen=True)
class Written:
    """How many files are new, and how many were there already, byte for byte."""

    new: int
    same: int


def adopt(
    cluster: Reader, patterns: Sequence[str], render: Callable[[Adoption], Rendered]
) -> Files:
    """Files for what is live, in two requests; `render` makes their texts.

    They are read back and compared with the same live state. Raises EsplanError when a pattern
    matches nothing, or when a plan of the files would change something, which is a defect.
    """
    now = datetime.now(UTC)
    state = live.read_state(cluster)
    found = adoption.adopt(state, now)
    if patterns:
        found = adoption.selected(found, patterns)
    if not found.objects:
        raise _nothing(found, patterns)
    texts = render(found)
    _check_sizes(texts)
    _prove(texts, state, now)
    return Files(found, texts)


def _nothing(found: Adoption, patterns: Sequence[str]) -> EsplanError:
    said = f" matches {', '.join(patterns)}" if patterns else ""
    return EsplanError(
        f"no index or alias{said}: there is nothing to adopt",
        code="ESP-1007",
        why="; ".join(f"{one.index} is left out: {one.why}" for one in found.left_out),
        remedy="`esplan sizing` without a pattern lists every index",
    )


def _check_sizes(texts: Rendered) -> None:
    """A desired file has a limit; a folder of them has none."""
    if len(texts) == 1 and any(len(one.encode()) > DESIRED_LIMIT for one in texts.values()):
        raise EsplanError(
            f"that is more than the {DESIRED_LIMIT // MIB} MiB that one desired file may hold",
            code="ESP-2404",
            remedy="write a file for each object with -o DIR, or give a pattern",
        )


# The promise


def _prove(texts: Rendered, state: State, now: datetime) -> None:
    """Raise EsplanError unless the files, as they will be read, ask for no change."""
    with TemporaryDirectory(prefix="esplan-") as folder:
        _write_all(texts, Path(folder))
        try:
            wanted = desired.read([Path(folder)]).state
        except InvalidInput as error:
            said = [str(one).removeprefix(f"{folder}/") for one in error.diagnostics]
            raise _defect(said) from None
    try:
        problems = list(_differences(wanted, state, now))
    except Refused as error:
        raise _defect([str(error)]) from None
    if problems:
        raise _defect(problems)


def _differences(wanted: State, state: State, now: datetime) -> list[str]:
    """The paths that a plan would change. Raises Refused where there is no plan."""
    aliases = {n: route.resolved(one, state, now) for n, one in wanted.aliases.items()}
    context = route.Context("", state, now.date())
    found = []
    for one in diff.compare(replace(wanted, aliases=aliases), state):
        change = route.route(one, context).change
        paths = [reason.path for reason in change.reasons]
        if change.action != "no-op":
            found.append(f"{change.address}: {', '.join(paths) or change.action}")
    return found


def _defect(problems: Sequence[str]) -> EsplanError:
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return EsplanError(
        "the files that were made do not say what is live, so they are not handed out",
        code="ESP-6003",
        why="; ".join(problems[:SHOWN]) + more,
        remedy="this is a defect of esplan: report it; a pattern leaves these objects out",
    )


# The folder


def write(texts: Rendered, folder: Path) -> Written:
    """Write the files that are not there yet. Raises Refused when one is there and differs."""
    try:
        there = {path: (folder / path).read_bytes() for path in texts if (folder / path).exists()}
        other = [path for path, content in there.items() if content != texts[path].encode()]
        if other:
            raise Refused(
                f"{folder} has other files of these names: {', '.join(sorted(other)[:SHOWN])}",
                code="ESP-4903",
                why="adopt overwrites nothing: somebody may have written them",
                remedy="move them away, choose another folder, or give a pattern",
            )
        _write_all({path: text for path, text in texts.items() if path not in there}, folder)
    except OSError as error:
        raise EsplanError(
            f"the files cannot be written to {folder}",
            code="ESP-6002",
            why=f"{error.strerror or error}: {error.filename or ''}",
            remedy="choose another folder",
        ) from None
    return Written(len(texts) - len(there), len(there))


def _write_all(texts: Rendered, folder: Path) -> None:
    for path, text in texts.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        durable.create(file, text.encode(), durable.SHARED)
    for made in {(folder / path).parent for path in texts}:
        durable.sync_folder(made)


# An alias for an index that has none


def wrap(cluster: Reader, alias: str, index: str) -> tuple[Plan, Adoption]:
    """The plan that puts a new alias on an index, and what is to be adopted once it is applied.

    Raises Refused when the name is taken, or when the index has aliases.
    """
    now, plan_id = datetime.now(UTC), secrets.token_hex(8)
    info = live.cluster_info(cluster)
    state = live.read_state(cluster)
    _check_wrap(alias, index, state)
    routed = _wrapped(alias, state.indices[index])
    asked = digest([alias, index])
    made = assembled(info, [routed], plan_id=plan_id, now=now, desired_digest=asked)
    one = replace(state.indices[index], aliases={alias: {}})
    after = {**state.indices, index: one}
    found = adoption.adopt(State(after, live.aliases(after)), now)
    return planfile.sealed(made), adoption.selected(found, [alias])


def _check_wrap(alias: str, index: str, state: State) -> None:
    problems = [*name_problems(alias, lower=False), *pattern_problems(f"{alias}_{{color}}", None)]
    if problems:
        raise UsageError(
            f"--alias {alias}: {problems[0]}", code="ESP-1003", remedy="choose another name"
        )
    if index not in state.indices:
        raise EsplanError(
            f"there is no index {index}",
            code="ESP-1007",
            remedy="--alias takes the whole name of one index; `esplan sizing` lists them",
        )
    if alias in state.indices or alias in state.aliases:
        on = state.aliases[alias].indices if alias in state.aliases else ()
        raise Refused(
            f"{alias} is taken: it is an {'alias' if on else 'index'}",
            code="ESP-4901",
            why=f"it is on {', '.join(on)}" if on else "",
            remedy="clients use the index by its own name, so the alias needs a new one",
        )
    if state.indices[index].aliases:
        raise Refused(
            f"{index} has aliases already: {', '.join(sorted(state.indices[index].aliases))}",
            code="ESP-4902",
            remedy=f"adopt it as it is: esplan adopt {index}",
        )


def _wrapped(alias: str, index: Index) -> route.Routed:
    """One fenced call: nothing is lost by it, and clients of the index's own name go on."""
    address = f"alias.{alias}"
    step = update_aliases.describe(
        address,
        f"put the new alias {alias} on {index.name}",
        [{"add": {"index": index.name, "alias": alias}}],
        {alias: {index.name: {}}},
        [{"remove": {"index": index.name, "alias": alias, "must_exist": True}}],
        (
            {"check": "index", "index": index.name, "uuid": index.uuid},
            {"check": "unaliased", "index": index.name},
            {"check": "absent", "name": alias},
        ),
    )
    rule = "an alias is added in one atomic call"
    reason = Reason("alias", None, alias, rule, rules.TITLES[Route.ALIAS])
    after: JSON = {"settings": {}, "mappings": {}, "options": {}}
    change = Change(
        address, "update", Route.ALIAS.title, index.name, index.name, (reason,), None, after
    )
    warning = (
        f"{address}: clients that use the name {index.name} do not follow the alias: "
        f"let them use {alias} before the index is replaced"
    )
    return route.Routed(change, (step,), (warning,))
