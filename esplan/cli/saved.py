"""Plan files as the commands use them: saved, read, checked, shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan.arguments import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from esplan.cli.options import Globals
    from esplan.plan import Plan

Format = Literal["text", "json", "markdown", "html"]
FormatOption = Annotated[Format, typer.Option("--format", help="How to show it.")]
PlanPath = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")]


def save_and_show(given: Globals, made: Plan, output: str | None, format_: Format) -> None:
    """The plan in its file, if one was asked for, and on the screen."""
    from esplan import journal, planfile

    made = given.policy(made.cluster["uuid"]).warned(made)
    path = _plan_path(output, made)
    if path:
        journal.set_aside(path)
        planfile.write(made, path)
    show_plan(given, made, str(path or ""), format_)


def _plan_path(output: str | None, plan: Plan) -> Path | None:
    if output != DEFAULT_OUTPUT:
        return Path(output) if output else None
    stamp = plan.created_at[:19].replace(":", "").replace("T", "-")
    return Path("plans") / f"{stamp}-{plan.digest[:8]}.json"


def show_plan(given: Globals, plan: Plan, path: str, format_: Format) -> None:
    """On stdout, and nothing else there; `path` is where it is saved, empty where it is not."""
    shown = FORMATS["json" if given.json else format_](plan, path, given.verbose)
    if isinstance(shown, str):
        print(shown, end="")
    else:
        given.show(shown)


def _text(plan: Plan, path: str, whole: bool) -> Iterator[RenderableType]:  # noqa: FBT001
    from esplan.views import plan_text

    return plan_text.plan(plan, path, whole=whole)


def _json(plan: Plan, _path: str, _whole: bool) -> str:  # noqa: FBT001
    from esplan import planfile

    return planfile.dumps(plan)


def _markdown(plan: Plan, path: str, _whole: bool) -> str:  # noqa: FBT001
    from esplan.views import markdown

    return markdown.plan(plan, path)


def _html(plan: Plan, path: str, _whole: bool) -> str:  # noqa: FBT001
    from esplan.views import html

    return html.page(plan, path)


FORMATS: dict[Format, Callable[[Plan, str, bool], str | Iterator[RenderableType]]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "html": _html,
}
"""How a plan is shown, by its path and whether nothing is to be folded."""


def signed(given: Globals, path: Path, signers: Path | None) -> tuple[Plan, str]:
    """The plan, and who signed it, where the option or the environment asks for that.

    The bytes that are checked are those that are carried out.
    """
    from esplan import config, planfile, signature

    content = planfile.content(path)
    made = _parsed(path, content)
    told = config.signers(given.env, made.cluster["uuid"], config=given.config)
    allowed = [*told, *([signers] if signers else [])]
    return made, signature.require(content, path, allowed)


def read(path: Path, format_: Format = "text") -> Plan:
    """The plan in a file, which can be shown in this format."""
    from esplan import planfile

    return _parsed(path, planfile.content(path), format_)


def _parsed(path: Path, content: bytes, format_: Format = "text") -> Plan:
    """A plan that certainly can be shown.

    Whoever writes a plan by hand can give it the right digest, but no step or change of any shape.
    """
    from esplan import planfile

    made = planfile.parse(path, content)
    try:
        for one in dict.fromkeys(("text", format_)):
            list(FORMATS[one](made, str(path), False))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise planfile.no_plan(
            path, f"a part of it is not as esplan writes it ({error!r})"
        ) from None
    return made
