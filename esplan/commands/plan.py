"""`esplan plan`: desired files and a cluster → a plan."""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import esplan
from esplan import (
    activity,
    diff,
    drift,
    estimates,
    layout,
    live,
    oracle,
    origin,
    pipelines,
    planfile,
    route,
    safety,
    templates,
)
from esplan.errors import Refused, ServerError, UsageError
from esplan.model import Alias, State
from esplan.plan import Change, Plan, ordered, refuse_overlap
from esplan.route import choice, empty, groups, ignored, piped, protection
from esplan.route.rules import Route
from esplan.route.templated import templated
from esplan.steps import force_merge

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from esplan.activity import Activity
    from esplan.cluster import Cluster
    from esplan.desired import Desired
    from esplan.diff import Comparison
    from esplan.layout import Layout
    from esplan.live import ClusterInfo, Reader
    from esplan.model import JSON
    from esplan.oracle.model import Answer as Said
    from esplan.origin import Origin
    from esplan.route import Context, Routed

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def plan(  # noqa: PLR0913  (one option of the command each)
    cluster: Reader,
    desired: Desired,
    *,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_delete: Sequence[str] = (),
    allow_close: Sequence[str] = (),
    allow_discard: Sequence[str] = (),
    now: datetime | None = None,
    plan_id: str | None = None,
    asked: Cluster | None = None,
    connect: Callable[[str], Cluster] | None = None,
) -> Plan:
    """The plan that makes live what the files say, in three requests.

    An index that is to be force merged takes four more, and two seconds: whether somebody
    writes to it; one whose shards may be split or shrunk takes one; where an index is created,
    three more say which index templates there are. A plan with a long step takes up to six more,
    and a second: see `estimates`. `target` to `allow_discard` are addresses: `allow_delete` of
    aliases, or of the indices that they leave. `asked`: a server to hold the rules against.
    `connect`: to the cluster of another environment, for `migrate.from`. Raises Refused, with
    every reason, when an object has no safe way; UsageError for an address that no file has, or a
    consent that nothing needs.
    """
    now = now or datetime.now(UTC)
    plan_id = plan_id or secrets.token_hex(8)
    info = live.cluster_info(cluster)
    chosen(desired.state, allow_close, ())  # a misspelt consent is an error
    wanted = chosen(desired.state, target, exclude)
    groups.refuse_halves(desired.state, wanted)
    state = live.read_state(cluster)
    wanted = _consented(wanted, state, allow_delete)
    comparisons = diff.compare(_resolved(wanted, state, now), state)
    context = replace(
        _context(cluster, comparisons, plan_id, state, now),
        allowed=frozenset(allow_delete),
        closable=frozenset(allow_close),
        origins=_origins(cluster, comparisons, connect),
    )
    routed = _routed(comparisons, context, wanted)
    exact = {str(one.address) for one in comparisons if one.desired.body.exact}
    routed = with_templates(cluster, routed, {*desired.state.aliases, *state.aliases}, exact)
    routed = with_pipelines(cluster, routed)
    safety.refuse_unused(allow_delete, [step for one in routed for step in one.steps])
    needs = protection.needs(routed, state, desired.state) + empty.needs(routed, allow_discard)
    routed, digest = groups.together(routed, wanted), desired.digest
    made = assembled(info, routed, plan_id=plan_id, now=now, desired_digest=digest, needs=needs)
    whole = replace(estimates.estimated(cluster, made, state), drift=_drift(wanted, state, made))
    return with_answers(whole, oracle.ask_all(asked, comparisons) if asked else ())


def _context(
    cluster: Reader, comparisons: list[Comparison], plan_id: str, state: State, now: datetime
) -> Context:
    """What the routes need to know of the cluster."""
    seen, layouts = _activity(cluster, comparisons), _layouts(cluster, comparisons)
    return route.Context(plan_id, state, now.date(), seen, layouts=layouts)


