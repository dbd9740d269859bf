"""What is applied while others act: each with the indices that it is about."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import processes
from ledger import Ledger, Written
from world import PROPERTIES, REPLICAS, World, document

from esplan import planfile
from esplan.plan import GUARD, digest
from esplan.route.guard import guard_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger import Server

SMALL = 24
"""Documents: a history is about its moments, not about its copy."""

OLD, NEW = "20261119t060000z", "20261120t060000z"
Document = dict[str, Any]
Commands = tuple[tuple[str, ...], ...]
APPLY: Commands = (("apply", "PLAN", "--auto-approve"),)
LATER: Commands = ((*APPLY[0], "--through", "switch"), APPLY[0])


def _same(one: Document) -> Document:
    return one


@dataclass(frozen=True)
class Plot:
    """`parts` of the desired file. `becomes`: a document of the old index in the new one.

    `suffixes`: of the indices before and after. `letters`: one alias each. `keeps`: the old index
    is there at the end. `heir`: the new index has what the old one has. `copies`: a plan can be
    written for another world by changing its names. `remote`: the new index is filled from
    another cluster (`THERE`).
    """

    name: str
    parts: Document = field(default_factory=dict)
    shards: int = 1
    settings: Document = field(default_factory=dict)
    becomes: Callable[[Document], Document] = _same
    suffixes: tuple[str, str] = ("_green", "_blue")
    letters: tuple[str, ...] = ("",)
    line: Commands = APPLY
    keeps: bool = False
    heir: bool = True
    copies: bool = True
    anew: bool = True
    moves: bool = True
    pipeline: bool = False
    remote: bool = False
    plan: Callable[[Plot, World, list[Ledger]], None] | None = None

    def pairs(self, world: World) -> list[tuple[str, str, str]]:
        """Of each alias: its name, and the indices that it is on before and after."""
        names = [f"{world.name}{letter}" for letter in self.letters]
        old, new = self.suffixes
        return [(name, f"{name}{old}", f"{name}{new}") for name in names]

    def commands(self, world: World) -> Commands:
        return tuple(tuple(part.replace("NAME", world.name) for part in one) for one in self.line)

    def prepare(self, world: World, server: Server) -> list[Ledger]:
        """Indices, documents and a plan."""
        ledgers = [Ledger(server, alias, new) for alias, _, new in self.pairs(world)]
        if self.pipeline:
            server.must("PUT", f"/_ingest/pipeline/{world.name}-pipeline", {"processors": []})
        if self.plan:
            self.plan(self, world, ledgers)
            return ledgers
        for ledger, (_, old, _) in zip(ledgers, self.pairs(world), strict=True):
            fill(ledger, old, documents(), self.shards, **self.settings)
        self.desire(world)
        PLANS.write(self, world)
        return ledgers

    def desire(self, world: World) -> None:
        """Its desired file: `flight` becomes a keyword."""
        parts = json.loads(json.dumps(self.parts).replace("NAME", world.name))
        entries = {
            alias: {
                "index": {
                    "name": f"{alias}_{{color}}",
                    "colors": ["green", "blue"],
                    "settings": REPLICAS,
                    "mappings": {"properties": {"flight": {"type": "keyword"}}},
                },
                "finish": {} if self.keeps else {"delete_old": True},
                **parts,
            }
            for alias, _, _ in self.pairs(world)
        }
        file = world.folder / "desired.json"
        file.write_text(json.dumps({"version": 1, "aliases": entries}))


def documents(count: int = SMALL, first: int = 0) -> dict[str, Document]:
    return {str(number): document(number) for number in range(first, first + count)}


def fill(
    ledger: Ledger,
    index: str,
    made: dict[str, Document],
    shards: int = 1,
    *,
    served: bool = True,
    **settings: Any,
) -> None:
    """An index behind the alias, with these documents."""
    body = {
        "settings": {"number_of_shards": shards, **REPLICAS, **settings},
        "mappings": {"properties": PROPERTIES},
        "aliases": {ledger.alias: {}} if served else {},
    }
    ledger.server.must("PUT", f"/{index}", body)
    lines: list[Any] = []
    for key, source in made.items():
        lines += [{"index": {"_index": index, "_id": key}}, source]
    assert ledger.server.must("POST", "/_bulk?refresh=true", lines)["errors"] is False
    if served:
        ledger.seeded(made, index)


def esplan(world: World, *arguments: str) -> None:
    """Undisturbed; it must succeed."""
    done = processes.run(["0", "--url", world.url, *arguments], "faulty:main")
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"


def make_plan(world: World) -> None:
    esplan(world, "plan", "-d", str(world.folder / "desired.json"), "-o", str(world.plan))


@dataclass
class Plans:
    """A plan is made once a plot, and then written for other worlds: to make one takes a second."""

    made: dict[str, tuple[str, str, dict[str, str]]] = field(default_factory=dict)

    def write(self, plot: Plot, world: World) -> None:
        found = world.everything()
        uuids = {
            name.removeprefix(world.name): one["settings"]["index"]["uuid"]
            for name, one in found.items()
        }
        if not plot.copies or plot.name not in self.made:
            make_plan(world)
            self.made[plot.name] = (world.plan.read_text(), world.name, uuids)
            return
        text, name, before = self.made[plot.name]
        plan = json.loads(text)
        changed = [(plan["id"], token_hex(8))]
        for (_, _, was), (_, _, now) in zip(
            plot.pairs(World(world.cluster, "", name, world.folder)), plot.pairs(world), strict=True
        ):
            old, new = (guard_name("", one).removeprefix(GUARD) for one in (was, now))
            changed.append((old, new))
        changed += [(before[one], uuids[one]) for one in before]
        for old, new in (*changed, (name, world.name)):
            text = text.replace(old, new)
        plan = json.loads(text)
        plan["digest"] = digest({key: value for key, value in plan.items() if key != "digest"})
        world.plan.write_text(planfile.canonical(plan))


PLANS = Plans()


# Plans that are not made of a desired file alone


def _back(plot: Plot, world: World, ledgers: list[Ledger]) -> None:
    """The way back, after clients have written to the new index."""
    (ledger,), ((alias, new, old),) = ledgers, plot.pairs(world)
    fill(ledger, old, documents())
    plot.desire(world)
    make_plan(world)
    esplan(world, "apply", str(world.plan), "--auto-approve")
    ledger.made = ""  # it was there before, and nobody may take it away
    ledger.seeded(documents(), new)
    late = {"flight": 77, "at": "2013-03-03T05:00:00Z", "text": "since"}
    ledger.write(alias, [("index", "since", late), ("index", "7", late), ("delete", "8", None)])
    back = world.folder / "back.json"
    esplan(world, "rollback", str(world.plan), "-o", str(back))
    (world.folder / "plan.json.journal.jsonl").rename(world.folder / "applied.jsonl")
    back.rename(world.plan)


def _differing(plot: Plot, world: World, ledgers: list[Ledger]) -> None:
    """A served index that some documents differ in: it is made as the other one is."""
    (ledger,), ((_, served, model),) = ledgers, plot.pairs(world)
    fill(ledger, model, documents(), served=False)
    wrong = {**documents(SMALL - 3, 3), "extra": document(1), "9": document(99)}
    fill(ledger, served, wrong)
    ledger.made, ledger.model = "", documents()
    for key in {*wrong, *documents()}:
        ledger.may[key] = [Written(one.get(key), served) for one in (wrong, ledger.model)]


def _release(plot: Plot, world: World, ledgers: list[Ledger]) -> None:
    """The next run of a loader."""
    (ledger,), ((alias, old, new),) = ledgers, plot.pairs(world)
    fill(ledger, old, documents())
    fill(ledger, new, documents(SMALL, FIRST), served=False)
    runs = {"source": world.name, "index_base": f"{world.name}-base"}
    entry = {
        "index": {"name": "{index_base}-{run_id}"},
        "runs": runs,
        "finish": {"replicas": 0, "delete_old": True},
    }
    file = world.folder / "desired.json"
    file.write_text(json.dumps({"version": 1, "aliases": {alias: entry}}))
    PLANS.write(plot, world)


THERE: list[Server] = []
"""The other cluster, once it runs; `esplan.yaml` names it `old`."""


def _remote(plot: Plot, world: World, ledgers: list[Ledger]) -> None:
    """The alias is on an index here, which the documents do not come from."""
    (ledger,), ((_, old, _),) = ledgers, plot.pairs(world)
    fill(ledger, old, documents())
    fill(Ledger(THERE[0], ledger.alias, ""), old, documents(SMALL, FIRST))
    plot.desire(world)
    make_plan(world)


FIRST = 5
"""The first document of a run, or of another cluster."""

RENAMED: Document = {"rename": {"text": "words"}}
ADDED = {"script": {"source": "ctx._source.sum = 'f' + ctx._source.flight"}}
ANY = {
    "index": {
        "name": "NAME_{color}",
        "colors": ["green", "blue"],
        "settings": REPLICAS,
        "mappings": {"dynamic": "true", "properties": {"flight": {"type": "keyword"}}},
    }
}


def _renamed(one: Document) -> Document:
    rest = {name: value for name, value in one.items() if name != "text"}
    return {**rest, "words": one["text"]} if "text" in one else rest


def _added(one: Document) -> Document:
    return {**one, "sum": f"f{one['flight']}"}


PIPELINE = {"pipeline": "NAME-pipeline", "on_rejected": "skip"}
CATCH_UP: Document = {"writes": "catch-up"}
ASYNC = {"translog.durability": "async"}
BACK = ("_blue", "_green")
PLOTS = {
    one.name: one
    for one in (
        Plot("block"),
        Plot("block, kept", keeps=True),
        Plot("catch-up", {"migrate": CATCH_UP}),
        Plot("catch-up, two shards", {"migrate": CATCH_UP}, 2, ASYNC),
        Plot("rename", {"migrate": RENAMED}, becomes=_renamed),
        Plot("script, catch-up", {**ANY, "migrate": {**CATCH_UP, **ADDED}}, becomes=_added),
        Plot("pipeline", {"migrate": PIPELINE}, pipeline=True, copies=False),
        Plot("later", line=LATER),
        Plot("group", {"group": "g"}, letters=("-a", "-b")),
        Plot("back", suffixes=BACK, keeps=True, plan=_back, anew=False),
        Plot(
            "back, catch-up",
            {"migrate": CATCH_UP},
            suffixes=BACK,
            keeps=True,
            plan=_back,
            anew=False,
        ),
        Plot(
            "repair",
            line=(("verify", "NAME-model", "NAME", "--repair", "--auto-approve"),),
            suffixes=("-served", "-model"),
            keeps=True,
            plan=_differing,
            anew=False,
            moves=False,
        ),
        Plot(
            "remote",
            {"migrate": {"from": {"environment": "old"}}},
            heir=False,
            keeps=True,
            copies=False,
            remote=True,
            plan=_remote,
        ),
        Plot(
            "release",
            suffixes=(f"-base-{OLD}", f"-base-{NEW}"),
            heir=False,
            plan=_release,
        ),
    )
}
