from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from esplan import config, windows
from esplan.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

ZONE = "Europe/Amsterdam"
AMSTERDAM = ZoneInfo(ZONE)


def schedule(*listed: dict[str, Any], **more: Any) -> windows.Schedule:
    return windows.schedule({"windows": [{"timezone": ZONE, **one} for one in listed], **more})


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM, fold=fold).astimezone(UTC)


EVENING = {"days": ["tue", "thu"], "from": "19:00", "to": "22:00"}
NIGHT = {"days": ["fri"], "from": "22:00", "to": "06:00"}
EVE = {"dates": ["2026-12-24"], "from": "00:00", "to": "24:00"}


@pytest.mark.parametrize(
    ("window", "moment", "is_open"),
    [
        (EVENING, "2026-11-24T18:59:59", False),  # a Tuesday
        (EVENING, "2026-11-24T19:00:00", True),
        (EVENING, "2026-11-24T21:59:59", True),
        (EVENING, "2026-11-24T22:00:00", False),
        (EVENING, "2026-11-25T20:00:00", False),
        (NIGHT, "2026-11-27T21:59:00", False),
        (NIGHT, "2026-11-27T23:00:00", True),
        (NIGHT, "2026-11-28T05:59:00", True),
        (NIGHT, "2026-11-28T06:00:00", False),
        (NIGHT, "2026-11-28T23:00:00", False),
        (NIGHT, "2026-11-27T05:00:00", False),
        (EVE, "2026-12-23T23:59:59", False),
        (EVE, "2026-12-24T00:00:00", True),
        (EVE, "2026-12-24T23:59:59", True),
        (EVE, "2026-12-25T00:00:00", False),
        (EVE | {"days": ["mon"]}, "2026-11-23T12:00:00", True),
        ({"from": "08:00", "to": "08:00"}, "2026-11-23T07:59:00", True),
    ],
)
def test_a_window(window: dict[str, Any], moment: str, *, is_open: bool) -> None:
    found = schedule(window)
    for phase in ("prepare", "switch", "finish"):
        assert found.is_open(phase, local(moment)) is is_open
    assert found.is_open("switch", local(moment).astimezone(ZoneInfo("Asia/Tokyo"))) is is_open


@pytest.mark.parametrize(
    ("window", "moment", "opens"),
    [
        (EVENING, "2026-11-24T22:00:00", "2026-11-26T19:00:00+01:00"),
        (EVENING, "2026-11-26T22:00:00", "2026-12-01T19:00:00+01:00"),
        (EVENING, "2026-10-24T12:00:00", "2026-10-27T19:00:00+01:00"),  # the clocks go back between
        (NIGHT, "2026-11-28T06:00:00", "2026-12-04T22:00:00+01:00"),
        (EVE, "2026-11-24T22:00:00", "2026-12-24T00:00:00+01:00"),
        (EVE, "2026-12-25T00:00:00", None),
    ],
)
def test_when_it_opens(window: dict[str, Any], moment: str, opens: str | None) -> None:
    found = schedule(window).opens("switch", local(moment))
    assert (found and found.isoformat()) == opens
    assert not schedule(window).is_open("switch", local(moment))
    if found:
        assert schedule(window).is_open("switch", found)


def test_the_first_of_several_opens_in_its_own_zone() -> None:
    tokyo = {"from": "01:00", "to": "02:00", "timezone": "Asia/Tokyo"}
    found = schedule(EVENING, tokyo).opens("switch", local("2026-11-23T12:00:00"))
    assert found
    assert windows.said(found) == "Tue 2026-11-24 01:00 (Asia/Tokyo)"


# The clocks of Amsterdam go forward on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00


def test_a_window_that_the_clock_skips_a_part_of() -> None:
    found = schedule({"from": "02:30", "to": "04:00"})
    assert not found.is_open("switch", datetime(2026, 3, 29, 0, 59, tzinfo=UTC))  # 01:59
    assert found.is_open("switch", datetime(2026, 3, 29, 1, 0, tzinfo=UTC))  # 03:00
    opens = found.opens("switch", local("2026-03-29T01:00:00"))
    assert opens
    assert opens.isoformat() == "2026-03-29T03:00:00+02:00"


def test_a_window_that_the_clock_skips_opens_on_the_next_day() -> None:
    found = schedule({"from": "02:15", "to": "02:45"})
    opens = found.opens("switch", local("2026-03-29T01:00:00"))
    assert opens
    assert opens.isoformat() == "2026-03-30T02:15:00+02:00"


def test_a_window_that_the_clock_shows_twice() -> None:
    found = schedule({"from": "02:15", "to": "02:45"})
    for minutes, is_open in ((15, True), (50, False), (75, True), (105, False)):
        moment = datetime(2026, 10, 25, minutes // 60, minutes % 60, tzinfo=UTC)
        assert found.is_open("switch", moment) is is_open
    opens = found.opens("switch", datetime(2026, 10, 25, 0, 50, tzinfo=UTC))
    assert opens
    assert opens.isoformat() == "2026-10-25T02:15:00+01:00"


def test_a_night_over_which_the_clocks_change() -> None:
    found = schedule({"from": "22:00", "to": "06:00"})
    assert found.is_open("switch", datetime(2026, 3, 29, 3, 59, tzinfo=UTC))  # 05:59 of the summer
    assert not found.is_open("switch", datetime(2026, 3, 29, 4, 0, tzinfo=UTC))
    assert found.is_open("switch", datetime(2026, 10, 25, 4, 59, tzinfo=UTC))
    assert not found.is_open("switch", datetime(2026, 10, 25, 5, 0, tzinfo=UTC))


def test_without_windows_it_is_always_open() -> None:
    assert windows.schedule({}).is_open("switch", local("2026-11-24T22:00:00"))


def test_what_clients_do_not_notice_may_go_earlier() -> None:
    noon, evening = local("2026-11-24T12:00:00"), local("2026-11-24T20:00:00")
    any_time = schedule(EVENING, prepare_windows="any")
    day = schedule(EVENING, prepare_windows=[{"from": "11:00", "to": "13:00", "timezone": ZONE}])
    for found in (any_time, day):
        assert found.is_open("prepare", noon)
        assert found.is_open("prepare", evening)
        assert not found.is_open("switch", noon)
        assert not found.is_open("finish", noon)
    night = local("2026-11-24T23:00:00")
    assert any_time.is_open("prepare", night)
    assert not day.is_open("prepare", night)
    opens = day.opens("prepare", night)
    assert opens
    assert opens.isoformat() == "2026-11-25T11:00:00+01:00"


def test_what_is_wrong_has_its_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "esplan.yaml"
    path.write_text(
        "version: 1\nenvironments:\n  prod:\n    cluster_uuid: u\n    windows:\n"
        "      - {dates: [2026-02-28, 2026-02-30], from: 19:00, to: 22:00, timezone: Mars/Base}\n"
        "    prepare_windows:\n      - {from: 19:00, to: 22:00, timezone: ../UTC}\n"
    )
    with pytest.raises(InvalidInput) as caught:
        config.environment(None, config=path)
    assert [str(one).removeprefix(f"{path}:") for one in caught.value.diagnostics] == [
        '6:30: there is no day "2026-02-30"',
        '6:77: there is no time zone "Mars/Base"',
        '8:44: there is no time zone "../UTC"',
    ]
