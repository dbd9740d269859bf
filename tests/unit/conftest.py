"""A cluster in memory: enough of Elasticsearch for plan, apply and status."""

from __future__ import annotations

import copy
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from esplan import activity, state_index
from esplan.connection import Connection
from esplan.errors import OutcomeUnknown, ServerError
from esplan.plan import STATE_INDEX
from esplan.steps import settling

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.journal import Record


class FakeCluster:
    """`indices` by name; `log` has every change, as `METHOD /path`, `asked` the path of every read.

    To every index in `written` somebody writes between two looks.
    `before` and `after` are called with each change, before and after it took effect: what they
    raise is the cluster's answer.
    """

    version = "8.16.1"

    patience = 0.0

    connection = Connection("http://localhost:1")

    def __init__(self) -> None:
        self.indices: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.seq_nos: dict[str, int] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.log: list[str] = []
        self.asked: list[str] = []
        self.written: set[str] = set()
        self.before: Callable[[str], None] = lambda _request: None
        self.before_reads = False
        self.after: Callable[[str], None] = lambda _request: None
        self.make(STATE_INDEX, aliases={"esplan-fence-t": {}})
        self.log.clear()

    # For tests

    def make(self, name: str, uuid: str = "", documents: int = 0, **body: Any) -> None:
        """An index that is there before esplan comes; `segments` of its one shard, its `mark`."""
        index = {"settings": {}, "mappings": {}, "aliases": {}} | copy.deepcopy(body)
        self.indices[name] = index | {"uuid": uuid or f"uuid-{name}", "documents": documents}

    def lose(self, request: str) -> None:
        """The answer to this request gets lost, once, after it took effect."""
        self.after = self._once(request)

    def drop(self, request: str) -> None:
        """This request gets lost, once, before it took effect."""
        self.before = self._once(request)

    @staticmethod
    def _once(lost: str) -> Callable[[str], None]:
        left = [lost]

        def lose(request: str) -> None:
            if request in left:
                left.clear()
                raise OutcomeUnknown(f"the outcome of {request} is unknown", why="reset")

        return lose

    def refuse(self, request: str, status: int = 400, type_: str = "some_exception") -> None:
        """The server refuses this request."""

        def answer(seen: str) -> None:
            if seen == request:
                raise ServerError(f"refused {request}", status=status, type_=type_)

        self.before = answer

    @property
    def sent(self) -> list[str]:
        """What was changed, without esplan's own journal."""
        return [one for one in self.log if STATE_INDEX not in one]

    # What esplan reads

    def read(self, path: str, params: Any = None, body: Any = None, *, timeout: float = 60) -> Any:
        del timeout
        self.asked.append(path)
        if self.before_reads:
            self.before(f"GET {path}")
        found = self._read(path, body)
        always = path.startswith("/_") or "*" in path or "ignore_unavailable" in (params or {})
        return {} if found is None and always else found

    def _read(self, path: str, body: Any) -> Any:
        if path == "/":
            version = {"number": self.version}
            return {"cluster_name": "fake", "cluster_uuid": "fake-uuid", "version": version}
        if path == f"/{STATE_INDEX}/_search":
            if body["query"]["term"]["kind"] == state_index.MEASURED:
                found = sorted(self._journals("measured"), key=lambda d: d["at"], reverse=True)
                return {"hits": {"hits": [{"_source": one} for one in found]}}
            last = {one["plan"]: one for one in sorted(self._journals(), key=lambda d: d["seq"])}
            return {"hits": {"hits": [{"_source": last[plan]} for plan in sorted(last)]}}
        if path in ("/_index_template", "/_component_template", "/_template"):
            return None
        parts = path.strip("/").split("/")
        special = next((part for part in parts if part in self.READS), "")
        return self.READS[special](self, parts, body)

    def _doc(self, parts: list[str], _body: Any) -> Any:
        found, path = self.documents.get("/".join(parts)), "/".join(parts)
        return found and {"found": True, "_source": found, **self._position(path)}

    def _get(self, parts: list[str], _body: Any) -> Any:
        wanted = list(self.indices) if "*" in parts[0] else parts[0].split(",")
        behind = [
            n for n, one in self.indices.items() if not one["aliases"].keys().isdisjoint(wanted)
        ]
        return {n: self._shown(n) for n in (*wanted, *behind) if n in self.indices} or None

    def _shown(self, name: str) -> Any:
        index = self.indices[name]
        usual = {"index.number_of_shards": "1"}
        settings = {**usual, **index["settings"], "index.uuid": index["uuid"]}
        if index.get("closed"):
            settings["index.verified_before_close"] = "true"
        nested = {"index": {n.removeprefix("index."): v for n, v in settings.items()}}
        shown = {"settings": nested, "mappings": index["mappings"], "aliases": index["aliases"]}
        return copy.deepcopy(shown)

    def _journals(self, kind: str = "journal") -> list[Any]:
        return [one for one in self.documents.values() if kind in one.get("kind", ())]

    def _alias(self, parts: list[str], _body: Any) -> Any:
        on = {
            name: {a: o for a, o in index["aliases"].items() if fnmatch(a, parts[-1])}
            for name, index in self.indices.items()
        }
        return {name: {"aliases": found} for name, found in on.items() if found} or None

    def _stats(self, parts: list[str], _body: Any) -> Any:
        if parts[0] != "_stats":
            named = {name: self._shard(name) for name in parts[0].split(",")}
            documents = sum(self._named(name)["documents"] or 0 for name in named)
            every = {"primaries": {"docs": {"count": documents}}}
            return {"indices": named, "_all": every, "_shards": self._all_of(parts[0])}

        def primaries(count: int) -> Any:
            return {"primaries": {"docs": {"count": count}, "store": {"size_in_bytes": 1000}}}

        return {"indices": {n: primaries(i["documents"]) for n, i in self.indices.items()}}

    def _shard(self, name: str) -> Any:
        index = self.indices[name]
        index["mark"] = mark = index.get("mark", 0) + (name in self.written)
        numbers = {"max_seq_no": mark, "local_checkpoint": mark, "global_checkpoint": mark}
        copy = {"routing": {"primary": True}, "seq_no": numbers}
        first = {**copy, "segments": {"count": index.get("segments", 1)}}
        number = int(index["settings"].get("index.number_of_shards", 1)) - index.get("away", 0)
        others = {str(n): [copy | {"segments": {"count": 0}}] for n in range(1, number)}
        return {"shards": {"0": [first], **others}}

    def _mget(self, parts: list[str], body: Any) -> Any:
        found = [(id_, self.documents.get(f"{parts[0]}/_doc/{id_}")) for id_ in body["ids"]]
        return {"docs": [{"_id": i, "found": bool(one), "_source": one} for i, one in found]}

    def _count(self, parts: list[str], _body: Any) -> Any:
        return {"count": self._named(parts[0])["documents"], "_shards": self._all_of(parts[0])}

    def _all_of(self, names: str) -> Any:
        """What an answer says about its shards."""
        settings = (self._named(name)["settings"] for name in names.split(","))
        number = sum(int(one.get("index.number_of_shards", 1)) for one in settings)
        return {"total": number, "successful": number, "skipped": 0, "failed": 0}

    def _search(self, parts: list[str], body: Any) -> Any:
        """How many there are; or the hash of a part of them, a millisecond for ten."""
        there = self._named(parts[0])["documents"]
        answer = {"_shards": self._all_of(parts[0]), "hits": {"total": {"value": there}}}
        if "hash" not in body.get("aggs", {}):
            return answer
        asked = body["query"]["range"]["_seq_no"]["lt"]
        found = min(asked, there)
        return {**answer, "took": found // 10, "aggregations": {"hash": {"value": [found, 0, 0]}}}

    def _refresh(self, parts: list[str], _body: Any) -> Any:
        return {"_shards": self._all_of(parts[0])}

    def _health(self, parts: list[str], _body: Any) -> Any:
        if parts[1] == "state":
            return self._layout(parts[-1].split(","))
        return {"status": "green", "active_shards": 1}

    def _layout(self, names: list[str]) -> Any:
        """Every shard on one node."""
        copy = {"state": "STARTED", "node": "n", "shard": 0}
        return {
            "metadata": {
                "indices": {
                    name: {
                        "routing_num_shards": 12,
                        "settings_version": self.indices.get(name, {}).get("version", 1),
                    }
                    for name in names
                }
            },
            "routing_table": {"indices": {name: {"shards": {"0": [copy]}} for name in names}},
        }

    def _task(self, parts: list[str], _body: Any) -> Any:
        return self.tasks.get(parts[1]) if len(parts) > 1 else {"nodes": {}}

    READS: ClassVar[dict[str, Callable[..., Any]]] = {
        "": _get,
        "_alias": _alias,
        "_cluster": _health,
        "_count": _count,
        "_doc": _doc,
        "_flush": _refresh,
        "_mget": _mget,
        "_refresh": _refresh,
        "_search": _search,
        "_stats": _stats,
        "_tasks": _task,
    }

    def _named(self, name: str) -> dict[str, Any]:
        return next(
            index for n, index in self.indices.items() if n == name or name in index["aliases"]
        )

    # What esplan changes

    def change(
        self,
        method: str,
        path: str,
        params: Any = None,
        body: Any = None,
        *,
        timeout: float = 60,
        opaque_id: str = "",
    ) -> Any:
        del timeout, opaque_id
        request = f"{method} {path}"
        self.before(request)
        if "/_forcemerge?" in path:
            self.log.append(request)
            return self._force_merge(path)
        answer = self._change(method, path.strip("/").split("?")[0].split("/"), params, body)
        self.log.append(request)
        self.after(request)
        return answer

    def _change(self, method: str, parts: list[str], params: Any, body: Any) -> Any:
        if parts == ["_aliases"]:
            return self._change_aliases(body["actions"])
        if parts == ["_reindex"]:
            return self._reindex(body)
        if len(parts) == 1:
            self.make(parts[0], **body)
        elif parts[1] in ("_clone", "_shrink", "_split"):
            self._resize(parts[0], parts[2], body)
        elif parts[1] in ("_close", "_open"):
            self.indices[parts[0]]["closed"] = parts[1] == "_close"
            closed = {parts[0]: {"closed": True}}
            return {"acknowledged": True, "shards_acknowledged": True, "indices": closed}
        elif parts[1] == "_update_by_query":
            return self._update(self.indices[parts[0]])
        elif parts[1] == "_create":
            self.documents[f"{parts[0]}/_doc/{parts[2]}"] = body
        elif parts[1] == "_doc":
            return self._lock(method, "/".join(parts), params or {}, body)
        else:
            self._change_index(self.indices[parts[0]], "/".join(parts[1:]), body)
        return {"shards_acknowledged": True, "indices": [{"blocked": True}]}

    def _position(self, path: str) -> Any:
        return {"_seq_no": self.seq_nos.get(path, 1), "_primary_term": 1}

    def _lock(self, method: str, path: str, params: Any, body: Any) -> Any:
        there = path in self.documents
        at = params.get("if_seq_no", self.seq_nos.get(path, 1))
        refused = there if "op_type" in params else "if_seq_no" in params and not there
        if refused or at != self.seq_nos.get(path, 1):
            raise ServerError("it is another one", status=409)
        self.seq_nos[path] = self.seq_nos.get(path, 1) + 1
        self.documents[path] = body
        if method == "DELETE":
            del self.documents[path]
        return self._position(path)

    def _change_index(self, index: dict[str, Any], what: str, body: Any) -> None:
        if what == "_mapping":
            properties = index["mappings"].setdefault("properties", {})
            properties.update(body.get("properties", {}))
            index["mappings"].update({n: body[n] for n in ("_meta",) if n in body})
            return
        block = what.removeprefix("_block/")
        changed = body if block == what else {f"index.blocks.{block}": "true"}
        index["version"] = index.get("version", 1) + 1
        whole = {**index["settings"], **changed}
        index["settings"] = {name: value for name, value in whole.items() if value is not None}

    def _change_aliases(self, actions: list[Any]) -> Any:
        """All or nothing."""
        indices = copy.deepcopy(self.indices)
        for action in actions:
            ((verb, parts),) = action.items()
            name = parts["index"]
            if name not in indices:
                raise ServerError(f"no such index {name}", status=404, type_="index_not_found")
            if verb == "remove_index":
                del indices[name]
            elif verb == "add":
                options = {n: v for n, v in parts.items() if n not in ("index", "alias")}
                indices[name]["aliases"][parts["alias"]] = options
            elif indices[name]["aliases"].pop(parts["alias"], None) is None:
                raise ServerError("aliases missing", status=404, type_="aliases_not_found")
        self.indices = indices
        return {"acknowledged": True}

    def _reindex(self, body: Any) -> Any:
        source, target = self._named(body["source"]["index"]), self._named(body["dest"]["index"])
        total = target["documents"] = source["documents"]
        task = f"node:{len(self.tasks) + 1}"
        response = {"total": total, "created": total, "failures": []}
        self.tasks[task] = {"completed": True, "task": {"status": response}, "response": response}
        return {"task": task}

    def _update(self, index: dict[str, Any]) -> Any:
        """`conflicts`: how many documents of each round somebody else has written meanwhile."""
        conflicts = (index.get("conflicts") or [0]).pop(0)
        counts = {"total": index["documents"], "updated": index["documents"] - conflicts}
        response = {**counts, "version_conflicts": conflicts, "failures": []}
        task = f"node:{len(self.tasks) + 1}"
        self.tasks[task] = {"completed": True, "task": {"status": response}, "response": response}
        return {"task": task}

    def _resize(self, source: str, target: str, body: Any) -> None:
        """The source's settings under those that are given, whose nulls are stored."""
        old = self.indices[source]
        settings = {**old["settings"], **body["settings"]}
        given = {"settings": settings, "mappings": old["mappings"], "aliases": body["aliases"]}
        self.make(target, documents=old["documents"], **given)

    def _force_merge(self, path: str) -> Any:
        """Done at once."""
        name, segments = path.strip("/").split("/_forcemerge?max_num_segments=")
        segments = segments.partition("&")[0]
        self.indices[name]["segments"] = int(segments)
        task = f"node:{len(self.tasks) + 1}"
        said = f"Force-merge indices [{name}], maxSegments[{segments}], flush[true]"
        self.tasks[task] = {"completed": True, "task": {"description": said}}
        return {"task": task}

    def journalled(self) -> list[Record]:
        """The mirrored journal, in order."""
        from esplan import journal

        found = sorted(self._journals(), key=lambda one: one["seq"])
        return [journal.parse(one["record"]) for one in found]


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster in memory has no requests in flight to wait for, and no writers that pause."""
    monkeypatch.setattr(settling, "SECONDS", 0.0)
    monkeypatch.setattr(activity, "PAUSE", 0.0)
