"""Two States and what is known of the past → drift: where live is not as the files say.

Differences that a plan would change, by the plan's own comparison and rules, and those that no
plan sees: an alias that was moved, blocks, guards and indices that were left.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, get_args

from esplan import diff, naming, route
from esplan.errors import Refused
from esplan.history import Past
from esplan.leftovers import leftovers
from esplan.model import Address, Alias, State
from esplan.plan import GUARD
from esplan.route import groups, rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from esplan.desired import Place
    from esplan.diff import Comparison
    from esplan.history import Apply, Move
    from esplan.leftovers import Leftover
    from esplan.model import Index

Kind = Literal[
    "missing", "several", "moved", "changed", "release", "refused", "blocked", "guard", "leftover"
]
KINDS: tuple[Kind, ...] = get_args(Kind)

BLOCKS = "index.blocks."


@dataclass(frozen=True)
class Since:
    """Drift is not older than `at` (ISO 8601), when `event` happened."""

    at: str
    event: str


@dataclass(frozen=True)
class Drift:
    """One place where live is not as the files say.

    `address` is the object of the files that it belongs to, `index` the concrete one that it is
    about, `path` a JSON path in it as in plans. `live` and `wanted` are None where there is
    nothing. `note`: what stands in the way. `since` is None where nobody knows.
    """

    kind: Kind
    address: str
    index: str | None
    path: str
    live: Any
    wanted: Any
    rule: str
    since: Since | None = None
    note: str = ""
    place: Place | None = None


@dataclass(frozen=True)
class Seen:
    """What is there, and what is known of it. `created`: ISO 8601 by index."""

    live: State
    created: Mapping[str, str]
    past: Past
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def drift(wanted: State, seen: Seen, places: Mapping[Address, Place]) -> tuple[Drift, ...]:
    """All drift of the wanted objects, by address, then in the order of `KINDS`."""
    aliases, found = _resolved(wanted, seen)
    refused = {one.address for one in found}
    context = route.Context("drift", seen.live, seen.now.date())
    comparisons = diff.compare(replace(wanted, aliases=aliases), seen.live)
    comparisons = [one for one in comparisons if str(one.address) not in refused]
    context = replace(context, leaving=groups.leaving(comparisons, context))
    for comparison in comparisons:
        found += _planned(comparison, context, seen)
    for alias in aliases.values():
        found += [*_moved(alias, seen), *_blocked(alias, seen)]
    found += [*_guards(aliases.values(), seen), *_left(wanted, seen)]
    where = {str(address): place for address, place in places.items()}
    found.sort(key=lambda one: (one.address, KINDS.index(one.kind), one.index or "", one.path))
    return tuple(replace(one, place=where.get(one.address)) for one in found)


def beside(wanted: State, state: State) -> tuple[Drift, ...]:
    """Drift that no plan takes away, as far as the state alone tells: without its since-when.

    An index that was left is one only where the file says that it is to be deleted.
    """
    seen = Seen(state, {}, Past())
    deleting = {n: one for n, one in wanted.aliases.items() if one.finish.delete_old}
    blocked = [one for alias in wanted.aliases.values() for one in _blocked(alias, seen)]
    left = _left(replace(wanted, aliases=deleting), seen)
    found = [*blocked, *_guards(wanted.aliases.values(), seen), *left]
    return tuple(sorted(found, key=lambda one: (one.address, KINDS.index(one.kind), one.path)))


def _created(index: str | None, seen: Seen) -> Since | None:
    at = seen.created.get(index or "")
    return Since(at, f"{index} was created") if at else None


def _ended(apply: Apply, what: str) -> Since:
    return Since(apply.last, f"the apply ended that had {what} (plan {apply.plan_id})")


# What a plan would change


def _resolved(wanted: State, seen: Seen) -> tuple[dict[str, Alias], list[Drift]]:
    """Every alias on a loader's runs with its run. One without cannot be as the files say."""
    aliases, found = dict(wanted.aliases), []
    for alias in wanted.aliases.values():
        try:
            aliases[alias.name] = route.resolved(alias, seen.live, seen.now)
        except Refused as refusal:
            found.append(_refused(f"alias.{alias.name}", _on(alias.name, seen), refusal))
    return aliases, found


