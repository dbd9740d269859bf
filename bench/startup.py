"""How long what must answer at once takes, as whole processes: 15 runs each.

python bench/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15
LIMITS = {
    ("--version",): 0.12,
    ("--help",): 0.25,
    ("__complete", "esplan plan -d docs/demo --target "): 0.4,
}
"""Seconds, by the command line: what a key press of completion asks is the last."""


def seconds(words: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "esplan", *words], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    for words, limit in LIMITS.items():
        seconds(words)  # warms the disk cache and the byte code
        runs = sorted(seconds(words) for _ in range(RUNS))
        print(
            f"esplan {' '.join(words)}: median {statistics.median(runs):.3f} s "
            f"({runs[0]:.3f} to {runs[-1]:.3f}), limit {limit} s"
        )


if __name__ == "__main__":
    main()
