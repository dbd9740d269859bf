"""The whole corpus through the oracle: make oracle.

    python tests/live/corpus.py [URL | ENGINE]...

Every recorded echo, every body and every definition comes back as it was sent; and each pair is
asked about, as `plan --oracle` would. Without arguments each engine of the sandbox is started and
asked, one after the other, in a cache folder of its own, so that a sandbox that somebody runs is
left alone. Prints what does not agree, and a table, and exits with 1 where a rule is wrong, or an
engine does not start.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engine as tested
from bodies import BODIES
from definitions import DEFINITIONS
from pairs import PAIRS

from esplan import diff, live, normalize
from esplan.errors import EsplanError
from esplan.model import Alias, Index, State
from esplan.oracle import Answer, ask
from esplan.oracle.throwaway import Throwaways
from esplan.route import ignored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pairs import Body, Pair

    from esplan.cluster import Cluster
    from esplan.diff import Comparison
    from esplan.live import ClusterInfo

ECHOES = Path(__file__).parents[1] / "cases" / "echoes.json"
VERDICTS = ("agrees", "stricter", "disagrees", "lacking")
LIVE = {"number_of_shards": "1", "number_of_replicas": "0"}
"""What a live index always says."""

OLDER = ("elasticsearch 7", "opensearch 2")
BY_VERSION = "its default: a plan knows which version made an index, a pair does not"
OTHERWISE = (
    (OLDER, ("apart_", ".locale"), BY_VERSION),
    (("opensearch 2",), ("apart_", ".format"), BY_VERSION),
    (("opensearch 2",), ("geo_point_index_", ".index"), BY_VERSION),
)
"""Engines, what their answers say of definitions that they read otherwise than 8.16, and why."""

ALONE = ("type join", "one: ")
"""How the groups are called whose pairs cannot be in one index."""


def bodies() -> list[Body]:
    """Every definition of the corpus, without aliases, which have no throwaways."""
    echoes = json.loads(ECHOES.read_text(encoding="utf-8"))
    given = [one["sent"] for one in echoes] + BODIES + list(DEFINITIONS.values())
    kept = [{n: v for n, v in one.items() if n in ("settings", "mappings")} for one in given]
    return list({json.dumps(one, sort_keys=True): one for one in kept}.values())


def grouped(pairs: Iterable[Pair]) -> list[list[Pair]]:
    """Pairs that can be asked about together."""
    groups: dict[str, list[Pair]] = {}
    for number, pair in enumerate(pairs):
        name = str(number) if pair[0].startswith(ALONE) else pair[0]
        groups.setdefault(name, []).append(pair)
    return list(groups.values())


def comparison(group: list[Pair]) -> Comparison:
    """What a plan would compare, behind an alias."""
    exact = group[0][0].startswith(("root", "one: removed"))
    before = canonical(_merged({"settings": LIVE}, *(pair[1] for pair in group)))
    after = canonical(_merged(*(pair[2] for pair in group)), exact=exact)
    index = Index("i", before, {"corpus": {}})
    there = State({"i": index}, {"corpus": Alias("corpus", {}, ("i",), before)})
    return diff.compare(State(aliases={"corpus": Alias("corpus", body=after)}), there)[0]


def canonical(body: Body, *, exact: bool = False) -> Any:
    return normalize.body(body.get("settings", {}), body.get("mappings", {}), exact=exact)


def _merged(*parts: Body) -> Body:
    settings: Body = {}
    mappings: Body = {}
    properties: Body = {}
    for one in parts:
        settings |= one.get("settings", {})
        mappings |= one.get("mappings", {})
        properties |= one.get("mappings", {}).get("properties", {})
    return {"settings": settings, "mappings": {**mappings, "properties": properties}}


def about_pairs(made: Throwaways, group: list[Pair]) -> Iterator[Answer]:
    """Answers about a group; what the server lacks is found by halves.

    What it would ignore is not asked: plans refuse it.
    """
    info = live.cluster_info(made.cluster)
    refused = {at: parts for at, pair in enumerate(group) if (parts := ignored_parts(info, pair))}
    for at, parts in refused.items():
        yield _named(Answer("", "", "refused", parts, "lacking"), group[at])
    if len(refused) < len(group):
        yield from _about_taken(made, [p for at, p in enumerate(group) if at not in refused])


def ignored_parts(info: ClusterInfo, pair: Pair) -> str:
    """What a server takes and ignores of the definitions of a pair; empty for nothing."""
    both = (canonical(one).mappings for one in pair[1:])
    return ", ".join(part.part for one in both for part in ignored.lost(one, info))


def _about_taken(made: Throwaways, group: list[Pair]) -> Iterator[Answer]:
    found = ask(made, comparison(group), everything=True)
    lacks = any(one.verdict == "lacking" for one in found)
    if lacks and len(group) > 1 and not _without_type(found, group):
        middle = len(group) // 2
        yield from _about_taken(made, group[:middle])
        yield from _about_taken(made, group[middle:])
        return
    for one in found:
        yield one if one.verdict != "lacking" else _named(one, group[0])


def _without_type(found: list[Answer], group: list[Pair]) -> bool:
    """Whether the server does not know the type of the group: then it lacks every pair."""
    _, _, kind = group[0][0].partition("type ")
    return bool(kind) and f"No handler for type [{kind}]" in found[0].server


def _named(answer: Answer, pair: Pair) -> Answer:
    """What it is that the server lacks."""
    said = json.dumps([pair[1], pair[2]])[:200]
    return Answer(pair[0], said, answer.rule, answer.server, answer.verdict)


def about_bodies(made: Throwaways) -> Iterator[Answer]:
    """Whether each definition is returned as it was sent."""
    info = live.cluster_info(made.cluster)
    for one in bodies():
        if parts := ignored_parts(info, ("body", one, {})):
            yield _named(Answer("", "", "refused", parts, "lacking"), ("body", one, {}))
            continue
        new = Alias("corpus", body=canonical(one))
        compared = diff.compare(State(aliases={"corpus": new}), State())[0]
        for answer in ask(made, compared, everything=True):
            yield answer if answer.verdict == "agrees" else _named(answer, ("body", one, {}))


def known(answer: Answer, engine: str) -> Answer:
    """An answer of which it is known that this engine reads the definition otherwise."""
    whole = f"{answer.question} {answer.server}"
    for engines, parts, why in OTHERWISE:
        fits = engine in engines and all(part in whole for part in parts)
        if answer.verdict == "disagrees" and fits:
            return replace(answer, server=f"{why} ({answer.server})", verdict="lacking")
    return answer


def ask_everything(cluster: Cluster) -> Iterator[Answer]:
    """Every answer about the corpus, as it comes."""
    engine = tested.of(cluster).name
    with Throwaways(cluster) as made:
        made.sweep()
        for one in about_bodies(made):
            yield known(one, engine)
        for group in grouped(PAIRS):
            yield from (known(one, engine) for one in about_pairs(made, group))


def report(found: Iterable[Answer]) -> Counter[str]:
    """A line for each answer that does not agree; how many there are of each."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.verdict] += 1
        if one.verdict != "agrees":
            said = f"{one.address}: {one.question} rule: {one.rule}; server: {one.server}"
            print(f"{one.verdict:>9}  {said}", flush=True)  # noqa: T201  (a script)
    return counts