def _refused(address: str, index: str | None, refusal: Refused) -> Drift:
    rule = "there is no safe way to what the files say"
    return Drift("refused", address, index, "index", index, None, rule, note=_note(refusal))


def _note(refusal: Refused) -> str:
    """One line."""
    return "a plan is refused: " + "; ".join(str(refusal).splitlines())


def _on(alias: str, seen: Seen) -> str | None:
    found = seen.live.aliases.get(alias)
    return ", ".join(found.indices) if found else None


def _planned(comparison: Comparison, context: route.Context, seen: Seen) -> Iterator[Drift]:
    """The plan's differences; its refusal, where it has one, is their note."""
    desired, address = comparison.desired, str(comparison.address)
    if isinstance(desired, Alias) and desired.runs and desired.runs.abort:
        return
    refusal = _refusal(comparison, context)
    found = [*_differing(comparison, seen)]
    if not found and refusal:
        found = [_refused(address, comparison.index.name if comparison.index else None, refusal)]
    yield from (replace(one, note=_note(refusal) if refusal else "") for one in found)


def _refusal(comparison: Comparison, context: route.Context) -> Refused | None:
    try:
        route.route(comparison, context)
    except Refused as refusal:
        return refusal
    return None


def _differing(comparison: Comparison, seen: Seen) -> Iterator[Drift]:
    desired, address = comparison.desired, str(comparison.address)
    on = seen.live.aliases[desired.name].indices if desired.name in seen.live.aliases else ()
    if isinstance(desired, Alias) and len(on) > 1:
        rule = "an alias is on exactly one index"
        yield Drift("several", address, None, "index", list(on), _last(desired, seen), rule)
        return
    if comparison.before is None:
        yield _missing(comparison, seen)
    if (begun := comparison.index) and begun.unfinished:
        rule = "a backfill has not brought these fields into every document"
        yield Drift(
            "changed", address, begun.name, "unfinished", list(begun.unfinished), None, rule
        )
    for one in comparison.differences:
        reason = rules.reason(one)[1]
        kind: Kind = "release" if one.path == ("index",) else "changed"
        index = comparison.index.name if comparison.index else None
        values = (reason.path, one.before, one.after, reason.rule)
        yield Drift(kind, address, index, *values, _created(index, seen))


def _missing(comparison: Comparison, seen: Seen) -> Drift:
    desired, address = comparison.desired, str(comparison.address)
    if not isinstance(desired, Alias):
        return Drift(
            "missing", address, None, "index", None, desired.name, "there is no such index"
        )
    was = _last(desired, seen)
    if was is None:
        pattern = desired.naming.pattern
        return Drift("missing", address, None, "index", None, pattern, "there is no such alias")
    since = _ended(seen.past.moves(desired.name)[0][0], f"put it on {was}")
    return Drift("missing", address, None, "index", None, was, "the alias is gone", since)


def _last(alias: Alias, seen: Seen) -> str | None:
    """Where the last apply has put it, if that is known."""
    moves = seen.past.moves(alias.name)
    return moves[0][1].put_on[0] if moves else None


# What no plan sees


def _moved(alias: Alias, seen: Seen) -> Iterator[Drift]:
    """On another index than the last apply has put it, and not on the run that the files want."""
    on = seen.live.aliases[alias.name].indices if alias.name in seen.live.aliases else ()
    was = _last(alias, seen)
    if was is None or len(on) != 1 or on in ((was,), alias.indices):
        return
    rule = "something else than esplan has moved the alias"
    note = "" if was in seen.live.indices else f"{was} is gone"
    since = _ended(seen.past.moves(alias.name)[0][0], f"put it on {was}")
    yield Drift("moved", f"alias.{alias.name}", on[0], "index", on[0], was, rule, since, note)


