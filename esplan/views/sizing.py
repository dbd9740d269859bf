"""The sizing table as text, markdown, CSV and JSON."""

from __future__ import annotations

import csv as csv_module
import io
import json as json_module
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from esplan.sizing import GIB
from esplan.views.clean import clean, size
from esplan.views.escape import code, plain
from esplan.views.progress import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from esplan.commands.sizing import Report
    from esplan.model import JSON
    from esplan.sizing.model import Advice, Sizing, Totals

STYLES = {"critical": "bold red", "warning": "yellow", "info": "dim"}
NATURAL = 10_000
"""Wider than any table: numbers are never cut, not even where no terminal is."""

NAME = 40
"""Longer names go on in the next line."""

HEADINGS = (
    ("", "index", "index"),
    ("shards", "x copies", "shards x copies"),
    ("primary", "size", "primary size"),
    ("total", "size", "total size"),
    ("", "documents", "documents"),
    ("", "del.", "deleted"),
    ("seg-", "ments", "segments"),
    ("GB/", "shard", "GB per shard"),
    ("seg./", "shard", "segments per shard"),
    ("seg./", "GB", "segments per GB"),
    ("max", "seg.", "max_num_segments"),
)
"""Two short lines for a terminal of 100 columns, and the whole words."""


def text(report: Report) -> Iterator[RenderableType]:
    """The table, the totals, and below it what is off: reason, remedy, requests."""
    if not report.rows:
        yield Text("There is no index yet.")
        return
    yield _table(report)
    off = sorted((one for one in report.rows if one.advice), key=lambda one: one.rank)
    for one in off:
        yield Text(f"\n{clean(one.name)}", "bold")
        for advice in one.advice:
            yield from _advice(advice)
    yield Text(f"\n{_summary(report)}", "bold")
    if any(one.kind == "force_merge" for row in off for one in row.advice):
        yield Text("Force merge only what is no longer written to.", "dim")


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for number, (first, second, _) in enumerate(HEADINGS):
        heading = Text(f"{first}\n{second}")
        if number:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, overflow="fold", max_width=NAME)
    for one in report.rows:
        table.add_row(*_cells(one), style=_style(one))
    table.add_row(*_sums(report.totals), style="bold")
    table.width = Console(width=NATURAL).measure(table).maximum
    return table


def _style(one: Sizing) -> str:
    return STYLES[one.advice[0].severity] if one.advice else ""


def _cells(one: Sizing) -> list[str]:
    name = clean(one.name) if one.is_open else f"{clean(one.name)} (closed)"
    share = "-" if one.deleted_share is None else f"{one.deleted_share:.0%}"
    return [
        name,
        f"{one.shards}x{1 + one.replicas}",
        _size(one.primary_bytes),
        _size(one.total_bytes),
        _number(one.documents),
        share,
        _number(one.segments),
        _ratio(one.gb_per_shard),
        _ratio(one.segments_per_shard),
        _ratio(one.segments_per_gb),
        _number(one.max_num_segments),
    ]


def _sums(sums: Totals) -> list[str]:
    """The ratios of all together."""
    gigabytes = sums.primary_bytes / GIB
    share = sums.deleted / max(1, sums.documents + sums.deleted)
    return [
        f"{sums.indices:,} {'index' if sums.indices == 1 else 'indices'}",
        f"{sums.shards:,}",
        size(sums.primary_bytes),
        size(sums.total_bytes),
        f"{sums.documents:,}",
        f"{share:.0%}",
        f"{sums.segments:,}",
        _ratio(gigabytes / sums.shards),
        _ratio(sums.segments / sums.shards),
        _ratio(sums.segments / gigabytes if gigabytes else None),
        "",
    ]


def _size(number: int | None) -> str:
    return "-" if number is None else size(number)


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _ratio(ratio: float | None) -> str:
    """Two places; what is smaller or larger than such a number is good for, by a bound."""
    if ratio is None:
        return "-"
    if 0 < ratio < 0.01:  # noqa: PLR2004  (what two places can show)
        return "<0.01"
    return f"{ratio:.2f}" if ratio < 10_000 else ">9,999"  # noqa: PLR2004  (an index of a few KB)


