"""What the engine under test lacks, and what it says in other words than 8.16.

The tables are what was seen. A body that an engine refuses must be refused for a reason that is in
its table, and esplan must say so while it plans.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esplan import live
from esplan.commands import trial
from esplan.errors import ServerError

if TYPE_CHECKING:
    from esplan.cluster import Cluster

LACKS: dict[str, tuple[str, ...]] = {
    "elasticsearch 7": (
        # Modules that the sandbox's core is without.
        r"analyzer \[english\] has not been configured in mappings",
        r"Unknown (analyzer type \[english\]|char_filter type \[mapping\])",
        r"No handler for type \[(dense_vector|join)\]",
        r"script_lang not supported \[painless\]",
        # Of later versions.
        r"No handler for type \[(counted_keyword|passthrough|semantic_text)\]",
        r"unknown parameter \[(ignore_malformed|mode|on_script_error|time_series_dimensions)\]",
        r"unsupported parameters:  \[(subobjects|_data_stream_timestamp) : ",
        r"unknown setting \[index\.(mode|mapping\.ignore_above|mapping\.source\.mode)\]",
        r"unknown setting \[index\.(routing_path|time_series\.(start|end)_time)\]",
        r"field must be either \[lat\], \[lon\] or \[geohash\]",
        r"No field type matched on \[\[string\]\]",
        # One field under a dotted name and inside an object.
        r"can't merge a non object mapping \[a\] with an object mapping",
        r"mapper \[a\.b(\.c)?\] cannot be changed from type",
    ),
    "opensearch 2": (
        # Types; that of joins is in a module that the sandbox does not have.
        r"No handler for type \[(counted_keyword|dense_vector|flattened|join|passthrough)\]",
        r"No handler for type \[semantic_text\]",
        r"unknown parameter \[(ignore_malformed|mode|script|time_series_(dimension|metric))\]",
        r"\[normalizer\] on mapper \[f\] of type \[keyword\] must not have a \[null\] value",
        r"unsupported parameters:  \[(subobjects|runtime) : ",
        r"Illegal dynamic template parameter: \[runtime\]",
        r"Could not convert \[dynamic.dynamic\] to boolean",
        r"unknown setting \[index\.(mode|mapping\.ignore_above|mapping\.source\.mode)\]",
        # One field under a dotted name and inside an object.
        r"can't merge a non object mapping \[a\] with an object mapping",
        r"mapper \[a\.b(\.c)?\] cannot be changed from type",
        r"the \[enabled\] parameter can't be updated for the object mapping \[a\]",
    ),
}
"""What refusals of a definition say, by engine."""

REPEATS = {
    "elasticsearch 7": {("nested", "include_in_root")},
    "opensearch 2": {
        ("half_float", "null_value"),
        ("nested", "include_in_root"),
        ("text", "search_analyzer"),
    },
}
"""Types and parameters that come back as they were sent; 8.16 gives a shorter form, or none."""


NO_PATTERN_LISTS = frozenset({"elasticsearch 7", "opensearch 2"})
"""Engines that read a list of patterns in a dynamic template as one text."""


@dataclass(frozen=True)
class Engine:
    """`name`: distribution and major version."""

    name: str
    lacks: tuple[str, ...] = field(repr=False)
    repeats: frozenset[tuple[str, str]] = field(repr=False)

    @property
    def major(self) -> int:
        return int(self.name.split()[1])

    @property
    def shows_closed_shards(self) -> bool:
        """In `_cat/shards/NAME`, and with their size."""
        return self.name not in {"elasticsearch 7", "opensearch 2"}

    @property
    def has_vectors(self) -> bool:
        """Dense ones; OpenSearch has another type for them, in a plugin."""
        return self.name not in {"elasticsearch 7", "opensearch 2"}

    @property
    def has_scripts(self) -> bool:
        """The sandbox's 7.17 is without painless."""
        return self.name != "elasticsearch 7"

    @property
    def unreadable(self) -> str:
        """What is said of a document that the mapping cannot take."""
        kind = "mapper" if self.name in {"elasticsearch 7", "opensearch 2"} else "document"
        return f"{kind}_parsing_exception"

    @property
    def has_joins(self) -> bool:
        """They are in a module that the sandbox has for Elasticsearch 8 and newer."""
        return self.name not in {"elasticsearch 7", "opensearch 2"}

    @property
    def connects(self) -> bool:
        """To another cluster, to reindex from it: the sandbox's 7.17 is without that permission."""
        return self.name != "elasticsearch 7"

    @property
    def has_data_streams(self) -> bool:
        """They are in a module, which the sandbox's 7.17 is without."""
        return self.name != "elasticsearch 7"

    @property
    def loses_copies(self) -> bool:
        """The `copy_to` of a field inside an object that `subobjects` makes none."""
        return self.name == "elasticsearch 8"

    @property
    def has_root_locale(self) -> bool:
        """Dates are read in no language, where 8 reads English, unless they say otherwise."""
        return self.name in {"elasticsearch 7", "opensearch 2"}

    def has_by_default(self, field: dict[str, Any]) -> bool:
        """Whether the field says what it has here anyway, and does not have on 8.16."""
        is_milli = field.get("format") == "strict_date_optional_time||epoch_millis"
        is_nanos = field.get("type") == "date_nanos" and self.name == "opensearch 2"
        return (is_milli and is_nanos) or (self.has_root_locale and field.get("locale") == "")

    @property
    def has_pattern_lists(self) -> bool:
        return self.name not in NO_PATTERN_LISTS

    def repeats_as_sent(self, kind: Any, parameter: str) -> bool:
        return isinstance(kind, str) and (kind, parameter) in self.repeats

    def refuses(self, cluster: Cluster, index: str, body: dict[str, Any]) -> bool:
        """Whether it lacks something of this body: then the plan says so, too."""
        planned, refused = trial.refusal(cluster, body), ""
        try:
            cluster.change("PUT", f"/{index}", {"wait_for_active_shards": "0"}, body)
        except ServerError as error:
            refused = str(error)
        else:
            cluster.change("DELETE", f"/{index}")
        assert bool(planned) == bool(refused), (planned, refused)
        assert not refused or any(re.search(one, refused) for one in self.lacks), refused
        return bool(refused)


def of(cluster: Cluster) -> Engine:
    info = live.cluster_info(cluster)
    name = f"{info.distribution} {info.version.split('.')[0]}"
    return Engine(name, LACKS.get(name, ()), frozenset(REPEATS.get(name, ())))
