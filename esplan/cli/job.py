"""`esplan job`: the legacy job config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from esplan.cli.options import chosen

job = typer.Typer(
    name="job",
    help="The legacy job config of a release by run id.\n\n"
    "Examples:\n    esplan job convert job.json",
    rich_markup_mode=None,
    invoke_without_command=True,
)


@job.callback()
def main(ctx: typer.Context) -> None:
    """Without a command: the help."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@job.command()
def convert(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A legacy job config.")],
) -> int:
    """Print the desired file that says the same as a legacy job config. Offline.

    Examples:
        esplan job convert job.json > desired/customer.yaml
    """
    from esplan.commands.job import convert as command
    from esplan.views import yaml

    given = chosen(ctx)
    made = command(file, given.config)
    print(json.dumps(made, indent=2, ensure_ascii=False) if given.json else yaml.dumps(made))
    return 0
