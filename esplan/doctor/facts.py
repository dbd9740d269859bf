"""What the checks look at: plain data, read once by `sources.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from esplan import model, normalize
from esplan.plan import FENCE, GUARD
from esplan.request import index_path

if TYPE_CHECKING:
    from esplan.holder import Holder
    from esplan.model import JSON
    from esplan.state_index import Unfinished

DAY = 86_400_000
"""Milliseconds."""

OWN_ALIASES = (GUARD, FENCE.format(token=""))
"""Aliases that esplan puts on indices for itself: no client reads through them."""


@dataclass(frozen=True)
class Unreadable:
    """Why a fact is not there.

    `absent`: the server has no such API. `forbidden`: a privilege is missing. `blocked`: an index
    has a block. `failed`: the server should have answered, and did not.
    """

    kind: Literal["absent", "forbidden", "blocked", "failed"]
    why: str


@dataclass(frozen=True)
class Health:
    """`GET /_cluster/health`: the colour, and numbers of nodes and shards."""

    status: str
    data_nodes: int
    unassigned: int = 0
    initializing: int = 0


@dataclass(frozen=True)
class Index:
    """One index. `settings` is flat, as returned: values are strings or lists."""

    name: str
    settings: JSON = field(default_factory=dict)
    mappings: JSON = field(default_factory=dict)
    aliases: dict[str, JSON] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The index in a URL."""
        return index_path(self.name)

    @property
    def mark(self) -> JSON:
        """What esplan wrote into `_meta`: `{address, plan}`; {} for an index it did not make."""
        found = normalize.mark(self.mappings)
        return found if "address" in found else {}

    @property
    def alias(self) -> str:
        """The alias that esplan made this index for; empty where it made none."""
        kind, _, name = str(self.mark.get("address", "")).partition(".")
        return name if kind == "alias" else ""

    @property
    def served(self) -> list[str]:
        """The aliases that clients use."""
        return sorted(name for name in self.aliases if not name.startswith(OWN_ALIASES))

    @property
    def created(self) -> int:
        """Milliseconds since 1970; 0 where the server does not say."""
        return int(self.settings.get("index.creation_date") or 0)

    @property
    def is_open(self) -> bool:
        """False for a closed index."""
        return not self.is_set("index.verified_before_close")

    def is_set(self, setting: str) -> bool:
        """Whether a boolean setting is true."""
        return str(self.settings.get(setting, "")).lower() == "true"


@dataclass(frozen=True)
class Shard:
    """One copy of a shard. `size` in bytes; None where it is on no node. `reason`: unassigned."""

    index: str
    number: int
    primary: bool
    state: str
    size: int | None = None
    node: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Explanation:
    """Why shards are on no node: `count` alike, one of them asked about.

    `deciders` are `(name, the server's words)` of the first node that refused it.
    """

    index: str
    shard: int
    primary: bool
    reason: str
    count: int
    indices: tuple[str, ...]
    summary: str = ""
    deciders: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Breaker:
    """A circuit breaker; sizes in bytes. `tripped` counts since the node started."""

    name: str
    limit: int
    estimated: int
    tripped: int


@dataclass(frozen=True)
class Pool:
    """A thread pool. `rejected` counts since the node started, `queue` is now."""

    name: str
    queue: int
    rejected: int


@dataclass(frozen=True)
class Node:
    """One node. Sizes in bytes, `timestamp` and `uptime` in milliseconds."""

    name: str
    roles: tuple[str, ...] = ()
    timestamp: int = 0
    uptime: int = 0
    heap: int = 0
    old: int = 0
    disk: int = 0
    free: int = 0
    breakers: tuple[Breaker, ...] = ()
    pools: tuple[Pool, ...] = ()

    @property
    def holds_data(self) -> bool:
        """Any of the data roles."""
        return any(role.startswith("data") for role in self.roles)

    @property
    def is_voter(self) -> bool:
        """It can be elected master, or votes for one."""
        return "master" in self.roles


