from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esplan.errors import InvalidRunIds, Refused
from esplan.runs import (
    common_run,
    latest_run,
    looks_like_run_id,
    run_id_to_timestamp,
    validate_run_ids,
)

AT = datetime(2026, 11, 21, 7, 34, 35, tzinfo=UTC)
NOW = datetime(2027, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
US = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def at(**parts: int) -> datetime:
    return AT.replace(**parts)


@pytest.mark.parametrize(
    ("run_id", "expected"),
    [
        ("2026-11-21T07:34:35.123Z", AT + 123 * MS),
        ("2026-11-21t07-34-35.123z", AT + 123 * MS),
        ("20261121t073435z", AT),
        ("20261121-073435", AT),
        ("20261121_073435", AT),
        ("2026.11.21-07.34.35", AT),
        ("2026_11_21_07_34_35", AT),
        ("2026-11-21 07:34:35", AT),
        ("2026-11-21t073435", AT),
        ("2026-11-2107:34:35", AT),
        ("20261121073435", AT),
        ("20261121073435123", AT + 123 * MS),
        ("20261121t073435123456z", AT + 123456 * US),
        ("20261121t073435,5", AT + 500 * MS),
        ("20261121t073435.123456789", AT + 123456 * US),
        ("2026-11-21t07-34-35-123", AT + 123 * MS),
        ("2026-11-21t07-34-35-123456", AT + 123456 * US),
        ("2026-11-21t07-34-35_12", AT + 120 * MS),
        ("2026-11-21t07-34-35.000z", AT),
        ("2026-11-21t07-34-35-12z", AT + 120 * MS),
        ("2026-11-21t07-34-35-1234+00", AT + 123400 * US),
        # offsets
        ("2026-11-21t07-34-35+01:00", AT - HOUR),
        ("2026-11-21t07-34-35+0100", AT - HOUR),
        ("2026-11-21t07-34-35+01", AT - HOUR),
        ("2026-11-21t07-34-35+01-00", AT - HOUR),
        ("2026-11-21t07-34-35+05.45", AT - timedelta(hours=5, minutes=45)),
        ("2026-11-21t07-34-35-0100", AT + HOUR),
        ("2026-11-21t07-34-35-01-00", AT + HOUR),
        ("2026-11-21t07-34-35-00", AT),
        ("2026-11-21t07-34-35-00-00", AT),
        ("2026-11-21t07-34-35-00:00", AT),
        ("2026-11-21t07-34-35_00_00", AT),
        ("2026-11-21t07-34-35-123-01-00", AT + HOUR + 123 * MS),
        ("2026-11-21t07-34-35-123-01", AT + HOUR + 123 * MS),
        # without seconds, without a time
        ("2026-11-21T07:34", at(second=0)),
        ("202611210734", at(second=0)),
        ("20261121-0734z", at(second=0)),
        ("2026-11-21-07-34", at(second=0)),
        ("2026-11-21t07:34-05", at(second=0) + 5 * HOUR),
        ("2026-11-21t07-34-0500", at(second=0) + 5 * HOUR),
        ("2026-11-21t07-34-05", at(second=5)),
        ("2026-11-21t07-34-05-00", at(second=5)),
        ("20261121", at(hour=0, minute=0, second=0)),
        ("2026-11-21", at(hour=0, minute=0, second=0)),
        # since 1970
        ("1795246475", AT),
        ("1795246475123", AT + 123 * MS),
        ("2026112107", datetime(2034, 3, 16, 8, 55, 7, tzinfo=UTC)),
        # Airflow
        ("scheduled__2026-11-21T07:34:35.123456+00:00", AT + 123456 * US),
        ("scheduled__2026-11-21T07:34:35+00:00", AT),
        ("MANUAL__2026-11-21t07-34-35.123456-00-00", AT + 123456 * US),
        ("backfill__2026-11-21t07_34_35_123456_00_00", AT + 123456 * US),
        ("dataset_triggered__2026-11-21t07.34.35.123456.00.00", AT + 123456 * US),
        ("asset_triggered__2026-11-21t07-34-35-123456-00-00", AT + 123456 * US),
        ("manual__2026-11-21T07:34:35.123456+00:00_AbCd1234", AT + 123456 * US),
        ("manual__2026-11-21t07-34-35-123456-00-00_abcd1234", AT + 123456 * US),
        ("manual__2026-11-21t07-34-35-00-00_12345678", AT),
        ("manual__2026-11-21t07:34:35-01:00", AT + HOUR),
        ("manual__2026-11-21t07-34-35+01-00", AT - HOUR),
    ],
)
def test_what_a_run_id_means(run_id: str, expected: datetime) -> None:
    found = run_id_to_timestamp(run_id)
    assert found == expected
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        "latest",
        "000001",
        "00000001",
        "0000000001",
        "1969-12-31",
        "2263-01-01",
        "9999999999",
        "1970-01-01t00-00-00+01",
        "0001-01-01t00-00-00+01",
        "2026-13-01",
        "2026-02-29",
        "20261121t24",
        "20261121t07",
        "20261121t250000",
        "2026-11-21t07-34-60",
        "2026-11-21t07-34-35-9999",
        "2026-11-21t07-34:35",
        "2026-11.21",
        "202611210",
        "20261121073435123z4",
        "2026112107343512",
        "2026-11-21t07:34:35123",
        "21-11-2026",
        "2026-11-21z",
        "2026-11-21_abcd1234",
        "manual__2026-11-21_abcd1234",
        "manual__2026-11-21t07:34_abcd123",
        "other__2026-11-21t07:34:35",
        "manual__1795246475",
        "employee-20261121",
        "20261121-employee",
        " 20261121",
        "20261121\n",
        "２０２６１１２１",  # noqa: RUF001 (digits that int() would take)
    ],
)
def test_what_is_no_run_id(run_id: str) -> None:
    with pytest.raises(InvalidRunIds) as refused:
        run_id_to_timestamp(run_id)
    assert refused.value.why == f"{run_id!r} is no point in time"
    assert "20261121t073435z" in refused.value.remedy


