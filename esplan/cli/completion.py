"""`esplan completion`: the script for a shell, and the answers to what it asks.

The script calls `esplan __complete LINE`, with the command line up to the cursor. The answers are
esplan's own: Typer's know global options only before the command, and say nothing of files.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

Shell = Literal["bash", "zsh", "fish"]

QUESTION = "__complete"
"""What the scripts begin with. It is in no help."""


def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell that asks.")],
) -> int:
    """Print the script by which a shell completes commands, options, plans and addresses.

    Examples:
        source <(esplan completion bash)
        esplan completion zsh > _esplan
        esplan completion fish > esplan.fish
    """
    script = files("esplan.cli") / "scripts" / f"esplan.{shell}"
    sys.stdout.write(script.read_text(encoding="utf-8"))
    return 0


def reply(app: typer.Typer, question: Sequence[str]) -> int:
    """Answer a script: one line for each word that may stand at the cursor."""
    from typer.main import get_command

    from esplan.cli.offers import answer

    sys.stdout.write("".join(f"{one}\n" for one in answer(get_command(app), " ".join(question))))
    return 0
