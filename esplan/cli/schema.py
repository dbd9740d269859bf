"""`esplan schema`: options → command → exit code."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

Name = Literal["desired", "config", "job", "plan", "journal"]


def schema(
    name: Annotated[Name, typer.Argument(help="What it describes.")],
) -> int:
    """Print a JSON Schema, for an editor: of desired files, esplan.yaml, jobs, plans, journals.

    Examples:
        esplan schema desired > desired.schema.json
        esplan schema config
    """
    from esplan import schema as schemas

    sys.stdout.write(schemas.text(name))
    return 0
