"""Which route one difference forces: tables of what Elasticsearch can change in place.

From the server's own behaviour: a setting or parameter that is in no table here needs a new
index, which is always right and only dearer.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from esplan import normalize
from esplan.diff import FIELD_MAPS, Difference, Path
from esplan.model import Body
from esplan.plan import Reason
from esplan.route.analysis import indexed_otherwise
from esplan.route.context import SHARDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from esplan.model import JSON


class Route(IntEnum):
    """Cheapest first: the dearest one that any difference forces is the change's route."""

    NOTHING = 0
    ALIAS = 1
    SETTINGS = 2
    MAPPING = 3
    RELEASE = 4
    CLOSE = 5
    CLONE = 6
    SHRINK = 7
    SPLIT = 8
    REINDEX = 9

    @property
    def title(self) -> str:
        """As plans call it."""
        return TITLES[self]


TITLES = {
    Route.NOTHING: "nothing",
    Route.ALIAS: "alias change",
    Route.SETTINGS: "dynamic settings",
    Route.MAPPING: "mapping addition",
    Route.RELEASE: "release",
    Route.CLOSE: "close/open",
    Route.CLONE: "clone",
    Route.SHRINK: "shrink",
    Route.SPLIT: "split",
    Route.REINDEX: "reindex",
}

DYNAMIC_SETTINGS = (
    "index.allocation.max_retries",
    "index.auto_expand_replicas",
    "index.blocks.",
    "index.bloom_filter_for_id_field.enabled",
    "index.compound_format",
    "index.default_pipeline",
    "index.final_pipeline",
    "index.flush_after_merge",
    "index.gc_deletes",
    "index.hidden",
    "index.highlight.max_analyzed_offset",
    "index.indexing.slowlog.",
    "index.lifecycle.",
    "index.mapping.depth.limit",
    "index.mapping.dimension_fields.limit",
    "index.mapping.field_name_length.limit",
    "index.mapping.nested_fields.limit",
    "index.mapping.nested_objects.limit",
    "index.mapping.total_fields.",
    "index.max_",
    "index.merge.policy.",
    "index.merge.scheduler.",
    "index.number_of_replicas",
    "index.priority",
    "index.query.default_field",
    "index.refresh_interval",
    "index.requests.cache.enable",
    "index.routing.allocation.",
    "index.routing.rebalance.enable",
    "index.search.idle.after",
    "index.search.slowlog.",
    "index.search.throttled",
    "index.soft_deletes.retention.operations",
    "index.soft_deletes.retention_lease.period",
    "index.translog.durability",
    "index.translog.flush_threshold_size",
    "index.translog.generation_threshold_size",
    "index.translog.sync_interval",
    "index.unassigned.node_left.delayed_timeout",
    "index.warmer.enabled",
    "index.write.wait_for_active_shards",
)

STATIC_SETTINGS = (
    "index.analysis.",
    "index.codec",
    "index.fielddata.cache",
    "index.load_fixed_bitset_filters_eagerly",
    "index.mapping.coerce",
    "index.mapping.ignore_above",
    "index.mapping.ignore_malformed",
    "index.mapping.synthetic_source_keep",
    "index.queries.cache.enabled",
    "index.query.parse.allow_unmapped_fields",
    "index.shard.check_on_startup",
    "index.similarity.",
    "index.store.preload",
    "index.store.stats_refresh_interval",
    "index.store.type",
)
"""Set on a closed index, or on a clone: tried one by one on 8.16.1."""

KEPT = {
    "_field_names": "keep the field names that they were indexed with",
    "_source": "keep the `_source` that they have",
    "index.routing_partition_size": "stay in the shards that they were routed to",
}
"""What documents keep where a server takes another value: 7.17 and OpenSearch 2.19 take the
field names in place, OpenSearch the partitions on a closed index."""

UNTRANSFORMED = "the documents that are there have not been through this transform"

SIMILARITY_TYPE = re.compile(r"settings\.index\.similarity\..*\.type")
"""A clone keeps a null, and reads it as a similarity without a type."""

UPDATEABLE_ROOT = frozenset(
    "_meta date_detection dynamic dynamic_date_formats dynamic_templates numeric_detection "
    "runtime".split()
)

UPDATEABLE_FIELD = frozenset(
    "coerce copy_to depth_limit dynamic eager_global_ordinals fielddata fielddata_frequency_filter "
    "ignore_above ignore_malformed ignore_z_value max_input_length meta on_script_error path "
    "search_analyzer search_quote_analyzer "
    "split_queries_on_whitespace".split()
)


