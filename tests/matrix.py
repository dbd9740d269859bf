"""The live tests on every engine of the sandbox's catalogue, one after the other: make test-matrix.

Each engine has a cache folder of its own, so that a sandbox that somebody runs is left alone.
Names of engines on the command line choose; exit code 1 says that one failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from esplan.sandbox.cache import cache_folder
from esplan.sandbox.engines import ENGINES

ROOT = Path(__file__).parents[1]


def passes(engine: str) -> bool:
    """Whether the live tests pass on that engine. Its server is started and stopped here."""
    cache = str(cache_folder() / "matrix" / engine)
    environment = os.environ | {"ESPLAN_CACHE_DIR": cache, "ESPLAN_TEST_ENGINE": engine}
    environment.pop("ESPLAN_TEST_URL", None)
    command = [sys.executable, "-m", "pytest", "-m", "live"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def main(chosen: list[str]) -> int:
    """Run them all, then say of each how it went."""
    passed = {}
    for engine in chosen or ENGINES:
        print(f"== {engine}", flush=True)
        passed[engine] = passes(engine)
    for engine, well in passed.items():
        print(f"{engine}: {'passed' if well else 'FAILED'}")
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
