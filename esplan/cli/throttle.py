"""`esplan throttle`: options → command → view."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from esplan.cli.options import chosen, result


def throttle(
    ctx: typer.Context,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")],
    rate: Annotated[
        str, typer.Argument(metavar="RATE", help="Documents a second; off (or -1): no limit.")
    ],
) -> int:
    """Change how fast a plan copies, while it does, from any terminal or host.

    A copy that is started later gets the rate, too. The apply need not be told.

    Examples:
        esplan throttle plans/release.json 2000
        esplan throttle plans/release.json off --env prod
    """
    from dataclasses import asdict

    from esplan import planfile
    from esplan import throttle as rates
    from esplan.commands.throttle import set_rate
    from esplan.views import text

    given = chosen(ctx)
    wanted = rates.parse(rate)
    made = planfile.read(plan)
    with given.cluster() as cluster:
        found = set_rate(cluster, made, wanted)
    result(given, text.throttled(found), "throttled", asdict(found))
    return 0
