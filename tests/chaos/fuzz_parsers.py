"""Each parser of a file, fed by atheris: whatever the bytes, a value or the one error it may raise.

    fuzz_parsers.py [libFuzzer's options] CORPUS

The first byte of an input says which parser it is for.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["esplan"]):
    from esplan import desired, journal, planfile, schema, source
    from esplan.errors import EsplanError


def desired_yaml(content: bytes) -> None:
    desired.of(source.parse("desired.yaml", content))


def desired_json(content: bytes) -> None:
    desired.of(source.parse("desired.json", content))


def plan(content: bytes) -> None:
    planfile.parse(Path("plan.json"), content)


def others(content: bytes) -> None:
    """esplan.yaml, and a line of a journal."""
    with suppress(ValueError, RecursionError):
        journal.parse(content)
    schema.check(source.parse("esplan.yaml", content), "config")


PARSERS = (desired_yaml, desired_json, plan, others)


def one_input(content: bytes) -> None:
    if not content:
        return
    with suppress(EsplanError):
        PARSERS[content[0] % len(PARSERS)](content[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