def _blocked(alias: Alias, seen: Seen) -> Iterator[Drift]:
    """A block on an index that the alias serves, of which the files do not speak."""
    found = seen.live.aliases.get(alias.name)
    for index in (seen.live.indices[name] for name in (found.indices if found else ())):
        for name, value in sorted(index.body.settings.items()):
            if name.startswith(BLOCKS) and value == "true" and name not in alias.body.settings:
                yield Drift(
                    "blocked",
                    f"alias.{alias.name}",
                    index.name,
                    f"settings.{name}",
                    value,
                    None,
                    "a block that the files do not have is on an index behind the alias",
                    _created(index.name, seen),
                    _unfinished(seen.past.unfinished(alias.name)),
                )


def _unfinished(apply: Apply | None) -> str:
    if apply is None:
        return ""
    return (
        f"the apply of plan {apply.plan_id} has not ended, and began at {apply.began}: apply the "
        "plan again, or take it back with --abandon"
    )


def _guards(aliases: Iterable[Alias], seen: Seen) -> Iterator[Drift]:
    """Made with the index that a plan fills, and removed by the switch."""
    for index in seen.live.indices.values():
        guards = [name for name in sorted(index.aliases) if name.startswith(GUARD)]
        owners = [alias.name for alias in aliases if _is_of(alias, index)] if guards else []
        for guard, owner in product(guards, owners):
            yield Drift(
                "guard",
                f"alias.{owner}",
                index.name,
                f"aliases.{guard}",
                index.aliases[guard],
                None,
                "an index that an apply has begun to fill, and has not switched to",
                _created(index.name, seen),
                _unfinished(seen.past.unfinished(owner)),
            )


def _is_of(alias: Alias, index: Index) -> bool:
    """By esplan's mark; a split or shrunken index has none, but the alias's own name pattern."""
    marked = index.mark.get("address")
    if marked or alias.runs:
        return marked == f"alias.{alias.name}"
    return naming.matches(alias.naming, index.name)


def _left(wanted: State, seen: Seen) -> Iterator[Drift]:
    """Indices that once served an alias, but for what `delete_old: false` keeps."""
    for one in leftovers(seen.live):
        alias = wanted.aliases.get(one.alias)
        if alias is None or one.index.name in wanted.indices or _is_kept(alias, one.index, seen):
            continue
        address, name = f"alias.{alias.name}", one.index.name
        rule = f"no alias is on it any more: {one.served_by} serves {alias.name}"
        since, note = _since_left(one, seen), _unfinished(seen.past.unfinished(alias.name))
        yield Drift("leftover", address, name, "index", name, None, rule, since, note)


def _since_left(one: Leftover, seen: Seen) -> Since | None:
    """When the last apply ended that took the alias off it, or had put it there."""
    index = one.index.name
    apply, move = _last_of(one.alias, index, seen)
    if apply is None or move is None:
        return _created(index, seen)
    left = index not in move.put_on
    return _ended(apply, f"moved the alias away from {index}" if left else f"put it on {index}")


def _last_of(alias: str, index: str, seen: Seen) -> tuple[Apply, Move] | tuple[None, None]:
    """The last apply that had to do with this index: this one, not one of the same name."""
    for apply, move in seen.past.moves(alias):
        if index in (*move.left, *move.put_on):
            is_it = seen.created.get(index, "") < apply.last
            return (apply, move) if is_it else (None, None)
    return None, None


def _is_kept(alias: Alias, index: Index, seen: Seen) -> bool:
    """The file says so: with `delete_old: false` the last switch leaves the old index.

    A loader's runs are the loader's then: esplan neither makes nor deletes any.
    """
    if alias.runs and not alias.finish.delete_old:
        return True
    moves = [move for _, move in seen.past.moves(alias.name) if move.left != move.put_on]
    if alias.finish.delete_old or not moves or index.name not in moves[0].left:
        return False
    return _last_of(alias.name, index.name, seen) != (None, None)
