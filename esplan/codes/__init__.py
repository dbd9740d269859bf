"""The catalogue of errors: what each code means, why it happens, and what to do about it.

A code is one cause with one cure. It is never given another meaning, and never used again once it
is gone. The first digit says where to look:

    1   the command line and the configuration
    2   files: desired files, jobs, plans
    3   the cluster and the way to it
    4   refused: not safe, or not proven
    5   an apply on its way: stops, lock, journal, steps
    6   this machine: output, sandbox, tools

The texts stand in a TOML file for each of these. `docs/errors.md` is made of them by
`esplan explain --format markdown`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

# fmt: off
Code = Literal[
    "ESP-1001", "ESP-1002", "ESP-1003", "ESP-1004", "ESP-1005", "ESP-1006", "ESP-1007", "ESP-1101",
    "ESP-1102", "ESP-1103", "ESP-1104", "ESP-1105", "ESP-1106", "ESP-1107", "ESP-1108", "ESP-1109",
    "ESP-1110", "ESP-1111", "ESP-1112", "ESP-1113",
    "ESP-2001", "ESP-2101", "ESP-2102", "ESP-2103", "ESP-2104", "ESP-2105", "ESP-2106", "ESP-2201",
    "ESP-2202", "ESP-2203", "ESP-2301", "ESP-2302", "ESP-2303", "ESP-2304", "ESP-2305", "ESP-2306",
    "ESP-2307", "ESP-2308", "ESP-2309", "ESP-2310", "ESP-2401", "ESP-2402", "ESP-2403", "ESP-2404",
    "ESP-2405", "ESP-2406",
    "ESP-3001", "ESP-3002", "ESP-3003", "ESP-3004", "ESP-3005", "ESP-3101", "ESP-3102", "ESP-3103",
    "ESP-3201", "ESP-3202", "ESP-3203", "ESP-3204", "ESP-3205", "ESP-3206", "ESP-3207", "ESP-3208",
    "ESP-3209", "ESP-3210", "ESP-3211", "ESP-3301", "ESP-3302", "ESP-3303", "ESP-3304", "ESP-3305",
    "ESP-3306", "ESP-3307", "ESP-3308", "ESP-3401",
    "ESP-4001", "ESP-4002", "ESP-4003", "ESP-4004", "ESP-4005", "ESP-4006", "ESP-4007", "ESP-4008",
    "ESP-4009", "ESP-4010", "ESP-4011", "ESP-4012", "ESP-4013", "ESP-4015", "ESP-4016", "ESP-4017",
    "ESP-4018", "ESP-4019", "ESP-4020", "ESP-4021", "ESP-4101", "ESP-4102", "ESP-4103", "ESP-4104",
    "ESP-4105", "ESP-4106", "ESP-4107", "ESP-4108", "ESP-4109", "ESP-4110", "ESP-4111", "ESP-4112",
    "ESP-4113", "ESP-4114", "ESP-4115", "ESP-4116", "ESP-4117", "ESP-4118", "ESP-4119", "ESP-4123",
    "ESP-4124", "ESP-4125", "ESP-4126", "ESP-4127",
    "ESP-4201", "ESP-4202", "ESP-4203", "ESP-4204",
    "ESP-4301", "ESP-4302", "ESP-4303", "ESP-4304", "ESP-4305",
    "ESP-4306", "ESP-4311", "ESP-4312", "ESP-4313", "ESP-4401", "ESP-4402", "ESP-4403", "ESP-4404",
    "ESP-4405", "ESP-4501", "ESP-4502", "ESP-4503", "ESP-4504", "ESP-4505", "ESP-4506", "ESP-4507",
    "ESP-4508", "ESP-4509", "ESP-4510", "ESP-4511", "ESP-4512", "ESP-4513", "ESP-4514", "ESP-4515",
    "ESP-4516", "ESP-4517", "ESP-4518",
    "ESP-4601", "ESP-4602", "ESP-4603", "ESP-4604", "ESP-4605", "ESP-4606", "ESP-4607", "ESP-4610",
    "ESP-4615", "ESP-4617", "ESP-4618", "ESP-4619",
    "ESP-4701", "ESP-4702", "ESP-4703", "ESP-4704", "ESP-4705", "ESP-4706",
    "ESP-4801", "ESP-4802", "ESP-4803", "ESP-4804", "ESP-4901", "ESP-4902", "ESP-4903",
    "ESP-5001", "ESP-5002", "ESP-5003", "ESP-5004", "ESP-5005", "ESP-5006", "ESP-5007", "ESP-5008",
    "ESP-5009", "ESP-5010",
    "ESP-5101", "ESP-5102", "ESP-5103", "ESP-5104", "ESP-5105", "ESP-5106", "ESP-5107",
    "ESP-5201", "ESP-5202", "ESP-5203", "ESP-5204", "ESP-5205", "ESP-5206", "ESP-5207", "ESP-5208",
    "ESP-5301", "ESP-5302", "ESP-5303", "ESP-5304", "ESP-5305", "ESP-5306", "ESP-5307", "ESP-5308",
    "ESP-5309", "ESP-5310",
    "ESP-6001", "ESP-6002", "ESP-6003", "ESP-6101", "ESP-6102", "ESP-6103", "ESP-6104", "ESP-6105",
    "ESP-6106", "ESP-6107", "ESP-6108", "ESP-6109", "ESP-6110", "ESP-6111", "ESP-6112",
]
# fmt: on
"""Every code that an error may have: mypy lets no other through."""

Coded = Literal[Code, ""]
"""Of an error that a test makes up, nothing."""

GROUPS = {
    "1": "The command line and the configuration",
    "2": "Files",
    "3": "The cluster and the way to it",
    "4": "Refused",
    "5": "An apply on its way",
    "6": "This machine",
}
"""By the first digit. Each has its file here, `<digit>.toml`."""

SPELLING = re.compile(r"(?:esp)?[-_ ]?(\d{4})", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """What is known of one code.

    `exits`: the exit codes of such errors. `means`: what is so now; `why`: what it comes from;
    `do`: what to do, in this order; `see`: pages of `docs`, with their anchors.
    """

    code: str
    title: str
    exits: tuple[int, ...]
    means: str
    why: tuple[str, ...]
    do: tuple[str, ...]
    see: tuple[str, ...] = ()
    example: str = ""


@cache
def catalogue() -> dict[str, Entry]:
    """Every entry by its code, in their order."""
    return {entry.code: entry for group in GROUPS for entry in _group(group)}


def _group(group: str) -> list[Entry]:
    import tomllib

    text = (files("esplan.codes") / f"{group}.toml").read_text(encoding="utf-8")
    return [_entry(code, raw) for code, raw in tomllib.loads(text).items()]


def _entry(code: str, raw: dict[str, Any]) -> Entry:
    """Line breaks within a text are those of the file: they mean nothing."""

    def text(name: str) -> str:
        return " ".join(str(raw.get(name, "")).split())

    def texts(name: str) -> tuple[str, ...]:
        found: list[str] = raw.get(name, [])
        return tuple(" ".join(str(one).split()) for one in found)

    exits = raw["exit"] if isinstance(raw["exit"], list) else [raw["exit"]]
    return Entry(
        code,
        text("title"),
        tuple(map(int, exits)),
        text("means"),
        texts("why"),
        texts("do"),
        texts("see"),
        str(raw.get("example", "")).strip("\n"),
    )


def spelled(text: str) -> str:
    """`4102`, `esp-4102` and `ESP-4102` as the code that they mean; anything else as it is."""
    found = SPELLING.fullmatch(text.strip())
    return f"ESP-{found[1]}" if found else text


def nearest(text: str) -> list[str]:
    """The known codes that are most like one that is not: up to three, those of its kind first."""
    from difflib import get_close_matches

    found = spelled(text).upper()
    like = get_close_matches(found, list(catalogue()), n=9, cutoff=0.7)
    return sorted(like, key=lambda one: one[:5] != found[:5])[:3]
