"""The seed of exchanges against the libraries that know time zones and calendars."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from warehouse.exchange_sessions import sessions_of
from warehouse.exchanges import OWN_CALENDAR, Exchange, known_exchanges

LIBRARY = [e for e in known_exchanges().values() if e.calendar not in (OWN_CALENDAR, "24/7")]


@pytest.mark.parametrize("exchange", LIBRARY, ids=lambda exchange: exchange.code)
def test_an_exchange_keeps_the_hours_of_a_calendar_that_is_there(exchange: Exchange) -> None:
    _, _, sessions = sessions_of(exchange.calendar, date(2024, 1, 1), date(2024, 12, 31))

    assert 240 < len(sessions) < 262
    assert all(opens < closes for _, opens, closes in sessions)
    # most of a session lies on its own date, at the exchange
    zone = ZoneInfo(exchange.time_zone)
    assert all(
        (opens + (closes - opens) / 2).astimezone(zone).date() == day for day, opens, closes in sessions
    )


@pytest.mark.parametrize("exchange", LIBRARY, ids=lambda exchange: exchange.code)
def test_stock_exchanges_are_in_the_time_zone_of_their_calendar(exchange: Exchange) -> None:
    import exchange_calendars  # takes seconds, so not in every process that collects tests

    if exchange.calendar != "CMES":  # one calendar for exchanges of two cities
        assert str(exchange_calendars.get_calendar(exchange.calendar).tz) == exchange.time_zone


def test_mics_are_four_letters_and_no_two_the_same() -> None:
    mics = [exchange.mic for exchange in known_exchanges().values() if exchange.mic]

    assert all(len(mic) == 4 and mic.isupper() for mic in mics)
    assert len(mics) == len(set(mics))


def test_who_trades_round_the_clock_has_utc_days() -> None:
    crypto = [e for e in known_exchanges().values() if e.calendar == "24/7"]

    assert {e.time_zone for e in crypto} == {"UTC"}
    assert {e.mic for e in crypto} == {None}


def test_a_calendar_is_cut_at_its_own_bounds() -> None:
    first, last, sessions = sessions_of("XBOM", date(1990, 1, 1), date(2090, 1, 1))

    assert first == date(1997, 1, 1)
    assert last.month == last.day - 19 == 12
    assert sessions[0][0] == date(1997, 1, 1)
