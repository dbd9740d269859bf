"""The whole definition of an index that a plan replaces: what has changed since, what was added.

A replacement is a promise about all of it, not only about what the files name. A plan keeps the
definition that it was made from (`kept`). What was added to the mapping since then goes over to the
new index; anything else that differs makes the plan stale.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from esplan.diff import FIELD_MAPS, Difference, Path
from esplan.plan import GUARD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esplan.model import JSON, Body, Index
    from esplan.plan import Plan

WHOLE = "whole"
"""The argument of the step that makes (or reserves) the target."""

NO_DEFINITION = ("index.blocks.",)
"""Settings that are a condition and not a definition: blocks come and go."""

TEMPLATES = "dynamic_templates"
SHOWN, LONGEST = 10, 200
"""Differences, and characters of a value, in a message."""


def kept(source: Index, target: str, *, exact: bool = False) -> JSON:
    """The argument: the definition of `source` as the plan saw it. `target` gets what is added.

    `exact`: the target has what the file says and nothing else, so nothing is carried over.
    """
    body = source.body
    parts = {"settings": body.settings, "mappings": body.mappings}
    on = sorted(source.aliases)
    return {WHOLE: {"index": source.name, "target": target, "exact": exact, "aliases": on, **parts}}


def of(plan: Plan, address: str) -> JSON | None:
    """What a plan has kept for an object; None where it replaces nothing."""
    own = (step.arguments for step in plan.steps if step.address == address)
    return next((given[WHOLE] for given in own if WHOLE in given), None)


def changed(base: JSON, live: Body) -> list[str]:
    """What is not as the plan saw it and was not merely added, each with both values."""
    found = [*_settings(base["settings"], live.settings)]
    found += _node(base["mappings"], live.mappings, ("mappings",), exact=base["exact"])
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [*map(said, found[:SHOWN]), *more]


def stale(base: JSON, live: Index) -> str:
    """What makes the plan stale, in words; empty where nothing does."""
    found = [*changed(base, live.body), *aliased(base, live)]
    return f"{live.name} was changed since the plan was made: {'; '.join(found)}" if found else ""


def aliased(base: JSON, live: Index) -> list[str]:
    """Aliases that were put on since the plan: a switch would part them from the one it moves.

    Those of esplan itself are no matter. A plan of an older esplan knows of none.
    """
    own = {alias for alias in live.aliases if alias.startswith(GUARD)}
    since = live.aliases.keys() - own - set(base.get("aliases", live.aliases))
    return [f"it has the alias {alias} since" for alias in sorted(since)]


def said(one: Difference) -> str:
    """One difference in words."""
    return f"{'.'.join(one.path)} was {shown(one.before)} and is {shown(one.after)}"


def shown(value: Any) -> str:
    """A value in a message, shortened."""
    text = "not set" if value is None else json.dumps(value, sort_keys=True)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _settings(base: JSON, live: JSON) -> Iterator[Difference]:
    for name in sorted({*base, *live}):
        if base.get(name) != live.get(name) and not name.startswith(NO_DEFINITION):
            yield Difference(("settings", name), base.get(name), live.get(name))


def _node(base: JSON, live: JSON, path: Path, *, exact: bool) -> Iterator[Difference]:
    """The root or a field: its parameters, and the fields in its maps."""
    before, after = parameters(base), parameters(live)
    for name in sorted({*before, *after}):
        values = before.get(name), after.get(name)
        longer = name == TEMPLATES and not exact and is_longer(*values)
        if values[0] != values[1] and not longer:
            yield Difference((*path, name), *values)
    for name in FIELD_MAPS:
        yield from _fields(base.get(name, {}), live.get(name, {}), (*path, name), exact=exact)


def _fields(base: JSON, live: JSON, path: Path, *, exact: bool) -> Iterator[Difference]:
    for name in sorted({*base, *live}):
        if name in base and name in live:
            yield from _node(base[name], live[name], (*path, name), exact=exact)
        elif name in base or exact:
            yield Difference((*path, name), base.get(name), live.get(name))


def parameters(node: JSON) -> JSON:
    """Of a field, or of the root; an object says its type only as long as it has no fields."""
    return {
        name: value
        for name, value in node.items()
        if name not in FIELD_MAPS and (name, value) != ("type", "object")
    }


def is_longer(before: Any, after: Any) -> bool:
    """Whether a list has all that it had, in that order, and more."""
    rest = iter(after or ())
    return all(one in rest for one in before or ())


# What goes over


class Addition:
    """What was added to the live mapping since the plan, held against the target's.

    `body`: the update that the target lacks; {} where it has everything. `paths`: the same as
    names. `wrong`: what the target has otherwise than live (before: live, after: target).
    """

    def __init__(self, base: JSON, live: JSON, target: JSON, declared: JSON) -> None:
        """`base` as `kept` has it; the others are canonical mappings, `declared` the file's."""
        self.paths: list[str] = []
        self.wrong: list[Difference] = []
        self.body: JSON = {}
        if base["exact"]:
            return
        path = ("mappings",)
        self.body = self._maps(base["mappings"], live, target, declared, path)
        self._templates(base["mappings"], live, target, declared)
        if "properties" in self.body and "subobjects" in target:
            self.body["subobjects"] = target["subobjects"]  # else the names of this would unfold

    def _templates(self, base: JSON, live: JSON, target: JSON, declared: JSON) -> None:
        """`base` as `kept` has it; the others are canonical mappings, `declared` the file's."""
        before, now = base.get(TEMPLATES), live.get(TEMPLATES)
        if TEMPLATES in declared or before == now or target.get(TEMPLATES) == now:
            return
        self.body[TEMPLATES] = now
        self.paths.append(TEMPLATES)

    def _maps(self, base: JSON, live: JSON, target: JSON, declared: JSON, path: Path) -> JSON:
        """What is to be sent for the fields in the maps of one node."""
        sent = {}
        for name in FIELD_MAPS:
            was, now, there, file = (one.get(name, {}) for one in (base, live, target, declared))
            if found := self._lacking(was, now, there, file, (*path, name)):
                sent[name] = found
        return sent

    def _lacking(self, base: JSON, live: JSON, target: JSON, declared: JSON, path: Path) -> JSON:
        sent: JSON = {}
        for name, field in live.items():
            there, place = target.get(name), (*path, name)
            is_old = name in base or name in declared
            if there is None:
                if not is_old:
                    sent[name] = field
                    self.paths.append(".".join(place[2::2]))
                continue
            if not self._is_same(field, there, place, is_old=is_old):
                continue
            inner = (base.get(name, {}), field, there, declared.get(name, {}))
            if maps := self._maps(*inner, place):
                sent[name] = {**{n: v for n, v in there.items() if n not in FIELD_MAPS}, **maps}
        return sent

    def _is_same(self, live: JSON, there: JSON, path: Path, *, is_old: bool) -> bool:
        """Whether its inner fields can be the target's. One that the plan knew may differ."""
        if is_old:
            return bool(live.get("type", "object") == there.get("type", "object"))
        before, after = parameters(live), parameters(there)
        names = sorted(n for n in {*before, *after} if before.get(n) != after.get(n))
        self.wrong += [Difference((*path, n), before.get(n), after.get(n)) for n in names]
        return not names


def pruned(mappings: JSON, known: JSON) -> JSON:
    """A mapping without the fields that `known` does not have: these count as added since."""
    return {
        name: _pruned(value, known.get(name, {})) if name in FIELD_MAPS else value
        for name, value in mappings.items()
    }


def _pruned(fields: JSON, known: JSON) -> JSON:
    return {name: pruned(field, known[name]) for name, field in fields.items() if name in known}


def listed(names: Iterable[str]) -> str:
    """The first ten, and how many there are beside."""
    every = list(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more
