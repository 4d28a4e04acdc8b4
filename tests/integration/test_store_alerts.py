"""The box from which channels take what they are to bring, and what the database knows of troubles and days."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app import store as rooms
from app.domain.alerts import Alert, Bare, Failures, Kind, Severity, Unclear
from app.domain.notices import Part
from app.domain.orders import OrderState
from app.domain.risk import TradingState
from app.domain.unprotected import Spell
from app.store import Alerts, Database, Days, Troubles
from tests.contracts.stores import StoreUnderTest, sale
from tests.fixtures.memory.builders import NOON, a_letter

AGAIN, LEASE = timedelta(hours=4), timedelta(minutes=2)
LATER = NOON + timedelta(minutes=1)
TWO = ("mail", "phone")


@pytest.fixture
def store(database: Database) -> StoreUnderTest:
    """Every port over one database."""
    return StoreUnderTest.over(rooms, database)


@pytest.fixture
def alerts(database: Database) -> Alerts:
    """The box."""
    return Alerts(database)


def an_alert(about: str = "O-1", **changes: Any) -> Alert:
    return replace(Alert(Kind.ORDER, about, Severity.CRITICAL, f"{about} is unclear", "look at it"), **changes)


def stand(alerts: Alerts, *standing: Alert, at: datetime = NOON, channels: tuple[str, ...] = TWO) -> int:
    return alerts.stand(standing, [Kind.ORDER], channels, at, AGAIN)


def taken(alerts: Alerts, channel: str = "mail", at: datetime = NOON) -> list[tuple[str, Part]]:
    return [(one.alert.about, one.part) for one in alerts.claim(channel, at, LEASE)]


def test_what_stands_is_put_into_the_box_of_each_channel_once(alerts: Alerts) -> None:
    assert stand(alerts, an_alert()) == 1
    assert stand(alerts, an_alert(), at=LATER) == 0

    assert taken(alerts, "mail") == [("O-1", Part.RAISED)]
    assert taken(alerts, "phone") == [("O-1", Part.RAISED)]
    assert taken(alerts, "slack") == []


def test_what_a_channel_has_taken_is_its_own_until_the_lease_is_over(alerts: Alerts) -> None:
    stand(alerts, an_alert())

    (first,) = alerts.claim("mail", NOON, LEASE)
    assert alerts.claim("mail", NOON + LEASE - timedelta(seconds=1), LEASE) == []
    (second,) = alerts.claim("mail", NOON + LEASE, LEASE)

    assert (first.number, first.attempts, second.attempts) == (second.number, 1, 2)
    assert first.alert == an_alert()


def test_what_was_brought_is_not_brought_again(alerts: Alerts) -> None:
    stand(alerts, an_alert())
    alerts.deliver(alerts.claim("mail", NOON, LEASE), NOON)

    assert taken(alerts, at=NOON + LEASE) == []
    assert [one.undelivered for one in alerts.listed(9)] == [["phone"]]


def test_what_could_not_be_brought_waits_and_says_why(alerts: Alerts) -> None:
    stand(alerts, an_alert())
    alerts.defer(alerts.claim("mail", NOON, LEASE), "connection refused", LATER)

    assert taken(alerts, at=NOON + timedelta(seconds=59)) == []
    assert taken(alerts, at=LATER) == [("O-1", Part.RAISED)]
    mail, phone = alerts.channels()
    assert (mail.channel, mail.waiting, mail.error) == ("mail", 1, "connection refused")
    assert (phone.channel, phone.sent, phone.waiting, phone.given_up, phone.error) == ("phone", 0, 1, 0, "")


def test_what_is_wrong_no_more_is_over_once(alerts: Alerts) -> None:
    stand(alerts, an_alert())
    alerts.claim("mail", NOON, LEASE)

    assert stand(alerts, at=LATER) == 1
    assert stand(alerts, at=LATER) == 0

    assert taken(alerts, at=LATER) == [("O-1", Part.OVER)]
    assert [one.over_at for one in alerts.listed(9)] == [LATER]
    assert alerts.standing() == {}


def test_the_same_trouble_a_second_time_is_told_again(alerts: Alerts) -> None:
    stand(alerts, an_alert())
    stand(alerts)
    stand(alerts, an_alert())

    assert [part for _, part in taken(alerts)] == [Part.RAISED, Part.OVER, Part.RAISED]


def test_of_what_lasts_one_is_reminded(alerts: Alerts) -> None:
    stand(alerts, an_alert())

    assert stand(alerts, an_alert(), at=NOON + AGAIN - timedelta(seconds=1)) == 0
    assert stand(alerts, an_alert(), at=NOON + AGAIN) == 1
    assert stand(alerts, an_alert(), at=NOON + AGAIN) == 0

    assert [part for _, part in taken(alerts, at=NOON + AGAIN)] == [Part.RAISED, Part.LASTS]


def test_new_words_for_what_stands_are_kept_and_told_with_the_next_part(alerts: Alerts) -> None:
    stand(alerts, an_alert(title="1 task"))
    stand(alerts, an_alert(title="2 tasks"))

    assert [one.alert.title for one in alerts.claim("mail", NOON, LEASE)] == ["2 tasks"]


def test_what_cannot_be_looked_at_stays_as_it_was(alerts: Alerts) -> None:
    silent = Alert(Kind.FEED, "silent", Severity.CRITICAL, "The feed is silent")
    alerts.stand([silent], [Kind.FEED], TWO, NOON, AGAIN)

    stand(alerts)

    assert alerts.standing() == {"feed": 1}


def test_what_happens_is_told_once_and_is_over(alerts: Alerts) -> None:
    change = Alert(Kind.STATE, "7", Severity.CRITICAL, "Trading is HALTED")

    assert alerts.happen([change], TWO, NOON) == 1
    assert alerts.happen([change], TWO, LATER) == 0
    assert alerts.happen([], TWO, LATER) == 0

    assert taken(alerts) == [("7", Part.HAPPENED)]
    assert alerts.standing() == {}


def test_what_nobody_could_be_told_for_a_day_is_given_up(alerts: Alerts) -> None:
    stand(alerts, an_alert())
    alerts.deliver(alerts.claim("phone", NOON, LEASE), NOON)

    assert alerts.give_up(NOON) == 0
    assert alerts.give_up(LATER) == 1
    assert alerts.give_up(LATER) == 0

    assert taken(alerts, at=LATER) == []
    assert [(one.given_up, one.sent) for one in alerts.channels()] == [(1, 0), (0, 1)]


def test_what_is_over_is_dropped_after_a_time_and_what_stands_is_not(alerts: Alerts) -> None:
    stand(alerts, an_alert("O-1"), an_alert("O-2"))
    stand(alerts, an_alert("O-2"), at=LATER)

    assert alerts.forget(LATER) == 0
    assert alerts.forget(LATER + timedelta(seconds=1)) == 1

    assert [one.alert.about for one in alerts.listed(9)] == ["O-2"]


def test_those_that_stand_are_listed_before_the_others(alerts: Alerts) -> None:
    stand(alerts, an_alert("O-1"))
    alerts.happen([Alert(Kind.STATE, "7", Severity.INFO, "Trading is ACTIVE")], TWO, NOON)

    assert [one.alert.about for one in alerts.listed(9)] == ["O-1", "7"]
    assert [one.alert.about for one in alerts.listed(1)] == ["O-1"]
    assert [one.alert.about for one in alerts.listed(9, standing_only=True)] == ["O-1"]


def test_words_that_are_too_long_are_clipped(alerts: Alerts) -> None:
    stand(alerts, an_alert("x" * 5000, title="t" * 5000, text="w" * 50_000))

    assert stand(alerts, an_alert("x" * 5000, title="t" * 5000, text="w" * 50_000)) == 0
    (notice,) = alerts.claim("mail", NOON, LEASE)
    assert len(notice.alert.text) <= 4000


def test_of_an_empty_database_there_is_nothing_to_tell(database: Database) -> None:
    kept = Troubles(database).read(NOON)

    assert (kept.is_open, kept.reconciled_at) == (False, None)
    assert not any((kept.changes, kept.unclear, kept.held_orders, kept.bare, kept.failures, kept.differences))


def test_changes_of_the_state_are_told_as_they_were_audited(database: Database, store: StoreUnderTest) -> None:
    store.opened().ledger.set_state(TradingState.HALTED, "looked odd", "ann", NOON)
    store.ledger.set_state(TradingState.REDUCING, "not so odd", "bob", LATER)

    changes = Troubles(database).read(NOON).changes

    assert [(one.before, one.state, one.reason, one.by, one.at) for one in changes] == [
        ("ACTIVE", "HALTED", "looked odd", "ann", NOON),
        ("HALTED", "REDUCING", "not so odd", "bob", LATER),
    ]
    assert [one.by for one in Troubles(database).read(LATER).changes] == ["bob"]


def test_unclear_orders_bare_trades_and_failures_are_found(database: Database, store: StoreUnderTest) -> None:
    order = store.sent(store.opened().entry("unclear"))
    store.orders.doubt(order, "no answer", NOON)
    held = store.holding("held", symbol="ETH/USDT")
    store.trades.keep_spells({held.trade_id: Spell(NOON, 0.0)})
    store.letters.keep(a_letter("task-1"))
    store.letters.keep(a_letter("task-2", about="O-2"))
    store.letters.keep(a_letter("task-3", kind="KeyError"))

    kept = Troubles(database).read(NOON)

    assert kept.unclear == [Unclear(order.client_order_id, "BTC/USDT", NOON)]
    assert kept.bare == [Bare(held.trade_id, "ETH/USDT", NOON)]
    assert kept.failures == [
        Failures("tasks.orders.place", "KeyError", 1, "O-1"),
        Failures("tasks.orders.place", "ValueError", 2, "O-2"),
    ]
    assert (kept.is_open, kept.reconciled_at) == (True, NOON)


def test_a_day_is_what_happened_on_it(database: Database, store: StoreUnderTest) -> None:
    won = store.opened().holding("won").trade_id
    store.ledger.mark({}, NOON)
    store.settled(store.sent(store.exit(won, "exit-won")), OrderState.FILLED, sale("s-won", price=Decimal(120)))
    store.holding("open", symbol="ETH/USDT")
    store.letters.keep(a_letter("task-1"))
    store.ledger.mark({}, LATER)

    day = Days(database).read(NOON.date())

    assert (day.trades, day.won, day.trades_open, day.failed_tasks, day.state) == (1, 1, 1, 1, "ACTIVE")
    assert day.profit > 19
    assert day.orders == {"filled": 3}
    assert day.has_been
    assert not Days(database).read(date(2024, 11, 19)).has_been