@pytest.mark.parametrize(
    ("run_id", "readings"),
    [
        ("2026-11-21t07-34-35-05", "07:34:35.050000Z or 2026-11-21T12:34:35Z"),
        ("20261121073435-05", "07:34:35.050000Z or 2026-11-21T12:34:35Z"),
        ("2026-11-21t07-34-35_01_00", "06:34:35Z or 2026-11-21T08:34:35Z"),
        ("scheduled__2026-11-21t07-34-35-01-00", "06:34:35Z or 2026-11-21T08:34:35Z"),
        ("manual__20261121t073435_12345678", "07:34:35Z or 2026-11-21T07:34:35.123456Z"),
    ],
)
def test_what_has_two_meanings_is_refused(run_id: str, readings: str) -> None:
    with pytest.raises(InvalidRunIds) as refused:
        run_id_to_timestamp(run_id)
    assert refused.value.why == f"{run_id!r} is ambiguous: 2026-11-21T{readings}"


@dataclass(frozen=True)
class Spelled:
    text: str
    instant: datetime


INSTANTS = st.timedeltas(timedelta(days=1), timedelta(days=106_900)).map(
    lambda since: datetime(1970, 1, 1, tzinfo=UTC) + since
)
EVERY = "-._:"


@st.composite
def fractions(draw: st.DrawFn, moment: datetime, *, attached: bool) -> tuple[str, datetime]:
    """A fraction as it is written, and the moment that is left of it."""
    separators = [".", ",", "_", "-", *([""] if attached else [])]
    separator = draw(st.sampled_from(separators))
    lengths = {"-": (1, 3, 5, 6, 7, 8, 9), "": (3, 6, 9)}.get(separator, tuple(range(1, 10)))
    length = draw(st.sampled_from(lengths))
    digits = f"{moment.microsecond:06d}{draw(st.integers(0, 999)):03d}"[:length]
    return separator + digits, moment.replace(microsecond=int(f"{digits:0<6}"[:6]))


@st.composite
def offsets(draw: st.DrawFn) -> tuple[str, timedelta]:
    minutes = draw(st.integers(-14 * 60, 14 * 60))
    sign, hours = "-" if minutes < 0 else "+", f"{abs(minutes) // 60:02d}"
    between = draw(st.sampled_from(["", *EVERY]))
    forms = [f"{sign}{hours}{between}{abs(minutes) % 60:02d}"]
    if minutes % 60 == 0 and sign == "+":
        forms.append(sign + hours)
    if minutes == 0:
        forms += ["z", "Z", "", "-00-00", "-00:00", "_00_00", ".00.00", "-0000"]
    return draw(st.sampled_from(forms)), timedelta(minutes=minutes)


@st.composite
def iso(draw: st.DrawFn, moment: datetime) -> Spelled:
    offset, delta = draw(offsets())
    d, t = draw(st.sampled_from(["", *EVERY])), draw(st.sampled_from(["", *EVERY]))
    between = draw(st.sampled_from(["t", "T", "_", "-", " ", ""]))
    fraction, left = "", moment.replace(microsecond=0)
    if draw(st.booleans()):
        fraction, left = draw(fractions(moment, attached=not t))
    local = left.astimezone(timezone(delta))
    date = f"{local.year:04d}{d}{local.month:02d}{d}{local.day:02d}"
    time = f"{local.hour:02d}{t}{local.minute:02d}{t}{local.second:02d}"
    return Spelled(f"{date}{between}{time}{fraction}{offset}", left)