def _advice(advice: Advice) -> Iterator[Text]:
    style = STYLES[advice.severity]
    yield Text.assemble((f"  {advice.severity}: {advice.problem}: ", style), clean(advice.reason))
    yield Text.assemble(("    to do: ", "dim"), clean(advice.remedy))
    yield from (Text(f"    {command(request)}") for request in advice.requests)


def command(request: JSON) -> str:
    """A request as Kibana's console takes it, in one line."""
    body = request["body"]
    shown = "" if body is None else f" {json_module.dumps(body, ensure_ascii=False)}"
    return clean(f"{request['method']} {request['path']}{shown}")


def _summary(report: Report) -> str:
    off = sum(bool(one.advice) for one in report.rows)
    sums = report.totals
    missing = sum(one.primary_bytes is None for one in report.rows)
    unknown = f" Of {missing} the size is unknown." if missing else ""
    return (
        f"Something is off with {off:,} of {sums.indices:,}. Shards with their replicas: "
        f"{sums.all_shards:,}.{unknown}"
    )


# For programs


def row(one: Sizing) -> JSON:
    """One index, flat: raw numbers, bytes, None where nobody knows."""
    advice = one.advice
    return {
        "index": one.name,
        "state": "open" if one.is_open else "closed",
        "shards": one.shards,
        "replicas": one.replicas,
        "primary_bytes": one.primary_bytes,
        "total_bytes": one.total_bytes,
        "documents": one.documents,
        "deleted_documents": one.deleted,
        "segments": one.segments,
        "searchable_segments": one.searchable,
        "all_segments": one.all_segments,
        "segment_bytes": one.segment_bytes,
        "all_segment_bytes": one.all_segment_bytes,
        "gb_per_shard": one.gb_per_shard,
        "segments_per_shard": one.segments_per_shard,
        "segments_per_gb": one.segments_per_gb,
        "max_num_segments": one.max_num_segments,
        "proposed_shards": one.proposal.get("shards"),
        "route": one.proposal.get("route"),
        "severity": advice[0].severity if advice else None,
        "problems": [each.problem for each in advice],
        "commands": [command(request) for each in advice for request in each.requests],
    }


def json(report: Report) -> str:
    """Every row with its advice, the totals, and the sizes that were aimed at."""
    whole = {
        "format_version": FORMAT_VERSION,
        "goals": {"segment_bytes": report.goals.segment, "shard_bytes": report.goals.shard},
        "rows": [
            row(one) | {"advice": [asdict(each) for each in one.advice]} for one in report.rows
        ],
        "totals": asdict(report.totals),
    }
    return json_module.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def csv(report: Report) -> str:
    """RFC 4180, with a header and a line an index; several commands stand in one cell."""
    out = io.StringIO(newline="")
    writer = csv_module.writer(out)
    writer.writerow(FIELDS)
    writer.writerows([_cell(value) for value in row(one).values()] for one in report.rows)
    return out.getvalue()


FIELDS = (
    "index state shards replicas primary_bytes total_bytes documents deleted_documents segments "
    "searchable_segments all_segments segment_bytes all_segment_bytes gb_per_shard "
    "segments_per_shard segments_per_gb max_num_segments proposed_shards route severity problems "
    "commands"
).split()
"""The header of a CSV: fixed, for whoever reads it by column."""


def _cell(value: Any) -> Any:
    """A name may begin with = or @, which a spreadsheet takes for a formula: ' makes it text."""
    if isinstance(value, list):
        value = "; ".join(value)
    if not isinstance(value, str):
        return value
    return f"'{clean(value)}" if value.startswith(("=", "@")) else clean(value)


def markdown(report: Report) -> str:
    """One table for a change request: numbers to read, the reasons and commands in their cells."""
    headings = [words for _, _, words in HEADINGS]
    lines = [[*headings, "what is off", "command"], ["---", *["--:"] * 10, "---", "---"]]
    lines += [[code(one.name), *_cells(one)[1:], *_off(one)] for one in report.rows]
    lines.append([f"**{cell}**" if cell else "" for cell in _sums(report.totals)] + ["", ""])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _off(one: Sizing) -> tuple[str, str]:
    closed = [] if one.is_open else ["closed"]
    said = [plain(f"{each.problem}: {each.reason}; {each.remedy}") for each in one.advice]
    commands = [code(command(r)) for each in one.advice for r in each.requests]
    return "<br>".join(closed + said), "<br>".join(commands)
