"""What can be looked at just before a step is sent. Each check is one function.

A check returns why it does not hold, or an empty string. Only what the step depends on is
looked at: unrelated changes in the cluster do not make a plan stale.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from esplan import activity, checksum, diff, disk, origin, pipelines, whole
from esplan.checksum import versions
from esplan.errors import Incomplete
from esplan.model import Body
from esplan.plan import GUARD, digest
from esplan.request import index_path, there
from esplan.steps import heirs, protect_index, since_set, stood, verify
from esplan.steps.update_aliases import membership, memberships

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.model import JSON, Index
    from esplan.plan import Step
    from esplan.run import Run


BLOCK = "index.blocks.write"


class Facts:
    """The cluster as it is at this moment, for one step."""

    def __init__(self, step: Step, run: Run, indices: dict[str, Index]) -> None:
        """`indices` are those that the preconditions name, as they are now."""
        self.step, self.run, self.indices = step, run, indices

    @cached_property
    def aliases(self) -> JSON:
        """Every alias that the step depends on, all of one moment: `{alias: {index: options}}`."""
        names = {one["alias"] for one in self.step.preconditions if one["check"] == "alias"}
        return memberships(self.run.cluster, names)

    @cached_property
    def pipelines(self) -> JSON:
        """Every ingest pipeline, all of one moment."""
        return pipelines.read(self.run.cluster)

    def address(self, precondition: JSON) -> str:
        """The object that a check is about: a step of a group says it for each."""
        found: str = precondition.get("address", self.step.address)
        return found


def _absent(precondition: JSON, facts: Facts) -> str:
    name = precondition["name"]
    if name in facts.indices:
        return f"the index {name} exists already"
    on = membership(facts.run.cluster, name)
    return f"{name} is an alias on {', '.join(on)}" if on else ""


def _fits(precondition: JSON, facts: Facts) -> str:
    """The disks have room for it now; nothing is said where the user may not look at them."""
    parts = {name: value for name, value in precondition.items() if name != "check"}
    return disk.shortage(disk.Need(**parts), disk.read(facts.run.cluster))


def _index(precondition: JSON, facts: Facts) -> str:
    name, wanted = precondition["index"], precondition["uuid"]
    index = facts.indices.get(name)
    if index is None:
        return f"the index {name} is gone"
    return "" if index.uuid == wanted else f"{name} is another index now (UUID {index.uuid})"


def _body(precondition: JSON, facts: Facts) -> str:
    """The definition that the plan was made from, in the sections that the step depends on.

    Fields and settings that the desired files do not name are no matter.
    """
    name = precondition["index"]
    index = facts.indices.get(name)
    if index is None:
        return ""  # the check on its UUID says so
    after = facts.run.plan.change(facts.address(precondition)).after
    wanted = Body(after["settings"], after["mappings"], precondition.get("exact", False))
    now = diff.projected(index.body, wanted)
    sections = {name: now[name] for name in precondition["sections"]}
    same = digest(sections) == precondition["fingerprint"]
    said = " and ".join(precondition["sections"])
    return "" if same else f"the {said} of {name} have changed"


def _whole(precondition: JSON, facts: Facts) -> str:
    """All of the definition that the plan was made from; what was added since is carried over."""
    index = facts.indices.get(precondition["index"])
    base = whole.of(facts.run.plan, facts.address(precondition))
    if index is None or base is None:
        return ""  # the check on its UUID says so
    return whole.stale(base, index)


def _meta(precondition: JSON, facts: Facts) -> str:
    """A whole `_meta` is sent: what somebody has added since the plan would be lost unseen."""
    index = facts.indices.get(precondition["index"])
    if index is None or protect_index.meta(index) == precondition["meta"]:
        return ""  # whether it is gone, the check on its UUID says
    return f"the mapping's _meta of {index.name} has changed"


def _ours(precondition: JSON, facts: Facts) -> str:
    name = precondition["index"]
    index = facts.indices.get(name)
    if index is None:
        return f"the index {name} is gone"
    ours = index.mark == facts.run.mark(facts.address(precondition))
    ours = ours or precondition.get("guard") in index.aliases
    if not ours:
        return f"{name} is not the index that this plan made"
    blocked = sorted(name for name in index.body.settings if name.startswith("index.blocks."))
    if blocked and facts.step.kind == "update_aliases":
        return f"{name} cannot serve: it has {', '.join(blocked)}"
    known = (GUARD, precondition.get("guard", GUARD))
    serving = precondition.get("serving", ())  # where it is found behind its alias already
    foreign = {alias for alias in index.aliases if not alias.startswith(known)}
    strange = sorted(foreign.difference(serving))
    return f"{name} has the alias {', '.join(strange)} before its switch" if strange else ""


def _alias(precondition: JSON, facts: Facts) -> str:
    alias, wanted = precondition["alias"], precondition["on"]
    on = sorted(facts.aliases[alias])
    if on == wanted:
        return _optioned(precondition, facts) if facts.step.kind == "update_aliases" else ""
    return f"the alias {alias} is on {', '.join(on) or 'no index'}, not on {_said(wanted)}"


def _optioned(precondition: JSON, facts: Facts) -> str:
    """A filter or a routing that was put on since the plan would be lost with the switch."""
    alias, on = precondition["alias"], precondition["on"]
    mine = (facts.address(precondition), f"alias.{alias}")
    change = next((one for one in facts.run.plan.changes if one.address in mine), None)
    before = (change and change.before) or {}
    known = before.get("options", before.get("aliases", {}).get(alias))
    if not change or known is None or on != [before.get("index") or change.index]:
        return ""
    now = facts.aliases[alias][on[0]]
    return "" if now == known else f"the options of the alias {alias} were {known} and are {now}"


def _said(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _write_blocked(precondition: JSON, facts: Facts) -> str:
    """The block is on; `require` has seen to it that it has drained."""
    index = facts.indices.get(precondition["index"])
    if index is None or index.body.settings.get(BLOCK) == "true":
        return ""
    return f"the write block on {index.name} was lifted: clients may have written to it"


def _writable(precondition: JSON, facts: Facts) -> str:
    """Its documents can be indexed anew, as they are."""
    index = facts.indices.get(precondition["index"])
    if index is None:
        return ""
    if index.body.settings.get(BLOCK) == "true":
        return f"{index.name} is write-blocked: its documents cannot be indexed anew"
    final = index.body.settings.get(pipelines.FINAL)
    if pipelines.is_one(final):
        return f"{index.name} has the final pipeline {final}, which would change its documents"
    return ""


RED = "see GET _cluster/allocation/explain"


def _serves(precondition: JSON, facts: Facts) -> str:
    """The index answers: open, and no shard without a primary. A closed one is green, too.

    Raises Incomplete where one is missing, and does not come back: that is no change of a plan's.
    """
    name = precondition["index"]
    index = facts.indices.get(name)
    if index is None:
        return f"the index {name} is gone"
    if not index.is_open:
        return f"{name} is closed"
    cluster, path = facts.run.cluster, f"/_cluster/health{index_path(name)}"
    if there(cluster.read(path), path)["status"] == "red":
        checksum.await_primaries(cluster, [name])
        if there(cluster.read(path), path)["status"] == "red":
            raise Incomplete(f"{name} is red: not all of it is there", code="ESP-3301", remedy=RED)
    return ""


def _durable(precondition: JSON, facts: Facts) -> str:
    """What it holds is on its disks: one that is there and open was flushed just now."""
    name = precondition["index"]
    index = facts.indices.get(name)
    if index is None:
        return f"the index {name} is gone"
    return "" if index.is_open else f"{name} is closed"


def _closed(precondition: JSON, facts: Facts) -> str:
    """Nothing can be counted in a closed index. Whether it is gone, its own check says."""
    index = facts.indices.get(precondition["index"])
    return f"{index.name} is closed" if index is not None and not index.is_open else ""


def _heir(precondition: JSON, facts: Facts) -> str:
    """What serves now is the index that was proven, with its documents."""
    return _closed(precondition, facts) or heirs.heir(
        precondition, facts.run, facts.address(precondition)
    )


def _continuous(precondition: JSON, facts: Facts) -> str:
    """The index that a rollback leaves is still the one that was proven."""
    return _closed(precondition, facts) or heirs.continuous(precondition, facts.run.cluster)


def _set(precondition: JSON, facts: Facts) -> str:
    """What a way back puts back nobody has changed since."""
    index = facts.indices.get(precondition["index"])
    if index is None:
        return ""  # the check on its UUID says so
    return "; ".join(since_set.otherwise(index, precondition["settings"], precondition["before"]))


def _stood(precondition: JSON, facts: Facts) -> str:
    """The index that a release is taken back to holds what it held."""
    return _closed(precondition, facts) or stood.fallen(precondition, facts.run.cluster)


def _left(precondition: JSON, facts: Facts) -> str:
    """Nobody has written to the index that is deleted since it was proven or blocked."""
    index = facts.indices.get(precondition["index"])
    return heirs.left(precondition, facts.run, facts.address(precondition), index)


def _unwritten(precondition: JSON, facts: Facts) -> str:
    """Nobody has written to the index since the plan was made."""
    name = precondition["index"]
    if not activity.is_written(facts.run.cluster, name, precondition["marks"]):
        return ""
    return f"{name} was written to since the plan was made: wait until its load has ended"


def _unaliased(precondition: JSON, facts: Facts) -> str:
    index = facts.indices.get(precondition["index"])
    if index is None or not index.aliases:
        return ""
    return f"{index.name} still serves {', '.join(sorted(index.aliases))}"


def _proven(precondition: JSON, facts: Facts) -> str:
    """The copy was proven, and since then nothing was written to either side.

    With `then` only the source counts: clients write to the new index after the switch, and what
    they write to the old one is nowhere else.
    """
    proof = facts.run.proofs.get(facts.address(precondition))
    source, target = precondition["source"], precondition["target"]
    if proof is None:
        return f"{target} was not proven equal to {source}"
    if precondition.get("then"):
        same = checksum.marks(facts.run.cluster, [source])[source] == proof["marks"][source]
        return "" if same else f"{source} was written to after the proof: it is not in {target}"
    now = verify.marks_now(precondition, facts.run)
    return "" if now == proof["marks"] else f"{source} or {target} was written to after the proof"


def _nothing_rejected(precondition: JSON, facts: Facts) -> str:
    """Documents that the new index rejected are in the old one alone."""
    said = facts.run.rejected.get(facts.address(precondition), {})
    if not said.get("documents"):
        return ""
    target, source = precondition["target"], precondition["source"]
    return f"{target} rejected {said['documents']:,} documents, which only {source} has"


def _filled(precondition: JSON, facts: Facts) -> str:
    """No alias goes from documents to none, whatever a query left out or the mapping rejected."""
    source, target = precondition["source"], precondition["target"]
    proof = facts.run.proofs.get(facts.address(precondition), {})
    if proof.get("target_documents", 0):
        return ""
    if not checksum.count(facts.run.cluster, source):
        return ""
    return f"{target} would be empty, and {source} has documents"


def _consented(precondition: JSON, facts: Facts) -> str:
    """No more documents go than somebody has consented to, who saw their number in the plan."""
    index = facts.indices.get(precondition["index"])
    return heirs.grown(precondition, facts.run) if index and index.is_open else ""


def _versions(precondition: JSON, facts: Facts) -> str:
    """A copy that keeps the versions of documents has the same ones."""
    names = (precondition["source"], precondition["target"])
    checksum.refresh(facts.run.cluster, list(names))
    source, target = (versions.look(facts.run.cluster, name) for name in names)
    if versions.same(source, target):
        return ""
    return f"the documents of {names[1]} have other versions than those of {names[0]}"


def _pipeline(precondition: JSON, facts: Facts) -> str:
    """It is there with all that it calls; with a `digest` it does what it did for the plan."""
    name, found = precondition["name"], facts.pipelines
    if lacking := pipelines.missing(found, name):
        return f"the pipeline {', '.join(lacking)} is gone"
    if precondition.get("digest") in (None, pipelines.fingerprint(found, name)):
        return ""
    return f"the pipeline {name} has changed since the plan was made"


def _origin(precondition: JSON, facts: Facts) -> str:
    """The index of another cluster that the new one is filled from."""
    of = precondition["origin"]
    return origin.changed(facts.run.other(of["environment"]), of)


CHECKS: dict[str, Callable[[JSON, Facts], str]] = {
    "absent": _absent,
    "alias": _alias,
    "body": _body,
    "consented": _consented,
    "continuous": _continuous,
    "durable": _durable,
    "filled": _filled,
    "fits": _fits,
    "heir": _heir,
    "index": _index,
    "left": _left,
    "meta": _meta,
    "nothing_rejected": _nothing_rejected,
    "origin": _origin,
    "ours": _ours,
    "pipeline": _pipeline,
    "proven": _proven,
    "serves": _serves,
    "set": _set,
    "stood": _stood,
    "unaliased": _unaliased,
    "unwritten": _unwritten,
    "versions": _versions,
    "whole": _whole,
    "writable": _writable,
    "write_blocked": _write_blocked,
}
