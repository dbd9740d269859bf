"""What the index templates of the cluster do to an index that a plan is to create."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import normalize, templates
from esplan.errors import Refused
from esplan.route.context import EXPANSION, REPLICAS, Routed
from esplan.steps import gains

if TYPE_CHECKING:
    from esplan.model import JSON, Body
    from esplan.plan import Step
    from esplan.templates import Added, Templates

ON_A_COPY = (
    "index.blocks.",
    "index.default_pipeline",
    "index.final_pipeline",
    "index.lifecycle.",
)
"""Settings that would act on an index while it is being filled."""

LOSSY = ("_source", "_routing")
"""Parts of a mapping that lose or refuse the documents of a copy."""

ELSEWHERE = "or give the index a name that the template's index_patterns do not match"


def templated(routed: Routed, found: Templates, managed: frozenset[str], *, exact: bool) -> Routed:
    """The same steps, so that the new index is what the plan says although templates match it.

    `managed`: aliases that the files or the cluster have. Raises Refused where the server would
    make the index otherwise, or show it to clients at once.
    """
    create = next((step for step in routed.steps if step.kind == "create_index"), None)
    if create is None:
        return routed
    name, address = create.arguments["index"], create.address
    if not found.readable:
        said = f"{address}: what index templates add to {name} is not known: the credentials may"
        lacking = f"{said} not read them (manage_index_templates)"
        return replace(routed, warnings=(*routed.warnings, lacking))
    try:
        one = templates.added(found, name)
        return _Templated(routed, create, one, managed, exact=exact).routed() if one else routed
    except ValueError as error:
        raise Refused(
            f"{address}: the index templates that match {name} cannot be read",
            code="ESP-3401",
            why=str(error),
            remedy=f"report it, {ELSEWHERE}",
        ) from None


class _Templated:
    """One step that creates an index, and what templates add to it."""

    def __init__(
        self, routed: Routed, create: Step, one: Added, managed: frozenset[str], *, exact: bool
    ) -> None:
        self.whole, self.create, self.one = routed, create, one
        self.managed, self.exact = managed, exact
        self.name, self.address = create.arguments["index"], create.address
        self.request = create.request or {}
        self.body: JSON = self.request["body"]

    def routed(self) -> Routed:
        """The change with the amended step, and with what a reviewer should know."""
        self._refuse_data_stream()
        self._refuse_aliases()
        self._refuse_forming()
        left_out = self._left_out()
        settings = {**self.body["settings"], **dict.fromkeys(left_out)}
        wanted = normalize.body(settings, self.body["mappings"], exact=self.exact)
        self._refuse_otherwise(wanted)
        body = {**self.body, "settings": settings, "aliases": self._aliases()}
        gained = {gains.GAINS: gains.known(self.one, wanted)}
        create = replace(
            self.create,
            request={**self.request, "body": body},
            arguments={**self.create.arguments, **gained},
        )
        steps = tuple(create if step is self.create else step for step in self.whole.steps)
        warnings = (*self.whole.warnings, *self._gains(wanted), *self._lacks(left_out))
        return replace(self.whole, steps=steps, warnings=warnings)

    def _refuse_data_stream(self) -> None:
        if self.one.data_stream:
            raise Refused(
                f"{self.address}: the server makes no index {self.name}: {self.one.source} makes "
                "data streams of such names",
                code="ESP-4201",
                remedy=f"change the template, {ELSEWHERE}",
            )

    def _refuse_aliases(self) -> None:
        """An index behind an alias serves nobody until the switch; another one may have its own."""
        given = set(self.one.aliases) - set(self.body["aliases"])
        taken = given if self.address.startswith("alias.") else given & self.managed
        if taken:
            raise Refused(
                f"{self.address}: {self.one.source} would put the alias "
                f"{', '.join(sorted(taken))} on {self.name} as soon as it is made",
                code="ESP-4202",
                why="clients of that alias would read and write the new index before its switch",
                remedy=f"take the alias out of the template, {ELSEWHERE}",
            )

    def _refuse_forming(self) -> None:
        forming = sorted(
            name
            for name in self.one.settings
            if name.startswith(normalize.FORMING) and name not in self.body["settings"]
        )
        if forming:
            raise Refused(
                f"{self.address}: {self.one.source} sets {', '.join(forming)}, which changes what "
                f"the mapping of {self.name} means",
                code="ESP-4203",
                remedy="say it in the desired file, with this value or another; or change the "
                "template",
            )

    def _refuse_otherwise(self, wanted: Body) -> None:
        found = list(templates.disagreements(self.one, wanted))
        made = templates.effective(self.one, wanted).mappings
        lost = [
            name for name in LOSSY if self._filled and made.get(name) != wanted.mappings.get(name)
        ]
        said = [f"{'.'.join(one.path)}: {one.before!r}, not {one.after!r}" for one in found]
        said += [f"mappings.{name}: {made.get(name)!r}" for name in lost]
        if said:
            raise Refused(
                f"{self.address}: {self.one.source} would make {self.name} otherwise than planned",
                code="ESP-4203",
                why="; ".join(dict.fromkeys(said)),
                remedy="say these parts in the desired file, or change the template",
            )

    @property
    def _filled(self) -> bool:
        return bool(self.create.arguments["filled"])

    def _left_out(self) -> list[str]:
        """Settings of the templates that are sent as null: back to the default."""
        desired = self.whole.change.after["settings"]
        return sorted(
            name
            for name in self.one.settings
            if name not in self.body["settings"]
            if (name in desired and desired[name] is None)
            or (name == EXPANSION and REPLICAS in self.body["settings"])
            or (self._filled and name.startswith(ON_A_COPY))
        )

    def _aliases(self) -> JSON:
        """The aliases of the templates by name: what the plan shows is what the index gets."""
        return {**self.one.aliases, **self.body["aliases"]}

    def _gains(self, wanted: Body) -> list[str]:
        """What comes with the templates, in one line."""
        made = templates.effective(self.one, wanted)
        settings = sorted(made.settings.keys() - wanted.settings.keys())
        fields = sorted(made.mappings["properties"].keys() - wanted.mappings["properties"].keys())
        root = sorted(made.mappings.keys() - wanted.mappings.keys())
        aliases = sorted(self._aliases().keys() - self.body["aliases"].keys())
        parts = {"settings": settings, "fields": fields, "mappings": root, "aliases": aliases}
        said = [f"{what} {', '.join(names)}" for what, names in parts.items() if names]
        if not said:
            return []
        return [f"{self.address}: {self.name} also gets, from {self.one.source}: {'; '.join(said)}"]

    def _lacks(self, left_out: list[str]) -> list[str]:
        desired = self.whole.change.after["settings"]
        unsaid = [name for name in left_out if name.startswith(ON_A_COPY) and name not in desired]
        if not unsaid:
            return []
        lacking = f"{self.address}: {self.name} does not get {', '.join(unsaid)}"
        why = "it would act on the copy; say it in the desired file if it is wanted"
        return [f"{lacking} of {self.one.source}: {why}"]
