"""What esplan speaks of: addresses, indices, aliases, and the State that holds them.

Desired and live are both a `State`, and everything in a State is in the canonical form of
`normalize.py`, so that two of them can be compared with plain equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from esplan.segments import SEGMENT

JSON = dict[str, Any]
AddressKind = Literal["alias", "index"]


UNNUMBERED = "index.disable_sequence_numbers"


@dataclass(frozen=True, order=True)
class Address:
    """The name of one object: `alias.classes`, `index.audit-2026`."""

    kind: AddressKind
    name: str

    def __str__(self) -> str:
        """As users write it after --target."""
        return f"{self.kind}.{self.name}"


@dataclass(frozen=True)
class Body:
    """The definition of an index.

    `settings` is flat: `{"index.number_of_shards": "2"}`, values strings, lists or None.
    `mappings` is nested as GET returns it. `exact`: fields that only live has count as a
    difference (desired side only). `creation`: settings that the server takes when an index is
    made and never returns, so that they are sent and not compared. `said`: the mapping as a file
    has it (desired side only), with the defaults that the canonical form leaves out.
    """

    settings: JSON = field(default_factory=dict)
    mappings: JSON = field(default_factory=dict)
    exact: bool = False
    creation: JSON = field(default_factory=dict)
    said: JSON = field(default_factory=dict, compare=False)

    @property
    def unnumbered(self) -> bool:
        """Whether its documents have no sequence numbers that a search could ask for."""
        return self.settings.get(UNNUMBERED) == "true"

    @property
    def lossy(self) -> list[str]:
        """What the mapping says by which a canonical `_source` is not kept whole."""
        stored = self.mappings.get("_source", {})
        return sorted(name for name in ("enabled", "includes", "excludes") if name in stored)


@dataclass(frozen=True)
class Index:
    """One concrete index.

    Desired: name, body, aliases, and backfill as Migrate has it. Live adds uuid, documents (None
    where not known), bytes (primaries only), whether it is open, the version that made it
    (`index.version.created`), and esplan's own mark from the mapping's `_meta`. `protect`: whether
    the mapping's `_meta` says so (live), or the file (None: it does not say). `transform`, from the
    same place: the digest of what its documents went through (live; empty: nothing is known).
    `unfinished`, from there, too: fields that not every document has in them yet (see `backfill`).
    """

    name: str
    body: Body = field(default_factory=Body)
    aliases: dict[str, JSON] = field(default_factory=dict)
    uuid: str = ""
    documents: int | None = None
    size: int | None = None
    is_open: bool = True
    created: str = ""
    mark: JSON = field(default_factory=dict)
    protect: bool | None = None
    backfill: bool = False
    transform: str = ""
    unfinished: tuple[str, ...] = ()


@dataclass(frozen=True)
class Naming:
    """How the indices behind an alias are called: `flights_{color}`, and the colours."""

    pattern: str
    colors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remote:
    """Another cluster that a new index is filled from: an environment of esplan.yaml.

    `index` is an alias or index there; empty for the alias's own name. `via`: this cluster reads
    the other one, esplan carries the documents, or the first of them that is allowed.
    """

    environment: str
    index: str = ""
    via: Literal["auto", "cluster", "client"] = "auto"


@dataclass(frozen=True)
class Migrate:
    """How a new index is filled. `requests_per_second` -1 is without limit.

    `writes`: the old index refuses them for the whole copy, or only while the last are copied.
    `data`: with `discard` it is not filled, and the documents stay behind. `remote`: it is filled
    from there, and not from the old index. `backfill`: fields that are added in place are filled in
    the documents that are there.
    What becomes of the documents on the way: `query` says which are taken; `rename` (old and new
    path), `drop` (paths), `script` (`source` and `params`) and `pipeline` (its name) change them,
    in this order. `inverse`: a script that makes the old document of a new one. `sample`: examples
    of that in a plan. See `transform`.
    `max_rejected`: documents that the new mapping may reject; None is none, or with `skip` any
    number. `skip` also says that nobody needs these any more: they may go with the old index.
    `versions`: documents of a copy begin at version 1, or keep that which clients have set.
    """

    writes: Literal["block", "catch-up"] = "block"
    slices: int | Literal["auto"] = "auto"
    requests_per_second: float = -1
    backfill: bool = False
    remote: Remote | None = None
    script: JSON | None = None
    inverse: JSON | None = None
    pipeline: str = ""
    query: JSON | None = None
    rename: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()
    sample: int = 3
    data: Literal["copy", "discard"] = "copy"
    max_rejected: int | None = None
    on_rejected: Literal["fail", "skip"] = "fail"
    versions: Literal["new", "keep"] = "new"

    @property
    def tolerance(self) -> int:
        """How many documents the new mapping may reject; -1 is any number."""
        if self.max_rejected is None:
            return -1 if self.on_rejected == "skip" else 0
        return self.max_rejected


@dataclass(frozen=True)
class Verify:
    """How a copy is proven.

    `ignore`: paths that are left out on both sides. `expect`: what must hold on the new index, as
    the file has it.
    """

    method: Literal["checksum", "count"] = "checksum"
    ignore: tuple[str, ...] = ()
    expect: tuple[JSON, ...] = ()


@dataclass(frozen=True)
class Finish:
    """What happens after the switch; with `runs` the force merge comes before it.

    `forcemerge`: by the sizing rule, not at all, or segments a shard. `segment`: bytes of a
    segment that the rule aims at.
    """

    delete_old: bool = False
    forcemerge: int | Literal["auto", "off"] = "off"
    segment: int = SEGMENT


@dataclass(frozen=True)
class Runs:
    """A loader makes the indices, one a run; the alias is on one of them.

    `pattern` is `index.name` as written, with its {index_base}; the patterns of `entities`, by
    name, have it replaced. `run` is `latest` or a run id.
    """

    source: str
    pattern: str
    base: str = ""
    entities: dict[str, str] = field(default_factory=dict)
    run: str = "latest"
    writes: Literal["done", "ongoing"] = "done"
    abort: bool = False


@dataclass(frozen=True)
class Alias:
    """One alias.

    `options` is the canonical alias body: filter, index_routing, search_routing,
    is_write_index, is_hidden. `indices` are the live members; the desired side has `body` and
    `naming` instead, and leaves the choice of the index to the plan. With `runs` a loader makes
    the indices, and `indices` holds the one to release once it was looked up. `protect` is None
    where the file does not say. Aliases of one `group` change in one call; empty: alone.
    """

    name: str
    options: JSON = field(default_factory=dict)
    indices: tuple[str, ...] = ()
    body: Body = field(default_factory=Body)
    naming: Naming = field(default_factory=lambda: Naming(""))
    migrate: Migrate = field(default_factory=Migrate)
    verify: Verify = field(default_factory=Verify)
    finish: Finish = field(default_factory=Finish)
    runs: Runs | None = None
    protect: bool | None = None
    group: str = ""


@dataclass(frozen=True)
class State:
    """Indices and aliases by name, in canonical form."""

    indices: dict[str, Index] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
