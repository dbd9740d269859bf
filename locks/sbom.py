"""The SBOM of a release: dist/esplan.cdx.json, CycloneDX, of what esplan needs to run, as locked.

The lock is for all systems; what only another one needs is in it, too.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "locks" / "runtime.txt"


def main(target: Path) -> int:
    """Write it; the exit code of the tool."""
    target.parent.mkdir(parents=True, exist_ok=True)
    tool = Path(sys.executable).with_name("cyclonedx-py")
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"]
    how = ["--output-reproducible", "--of", "JSON", "-o", str(target)]
    command = [str(tool), "requirements", *options, *how, str(LOCK)]
    return subprocess.run(command, check=False).returncode  # noqa: S603  (our own tool)


if __name__ == "__main__":
    sys.exit(main(ROOT / "dist" / "esplan.cdx.json"))