def asked(url: str) -> Counter[str]:
    """Everything, of the server at this URL."""
    from esplan.cluster import Cluster
    from esplan.connection import Connection

    with Cluster(Connection(url), patience=60) as cluster:
        return report(ask_everything(cluster))


def of_engine(name: str) -> Counter[str]:
    """Everything, of a server that is started for it and stopped again."""
    from esplan.commands import sandbox
    from esplan.sandbox.cache import cache_folder

    usual = cache_folder()
    os.environ["ESPLAN_CACHE_DIR"] = str(usual / "matrix" / name)
    try:
        return asked(sandbox.start(name, lambda _text, _part: None).url)
    except EsplanError as error:
        print(f"{name}: {error}", flush=True)  # noqa: T201  (a script)
        return Counter(FAILED=1)
    finally:
        sandbox.stop(purge=False)
        os.environ["ESPLAN_CACHE_DIR"] = str(usual)


def main(chosen: list[str]) -> int:
    """1 where a rule is wrong on any server, or a server did not start or answer."""
    from esplan.sandbox.engines import ENGINES

    found = {}
    for one in chosen or ENGINES:
        print(f"== {one}", flush=True)  # noqa: T201  (a script)
        found[one] = asked(one) if "://" in one else of_engine(one)
    print(f"\n{'':28}" + "".join(f"{name:>12}" for name in VERDICTS))  # noqa: T201  (a script)
    for name, counts in found.items():
        print(f"{name:28}" + "".join(f"{counts[one]:12}" for one in VERDICTS))  # noqa: T201  (a script)
    return 1 if any(one["disagrees"] or one["FAILED"] for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
