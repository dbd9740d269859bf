"""Try the transform of every copy in a plan on some documents, before the plan is given out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from esplan import planfile
from esplan.checksum import ClusterHash, expectation, from_json
from esplan.errors import EsplanError, Forbidden, Refused, ServerError, StepFailed
from esplan.oracle.rehearsal import Rehearsal, Stage, uncompiled, untried
from esplan.oracle.throwaway import Throwaways
from esplan.request import index_path

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.codes import Coded
    from esplan.model import JSON
    from esplan.plan import Plan, Step

COUNT = "verify: {method: count, expect: [{count: N}, …]} states what must hold instead"


def tried(cluster: Cluster, made: Plan) -> Plan:
    """The plan with what became of the documents; the same one where no copy changes documents.

    Raises Refused, with every reason, for a script that does not compile, a pipeline that is not
    there, and where the proof of the copy would not hold.
    """
    copies = [step for step in made.steps if step.kind == "reindex" and _changes(step)]
    refusals: list[Refused] = []
    for copy in copies:
        try:
            made = _with(made, _Try(cluster, made, copy).run())
        except Refused as refusal:
            refusals.append(refusal)
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise Refused(
            f"{len(refusals)} copies would not do what the files say",
            code="ESP-4017",
            why="\n".join(map(str, refusals)),
            remedy="each of them says what to do; or plan one at a time: --target ADDRESS",
        )
    return planfile.sealed(made) if copies else made


def _changes(step: Step) -> bool:
    return bool(step.arguments.get("transform"))


def _with(made: Plan, found: _Found) -> Plan:
    """The plan with the sample, the proof as it can be made, and the warnings, of one object."""
    return replace(
        made,
        changes=tuple(
            replace(one, sample=found.sample) if one.address == found.address else one
            for one in made.changes
        ),
        steps=tuple(
            _unscripted(one) if found.unscripted and one.address == found.address else one
            for one in made.steps
        ),
        warnings=(*made.warnings, *(f"{found.address}: {one}" for one in found.warnings)),
    )


def _unscripted(step: Step) -> Step:
    """A step that compares documents, without the script that the proof cannot run."""
    reading = step.arguments.get("reading")
    if not reading:
        return step
    without = {name: part for name, part in reading.items() if name != "script"}
    arguments = {name: part for name, part in step.arguments.items() if name != "reading"}
    said = step.description.replace(" as the transform makes it,", "")
    arguments |= {"reading": without} if without else {}
    return replace(step, arguments=arguments, description=said)


@dataclass
class _Found:
    """What the plan says of one copy. `unscripted`: the proof cannot run its script."""

    address: str
    unscripted: bool = False
    sample: JSON = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def _why(error: EsplanError) -> str:
    """Without the remedy of the oracle, which is not what was asked."""
    return error.why if isinstance(error, Forbidden) else error.what


class _Try:
    """One copy that changes documents."""

    def __init__(self, cluster: Cluster, made: Plan, copy: Step) -> None:
        own = {one.kind: one for one in made.steps if one.address == copy.address}
        self.cluster, self.address, self.copy = cluster, copy.address, copy
        self.definition: JSON = (own["create_index"].request or {})["body"]
        self.body: JSON = (copy.request or {})["body"]
        self.seed = int(made.id[:8], 16) % 2**31
        self.found, self.proof = _Found(self.address), own["verify"].arguments
        self.reading = from_json(self.proof.get("reading", {}))
        self.compares = self.proof["method"] == "checksum"
        self.unable, self.blind = "", False

    def run(self) -> _Found:
        """Look, rehearse, judge. Raises Refused."""
        self._require_pipeline()
        self._fall_back()
        try:
            with Throwaways(self.cluster) as made:
                rehearsed = self._stage(made).rehearse()
                self._require_queries()
        except Refused as refusal:
            raise self._refused(refusal.code, refusal.what, refusal.why, refusal.remedy) from None
        except EsplanError as error:
            self._judge_error(error)
            return self.found
        self._judge(rehearsed)
        return self.found

    def _stage(self, made: Throwaways) -> Stage:
        reading = self.reading if self.compares and not self.blind else None
        examples = self.copy.arguments["sample"]
        return Stage(made, self.body, self.definition, reading, examples, self.seed)

    def _refused(self, code: Coded, what: str, why: str, remedy: str) -> Refused:
        return Refused(f"{self.address}: {what}", code=code, why=why, remedy=remedy)

    def _require_pipeline(self) -> None:
        name = self.body["dest"].get("pipeline")
        if not name:
            return
        try:
            there = self.cluster.read(f"/_ingest/pipeline{index_path(name)}")
        except ServerError as error:
            if error.status != 403:  # noqa: PLR2004  (HTTP's own number)
                raise
            self.found.warnings.append(
                f"whether there is a pipeline {name} is not known: the credentials may not read it"
            )
            return
        if not there:
            raise self._refused(
                "ESP-4301",
                f"there is no ingest pipeline {name}",
                "migrate.pipeline names one that the cluster does not have",
                f"make it first (PUT /_ingest/pipeline/{name}), or correct its name",
            )

    def _fall_back(self) -> None:
        """Where the proof cannot run the script, documents are compared as they are."""
        if not self.compares:
            return
        source = self.body["source"]["index"]
        hashes = ClusterHash(self.cluster, source, 1, routed=True)
        if not hashes.is_possible():  # the copy is proven by esplan itself then
            self.blind = True
            return
        if not self.reading.script:
            return
        self.unable = uncompiled(replace(hashes, reading=self.reading))
        if self.unable:
            self.reading = replace(self.reading, script=None)
            self.found.unscripted = True

    def _require_queries(self) -> None:
        """A query of `verify.expect` that is none would be found after the copy."""
        for one in self.proof.get("expect", []):
            if "query" not in one:
                continue
            try:
                path = index_path(self.body["source"]["index"], "/_count")
                self.cluster.read(path, None, {"query": one["query"]})
            except ServerError as error:
                if error.status != 400:  # noqa: PLR2004  (HTTP's own number)
                    raise
                raise Refused(
                    "the server does not take a query of verify.expect",
                    code="ESP-4306",
                    why=error.what,
                    remedy="correct it in the desired file",
                ) from None

    def _judge_error(self, error: EsplanError) -> None:
        if untried(error):
            self.found.warnings.append(
                f"the transform was not tried on a sample of documents: {_why(error)}"
            )
            return
        if isinstance(error, StepFailed):
            raise self._refused(error.code, error.what, error.why, error.remedy)
        if isinstance(error, ServerError) and error.status == 400:  # noqa: PLR2004  (HTTP's own number)
            raise self._refused(
                "ESP-4306",
                "the server does not take the copy",
                error.what,
                "correct `migrate` in the file",
            )
        raise error

    def _judge(self, found: Rehearsal) -> None:
        """Warnings, and the refusal where the proof would not hold."""
        if found.differing and found.settled:
            raise self._unprovable(found)
        self._refuse_other_number(found)
        self.found.sample = found.to_json()
        if self.unable and found.documents:
            self.found.warnings.append(
                "the proof cannot run the script, and compares documents as they were: "
                f"{self.unable}"
            )
        if found.rejections:
            first = found.rejections[0]
            self.found.warnings.append(
                f"{len(found.rejections)} of {found.documents} sampled documents were rejected, "
                f"and apply will fail on them: {first['id']}: {first['reason']}"
            )
        if not found.settled:
            self.found.warnings.append(
                "the proof was not tried: the sampled documents were written to meanwhile"
            )

    def _refuse_other_number(self, found: Rehearsal) -> None:
        """Counting proves nothing where the number is to be another one, and nobody says which."""
        expected = self.proof.get("expect", [])
        fewer = found.left_out + found.conflicts
        if self.compares or not fewer or any(map(expectation.is_total, expected)):
            return
        raise self._refused(
            "ESP-4305",
            "verify.method is count, and the numbers of documents will not be the same",
            f"{fewer} of {found.documents} sampled documents were left out",
            "say how many the new index will have: verify.expect: [{count: N}]; or let "
            "verify.method be checksum",
        )

    def _unprovable(self, found: Rehearsal) -> Refused:
        why = "\n".join(found.differing)
        if self.unable:
            why = f"the proof cannot run the script: {self.unable}\n{why}"
        return self._refused(
            "ESP-4304",
            f"the proof of the copy would not hold: {len(found.differing)} or more of "
            f"{found.documents} sampled documents are not what the transform says",
            why,
            "declare what a pipeline makes, or a script that is not the same every time, under "
            f"verify.ignore; where ids or the number of documents differ, {COUNT}",
        )