def reason(difference: Difference, live: Body | None = None) -> tuple[Route, Reason]:
    """The route that a difference forces, with the rule in words.

    `live` tells whether anything uses an analyzer that is new. Shards are told by their numbers
    alone: whether the index can be split or shrunk, `choice` says.
    """
    route, rule = _rule(difference, live or Body())
    path = json_path(difference.path)
    return route, Reason(path, difference.before, difference.after, rule, route.title)


def _rule(difference: Difference, live: Body) -> tuple[Route, str]:
    section = difference.path[0]
    if section in ("options", "aliases"):
        return Route.ALIAS, "an alias changes in one atomic call"
    if section == "migrate":
        return Route.REINDEX, UNTRANSFORMED
    if section == "index":
        return Route.RELEASE, "the alias moves to another run in one atomic call"
    if old := for_documents(difference, live):
        return Route.REINDEX, old
    if section == "settings":
        return _setting_rule(difference)
    return _mapping_rule(difference)


def _setting_rule(difference: Difference) -> tuple[Route, str]:
    name = difference.path[1]
    if name.startswith(DYNAMIC_SETTINGS):
        return Route.SETTINGS, "a dynamic setting changes on the open index"
    if name == SHARDS:
        return _shards_rule(difference.before, difference.after)
    if name.startswith(STATIC_SETTINGS):
        return Route.CLOSE, "this setting changes on a closed index only"
    return Route.REINDEX, "this setting is fixed when an index is created"


def for_documents(difference: Difference, live: Body) -> str:
    """Why a new index is needed, though a server would take the change. Empty where none is.

    Documents that are there need it, or another server, which would say yes and do nothing.
    """
    section, name = difference.path[:2]
    if name in KEPT:
        return f"documents that are there {KEPT[name]}"
    if section == "settings":
        return indexed_otherwise(name, live)
    values = (difference.before, difference.after)
    if difference.path[-1] == "index_options" and any(isinstance(one, dict) for one in values):
        return "vectors that are there keep the index that they have"
    if difference.path[-1] == "time_series_dimension":
        return "documents that are there have their ids without this dimension"
    if difference.path[-1] == "inference_id":  # 9.4 takes it of an empty index
        return "documents that are there keep the inferences of the other model"
    return _of_a_point(difference, live)


def _of_a_point(difference: Difference, live: Body) -> str:
    """What OpenSearch 2.19 does otherwise in place: it takes a value, and keeps one left out."""
    *field, name = difference.path
    if _type_at(live.mappings, field[1:]) != "geo_point":
        return ""
    if name == "null_value":
        return "documents that are there keep the point that was theirs for null"
    if name in KEPT_BY_POINTS and difference.after is None:
        return f"OpenSearch takes a geo_point without `{name}`, and changes nothing"
    return ""


