"""How long `esplan --version` and `esplan --help` take, as whole processes: 15 runs each.

python bench/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15
LIMITS = {"--version": 0.12, "--help": 0.25}


def seconds(option: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "esplan", option], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    for option, limit in LIMITS.items():
        seconds(option)  # warms the disk cache and the byte code
        runs = sorted(seconds(option) for _ in range(RUNS))
        print(
            f"esplan {option}: median {statistics.median(runs):.3f} s "
            f"({runs[0]:.3f} to {runs[-1]:.3f}), limit {limit} s"
        )


if __name__ == "__main__":
    main()
