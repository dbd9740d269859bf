"""The table of docs/guarantees.md, from the figures of `make chaos`.

table.py FIGURES PAGE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
HEAD = "| trial | what was done | lost, changed or doubled | minutes |\n|---|---|---|---|"
APART = {"lost", "seconds"}


Figures = dict[str, dict[str, dict[str, float]]]
"""By trial, test and name."""


def table(figures: Figures) -> str:
    """A line a trial; a figure that is missing is not a zero."""
    return "\n".join([HEAD, *(_line(name, one) for name, one in sorted(figures.items()))])


def _line(name: str, tests: dict[str, dict[str, float]]) -> str:
    total: dict[str, float] = {}
    for one in tests.values():
        for what, number in one.items():
            total[what] = total.get(what, 0) + number
    done = [f"{n:,.0f} {what.replace('_', ' ')}" for what, n in total.items() if what not in APART]
    lost = f"{total['lost']:,.0f}" if "lost" in total else "?"
    return f"| {name} | {', '.join(done)} | {lost} | {total.get('seconds', 0) / 60:,.0f} |"


def placed(page: str, figures: Figures) -> str:
    """The page with the table in its place."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table(figures)}\n\n{END}{rest.partition(END)[2]}"


def main(figures: Path, page: Path) -> None:
    found = json.loads(figures.read_text(encoding="utf-8"))
    page.write_text(placed(page.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
