"""An apply without a cluster: its steps report to the terminal as those of a real one do.

applying.py WIDTH SECONDS    so many objects side by side, and so long a copy
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from rich.console import Console

from esplan.commands.stopping import stopping
from esplan.plan import Plan, Step, ordered
from esplan.views import progress

DOCUMENTS = 336_776
INDEX = "customer-transactions-of-the-northern-branches-2_0_0"


def planned(width: int) -> Plan:
    """For each object a quick step and a long one."""
    steps = []
    for number in range(1, width + 1):
        address, name = f"alias.a{number}", f"{INDEX}-{number}"
        size = {"documents": DOCUMENTS, "bytes": 51_275_366, "seconds": 30.0, "range": [13, 89]}
        said = f"copy every document of {name}_green, through rename and drop, while clients write"
        steps.append(Step("create_index", "prepare", address, f"create {name}_blue"))
        steps.append(Step("reindex", "prepare", address, said, estimate=size))
    return Plan("id", "now", "1", {}, "", steps=ordered(steps))


def carry_out(steps: list[Step], plan: Plan, bars: progress.Bars, stop: Event, long: float) -> None:
    """The steps of one object, or until somebody says stop."""
    for step in steps:
        bars.step_started(step, plan.steps.index(step) + 1, len(plan.steps))
        began = time.monotonic()
        while step.is_long and (gone := time.monotonic() - began) < long and not stop.is_set():
            bars.step_progress(step, int(DOCUMENTS * gone / long), DOCUMENTS)
            time.sleep(0.1)
        if stop.is_set():
            return
        bars.step_ended(step, "done", {"created": DOCUMENTS})


def main(width: int, long: float) -> None:
    """All of it."""
    plan, stop = planned(width), Event()
    bars = progress.Bars(Console(stderr=True, soft_wrap=True, highlight=False), plan, width)
    chains = [[one for one in plan.steps if one.address == f"alias.a{n + 1}"] for n in range(width)]
    try:
        with stopping(stop, bars.note, Path("plans/x.json")), ThreadPoolExecutor(width) as pool:
            list(pool.map(lambda chain: carry_out(chain, plan, bars, stop, long), chains))
    finally:
        bars.close()
    sys.stdout.write("Stopped.\n" if stop.is_set() else "Applied.\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
