"""Run ids: the points in time that loaders write into index names, in every spelling.

A run id is one of:

- ISO 8601, date and time. The parts of the date, and those of the time, are separated by one of
  `- . _ :`, the same within each, or by nothing. Between them: `t`, `T`, `_`, `-`, a blank or
  nothing. Seconds may be left out, the time as well: a date alone is midnight.
- A fraction of the second of 1 to 9 digits behind `.`, `,`, `_` or `-`; of 3, 6 or 9 digits
  also without a separator, if the time has none either. Microseconds count, the rest is cut off.
- An offset: `z`, or a sign and `hh`, `hhmm`, `hh:mm` (`-`, `.`, `_` in the place of `:`). UTC
  without one.
- Seconds (10 digits) or milliseconds (13 digits) since 1970, the first of them not 0. Ten digits
  are never a date with an hour.
- An Airflow run id: `scheduled__`, `manual__`, `backfill__`, `dataset_triggered__` or
  `asset_triggered__`, then ISO 8601 as above, then `_` and eight letters or digits, or not.

Some spellings that fit an index name have two meanings. The rules, in this order:

1. What can be seconds is seconds: `07-34-05` is no time with the offset of -05.
2. Behind the seconds, `-` and four digits, or twice two digits, are an offset (`-0100`,
   `-01-00`); `-` and another number of digits is a fraction (`-123`, `-123456`), but two digits
   at the end are either, so `-05` is refused. Before `z` or `+` it is always a fraction.
3. `_` or `.` and digits is a fraction. `_` or `.` and twice two digits is an offset whose sign
   was replaced. It is refused unless it is zero, as the sign is not known.
4. Airflow writes a `+` that loaders replace by `-`. So behind an Airflow prefix, where no `:`
   was left, an offset with `-` is refused unless it is zero.
5. `_` and eight digits behind the seconds of an Airflow run id is a fraction or Airflow's suffix,
   and is refused. A date alone takes no suffix.

Both readings of a refused id are named, and readings that are the same instant are no ambiguity.
Only the years 1970 to 2262 (UTC) count, so that other numbers are not taken for dates.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from esplan.errors import InvalidRunIds, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

LATEST = "latest"
"""The run that is wanted when none is pinned."""

SHOWN = 5
"""Runs of an entity that an error names."""

YEARS = range(1970, 2263)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DATE = r"(?P<year>\d{4})(?P<d>[-._:]?)(?P<month>\d\d)(?P=d)(?P<day>\d\d)"
_MINUTES = _DATE + r"[t_ -]?(?P<hour>\d\d)(?P<t>[-._:]?)(?P<minute>\d\d)"
_SECONDS = _MINUTES + r"(?P=t)(?P<second>\d\d)"
_FRACTION = r"""(?:
    [.,_](?P<fraction>\d{1,9})
    | -(?P<dashed>\d | \d{3} | \d{5,9} | \d{2}(?=\Z|[z+]) | \d{4}(?=[z+]))
    | (?<=\d{6})(?P<attached>(?:\d{3}){1,3})
)"""
_HH, _MM = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
_OFFSET = rf"""(?:
    z
    | (?P<sign>[-+])(?P<hours>{_HH})(?:[-:._]?(?P<minutes>{_MM}))?
    | (?P<lost>[._])(?P<lost_hours>{_HH})[-:._](?P<lost_minutes>{_MM})
)?"""
_AIRFLOW = r"(?:scheduled|manual|backfill|dataset_triggered|asset_triggered)__"
_SUFFIX = r"_[a-z0-9]{8}"


def _compiled(pattern: str) -> re.Pattern[str]:
    # VERBOSE keeps a blank only inside a class of characters.
    return re.compile(pattern, re.ASCII | re.IGNORECASE | re.VERBOSE)


TIMES = (
    (_compiled(_SECONDS + _FRACTION + _OFFSET), _compiled(_SECONDS + _OFFSET)),
    (_compiled(_MINUTES + _OFFSET),),
)
"""The forms of a date with a time: those that are tried first decide."""

DATE = _compiled(_DATE)
AIRFLOW = _compiled(rf"{_AIRFLOW}(?P<rest>.+)")
SUFFIXED = _compiled(rf"(?P<rest>.+){_SUFFIX}")
SECONDS, MILLISECONDS = _compiled(r"[1-9]\d{9}"), _compiled(r"[1-9]\d{12}")

_LOOKS = r"(?P<body>\d{4}[-,._: \d]*(?:t\d[-,._: \d]*)?(?:z|\+[-._:\d]+)?)(?<=[\dz])"
LOOKS = _compiled(rf"{_LOOKS} | {_AIRFLOW}{_LOOKS.replace('body', 'airflow')}(?:{_SUFFIX})?")


def run_id_to_timestamp(run_id: str) -> datetime:
    """The instant of a run id: aware, in UTC, in microseconds.

    Raises InvalidRunIds for an id that has no reading, or more than one.
    """
    problem, instant = _read(run_id)
    if instant is None:
        raise _invalid([problem])
    return instant


def validate_run_ids(run_ids: Iterable[str], *, now: datetime | None = None) -> list[str]:
    """The run ids in the order of their instants, the oldest first, each once.

    `now` is aware; the present unless given. Raises one InvalidRunIds that lists every id that
    is unreadable or later than `now`, and every instant that has two ids.
    """
    runs, problems = _ordered(run_ids, now)
    if problems:
        raise _invalid(problems)
    return list(runs.values())


def latest_run(run_ids: Iterable[str], *, now: datetime | None = None) -> str:
    """The run id of the latest instant. Raises InvalidRunIds, also if there is no run."""
    runs = validate_run_ids(run_ids, now=now)
    if not runs:
        raise _no_run("")
    return runs[-1]


def common_run(
    runs: Mapping[str, Iterable[str]], wanted: str = LATEST, *, now: datetime | None = None
) -> dict[str, str]:
    """The run to release: each entity's own spelling of one instant.

    `runs` has the run ids of each entity. `wanted` is "latest", or a run id in any spelling. The
    latest is that of all entities together: it never falls back to an older one. Raises Refused
    with a table when an entity does not have the run, and InvalidRunIds.
    """
    found = _validated(runs, now)
    instants = {instant for entity in found.values() for instant in entity}
    if wanted != LATEST:
        instant = run_id_to_timestamp(wanted)
    elif instants:
        instant = max(instants)
    else:
        raise _no_run(", ".join(found))
    if any(instant not in entity for entity in found.values()) or not found:
        raise _incomplete(found, instant, wanted)
    return {entity: ids[instant] for entity, ids in found.items()}


def looks_like_run_id(text: str) -> bool:
    """Whether the text is made of what run ids are made of, readable or not.

    Digits, at least eight of them, separators, `t`, an offset, Airflow's prefix and suffix. The
    first four are digits, as a year is: `2_0_0-20261121` is the version of another base, and its
    run.
    """
    match = LOOKS.fullmatch(text)
    if match is None:
        return False
    body: str = match["body"] or match["airflow"]
    return sum(character.isdigit() for character in body) >= len("yyyymmdd")


def _read(run_id: str) -> tuple[str, datetime | None]:
    """What is wrong with the id, or its instant."""
    readings = sorted(_readings(run_id))
    if len(readings) == 1:
        return "", readings[0]
    if not readings:
        return f"{run_id!r} is no point in time", None
    return f"{run_id!r} is ambiguous: {' or '.join(map(_shown, readings))}", None


def _readings(run_id: str) -> set[datetime]:
    airflow = AIRFLOW.fullmatch(run_id)
    if airflow is None:
        return _epoch(run_id) | (_times(run_id) or _dates(run_id))
    rest = airflow["rest"]
    suffixed = SUFFIXED.fullmatch(rest)
    found = _times(rest, airflow=True) or _dates(rest)
    return found | _times(suffixed["rest"], airflow=True) if suffixed else found


def _epoch(text: str) -> set[datetime]:
    milliseconds = 1000 if SECONDS.fullmatch(text) else 1 if MILLISECONDS.fullmatch(text) else 0
    if not milliseconds:
        return set()
    instant = EPOCH + timedelta(milliseconds=int(text) * milliseconds)
    return {instant} if instant.year in YEARS else set()


def _dates(text: str) -> set[datetime]:
    match = DATE.fullmatch(text)
    return set(_instants(match.groupdict(), lossy=False)) if match else set()


def _times(text: str, *, airflow: bool = False) -> set[datetime]:
    lossy = airflow and ":" not in text
    for forms in TIMES:
        matches = [match for form in forms if (match := form.fullmatch(text))]
        found = {one for match in matches for one in _instants(match.groupdict(), lossy=lossy)}
        if found:
            return found
    return set()


def _instants(parts: Mapping[str, str | None], *, lossy: bool) -> Iterator[datetime]:
    """The instants that the parts can mean: none for the 30th of February."""
    names = ("year", "month", "day", "hour", "minute", "second")
    fraction = parts.get("fraction") or parts.get("dashed") or parts.get("attached") or ""
    numbers = [int(parts.get(name) or 0) for name in names]
    for offset in _offsets(parts, lossy=lossy):
        try:
            local = datetime(*numbers, int(f"{fraction:0<6}"[:6]), tzinfo=UTC)  # type: ignore[misc, arg-type]  # (mypy does not count the numbers)
            instant = local - offset
        except (ValueError, OverflowError):
            continue
        if instant.year in YEARS:
            yield instant


def _offsets(parts: Mapping[str, str | None], *, lossy: bool) -> list[timedelta]:
    """The offset, or both signs of it where the sign may have been replaced."""
    hours = parts.get("hours") or parts.get("lost_hours") or 0
    minutes = parts.get("minutes") or parts.get("lost_minutes") or 0
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    sign = parts.get("sign")
    if parts.get("lost") or (sign == "-" and lossy):
        return [offset, -offset]
    return [-offset if sign == "-" else offset]


def _ordered(run_ids: Iterable[str], now: datetime | None) -> tuple[dict[datetime, str], list[str]]:
    """Instant -> id, the oldest first; and a line for each thing that is wrong."""
    spellings: dict[datetime, list[str]] = {}
    problems = []
    for run_id in dict.fromkeys(run_ids):
        problem, instant = _read(run_id)
        if instant is None:
            problems.append(problem)
        else:
            spellings.setdefault(instant, []).append(run_id)
    runs = {instant: spellings[instant][0] for instant in sorted(spellings)}
    return runs, sorted(problems) + list(_wrong(runs, spellings, now or datetime.now(UTC)))


def _wrong(
    runs: Iterable[datetime], spellings: Mapping[datetime, Sequence[str]], now: datetime
) -> Iterator[str]:
    for instant in runs:
        names = " and ".join(repr(run_id) for run_id in sorted(spellings[instant]))
        if len(spellings[instant]) > 1:
            yield f"{names} are the same instant, {_shown(instant)}"
        if instant > now:
            yield f"{names}: {_shown(instant)} is in the future (now is {_shown(now)})"


def _validated(
    runs: Mapping[str, Iterable[str]], now: datetime | None
) -> dict[str, dict[datetime, str]]:
    ordered = {entity: _ordered(ids, now) for entity, ids in runs.items()}
    problems = [f"{entity}: {one}" for entity, (_, wrong) in ordered.items() for one in wrong]
    if problems:
        raise _invalid(problems)
    return {entity: found for entity, (found, _) in ordered.items()}


def _shown(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _invalid(problems: Sequence[str]) -> InvalidRunIds:
    return InvalidRunIds(
        "the run ids cannot be put in order",
        code="ESP-4401",
        why="\n".join(problems),
        remedy="a run id is a time such as 20261121t073435z or 2026-11-21t07-34-35.123z, in the "
        "past, and each run has one: rename or delete the index that is not a run",
    )


def _no_run(entities: str) -> InvalidRunIds:
    return InvalidRunIds(
        f"there is no run of {entities}" if entities else "there is no run",
        code="ESP-4402",
        remedy="wait for the loader, or check the name of the base and its pattern",
    )


def _incomplete(
    found: Mapping[str, Mapping[datetime, str]], instant: datetime, wanted: str
) -> Refused:
    missing = [entity for entity, ids in found.items() if instant not in ids]
    spelled = [ids[instant] for ids in found.values() if instant in ids]
    run = wanted if wanted != LATEST else spelled[0]
    return Refused(
        f"run {run} is missing for {', '.join(missing) or 'everything: there is no entity'}",
        code="ESP-4403",
        why=_table(found),
        remedy=_way_on(found, wanted),
    )


def _way_on(found: Mapping[str, Mapping[datetime, str]], wanted: str) -> str:
    common = set.intersection(*(set(ids) for ids in found.values())) if found else set()
    if not common:
        return "wait for the loader: there is no run that every entity has"
    run = next(iter(found.values()))[max(common)]
    which = "an older" if wanted == LATEST else "another"
    return f"wait for the loader, or pin {which} run with `runs.run: {run}`"


def _table(found: Mapping[str, Mapping[datetime, str]]) -> str:
    width = max(len(entity) for entity in ("entity", *found))
    rows = {"entity": "runs"} | {entity: _row(list(ids.values())) for entity, ids in found.items()}
    return "\n".join(f"{entity:<{width}} | {row}" for entity, row in rows.items())


def _row(runs: Sequence[str]) -> str:
    shown = ", ".join(runs[::-1][:SHOWN])
    more = len(runs) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or "none"
