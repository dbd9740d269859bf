"""What clients, people and other applies do just before a request of an apply goes through."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gate import nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate import Moment, Story
    from ledger import Operation
    from proxy import Asked

WRITE = "index.blocks.write"


def _always(_moment: Moment) -> bool:
    return True


@dataclass(frozen=True)
class Act:
    """`fits`: at which moments it means something. `cure`: what ends its condition.

    `loose`: the person has moved the alias, or taken the new index: then each document must be
    somewhere, and need not be served. `takes`: an index with documents that the person destroys.
    `stays`: something of the person's is left, which a new plan may refuse. `kills`: esplan dies
    first, and the request is lost, or with `late` its answer. `then`: the command after that.
    `again`: that one is killed, too. `brings`: a field or setting of the source that the new index
    must have, too. `everywhere`: also before requests that are about esplan's own index alone.
    """

    name: str
    do: Callable[[Story], Any]
    fits: Callable[[Moment], bool] = _always
    cure: Callable[[Story], Any] | None = None
    loose: bool = False
    takes: str = ""
    stays: bool = False
    kills: bool = False
    late: bool = False
    again: bool = False
    everywhere: bool = False
    then: tuple[str, ...] = ()
    brings: str = ""
    pipeline: bool = False
    person: bool = True
    rarely: bool = False
    """It is the same at every moment: some of them are enough."""


def _document(number: int) -> dict[str, Any]:
    return {"flight": number, "at": "2013-02-03T05:00:00Z", "text": f"written {number}"}


BULK: list[Operation] = [
    ("index", "new-1", _document(9001)),
    ("index", "3", _document(9003)),
    ("delete", "4", None),
    ("index", "new-2", _document(9002)),
    ("delete", "5", None),
    ("index", "5", _document(9005)),
]
BULKS = (3, 9, 27)
"""Documents: some of these bulks end soon, and some late."""

HUGE = "lorem ipsum dolor " * 10_000


def _huge(first: int, count: int) -> list[Operation]:
    """New ones, and others in the place of what is there."""
    keys = [f"large-{first}-{n}" if n % 2 else str(first + n // 2) for n in range(count)]
    return [("index", key, {**_document(first), "text": HUGE}) for key in keys]


# Clients


def _client(*operations: Operation) -> Callable[[Story], None]:
    return lambda story: story.ledger.write(story.pair[0], operations or BULK)


def _slow(story: Story) -> Callable[[], None]:
    return story.ledger.slowly(story.pair[0], BULK)


def _large(story: Story) -> None:
    """The server has begun with them."""
    first = 0
    for count in BULKS:
        story.ledger.meanwhile(story.pair[0], _huge(first, count))
        first += count // 2 + 1
    ends = time.monotonic() + 0.5
    while time.monotonic() < ends:
        _, found = story.server.ask("GET", "/_tasks?actions=*data/write/bulk*")
        if found["nodes"]:
            return


def _to_old(story: Story) -> None:
    story.ledger.write(story.pair[1], BULK)


def _to_new(*operations: Operation) -> Callable[[Story], None]:
    """Of a group, that of this alias may not be there yet: nobody writes to it then."""

    def act(story: Story) -> None:
        if story.server.uuid(story.pair[2]):
            story.ledger.write(story.pair[2], operations)

    return act


# A person


def _set(story: Story, value: Any, index: str = "") -> None:
    story.server.ask("PUT", f"/{index or story.pair[1]}/_settings", {WRITE: value})


def _lift(story: Story) -> None:
    _set(story, None)


def _block(story: Story) -> None:
    _set(story, True)


def _block_over_large(story: Story) -> None:
    """A setting that is there, while the server still works on what came before it."""
    _large(story)
    _block(story)


def _actions(story: Story, *actions: tuple[str, str]) -> None:
    alias = story.pair[0]
    body = {"actions": [{verb: {"index": index, "alias": alias}} for verb, index in actions]}
    story.server.ask("POST", "/_aliases", body)


def _forth(story: Story) -> None:
    _, source, target = story.pair
    _actions(story, ("remove", source), ("add", target))


def _back(story: Story) -> None:
    _, source, target = story.pair
    _actions(story, ("remove", target), ("add", source))


def _both(story: Story) -> None:
    _, source, target = story.pair
    _actions(story, ("add", target), ("add", source))


def _as_it_was(story: Story) -> None:
    """The person takes it back: the alias is where it was."""
    alias = story.pair[0]
    was = [name for name, one in story.at_act.items() if alias in one["aliases"]]
    now = story.server.on(alias)
    gone = [("remove", name) for name in now if name not in was]
    _actions(story, *gone, *(("add", name) for name in was if story.server.uuid(name)))


def _delete(which: int) -> Callable[[Story], None]:
    def act(story: Story) -> None:
        story.server.ask("DELETE", f"/{story.pair[which]}")

    return act


def _anew(which: int) -> Callable[[Story], None]:
    """Deleted, and made again without a document, with its aliases."""

    def act(story: Story) -> None:
        name = story.pair[which]
        found = story.server.index(name)
        story.server.ask("DELETE", f"/{name}")
        mapped = {"properties": found.get("mappings", {}).get("properties", {})}
        aliases = {name: {} for name in found.get("aliases", {}) if name == story.pair[0]}
        one = {"index.number_of_replicas": 0}
        body = {"mappings": mapped, "aliases": aliases, "settings": one}
        story.server.ask("PUT", f"/{name}", body)

    return act


FIELD, SETTING = "by_hand", "max_result_window"


def _field(story: Story) -> None:
    body = {"properties": {FIELD: {"type": "keyword"}}}
    story.server.ask("PUT", f"/{story.pair[1]}/_mapping", body)


def _setting(story: Story) -> None:
    story.server.ask("PUT", f"/{story.pair[1]}/_settings", {f"index.{SETTING}": 12345})


def _no_pipeline(story: Story) -> None:
    story.server.ask("DELETE", f"/_ingest/pipeline/{story.world.name}-pipeline")


def _pipeline(story: Story) -> None:
    path = f"/_ingest/pipeline/{story.world.name}-pipeline"
    story.server.ask("PUT", path, {"processors": []})


# The rights of the user

WRITES = ("/_aliases", "/_reindex", "/_bulk", "_by_query")


def _no_writes(story: Story) -> None:
    """From this request on the cluster lets the user read only."""

    def is_denied(asked: Asked) -> bool:
        changes = asked.method == "PUT" or any(one in asked.path for one in WRITES)
        return changes or (asked.method == "DELETE" and "/_pit" not in asked.path)

    story.gate.is_denied = is_denied


def _no_rights(story: Story) -> None:
    story.gate.is_denied = lambda _asked: True


def _rights(story: Story) -> None:
    story.gate.is_denied = nothing


# Other applies


def _elsewhere(story: Story) -> None:
    """The same plan on another host, which has no journal."""
    folder = story.world.folder / "elsewhere"
    folder.mkdir()
    (folder / "plan.json").write_text(story.world.plan.read_text())
    _apart(story, folder / "plan.json")


def _another(story: Story) -> None:
    """A plan for something else."""
    file, plan = (story.world.folder / f"other-{one}.json" for one in ("desired", "plan"))
    index = {"name": f"{story.world.name}-other_{{color}}", "settings": {"number_of_replicas": 0}}
    file.write_text(
        json.dumps({"version": 1, "aliases": {f"{story.world.name}-other": {"index": index}}})
    )
    code = story.run(("plan", "-d", str(file), "-o", str(plan)), story.world.url)
    if code == 0:
        _apart(story, plan)


def _apart(story: Story, plan: Any) -> None:
    kept = story.process
    story.run(("apply", str(plan), "--auto-approve"), story.world.url)
    story.process = kept


def _nothing(_story: Story) -> None:
    """That is all."""


def _each(*parts: Callable[[Story], Any]) -> Callable[[Story], Any]:
    def act(story: Story) -> None:
        for part in parts:
            part(story)

    return act


# When


def _is_open(moment: Moment) -> bool:
    """Clients can write through the alias."""
    return moment.on == "target" or (moment.on == "source" and not moment.blocked)


def _is_blocked(moment: Moment) -> bool:
    return moment.blocked


def _is_copying(moment: Moment) -> bool:
    return moment.on == "source" and moment.target


def _has_both(moment: Moment) -> bool:
    return moment.source and moment.target


def _is_before(moment: Moment) -> bool:
    return moment.on == "source"


def _is_over(moment: Moment) -> bool:
    """The alias has moved, and the old index is there."""
    return moment.on == "target" and moment.source


def _is_behind(moment: Moment) -> bool:
    return moment.on == "target"


def _is_free(moment: Moment) -> bool:
    return moment.on == "source" and not moment.blocked


INSERT: Operation = ("index", "new-1", _document(9001))
UPDATE: Operation = ("index", "3", _document(9003))
DELETE: Operation = ("delete", "4", None)
ABANDON = ("apply", "PLAN", "--auto-approve", "--abandon")

CLIENTS = [
    Act("a client inserts", _client(INSERT), _is_open, person=False),
    Act("a client updates", _client(UPDATE), _is_open, person=False),
    Act("a client deletes", _client(DELETE), _is_open, person=False),
    Act("a client sends a bulk", _client(), person=False),
    Act("a bulk comes slowly", _slow, person=False),
    Act("a large bulk is at work", _large, _is_open, person=False),
    Act("a client writes to the old index", _to_old, _is_over, person=False),
    Act("a client inserts into the new index", _to_new(INSERT), _is_copying, person=False),
    Act("a client updates in the new index", _to_new(UPDATE), _is_copying, person=False),
]
LIFTED = _each(_lift, _client())
PEOPLE = [
    Act("the block is lifted", _lift, _is_blocked),
    Act("the block is lifted, a client writes", LIFTED, _is_blocked),
    Act("the block is lifted, a client writes, it is set", _each(LIFTED, _block), _is_blocked),
    Act("a block is set", _block, _is_free, cure=_lift, stays=True),
    Act("a block is set over a large bulk", _block_over_large, _is_free, cure=_lift, stays=True),
    Act(
        "the alias is moved to the new index",
        _forth,
        _is_copying,
        cure=_as_it_was,
        loose=True,
        stays=True,
    ),
    Act(
        "the block is lifted, a client writes, the alias is moved",
        _each(LIFTED, _forth),
        lambda one: one.blocked and one.on == "source" and one.target,
        cure=_as_it_was,
        loose=True,
        stays=True,
    ),
    Act("the alias is moved back", _back, _is_over, cure=_as_it_was, loose=True, stays=True),
    Act(
        "the alias is moved back, a client writes",
        _each(_lift, _back, _client()),
        _is_over,
        cure=_as_it_was,
        loose=True,
        stays=True,
    ),
    Act("the alias is put on both", _both, _has_both, cure=_as_it_was, loose=True),
    Act("the new index is deleted", _delete(2), _is_copying),
    Act("the new index is made anew", _anew(2), _is_copying, stays=True),
    Act("the served index is deleted", _delete(2), _is_over, loose=True, takes="target"),
    Act("the served index is made anew", _anew(2), _is_over, loose=True, takes="target"),
    Act("the old index is deleted", _delete(1), _is_before, takes="source", stays=True),
    Act("the old index is made anew", _anew(1), _is_before, takes="source", stays=True),
    Act("the left index is deleted", _delete(1), _is_over),
    Act("the left index is made anew", _anew(1), _is_over, stays=True),
    Act("a field is added", _field, _is_before, brings=FIELD),
    Act("a setting is changed", _setting, _is_before, brings=SETTING),
    Act("the pipeline is removed", _no_pipeline, cure=_pipeline, pipeline=True),
]
OTHERS = [
    Act("the same plan is applied elsewhere", _elsewhere, rarely=True, person=False),
    Act("another plan is applied", _another, rarely=True, person=False),
    Act("no right to write", _no_writes, cure=_rights, everywhere=True, person=False),
    Act("no right at all", _no_rights, cure=_rights, everywhere=True, person=False),
]
DEAD = Act("killed", _nothing, kills=True, person=False)
KILLS = [
    DEAD,
    replace(DEAD, name="killed after the request", late=True),
    replace(DEAD, name="killed twice", again=True),
    replace(DEAD, name="killed, then abandoned", then=ABANDON),
    replace(DEAD, name="killed, a client sends a bulk", do=_client(), fits=_is_open),
]


def _after_death(act: Act) -> Act:
    return replace(act, name=f"killed, {act.name}", kills=True)


THEN = {
    "the block is lifted, a client writes",
    "the block is lifted, a client writes, it is set",
    "the block is lifted, a client writes, the alias is moved",
    "the alias is moved to the new index",
    "the alias is moved back, a client writes",
    "the served index is made anew",
    "the new index is deleted",
    "the new index is made anew",
    "a client writes to the old index",
    "a field is added",
}
ACTS = [
    *CLIENTS,
    *PEOPLE,
    *OTHERS,
    *KILLS,
    *(_after_death(one) for one in (*CLIENTS, *PEOPLE) if one.name in THEN),
]