@dataclass(frozen=True)
class Task:
    """A task that runs: `done` of `total` documents where it says so."""

    id: str
    action: str
    description: str
    seconds: float
    cancellable: bool
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class FailedTask:
    """A task of the last day that ended badly, as the index `.tasks` remembers it."""

    id: str
    action: str
    description: str
    reason: str


@dataclass(frozen=True)
class PendingTask:
    """A change of the cluster state that waits for the master. `waiting` in milliseconds."""

    source: str
    waiting: int


@dataclass(frozen=True)
class LifecycleError:
    """An index whose ILM policy is in the step ERROR."""

    index: str
    policy: str
    step: str
    reason: str


@dataclass(frozen=True)
class Privileges:
    """What the credentials lack. `plan` and `apply`: `{index or "the cluster": [privilege, …]}`."""

    user: str
    plan: dict[str, list[str]] = field(default_factory=dict)
    apply: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Held:
    """esplan's lock, and whether its holder is certainly dead."""

    holder: Holder
    is_dead: bool


@dataclass(frozen=True)
class Facts:
    """Everything that checks look at; a fact that could not be read is in `unreadable` by name.

    `now` is this machine's clock when the reading began, `asked` and `answered` around the
    request for `nodes`: milliseconds since 1970. `settings` are the cluster's, flat, defaults
    included. `throwaways` are the oracle's indices, which are not in `indices`. `lucene` is the
    most documents in one shard by index, deleted and nested ones included. `versions` is the
    version by node. `journals` are unfinished applies, `damaged` the plans of unreadable ones.
    """

    root: JSON = field(default_factory=dict)
    health: Health | None = None
    settings: JSON = field(default_factory=dict)
    indices: dict[str, Index] = field(default_factory=dict)
    throwaways: tuple[Index, ...] = ()
    shards: tuple[Shard, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    lucene: dict[str, int] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    pending: tuple[PendingTask, ...] = ()
    tasks: tuple[Task, ...] = ()
    failures: tuple[FailedTask, ...] = ()
    ilm: str = ""
    ilm_errors: tuple[LifecycleError, ...] = ()
    privileges: Privileges | None = None
    lock: Held | None = None
    journals: tuple[Unfinished, ...] = ()
    damaged: tuple[str, ...] = ()
    now: int = 0
    asked: int = 0
    answered: int = 0
    unreadable: dict[str, Unreadable] = field(default_factory=dict)

    @cached_property
    def members(self) -> dict[str, list[str]]:
        """The indices behind each alias that clients use."""
        found: dict[str, list[str]] = {}
        for index in sorted(self.indices.values(), key=lambda one: one.name):
            for alias in index.served:
                found.setdefault(alias, []).append(index.name)
        return found

    @property
    def state(self) -> model.State:
        """What `leftovers` looks at: names, aliases and marks. Its aliases are the clients'."""
        found = self.indices.values()
        indices = {i.name: model.Index(i.name, aliases=i.aliases, mark=i.mark) for i in found}
        aliases = {one: model.Alias(one, indices=tuple(on)) for one, on in self.members.items()}
        return model.State(indices, aliases)

    @cached_property
    def data_nodes(self) -> int:
        """Nodes that hold data; 1 where nobody knows."""
        return self.health.data_nodes if self.health else 1

    @property
    def plan_ids(self) -> set[str]:
        """Ids of the plans whose apply has not ended: what they made is not left over."""
        return {one.plan_id for one in self.journals}

    @property
    def running(self) -> str:
        """The plan whose apply holds the lock and is not known to be dead; else empty."""
        return self.lock.holder.plan if self.lock and not self.lock.is_dead else ""

    def is_surplus(self, shard: Shard | Explanation) -> bool:
        """A replica that the cluster has too few data nodes for: it stays unassigned."""
        found = self.indices.get(shard.index)
        replicas = int(found.settings.get("index.number_of_replicas", 1)) if found else 1
        return not shard.primary and replicas >= self.data_nodes

    def bytes_of(self, index: str) -> int:
        """Bytes of the primaries."""
        return sum(s.size or 0 for s in self.shards if s.index == index and s.primary)
