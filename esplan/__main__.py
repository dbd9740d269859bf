"""The entry point. `--version` answers before anything is imported."""

from __future__ import annotations

import gc
import sys

from esplan import __version__

YOUNG = 50_000
"""Objects before a look for garbage: Python's 700 cost a plan of many indices a third of its time,
in which the states of the files and the cluster are walked again and again, and all of it is kept.
"""


def _version() -> None:
    """Print it and exit; what cannot be written is reported as for any command."""
    try:
        sys.stdout.write(f"esplan {__version__}\n")
        sys.stdout.flush()
    except (AttributeError, OSError):  # there is no stdout, or it takes nothing
        return
    sys.exit(0)


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        _version()
    gc.set_threshold(YOUNG)
    from esplan.cli import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
