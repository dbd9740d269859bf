"""The whole corpus through the oracle, on one server.

    python tests/live/corpus.py [URL]

Every recorded echo and every body comes back as it was sent; and each pair is asked about, as
`plan --oracle` would. Without a URL each engine of the sandbox is started and asked, one after the
other. Prints what does not agree, and a table, and exits with 1 where a rule is wrong.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodies import BODIES
from pairs import PAIRS

from esplan import diff, normalize
from esplan.model import Alias, Index, State
from esplan.oracle import Answer, ask
from esplan.oracle.throwaway import Throwaways

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pairs import Body, Pair

    from esplan.cluster import Cluster
    from esplan.diff import Comparison

ECHOES = Path(__file__).parents[1] / "cases" / "echoes.json"
VERDICTS = ("agrees", "stricter", "disagrees", "lacking")
LIVE = {"number_of_shards": "1", "number_of_replicas": "0"}
"""What a live index always says."""

ALONE = ("type join", "one: ")
"""How the groups are called whose pairs cannot be in one index."""


def bodies() -> list[Body]:
    """Every definition of the corpus, without aliases, which have no throwaways."""
    echoes = json.loads(ECHOES.read_text(encoding="utf-8"))
    given = [one["sent"] for one in echoes] + BODIES
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
    live = State({"i": index}, {"corpus": Alias("corpus", {}, ("i",), before)})
    return diff.compare(State(aliases={"corpus": Alias("corpus", body=after)}), live)[0]


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
    """Answers about a group; what the server lacks is found by halves."""
    found = ask(made, comparison(group), everything=True)
    lacks = any(one.verdict == "lacking" for one in found)
    if lacks and len(group) > 1:
        middle = len(group) // 2
        yield from about_pairs(made, group[:middle])
        yield from about_pairs(made, group[middle:])
        return
    for one in found:
        yield one if one.verdict != "lacking" else _named(one, group[0])


def _named(answer: Answer, pair: Pair) -> Answer:
    """What it is that the server lacks."""
    said = json.dumps([pair[1], pair[2]])[:200]
    return Answer(pair[0], said, answer.rule, answer.server, answer.verdict)


def about_bodies(made: Throwaways) -> Iterator[Answer]:
    """Whether each definition is returned as it was sent."""
    for one in bodies():
        new = Alias("corpus", body=canonical(one))
        compared = diff.compare(State(aliases={"corpus": new}), State())[0]
        for answer in ask(made, compared, everything=True):
            yield _named(answer, ("body", one, {})) if answer.verdict != "agrees" else answer


def ask_everything(cluster: Cluster) -> Iterator[Answer]:
    """Every answer about the corpus, as it comes."""
    with Throwaways(cluster) as made:
        made.sweep()
        yield from about_bodies(made)
        for group in grouped(PAIRS):
            yield from about_pairs(made, group)


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
    from esplan.cluster import Cluster, Connection

    with Cluster(Connection(url), patience=60) as cluster:
        return report(ask_everything(cluster))


def of_every_engine() -> Iterator[tuple[str, Counter[str]]]:
    """Each engine's answers. A sandbox that ran before runs again afterwards."""
    from esplan.commands import sandbox
    from esplan.sandbox.engines import ENGINES

    before = sandbox.status().sandbox
    if before:
        sandbox.stop(purge=False)
    for name in ENGINES:
        print(f"{name}", flush=True)  # noqa: T201  (a script)
        url = sandbox.start(name, lambda _text, _part: None).url
        try:
            yield name, asked(url)
        finally:
            sandbox.stop(purge=False)
    if before:
        sandbox.start(before.engine, lambda _text, _part: None)


def main(urls: list[str]) -> int:
    """1 where a rule is wrong on any server."""
    found = [(url, asked(url)) for url in urls] or list(of_every_engine())
    print(f"\n{'':28}" + "".join(f"{name:>12}" for name in VERDICTS))  # noqa: T201  (a script)
    for name, counts in found:
        print(f"{name:28}" + "".join(f"{counts[one]:12}" for one in VERDICTS))  # noqa: T201  (a script)
    return 1 if any(counts["disagrees"] for _, counts in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
