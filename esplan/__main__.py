"""The entry point. `--version` answers before anything is imported."""

from __future__ import annotations

import sys

from esplan import __version__


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"esplan {__version__}\n")
        sys.exit(0)
    from esplan.cli import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
