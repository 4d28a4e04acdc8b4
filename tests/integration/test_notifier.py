"""What a person should know reaches him over real sockets, once, and whatever the other side does."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from threading import Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from app import alerts as looking
from app import wiring
from app.alerts import Lookout
from app.domain.alerts import Alert, Kind, Severity
from app.domain.notices import Message
from app.domain.risk import TradingState
from app.notify import Channel, NotDelivered, UnknownAddress, channels
from app.store import migrate
from tests.fixtures._half_heard import half_heard
from tests.fixtures.canned import Canned, Reply
from tests.fixtures.commands import until
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import configured
from tests.fixtures.memory.builders import NOON, a_letter
from workers.notifier import Notifier, Sender, pause, senders

HOOK = "POST /hook"
A_MESSAGE = Message("[cdb] A test", "words", Severity.CRITICAL)
SECOND = timedelta(seconds=1)
OK = Reply("", 200)


@pytest.fixture
def wired(farm_settings: dict[str, str], canned: Canned, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canned]:
    """A migrated database, an empty Redis, and a web hook that takes everything."""
    canned.answer(HOOK, OK)
    with configured({**farm_settings, "CDB_NOTIFY_URLS": hook(canned)}, monkeypatch):
        migrate(wiring.database())
        yield canned


def hook(canned: Canned, path: str = "hook") -> str:
    return f"json://{canned.url.removeprefix('http://')}/{path}"


def titles(canned: Canned) -> list[str]:
    return [json.loads(body)["title"] for body in canned.bodies]


def sender(at: Any = lambda: NOON, gap: timedelta = 30 * SECOND) -> Sender:
    (channel,) = wiring.channels()
    return Sender(channel, gap, at, wiring.without_secrets, "cdb")


def raised(*abouts: str) -> None:
    standing = [Alert(Kind.ORDER, one, Severity.CRITICAL, f"{one} is unclear") for one in abouts]
    names = [one.name for one in wiring.channels()]
    wiring.alerts().stand(standing, [Kind.ORDER], names, NOON, timedelta(hours=4))


def test_a_message_is_brought_as_it_is(canned: Canned) -> None:
    canned.answer(HOOK, OK)

    channels([hook(canned)])[0].send(A_MESSAGE)

    (came,) = map(json.loads, canned.bodies)
    assert (came["title"], came["message"], came["type"]) == ("[cdb] A test", "words", "failure")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("no", 500), "500"),
        (Reply("no", 403), "403"),
        (Reply(drop=True), "Connection"),
    ],
    ids=["it is broken", "it refuses", "it hangs up"],
)
def test_a_message_that_is_not_taken_says_so(canned: Canned, reply: Reply, reason: str) -> None:
    canned.answer(HOOK, reply)

    with pytest.raises(NotDelivered, match=reason):
        channels([hook(canned)])[0].send(A_MESSAGE)


def test_nobody_there_is_not_delivered() -> None:
    with pytest.raises(NotDelivered):
        channels(["json://127.0.0.1:1/hook"])[0].send(A_MESSAGE)


def test_a_channel_that_hangs_is_left_alone_after_a_time(canned: Canned) -> None:
    canned.answer(HOOK, Reply(hang=True))
    (one,) = channels([hook(canned)])
    hasty = Channel(one.name, one._service, longest_s=0.3)

    with pytest.raises(NotDelivered, match="did not finish within"):
        hasty.send(A_MESSAGE)


def test_an_address_that_is_none_is_named_without_its_secrets() -> None:
    with pytest.raises(UnknownAddress, match=r"number 2 \(nonsense://…\)") as caught:
        channels(["json://localhost/a", "nonsense://planted-token-of-many-characters/x"])

    assert "planted" not in str(caught.value)


def test_channels_have_names_without_secrets_and_no_two_the_same() -> None:
    token = "1234567890:AAE-planted-token-of-telegram-is-long"
    made = channels([f"tgram://{token}/4711", f"tgram://{token}/4711", "json://ann:planted-word@localhost/a?k=v"])

    names = [one.name for one in made]
    assert len(set(names)) == 3
    assert not any("planted" in name for name in names)
    assert names[2] == "json://ann:****@localhost/a"


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_what_waits_is_one_message_and_then_nothing(wired: Canned) -> None:
    raised("O-1", "O-2")
    one = sender()

    one.turn()
    one.turn()

    assert titles(wired) == ["[cdb] 2 messages: O-1 is unclear"]


def test_what_comes_up_within_the_gap_waits_for_its_end(wired: Canned) -> None:
    clock = iter([NOON, NOON, NOON + 29 * SECOND, NOON + 30 * SECOND, NOON + 30 * SECOND])
    one = sender(lambda: next(clock))
    raised("O-1")
    one.turn()
    raised("O-1", "O-2")

    one.turn()
    assert titles(wired) == ["[cdb] O-1 is unclear"]
    one.turn()

    assert titles(wired) == ["[cdb] O-1 is unclear", "[cdb] O-2 is unclear"]


def test_a_broken_channel_is_tried_less_and_less_often_and_loses_nothing(wired: Canned) -> None:
    wired.answer(HOOK, Reply("no", 500), Reply("no", 500), OK)
    raised("O-1")
    minutes = count()
    one = sender(lambda: NOON + timedelta(seconds=5 * next(minutes)))

    with capture_logs() as logs:
        for _ in range(12):
            one.turn()

    assert titles(wired) == ["[cdb] O-1 is unclear"] * 3
    assert [one["event"] for one in logs] == ["alert not delivered", "alert not delivered", "alert delivered"]
    assert wiring.alerts().channels()[0].waiting == 0
    assert [pause(attempts).total_seconds() for attempts in (1, 2, 3, 7, 1000)] == [10, 20, 40, 600, 600]


def test_a_channel_that_is_broken_holds_up_no_other(
    farm_settings: dict[str, str], canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    canned.answer(HOOK, Reply(hang=True))
    canned.answer("POST /well", OK)
    urls = {"CDB_NOTIFY_URLS": f"{hook(canned)} {hook(canned, 'well')}"}
    with configured({**farm_settings, **urls}, monkeypatch):
        migrate(wiring.database())
        raised("O-1")
        first, second = senders()
        notifier = Notifier([first, second])
        running = _in_background(notifier)
        until(lambda: ("POST /well", {}) in canned.requests, "the message of the other")
        canned.closing.set()
        notifier.stop()
        running.join(15)


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_a_lookout_keeps_what_stands_and_what_happened(wired: Canned) -> None:
    wiring.ledger().open_account(wiring.settings().venue_balance, NOON)
    wiring.ledger().set_state(TradingState.HALTED, "looked odd", "ann", NOON)
    wiring.letters().keep(a_letter(at=NOON))
    lookout = Lookout(_unwanted)

    for second in range(3):
        lookout.look(NOON + second * SECOND)

    sender(lambda: NOON + 3 * SECOND).turn()
    (came,) = map(json.loads, wired.bodies)
    assert came["title"] == "[cdb] 2 messages: Trading is HALTED"
    assert "A task has failed for good: tasks.orders.place" in came["message"]
    assert wiring.alerts().standing() == {"letter": 1}


def test_a_feed_that_is_silent_is_told_after_a_while_and_that_it_speaks_again(wired: Canned) -> None:
    lookout = Lookout(_unwanted)
    lookout.look(NOON)
    assert wiring.alerts().standing() == {}
    lookout.look(NOON + 15 * SECOND)
    assert wiring.alerts().standing() == {"feed": 1}

    wiring.feed_status().write({"ready": True, "stale": []})
    lookout.look(NOON + 20 * SECOND)
    assert wiring.alerts().standing() == {"feed": 1}
    lookout.look(NOON + 80 * SECOND)

    assert wiring.alerts().standing() == {}


def test_a_shard_that_nobody_hears_is_told_after_a_while(wired: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    half_heard(monkeypatch)
    lookout = Lookout(_unwanted)
    lookout.look(NOON)
    assert wiring.alerts().standing() == {}

    lookout.look(NOON + 15 * SECOND)

    assert wiring.alerts().standing() == {"feed": 1}


def test_while_redis_is_away_that_is_told_and_the_feed_is_left_as_it_was(
    wired: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookout = Lookout(_unwanted)
    lookout.look(NOON)
    lookout.look(NOON + 15 * SECOND)
    monkeypatch.setenv("CDB_REDIS_URL", "redis://127.0.0.1:1/0")
    wiring.reset()

    lookout.look(NOON + 20 * SECOND)
    lookout.look(NOON + 35 * SECOND)

    assert wiring.alerts().standing() == {"feed": 1, "server": 1}


def test_a_database_that_is_away_is_told_though_it_can_keep_nothing(
    wired: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = wiring.settings().database_url
    told: list[Alert] = []
    lookout = Lookout(told.append)
    monkeypatch.setenv("CDB_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    wiring.reset()
    for second in (0, 14, 15, 20):
        lookout.look(NOON + second * SECOND)
    assert [one.title for one in told] == ["The database cannot be used"]

    monkeypatch.setenv("CDB_DATABASE_URL", there)
    wiring.reset()
    lookout.look(NOON + 25 * SECOND)
    one = sender()
    for alert in told:
        one.tell(alert)
    one.turn()

    assert titles(wired) == ["[cdb] The database cannot be used", "[cdb] Over: The database cannot be used"]


def test_the_day_before_is_told_of_once_its_time_has_come(wired: Canned) -> None:
    wiring.ledger().open_account(wiring.settings().venue_balance, NOON)
    wiring.ledger().mark({}, NOON)
    midnight = NOON + timedelta(hours=12)
    lookout = Lookout(_unwanted)

    lookout.look(midnight + timedelta(minutes=4))
    assert reports() == []
    for minutes in (5, 6):
        lookout.look(midnight + timedelta(minutes=minutes))
        Lookout(_unwanted).look(midnight + timedelta(minutes=minutes))

    assert reports() == ["2024-11-20: +0.00 USDT (+0.00%)"]


def test_no_report_is_sent_where_none_is_wanted(wired: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring.ledger().open_account(wiring.settings().venue_balance, NOON)
    wiring.ledger().mark({}, NOON)
    monkeypatch.setenv("CDB_NOTIFY_REPORT_AT", "none")
    wiring.reset()

    Lookout(_unwanted).look(NOON + timedelta(hours=20))

    assert reports() == []


def test_a_notifier_that_is_running_brings_what_happens(wired: Canned) -> None:
    wiring.ledger().open_account(wiring.settings().venue_balance, wiring.now())
    notifier = Notifier(senders())
    running = _in_background(notifier)
    wiring.ledger().set_state(TradingState.HALTED, "planted", "ann", wiring.now())

    until(lambda: bool(wired.bodies), "the message")
    notifier.stop()
    running.join(15)

    assert not running.is_alive()
    assert titles(wired) == ["[cdb, paper] Trading is HALTED"]


def test_secrets_in_the_words_of_an_alert_are_not_sent(wired: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_API_SECRET", "planted-api-secret")
    wiring.reset()
    wiring.ledger().open_account(wiring.settings().venue_balance, NOON)
    wiring.ledger().set_state(TradingState.HALTED, "the key planted-api-secret leaked", "ann", NOON)
    Lookout(_unwanted).look(NOON)

    sender().turn()

    assert "the key *** leaked" in wired.bodies[0]
    assert "planted" not in wired.bodies[0]


def test_what_is_looked_at_is_known_to_be_in_the_books_or_in_messages() -> None:
    told_once = {Kind.STATE, Kind.REPORT, Kind.SERVER}

    assert {*looking.IN_BOOKS, *looking.IN_MESSAGES} | told_once == set(Kind)


def reports() -> list[str]:
    return [one.alert.title for one in wiring.alerts().listed(99) if one.alert.kind is Kind.REPORT]


def _unwanted(alert: Alert) -> None:
    raise AssertionError(alert)


def _in_background(notifier: Notifier) -> Thread:
    thread = Thread(target=notifier.run)
    thread.start()
    return thread
