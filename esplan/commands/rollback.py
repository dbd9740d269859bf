"""`esplan rollback`: an applied plan, its journal and the cluster → the plan that takes it back."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from esplan import checksum, estimates, journal, live, planfile, state_index
from esplan.commands.apply import require_cluster
from esplan.commands.plan import assembled, each
from esplan.errors import Refused, UsageError
from esplan.model import Alias, State
from esplan.plan import GUARD, digest
from esplan.request import index_path
from esplan.route import groups
from esplan.route.rollback import Applied, rolled_back
from esplan.run import mark
from esplan.steps import heirs, ledger, stood

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from esplan.cluster import Cluster
    from esplan.journal import Journal
    from esplan.model import JSON, Index
    from esplan.plan import Change, Plan


def rollback(
    cluster: Cluster,
    applied: Plan,
    path: Path,
    *,
    allow_delete: Sequence[str] = (),
    allow_drop: Sequence[str] = (),
) -> Plan:
    """The inverse of the plan in the file `path`; it changes nothing.

    Both are addresses of aliases: `allow_delete`, whose new index is to be deleted at the end,
    `allow_drop`, whose new documents may lack fields that the copy has dropped. Raises Refused,
    with every reason, where something cannot be taken back without a loss.
    """
    require_cluster(cluster, applied)
    records = _journal(cluster, applied, path)
    changed = [change for change in applied.changes if change.action != "no-op"]
    replaced = {c.address for c in changed if c.action == "replace"}
    unknown = {*allow_delete, *allow_drop} - replaced
    if unknown:
        raise UsageError(
            f"{', '.join(sorted(unknown))}: the plan has replaced no such object",
            code="ESP-1004",
            remedy="name an alias that the plan has put on another index: alias.NAME",
        )
    now, plan_id = datetime.now(UTC), secrets.token_hex(8)
    state = live.read_state(cluster)
    objects = [
        _known(cluster, _applied(cluster, applied, records, one), records, state) for one in changed
    ]
    _refuse_written(cluster, objects)
    routed = each(
        objects,
        lambda one: rolled_back(
            one,
            plan_id,
            state,
            delete=one.change.address in allow_delete,
            drop=one.change.address in allow_drop,
        ),
    )
    together = groups.together(routed, _grouped(applied))
    made = assembled(
        live.cluster_info(cluster),
        together,
        plan_id=plan_id,
        now=now,
        desired_digest=digest(["rollback", applied.digest]),
    )
    return planfile.sealed(estimates.estimated(cluster, made, state))


def _applied(cluster: Cluster, plan: Plan, records: Journal, change: Change) -> Applied:
    proof, name = _proof(plan, records, change.address), change.index or ""
    found = Applied(plan, change, proof)
    steps = [one for one in found.steps if one.arguments.get("index") == name]
    states = {one.id: records.state(one.id) for one in steps}
    lifted = any(one.kind == "unblock_writes" and states[one.id] == "done" for one in steps)
    ours = any(one.kind in BLOCKING and "request" in one.undo and states[one.id] for one in steps)
    marks = proof.get("marks", {}).get(name)
    left = ledger.left(cluster, name, marks) if marks else {}
    return replace(found, blocked=ours and not lifted, ours=left)


def _known(cluster: Cluster, one: Applied, records: Journal, live: State) -> Applied:
    """Whether the new index is the one that was proven. Whether it is there, the route says.

    A journal of an older esplan has no identities: then by the UUID that it notes, or by the mark.
    """
    if one.released:
        return _stood(cluster, one, records, live)
    heir = heirs.descent(one.proof, one.change.target or "")
    index = live.indices.get(heir.get("index", ""))
    if index is None or not index.is_open:
        return replace(one, heir=heir)
    if heir["identity"]:
        return replace(one, heir=heir, otherwise=heirs.continuous(heir, cluster))
    heir["identity"] = heirs.identity(cluster, index.name)
    why = _unknown(one, records, index) or heirs.continuous(heir, cluster)
    return replace(one, heir=heir, otherwise=why, unsure=True)


def _stood(cluster: Cluster, one: Applied, records: Journal, live: State) -> Applied:
    """Whether the old index of a release is as it was; from here on it stays as it is now."""
    old = live.indices.get(one.change.index or "")
    if old is None or not old.is_open:
        return one
    switches = (step.id for step in one.plan.steps if step.kind == "update_aliases")
    noted = (records.evidence(step).get(stood.STOOD, {}).get(old.name) for step in switches)
    known: JSON = next((found for found in noted if found), {})
    check = {"check": "stood", "index": old.name}
    why = stood.fallen({**check, **known}, cluster)
    return replace(one, heir={**check, **stood.look(cluster, old.name)}, otherwise=why)


def _unknown(one: Applied, records: Journal, index: Index) -> str:
    noted = [records.evidence(step.id).get("uuid") for step in one.steps if step.kind in MAKING]
    noted += [
        check["uuid"]
        for step in one.steps
        for check in step.preconditions
        if check["check"] == "index" and check["index"] == index.name
    ]
    uuids = {uuid for uuid in noted if uuid}
    if index.uuid in uuids:
        return ""
    if uuids:
        return f"{index.name} is another index than the one that was proven"
    if index.mark == mark(one.plan.id, one.change.address):
        return ""
    return (
        f"the journal, of an older esplan, does not say which index was proven, and {index.name} "
        "has no mark of the plan"
    )


MAKING = ("create_index", "resize_index")

BLOCKING = ("block_writes", "retire_index")
"""Steps that leave a write block on an index that is to be deleted."""


def _refuse_written(cluster: Cluster, objects: Sequence[Applied]) -> None:
    """Somebody has written to an old index, past its alias: which of the two is right?"""
    for one in objects:
        marks, name = one.proof.get("marks", {}), one.change.index or ""
        if name not in marks or cluster.read(index_path(name)) is None:
            continue  # whether it is gone, the route says
        if any(
            alias.startswith(GUARD) for alias in live.read_indices(cluster, [name])[name].aliases
        ):
            continue  # a rollback that has not ended writes to it: the route says that
        if checksum.marks(cluster, [name])[name] not in (marks[name], one.ours):
            raise Refused(
                f"{one.change.address}: somebody has written to {name} since the switch",
                code="ESP-4502",
                why="its sequence numbers are not those of the proof, so nobody knows which of the "
                "two indices is right",
                remedy=f"see what differs (esplan verify {name} {one.change.target}); then put the "
                "old definition into the desired file, and plan that",
            )


def _journal(cluster: Cluster, applied: Plan, path: Path) -> Journal:
    """The one beside the plan, or the cluster's copy of it."""
    found = journal.open_journal(journal.beside(path), applied.digest)
    mirrored = state_index.load(cluster, applied.digest)
    if not found.records and not mirrored:
        raise Refused(
            f"the plan in {path} was never applied: there is nothing to take back",
            code="ESP-4501",
            remedy="see `esplan status`",
        )
    names = (str(found.path), "the journal in the cluster")
    return journal.Journal(found.path, journal.joined(found.records, mirrored, names))


def _proof(applied: Plan, records: Journal, address: str) -> JSON:
    proofs = (s.id for s in applied.steps if (s.kind, s.address) == ("verify", address))
    return next((records.evidence(step) for step in proofs), {})


def _grouped(applied: Plan) -> State:
    """Aliases that changed in one call change back in one."""
    aliases: dict[str, Alias] = {}
    for step in applied.steps:
        for address in step.arguments.get("members", ()):
            name = address.removeprefix("alias.")
            aliases[name] = Alias(name, group=step.address.removeprefix("group."))
    return State(aliases=aliases)