def _drift(wanted: State, state: State, made: Plan) -> tuple[JSON, ...]:
    """What is not as the files say before the plan, and stays so: without what it leaves."""
    gone = {step.arguments["index"] for step in made.steps if step.kind == "delete_index"}
    gone |= {change.index for change in made.changes if change.index != change.target}
    found = (one for one in drift.beside(wanted, state) if one.index not in gone)
    kept = ("kind", "address", "index", "path", "live", "wanted", "rule")
    return tuple({name: getattr(one, name) for name in kept} for one in found)


def _routed(comparisons: list[Comparison], context: Context, wanted: State) -> list[Routed]:
    """Each object's cheapest way. Members of a group know of each other."""
    context = replace(context, leaving=groups.leaving(comparisons, context))
    routed = each(comparisons, lambda one: route.route(one, context))
    return groups.held(routed, wanted)


def with_answers(made: Plan, answers: Sequence[Said]) -> Plan:
    """The plan with what a server said about it; a disagreement is a warning."""
    wrong = (oracle.warning(one) for one in answers if one.verdict == "disagrees")
    whole = replace(
        made,
        warnings=(*made.warnings, *wrong),
        oracle=tuple(asdict(one) for one in answers),
    )
    return planfile.sealed(whole)


def assembled(
    info: ClusterInfo,
    routed: Sequence[Routed],
    *,
    plan_id: str,
    now: datetime,
    desired_digest: str,
    needs: Sequence[JSON] = (),
) -> Plan:
    """The plan of all objects' changes and steps, in their order; it is not sealed yet."""
    changes = tuple(map(_recorded, routed))
    given = [force_merge.for_version(step, info.version) for one in routed for step in one.steps]
    steps = ordered(given)
    refuse_overlap(steps)
    ignored.refuse(steps, info)
    return Plan(
        id=plan_id,
        created_at=now.isoformat(timespec="seconds"),
        esplan_version=esplan.__version__,
        cluster=asdict(info),
        desired_digest=desired_digest,
        changes=changes,
        steps=steps,
        warnings=tuple(warning for one in routed for warning in one.warnings),
        needs=(*needs, *safety.many(changes)),
    )


def _recorded(routed: Routed) -> Change:
    """Without the definition of an object that is as the files say: a plan is read by people."""
    change = routed.change
    same = change.action == "no-op" and not routed.steps and change.before == change.after
    return replace(change, before={}, after={}) if same else change


def refuse_nothing_to_release(made: Plan, desired: Desired) -> None:
    """A job that would release the index that is released is an error; a desired file's is none.

    Raises Refused. Nothing is ever deleted then: the old index is the new one.
    """
    runs = {f"alias.{alias.name}": alias.runs for alias in desired.state.aliases.values()}
    for change in made.changes:
        loaded = runs.get(change.address)
        if loaded and not loaded.abort and change.index == change.target:
            raise Refused(
                f"{change.address} is on {change.index} already, and that is the latest run: "
                "there is nothing to release, and nothing to delete",
                code="ESP-4404",
                remedy="let the loader run first; or set abort_run to True",
            )


def chosen(state: State, target: Sequence[str], exclude: Sequence[str]) -> State:
    """What the options leave. Raises UsageError for an address that no file has."""
    addresses = [f"alias.{name}" for name in state.aliases]
    known = {*addresses, *(f"index.{name}" for name in state.indices)}
    unknown = [address for address in (*target, *exclude) if address not in known]
    if unknown:
        raise UsageError(
            f"no desired file has {', '.join(unknown)}",
            code="ESP-1004",
            remedy=f"addresses here: {', '.join(sorted(known))}",
        )
    wanted = set(target or known) - set(exclude)
    return State(
        {name: one for name, one in state.indices.items() if f"index.{name}" in wanted},
        {name: one for name, one in state.aliases.items() if f"alias.{name}" in wanted},
    )


def _consented(desired: State, live: State, allow_delete: Sequence[str]) -> State:
    """Consent on the command line is `finish.delete_old: true`, for this plan alone."""

    def consented(alias: Alias) -> Alias:
        members = live.aliases[alias.name].indices if alias.name in live.aliases else ()
        addresses = {f"alias.{alias.name}", *(f"index.{name}" for name in members)}
        if addresses.isdisjoint(allow_delete):
            return alias
        return replace(alias, finish=replace(alias.finish, delete_old=True))

    return replace(desired, aliases={n: consented(one) for n, one in desired.aliases.items()})


