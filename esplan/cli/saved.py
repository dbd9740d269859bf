"""Plan files as the commands use them: saved, read, checked, shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan.arguments import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from esplan.cli.options import Globals
    from esplan.plan import Plan

Format = Literal["text", "json", "html"]
PlanPath = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")]


def save_and_show(given: Globals, made: Plan, output: str | None, format_: Format) -> None:
    """The plan in its file, if one was asked for, and on the screen."""
    from esplan import journal, planfile

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
    """On stdout; `path` is where it is saved, empty where it is not."""
    from esplan import planfile
    from esplan.views import html, text

    if given.json or format_ == "json":
        print(planfile.dumps(plan), end="")
        return
    if format_ == "html":
        print(html.page(plan, path))
        return
    given.show(text.plan(plan, path))


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


def read(path: Path) -> Plan:
    """The plan in a file."""
    from esplan import planfile

    return _parsed(path, planfile.content(path))


def _parsed(path: Path, content: bytes) -> Plan:
    """A plan that certainly can be shown.

    Whoever writes a plan by hand can give it the right digest, but no step or change of any shape.
    """
    from esplan import planfile
    from esplan.views import text

    made = planfile.parse(path, content)
    try:
        list(text.plan(made, str(path)))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise planfile.no_plan(
            path, f"a part of it is not as esplan writes it ({error!r})"
        ) from None
    return made
