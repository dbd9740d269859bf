"""Does the server take in place what the rules change in place, and refuse what they do not?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan import normalize
from esplan.diff import shown
from esplan.errors import OutcomeUnknown, ServerError
from esplan.model import Alias
from esplan.oracle.definition import applied, value_at
from esplan.oracle.model import Answer, reason_of
from esplan.oracle.throwaway import MARK, UNBLOCKED, refused
from esplan.request import index_path
from esplan.route import rules
from esplan.route.context import SHARDS
from esplan.route.rules import Route, json_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from esplan.diff import Comparison, Difference, Path
    from esplan.model import JSON, Body
    from esplan.oracle.model import Verdict
    from esplan.oracle.throwaway import Throwaways

    Send = Callable[[list[Difference]], str]
    """Sends some differences; the server's reason where it did not take all of them."""

TAKEN = ""
IGNORED = "it answers that all is well, and changes nothing"
LINKS = {Route.SPLIT: "split", Route.SHRINK: "shrink"}


@dataclass(frozen=True)
class Trial:
    """One throwaway made from the live definition, on which the differences are tried."""

    made: Throwaways
    index: str
    address: str
    live: Body
    behind_alias: bool

    def answer(self, one: Difference, how: str, rule: str, server: str, verdict: Verdict) -> Answer:
        """One answer about the way `how`."""
        question = f"does {how} take {json_path(one.path)}?"
        return Answer(self.address, question, rule, server, verdict)

    # What is sent

    def settings(self, differences: list[Difference]) -> str:
        """PUT _settings, and a look whether they are there."""
        body = {one.path[1]: one.after for one in differences}
        sent = self._change("PUT", "/_settings", body)
        return sent or self._looked(differences)

    def mapping(self, differences: list[Difference]) -> str:
        """PUT _mapping with the whole fields that are touched, and a look at them."""
        now = self.made.read(self.index).mappings
        wanted = applied(now, differences)
        gone = {one.path[1]: None for one in differences if len(one.path) == 2 and _removed(one)}  # noqa: PLR2004  (mappings.<parameter>)
        paths = [one.path for one in differences if one.path[1] not in gone]
        body = {**rules.in_place_mapping(paths, now, wanted), **gone}
        if body.get("_meta"):
            body["_meta"] = normalize.meta(body, MARK, protect=False)
        return self._change("PUT", "/_mapping", body) or self._looked(differences)

    def links(self, how: str) -> Send:
        """A clone, split or shrink with what differs on top."""

        def resized(differences: list[Difference]) -> str:
            settings = {one.path[1]: one.after for one in differences}
            target = self.made.new_name()
            self._change("PUT", "/_block/write")
            sent = self._change(
                "POST", f"/_{how}/{target}", {"settings": {**settings, **UNBLOCKED}}
            )
            self._change("PUT", "/_settings", UNBLOCKED)
            if sent:
                self.made.names.remove(target)
            return sent or self._looked(differences, target)

        return resized

    def opened(self) -> str:
        """Close/open is only good if it opens again."""
        return self._change("POST", "/_open")

    def closed(self) -> str:
        """Serves nobody; there is nobody."""
        return self._change("POST", "/_close")

    def _change(self, method: str, rest: str, body: JSON | None = None) -> str:
        try:
            self.made.cluster.change(method, index_path(self.index, rest), None, body)
        except ServerError as error:
            other = refused(error)
            if other is not error:
                raise other from None
            return reason_of(error)
        except OutcomeUnknown as error:  # a refusal, too: 8.16 answers some with a 500
            return reason_of(error)
        return TAKEN

    def _looked(self, differences: list[Difference], index: str = "") -> str:
        now = shown(self.made.read(index or self.index))
        there = all(value_at(now, one.path) == one.after for one in differences)
        return TAKEN if there else IGNORED


def _removed(one: Difference) -> bool:
    return one.after is None and one.path[1] not in ("properties", "runtime")


