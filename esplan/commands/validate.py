"""`esplan validate`: every error in the desired files at once, offline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan import desired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from esplan.errors import Diagnostic


@dataclass(frozen=True)
class Validation:
    """What was found: diagnostics in the order of files and lines, and how much was looked at."""

    diagnostics: tuple[Diagnostic, ...]
    files: int
    aliases: int
    indices: int

    @property
    def is_valid(self) -> bool:
        """Nothing is wrong."""
        return not self.diagnostics


def validate(paths: Sequence[Path], variables: Mapping[str, str] | None = None) -> Validation:
    """Check files and directories. Raises nothing for what may stand in them.

    `variables` are those of the chosen environment; None: each `${var}` is reported, and
    everything else is checked all the same.
    """
    found = desired.survey(paths, variables)
    return Validation(found.diagnostics, found.files, found.aliases, found.indices)
