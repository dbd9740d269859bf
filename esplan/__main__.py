"""The entry point. `--version` answers before Typer, rich or the client is imported."""

from __future__ import annotations

import gc
import sys

YOUNG = 50_000
"""Objects before a look for garbage: Python's 700 cost a plan of many indices a third of its time,
in which the states of the files and the cluster are walked again and again, and all of it is kept.
"""


def _version(*, as_json: bool) -> None:
    """Print it and exit; what cannot be written is reported as for any command."""
    from esplan.views import version

    said = version.event if as_json else version.line
    try:
        sys.stdout.write(f"{said(version.facts())}\n")
        sys.stdout.flush()
    except (AttributeError, OSError):  # there is no stdout, or it takes nothing
        return
    sys.exit(0)


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    if "--version" in arguments and set(arguments) <= {"--version", "--json"}:
        _version(as_json="--json" in arguments)
    gc.set_threshold(YOUNG)
    from esplan.cli import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
