"""What must be true before an index is deleted, looked at just before the call that deletes it.

Between the switch and the delete days may pass. The heir, which serves now, is the index that was
proven, and it still has its documents. The index that goes is blocked, and nobody has written to
it since it was proven, or since it was blocked where nothing was copied from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esplan import checksum
from esplan.errors import Refused
from esplan.plan import GUARD
from esplan.request import index_path
from esplan.steps import draining
from esplan.steps.unblock_writes import SETTING, lifted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON, Index
    from esplan.plan import Step
    from esplan.run import Run

IDENTITIES = "identities"
"""The key in the evidence of a proof: `identity` of each side, by its name."""

VERSION = draining.VERSION
"""The key of a closed index that is to be deleted: the version of its settings, for the plan."""

HISTORY = "index.history.uuid"


def identity(cluster: Cluster, index: str) -> JSON | None:
    """What no other index has; None where there is none.

    A snapshot that is restored over a closed index leaves the UUID as it was, and gives the index
    a new history (as the server's RestoreService says; not tried).
    """
    names = f"*.settings.index.uuid,*.settings.{HISTORY}"
    found = cluster.read(index_path(index), {"filter_path": names, "expand_wildcards": "all"})
    if not found:
        return None
    (one,) = found.values()
    own = one["settings"]["index"]
    return {"uuid": own["uuid"], "history": own.get("history", {}).get("uuid", "")}


def identities(cluster: Cluster, names: JSON) -> JSON:
    """Of both sides of a proof; of the target alone where the source is in another cluster."""
    sides = [names["target"]] if names.get("origin") else [names["source"], names["target"]]
    return {name: identity(cluster, name) for name in sides}


def heir(check: JSON, run: Run, address: str) -> str:
    """Why the index that serves cannot be the heir; empty where it can.

    `uuid` and `documents` are of an index that a loader has made; the proof knows those of a copy.
    """
    name = check["index"]
    if "uuid" in check:
        return _other(name, check["uuid"], identity(run.cluster, name)) or _emptied(check, run)
    proof = run.proofs.get(address)
    if proof is None:
        return f"{name} was not proven"
    found, proven = identity(run.cluster, name), proof.get(IDENTITIES, {}).get(name)
    if found is None:
        return f"the index {name} is gone"
    if found != proven:
        return f"{name} is another index than the one that was proven"
    return _emptied_since(name, proof, run.cluster) or _lacks(
        name, proof["marks"][name], proof["target_documents"], run.cluster
    )


def descent(proof: Mapping[str, Any], name: str) -> JSON:
    """The check that `name` is the index that was proven as the copy; {} where it was not."""
    if name not in proof.get("marks", {}) or proof.get("target") != name:
        return {}
    return {
        "check": "continuous",
        "index": name,
        "identity": proof.get(IDENTITIES, {}).get(name),
        "marks": proof["marks"][name],
        "documents": proof["target_documents"],
    }


def continuous(check: JSON, cluster: Cluster) -> str:
    """Why an index is not what clients have made of the one that was proven; empty where it is.

    It may be empty, where clients have deleted each document: each delete is a write.
    """
    name, found = check["index"], identity(cluster, check["index"])
    if found is None:
        return f"the index {name} is gone"
    if found != check["identity"]:
        return f"{name} is another index than the one that was proven"
    return _lacks(name, check["marks"], check["documents"], cluster)


def require_continuous(step: Step, run: Run) -> None:
    """Just before documents go that it lacks. What was read of it by its name before is its own."""
    for check in step.preconditions:
        if check["check"] == "continuous" and (why := continuous(check, run.cluster)):
            raise Refused(
                f"{check['index']} is not what clients have made of the index that was proven",
                code="ESP-4515",
                why=why,
                remedy=REPLACED,
            )


REPLACED = (
    "see what differs (esplan verify OLD NEW); if the old index is right, put the alias back by "
    "hand, and write to it what only the new one has"
)


def _other(name: str, uuid: str, found: JSON | None) -> str:
    if found is None:
        return f"the index {name} is gone"
    return "" if found["uuid"] == uuid else f"{name} is another index now (UUID {found['uuid']})"


def _emptied(check: JSON, run: Run) -> str:
    name, before = check["index"], check.get("documents")
    if not before:
        return ""
    checksum.refresh(run.cluster, [name])
    if counted(run.cluster, name):
        return ""
    return f"{name} has no document any more, and had {before:,} when the plan was made"


def counted(cluster: Cluster, name: str) -> int:
    """Its documents, by `_stats`, which needs no right to read them; refreshed by the caller."""
    stats = cluster.read(index_path(name, "/_stats/docs")) or {}
    number: int = stats.get("_all", {}).get("primaries", {}).get("docs", {}).get("count", 0)
    return number


def grown(check: JSON, run: Run) -> str:
    """Why an index has more documents than somebody has consented to lose; empty where not."""
    name, most = check["index"], check["documents"]
    checksum.refresh(run.cluster, [name])
    now = checksum.count(run.cluster, name)
    if now <= most:
        return ""
    return f"{name} has {now:,} documents now, and {most:,} were to be discarded"


def _emptied_since(name: str, proof: Mapping[str, Any], cluster: Cluster) -> str:
    before = proof["target_documents"]
    checksum.refresh(cluster, [name])
    if not before or checksum.count(cluster, name):
        return ""
    return f"{name} has no document any more, and had {before:,} when it was proven"


def _lacks(name: str, proven: JSON, before: int, cluster: Cluster) -> str:
    """Each write, a delete too, takes one sequence number: no more documents can have gone."""
    checksum.refresh(cluster, [name])
    documents, marks = checksum.count(cluster, name), checksum.marks(cluster, [name])[name]
    if any(marks.get(shard, -1) < mark for shard, mark in proven.items()):
        return f"{name} has lost writes that it had when it was proven: was it restored?"
    writes = sum(marks[shard] - mark for shard, mark in proven.items())
    if before - documents > writes:
        return f"{name} has {documents:,} documents, had {before:,}, and {writes:,} writes since"
    return ""


def left(check: JSON, run: Run, address: str, index: Index | None) -> str:
    """Why the index that goes may have what its heir lacks; empty where it cannot."""
    name = check["index"]
    if index is None:
        return ""  # then it is not deleted either
    if not index.is_open:
        return _opened(check, run)
    if index.body.settings.get(SETTING) != "true":
        return f"the write block on {name} was lifted: clients may have written to it"
    proof, blocked = run.proofs.get(address), run.left.get(address)
    if proof and name in proof["marks"]:
        known, since = {**proof, "identity": proof.get(IDENTITIES, {}).get(name)}, "the proof"
        marks = proof["marks"][name]
    elif blocked:
        known, since, marks = blocked, "it was blocked", blocked["marks"]
    else:
        return f"nobody knows whether {name} was written to: it was not blocked by this plan"
    if known["identity"] != identity(run.cluster, name):
        return f"{name} is another index than the one that was left"
    now = checksum.marks(run.cluster, [name])[name]
    return "" if now == marks else f"{name} was written to after {since}"


def _opened(check: JSON, run: Run) -> str:
    """Why a closed index may not be as it was: every opening moves the version of its settings."""
    name = check["index"]
    if not check.get("closed"):
        return f"{name} is closed, so nobody can tell whether it was written to"
    if VERSION in check and draining.version(run.cluster, name) != check[VERSION]:
        return f"{name} was opened since the plan was made: clients may have written to it"
    return ""


def refused(step: Step, index: Index | None, why: Sequence[str]) -> Refused:
    """What to raise for a delete that is not safe: nothing is deleted, and what then."""
    name = step.arguments["index"]
    return Refused(
        f"step {step.id} ({step.description}) is not safe any more",
        code="ESP-4610",
        where=f"nothing was deleted: {name} is as it was",
        why="; ".join(why),
        remedy=_remedy(name, index),
    )


def _remedy(name: str, index: Index | None) -> str:
    """Whether it is blocked was just looked at."""
    if index is not None and index.body.settings.get(SETTING) == "true":
        return (
            f"see what differs, and copy what is missing behind the alias; {name} stays "
            f"write-blocked until you lift that ({_request(lifted(name))}). If nobody needs it, "
            f"{_first(index)}delete it with `esplan maintain --allow-delete index.{name}`"
        )
    return (
        f"if clients need {name}, keep it; otherwise block it again "
        f"(PUT {index_path(name, '/_block/write')}), and apply the same plan again"
    )


def _first(index: Index) -> str:
    """What serves an alias is not to be deleted, and `maintain` does not offer it."""
    aliases = ", ".join(sorted(one for one in index.aliases if not one.startswith(GUARD)))
    return f"take {aliases} off it, and " if aliases else ""


def _request(one: JSON) -> str:
    import json

    return f"{one['method']} {one['path']} {json.dumps(one['body'], separators=(',', ':'))}"