def _type_at(tree: Any, path: list[str]) -> Any:
    """The type of a field; None where there is no field."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree.get("type") if isinstance(tree, dict) else None


KEPT_BY_POINTS = ("ignore_malformed", "ignore_z_value")


def is_clonable(path: str, after: Any) -> bool:
    """Whether a clone can have this value of a setting, given its JSON path in a reason."""
    return after is not None or not SIMILARITY_TYPE.fullmatch(path)


def _shards_rule(before: Any, after: Any) -> tuple[Route, str]:
    old, new = int(before or 1), int(after or 1)
    fixed = "this setting is fixed when an index is created"
    if old % new and new % old:
        return Route.REINDEX, f"{fixed}, and neither of {old} and {new} divides the other"
    route = Route.SHRINK if new < old else Route.SPLIT
    return route, f"{fixed}; a new one gets {new} of {old} by hard links"


def _mapping_rule(difference: Difference) -> tuple[Route, str]:
    path, before, after = difference.path, difference.before, difference.after
    if len(path) == 2 and path[1] not in FIELD_MAPS:  # noqa: PLR2004  (mappings.<parameter>)
        if path[1] in UPDATEABLE_ROOT and after is not None:
            return Route.MAPPING, "this mapping parameter can be updated in place"
        return Route.REINDEX, "this mapping parameter is fixed when an index is created"
    if path[1] == "runtime":
        return Route.MAPPING, "runtime fields can be changed in place"
    if before is None and _is_field(path):
        return Route.MAPPING, "a new field can be added in place"
    if after is None and _is_field(path):
        return Route.REINDEX, "a field cannot be removed from a mapping"
    return _parameter_rule(path[-1], before, after)


def _is_field(path: Path) -> bool:
    """`…properties.title`, or a whole map of fields.

    Told by the length, since a field may be called `properties`: each level is a map's name and
    a field's, after `mappings`; what is left over is a parameter, or a map that one side lacks.
    """
    return len(path) % 2 == 1 or path[-1] in FIELD_MAPS


def new_fields(differences: Iterable[Difference]) -> list[str]:
    """Fields and multi-fields that are added, by their full names: `title`, `title.raw`."""
    added = [one for one in differences if one.before is None and one.path[0] == "mappings"]
    paths = [one.path for one in added if one.path[1] == "properties" and _is_field(one.path)]
    whole = [
        (*one.path, name)
        for one in added
        if one.path in paths and one.path[-1] in FIELD_MAPS and len(one.path) % 2 == 0
        for name in one.after
    ]
    every = [path for path in paths if len(path) % 2 == 1] + whole
    return sorted(".".join(path[2::2]) for path in every)


def _parameter_rule(name: str, before: Any, after: Any) -> tuple[Route, str]:
    if name in UPDATEABLE_FIELD or _one_way(name, before, after):
        return Route.MAPPING, f"`{name}` can be updated in place"
    if name == "type":
        return Route.REINDEX, "the type of a field is fixed: its documents are indexed anew"
    return Route.REINDEX, f"`{name}` is fixed once the field exists: its documents are indexed anew"


def _one_way(name: str, before: Any, after: Any) -> bool:
    """Parameters that can be changed in one direction: tried on 8.16.1.

    Norms can be given up: those of text are there unless said, those of a keyword if said. Of two
    priorities the greater one stays.
    """
    if name == "norms":
        return (before, after) in ((None, False), (True, None))
    if name == "priority":
        return isinstance(before, int) and isinstance(after, int) and before < after
    return name == "relations" and _only_more(before, after)


def _only_more(before: JSON | None, after: JSON | None) -> bool:
    """Whether every relation of a join is kept, and the names that are added are new."""
    old, new = _relations(before or {}), _relations(after or {})
    names = {name for pair in old for name in pair}
    return (
        old <= new
        and all(child not in names for _, child in new - old)
        and ({parent for parent, _ in new} & names <= {parent for parent, _ in old})
    )


def _relations(given: JSON) -> set[tuple[str, str]]:
    """Parent and child of each."""
    return {
        (parent, child)
        for parent, children in given.items()
        for child in (children if isinstance(children, list) else [children])
    }


def json_path(path: Path) -> str:
    """`settings.index.number_of_shards`, `mappings.properties.title.type`."""
    return ".".join(path)


def in_place_mapping(difference_paths: list[Path], live: JSON, desired: JSON) -> JSON:
    """The body of an update: every touched top-level field whole, and every touched parameter.

    Whole, because an omitted updateable parameter goes back to its default and an omitted
    fixed one conflicts. A runtime field that is to go is sent as null. `subobjects` is said again:
    without it the names of this request unfold, and lose their `copy_to` (seen on 8.16.1).
    """
    body: JSON = {}
    for path in difference_paths:
        name = path[1]
        if name not in ("properties", "runtime"):
            body[name] = desired[name]
            continue
        both = {**live.get(name, {}), **desired.get(name, {})}
        fields = [path[2]] if len(path) > 2 else list(both)  # noqa: PLR2004  (a whole map)
        for field in fields:
            wanted = desired.get(name, {}).get(field)
            whole = wanted and merged_field(live.get(name, {}).get(field), wanted)
            body.setdefault(name, {})[field] = whole
    if "properties" in body and "subobjects" in live:
        body.setdefault("subobjects", live["subobjects"])
    return body


def merged(live: JSON, desired: JSON) -> JSON:
    """A mapping for a new index: the desired one, with what only live has kept."""
    body = {**live, **desired}
    for name in ("properties", "runtime"):
        if name in live or name in desired:
            body[name] = _merged_fields(live.get(name, {}), desired.get(name, {}))
    return body


def _merged_fields(live: JSON, desired: JSON) -> JSON:
    names = sorted({*live, *desired})
    return {n: merged_field(live.get(n), desired[n]) if n in desired else live[n] for n in names}


def merged_field(live: JSON | None, desired: JSON) -> JSON:
    """A desired field with the sub-fields that only live has, where the type is the same.

    What the server chose when it made the field is said: it might choose otherwise today.
    """
    if live is None or live.get("type") != desired.get("type"):
        return desired
    kept = {n: v for n, v in live.items() if n == "dynamic" or normalize.is_chosen(n, live)}
    maps: JSON = {
        name: _merged_fields(live.get(name, {}), desired.get(name, {}))
        for name in ("properties", "fields")
        if name in live or name in desired
    }
    return {**kept, **desired, **maps}