@st.composite
def short(draw: st.DrawFn, moment: datetime) -> Spelled:
    """Without seconds, or without the time."""
    d, t = draw(st.sampled_from(["", *EVERY])), draw(st.sampled_from(["", *EVERY]))
    minute = moment.replace(second=0, microsecond=0)
    date = moment.strftime(f"%Y{d}%m{d}%d")
    if draw(st.booleans()):
        return Spelled(date, minute.replace(hour=0, minute=0))
    between, zone = draw(st.sampled_from("tT_- ")), draw(st.sampled_from(["", "z", "+00:00"]))
    return Spelled(f"{date}{between}{moment.strftime(f'%H{t}%M')}{zone}", minute)


@st.composite
def epoch(draw: st.DrawFn, moment: datetime) -> Spelled:
    moment = max(moment, datetime(2001, 9, 10, tzinfo=UTC))
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    if draw(st.booleans()):
        return Spelled(str(round(moment.timestamp() * 1000)), moment)
    moment = moment.replace(microsecond=0)
    return Spelled(str(int(moment.timestamp())), moment)


@st.composite
def airflow(draw: st.DrawFn, moment: datetime) -> Spelled:
    kinds = ["scheduled", "manual", "backfill", "dataset_triggered", "asset_triggered"]
    if draw(st.booleans()):
        moment = moment.replace(microsecond=0)
    text = f"{draw(st.sampled_from(kinds))}__{moment.isoformat()}"
    for character in ":+":
        text = text.replace(character, draw(st.sampled_from([character, "-", "_", "."])))
    if draw(st.booleans()):
        alphabet = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789"
        text += "_" + draw(st.text(alphabet, min_size=8, max_size=8))
    return Spelled(draw(st.sampled_from([text, text.lower(), text.upper()])), moment)


@st.composite
def spelled(draw: st.DrawFn) -> Spelled:
    moment = draw(INSTANTS)
    return draw(st.one_of(form(moment) for form in (iso, short, epoch, airflow)))


@given(spelled())
def test_every_spelling_gives_the_instant(run: Spelled) -> None:
    assert run_id_to_timestamp(run.text) == run.instant


@given(spelled())
def test_every_spelling_looks_like_a_run_id(run: Spelled) -> None:
    assert looks_like_run_id(run.text)


@given(st.text("0123456789tz+-._:, ", min_size=8, max_size=30))
def test_what_is_read_looks_like_a_run_id_and_is_in_the_years(text: str) -> None:
    try:
        found = run_id_to_timestamp(text)
    except InvalidRunIds:
        return
    assert looks_like_run_id(text)
    assert 1970 <= found.year <= 2262


@given(st.lists(spelled(), unique_by=lambda run: run.instant))
def test_runs_are_ordered_by_their_instants(runs: list[Spelled]) -> None:
    late = datetime(2300, 1, 1, tzinfo=UTC)
    expected = [run.text for run in sorted(runs, key=lambda run: run.instant)]
    assert validate_run_ids([run.text for run in runs], now=late) == expected
    if runs:
        assert latest_run((run.text for run in runs), now=late) == expected[-1]


@pytest.mark.parametrize("text", ["employee-20261121", "20261121t073435-employee", "latest"])
def test_what_does_not_look_like_a_run_id(text: str) -> None:
    assert not looks_like_run_id(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("99999999", True),
        ("2026-13-45t99", True),
        ("manual__2026-13-45_abcdefgh", True),
        ("000001", False),
        ("2_0_0-20261121", False),
        ("manual__1_abcd1234", False),
        ("manual__latest", False),
        ("20261121_abcdefgh", False),
        ("-20261121", False),
        ("20261121-", False),
        ("20261121\n", False),
        ("", False),
    ],
)
def test_looks_are_told_from_meaning(text: str, *, expected: bool) -> None:
    assert looks_like_run_id(text) is expected


def test_time_decides_not_text() -> None:
    runs = ["20261121t073435z", "1795246474", "2026-11-21t07-34-36", "2026-11-21t10-34-35+05-00"]
    assert validate_run_ids(runs, now=NOW) == [runs[3], runs[1], runs[0], runs[2]]
    assert latest_run(runs, now=NOW) == runs[2]


def test_one_id_given_twice_is_one_run() -> None:
    assert validate_run_ids(["20261121", "20261121"], now=NOW) == ["20261121"]