def answers(
    made: Throwaways, index: str, comparison: Comparison, differences: Iterable[Difference]
) -> Iterator[Answer]:
    """What the server does with each difference, by the way that its rule allows.

    Cheap ways first, as an apply goes them: a field may need the analyzer that is set before it.
    """
    if comparison.index is None:
        return
    behind = isinstance(comparison.desired, Alias)
    trial = Trial(made, index, str(comparison.address), comparison.index.body, behind)
    by_route: dict[Route, list[Difference]] = {}
    for one in _own(differences):
        by_route.setdefault(rules.reason(one, trial.live)[0], []).append(one)
    yield from _in_place(trial, by_route.get(Route.SETTINGS, []), trial.settings, "an open index")
    dear = by_route.get(Route.REINDEX, [])
    yield from _by_links(trial, by_route)
    yield from _closed(trial, by_route.get(Route.CLOSE, []), dear)
    yield from _in_place(trial, by_route.get(Route.MAPPING, []), trial.mapping, "the mapping")
    yield from _mapping_refused(trial, [one for one in dear if one.path[0] == "mappings"])


def _own(differences: Iterable[Difference]) -> list[Difference]:
    """Without what is part of another type: parameters of a field whose type changes, too."""
    given = list(differences)
    types = [one.path[:-1] for one in given if one.path[-1] == "type" and len(one.path) % 2 == 0]
    return [one for one in given if one.path[-1] == "type" or not _inside(one.path, types)]


def _inside(path: Path, fields: list[Path]) -> bool:
    return any(path[: len(field)] == field for field in fields)


def _outcomes(send: Send, differences: list[Difference]) -> list[tuple[Difference, str]]:
    """What became of each. All at once first, since one may need another."""
    together = send(differences) if differences else TAKEN
    if not together or len(differences) == 1:
        return [(one, together) for one in differences]
    return [(one, send([one])) for one in differences]


def _in_place(
    trial: Trial, differences: list[Difference], send: Send, how: str
) -> Iterator[Answer]:
    """The rule says that it is taken: the dangerous direction where it is not."""
    for one, problem in _outcomes(send, differences):
        verdict: Verdict = "disagrees" if problem else "agrees"
        yield trial.answer(one, how, "yes", f"no: {problem}" if problem else "yes", verdict)


def _by_links(trial: Trial, by_route: dict[Route, list[Difference]]) -> Iterator[Answer]:
    """A clone with what an open index does not take; another number of shards."""
    clone = trial.links("clone")
    static = by_route.get(Route.CLOSE, []) if trial.behind_alias else []
    clonable = [one for one in static if rules.is_clonable(json_path(one.path), one.after)]
    yield from _in_place(trial, clonable, clone, "a clone")
    for one in static:
        if one not in clonable:
            yield _refused(trial, one, clone([one]), "a clone")
    for route, how in LINKS.items():
        yield from _in_place(trial, by_route.get(route, []), trial.links(how), f"a {how}")
    for one in by_route.get(Route.REINDEX, []):
        if one.path[-1] == SHARDS:
            yield _refused(trial, one, trial.links("split")([one]), "a split")
            yield _refused(trial, one, trial.links("shrink")([one]), "a shrink")


def _closed(trial: Trial, static: list[Difference], dear: list[Difference]) -> Iterator[Answer]:
    """The open index refuses them all; the closed one takes the static ones."""
    fixed = [one for one in dear if one.path[0] == "settings"]
    if not static and not fixed:
        return
    refusals = [_refused(trial, one, trial.settings([one]), "an open index") for one in static]
    yield from refusals
    while_open = [(one, trial.settings([one])) for one in fixed]
    yield from (_refused(trial, one, problem, "an open index") for one, problem in while_open)
    if problem := trial.closed():
        yield from (
            trial.answer(one, "a closed index", "yes", f"it does not close: {problem}", "lacking")
            for one in static
        )
        return
    yield from _in_place(trial, static, trial.settings, "a closed index")
    for one, refusal in while_open:
        if refusal:
            yield _refused(trial, one, trial.settings([one]), "a closed index")
    if problem := trial.opened():
        for one in static:
            yield trial.answer(one, "the index that opens again", "yes", problem, "disagrees")


def _mapping_refused(trial: Trial, differences: list[Difference]) -> Iterator[Answer]:
    for one in differences:
        yield _refused(trial, one, trial.mapping([one]), "the mapping")


def _refused(trial: Trial, one: Difference, problem: str, how: str) -> Answer:
    """The rule says that it is not taken, or that documents that are there forbid it."""
    if problem:
        return trial.answer(one, how, "no", f"no: {problem}", "agrees")
    why = rules.for_documents(one, trial.live)
    if why:
        return trial.answer(one, how, f"no: {why}", "yes", "stricter")
    return trial.answer(one, how, "no", "yes", "disagrees")