def _resolved(desired: State, state: State, now: datetime) -> State:
    """Every alias on a loader's runs with the run that it is to be on."""
    aliases = each(desired.aliases.values(), lambda one: route.resolved(one, state, now))
    return replace(desired, aliases={alias.name: alias for alias in aliases})


def _activity(cluster: Reader, comparisons: list[Comparison]) -> Activity:
    """Who is written to, of the indices that may be force merged."""
    names = {
        one.index.name for one in comparisons if one.index and one.index.is_open and _may_merge(one)
    }
    return activity.observe(cluster, sorted(names))


def _layouts(cluster: Reader, comparisons: list[Comparison]) -> dict[str, Layout]:
    """Where the shards are, of the indices whose number of shards may change by hard links."""
    names = [one.index.name for one in comparisons if one.index and _may_link(one)]
    return layout.read(cluster, sorted(names))


def _origins(
    cluster: Reader, comparisons: list[Comparison], connect: Callable[[str], Cluster] | None
) -> dict[str, Origin]:
    """What new indices are filled from, of the aliases that say another cluster."""
    found: dict[str, Origin] = {}
    for one in comparisons:
        alias = one.desired
        remote = alias.migrate.remote if isinstance(alias, Alias) else None
        is_new = one.index is None or choice.dearest(one) > Route.CLOSE
        if remote and connect and is_new:
            with connect(remote.environment) as other:
                seen = origin.read(cluster, other, remote, alias.name)
            found |= {alias.name: seen} if seen else {}
    return found


def with_templates(
    cluster: Reader,
    routed: list[Routed],
    aliases: Iterable[str],
    exact: Container[str] = (),
) -> list[Routed]:
    """What the cluster's index templates add to new indices; no request where there is none.

    `aliases`: of the files and the cluster. `exact`: addresses whose mapping is.
    """
    if not any(step.kind == "create_index" for one in routed for step in one.steps):
        return routed
    found, managed = templates.read(cluster), frozenset(aliases)
    return each(
        routed, lambda one: templated(one, found, managed, exact=one.change.address in exact)
    )


def with_pipelines(cluster: Reader, routed: list[Routed]) -> list[Routed]:
    """What the steps need of ingest pipelines; no request where they name none."""
    if not any(map(piped.named, routed)):
        return routed
    try:
        found = pipelines.read(cluster)
    except ServerError as error:
        if error.status != 403:  # noqa: PLR2004  (HTTP's own number)
            raise
        said = (
            "whether its pipelines are there is not known: the credentials may not look (monitor)"
        )
        return [
            replace(one, warnings=(*one.warnings, f"{one.change.address}: {said}"))
            if piped.named(one)
            else one
            for one in routed
        ]
    return each(routed, lambda one: piped.piped(one, found))


def _may_link(comparison: Comparison) -> bool:
    alias = comparison.desired
    behind = isinstance(alias, Alias) and alias.runs is None
    return behind and choice.dearest(comparison) in choice.LINKS


def _may_merge(comparison: Comparison) -> bool:
    """A new index or another run, and nothing that says that it is not to be merged."""
    alias = comparison.desired
    if choice.dearest(comparison) < Route.RELEASE:
        return False
    if not isinstance(alias, Alias) or alias.finish.forcemerge == "off":
        return False
    return alias.runs is None or (alias.runs.writes == "done" and not alias.runs.abort)


def each(items: Iterable[Item], route_one: Callable[[Item], Answer]) -> list[Answer]:
    """Every object's answer; all refusals at once."""
    done: list[Answer] = []
    refusals: list[Refused] = []
    for item in items:
        try:
            done.append(route_one(item))
        except Refused as refusal:
            refusals.append(refusal)
    different = {str(refusal): refusal for refusal in refusals}
    if len(different) == 1:
        raise refusals[0]
    if refusals:
        raise Refused(
            f"{len(refusals)} objects have no safe way to the desired state",
            code="ESP-4017",
            why="\n".join(different),
            remedy="each of them says what to do; or plan one at a time: --target ADDRESS",
        )
    return done