def test_one_message_lists_everything_that_is_wrong() -> None:
    future = "20270101t000001z"
    twice = ["20261121t073435z", "2026-11-21t07-34-35-000"]
    with pytest.raises(InvalidRunIds) as refused:
        validate_run_ids(["copy", "20261120", future, *twice, "20261121t073435-05"], now=NOW)
    assert refused.value.what == "the run ids cannot be put in order"
    assert refused.value.why.splitlines() == [
        "'20261121t073435-05' is ambiguous: 2026-11-21T07:34:35.050000Z or 2026-11-21T12:34:35Z",
        "'copy' is no point in time",
        f"'{twice[1]}' and '{twice[0]}' are the same instant, 2026-11-21T07:34:35Z",
        "'20270101t000001z': 2027-01-01T00:00:01Z is in the future (now is 2027-01-01T00:00:00Z)",
    ]
    assert refused.value.exit_code == 4
    assert isinstance(refused.value, ValueError)


def test_the_present_is_not_the_future() -> None:
    assert validate_run_ids(["20270101"], now=NOW) == ["20270101"]


def test_now_is_the_present_unless_given() -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y%m%dt%H%M%S")
    with pytest.raises(InvalidRunIds, match="cannot be put in order") as refused:
        validate_run_ids([tomorrow])
    assert "is in the future" in str(refused.value)


def test_there_is_no_latest_of_nothing() -> None:
    with pytest.raises(InvalidRunIds, match="there is no run") as refused:
        latest_run([])
    assert refused.value.what == "there is no run"
    assert "wait for the loader" in refused.value.remedy


OLD, NEW = "2026-11-20t01-00-00z", "2026-11-21t01-00-00z"


def test_the_latest_run_of_all_in_the_spelling_of_each() -> None:
    runs = {"smr": [OLD, NEW], "smr-employee": ["20261121t010000.000z", "20261120t010000z"]}
    assert common_run(runs, now=NOW) == {"smr": NEW, "smr-employee": "20261121t010000.000z"}


def test_a_pinned_run_is_found_in_any_spelling() -> None:
    runs = {"smr": iter([OLD, NEW]), "smr-employee": iter(["20261120t010000z"])}
    assert common_run(runs, "20261120010000", now=NOW) == {
        "smr": OLD,
        "smr-employee": "20261120t010000z",
    }


def test_a_run_that_is_missing_is_never_replaced_by_an_older_one() -> None:
    days = [f"202611{day:02d}" for day in range(1, 8)]
    runs = {"smr": [NEW, *days], "smr-employee": days[:5], "other": []}
    with pytest.raises(Refused) as refused:
        common_run(runs, now=NOW)
    assert refused.value.what == f"run {NEW} is missing for smr-employee, other"
    assert refused.value.why.splitlines() == [
        "entity       | runs",
        f"smr          | {NEW}, 20261107, 20261106, 20261105, 20261104 and 3 more",
        "smr-employee | 20261105, 20261104, 20261103, 20261102, 20261101",
        "other        | none",
    ]
    assert refused.value.remedy == "wait for the loader: there is no run that every entity has"
    assert type(refused.value) is Refused
    assert refused.value.exit_code == 4


def test_the_remedy_names_the_latest_run_that_every_entity_has() -> None:
    runs = {"smr": [NEW, OLD, "20261119"], "smr-employee": ["20261120t010000z", "20261119"]}
    with pytest.raises(Refused) as refused:
        common_run(runs, now=NOW)
    assert refused.value.remedy == (
        f"wait for the loader, or pin an older run with `runs.run: {OLD}`"
    )


def test_a_pinned_run_that_is_missing() -> None:
    runs = {"smr": [NEW, OLD], "smr-employee": [NEW]}
    with pytest.raises(Refused, match="run 20261120t010000 is missing") as refused:
        common_run(runs, "20261120t010000", now=NOW)
    assert refused.value.what == "run 20261120t010000 is missing for smr-employee"
    assert refused.value.remedy == (
        f"wait for the loader, or pin another run with `runs.run: {NEW}`"
    )


def test_an_unreadable_pinned_run() -> None:
    with pytest.raises(InvalidRunIds) as refused:
        common_run({"smr": [NEW]}, "newest", now=NOW)
    assert "'newest' is no point in time" in str(refused.value)


def test_no_entity_has_a_run() -> None:
    with pytest.raises(InvalidRunIds, match="there is no run of smr, smr-employee"):
        common_run({"smr": [], "smr-employee": []}, now=NOW)


def test_what_is_wrong_names_its_entity() -> None:
    runs = {"smr": [NEW, "20270102"], "smr-employee": ["copy", NEW]}
    with pytest.raises(InvalidRunIds) as refused:
        common_run(runs, now=NOW)
    assert refused.value.why.splitlines() == [
        "smr: '20270102': 2027-01-02T00:00:00Z is in the future (now is 2027-01-01T00:00:00Z)",
        "smr-employee: 'copy' is no point in time",
    ]
