#!/usr/bin/env python3
"""Stands for esplan: exits with the next code of `codes.json`, and notes how it was called.

The folder of both files is in STUB. A plan is written as esplan does it: also for exit code 0.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

STUB = Path(os.environ["STUB"])
PRINTED = {"show": "-/+ alias.classes *not markup*\n", "job": "version: 1\n"}


def next_code(command: str) -> int:
    codes = json.loads((STUB / "codes.json").read_text())
    left = codes.get(command, [0])
    code: int = left.pop(0) if len(left) > 1 else left[0]
    (STUB / "codes.json").write_text(json.dumps(codes))
    return code


def note(words: list[str]) -> None:
    given = {name: value for name, value in os.environ.items() if name.startswith("ESPLAN_")}
    with (STUB / "calls.jsonl").open("a") as file:
        call = {"words": words, "environment": given, "cwd": str(Path.cwd())}
        file.write(json.dumps(call) + "\n")


def work_until_stopped() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    (STUB / "working").touch()
    time.sleep(60)


def main() -> int:
    words = sys.argv[1:]
    note(words)
    command = "drift" if words[0] == "plan" and "-o" not in words else words[0]
    code = next_code(command)
    if command == "plan" and code in (0, 2):
        path = Path(words[words.index("-o") + 1])
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"digest": "d" * 64, "steps": ["switch"] if code else []}))
    sys.stdout.write(PRINTED.get(command, ""))
    if command == "work":
        work_until_stopped()
    return code


sys.exit(main())
