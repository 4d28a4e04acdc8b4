"""cdb notify over a real database and a real web hook."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from app import wiring
from app.cli.codes import FAILED, WRONG
from app.domain.alerts import Alert, Kind, Severity
from tests.fixtures.canned import Canned, Reply
from tests.fixtures.memory.builders import NOON
from tests.fixtures.typed import Typed


@pytest.fixture
def hook(data_dir: Path, sqlite_url: str, canned: Canned, monkeypatch: pytest.MonkeyPatch) -> Canned:
    """A channel; no farm, no Redis."""
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("CDB_NOTIFY_URLS", f"json://{canned.url.removeprefix('http://')}/hook")
    canned.answer("POST /hook", Reply("", 200))
    return canned


def test_a_test_says_of_each_channel_whether_it_took_the_message(hook: Canned, typed: Typed) -> None:
    ended = typed("notify", "test")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.strip().endswith("/hook: sent")
    assert json.loads(hook.bodies[0])["title"] == "[cdb, paper] A test"


def test_a_channel_that_does_not_take_a_test_is_told_with_its_reason(hook: Canned, typed: Typed) -> None:
    hook.answer("POST /hook", Reply("", 500))

    ended = typed("notify", "test", "--json")

    assert ended.code == FAILED
    (told,) = json.loads(ended.out).values()
    assert told["ok"] is False
    assert "500" in told["reason"]


def test_nobody_to_tell_is_told_with_the_cure(
    data_dir: Path, sqlite_url: str, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)

    for command in (("notify", "test"), ("notifier",)):
        ended = typed(*command)
        assert (ended.code, "CDB_NOTIFY_URLS names nobody" in ended.err) == (WRONG, True)
    listed = typed("notify", "list")
    assert (listed.code, listed.out.strip()) == (0, "Nobody was told of anything.")


def test_an_address_that_is_none_is_refused_without_being_shown(
    hook: Canned, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_NOTIFY_URLS", "telegramm://planted-token")

    ended = typed("notify", "test")

    assert ended.code == WRONG
    assert "number 1 (telegramm://…) is no address that Apprise knows" in ended.err
    assert "planted" not in ended.err


def test_what_is_wrong_is_listed_with_who_has_not_brought_it(hook: Canned, typed: Typed) -> None:
    alert = Alert(Kind.ORDER, "O-1", Severity.CRITICAL, "O-1 is unclear", "look")
    wiring.alerts().stand([alert], [Kind.ORDER], ["mail"], NOON, timedelta(hours=4))
    wiring.alerts().defer(wiring.alerts().claim("mail", NOON, timedelta(0)), "it refused", NOON)

    shown, told = typed("notify", "list").out, json.loads(typed("notify", "list", "--json").out)

    assert all(word in shown for word in ("it stands", "critical", "mail", "it refused"))
    assert told["alerts"][0]["undelivered"] == ["mail"]
    assert told["alerts"][0]["over_at"] is None
    assert told["channels"][0]["waiting"] == 1


def test_a_day_is_reported_when_it_is_asked_for(hook: Canned, typed: Typed) -> None:
    wiring.ledger().open_account(wiring.settings().venue_balance, NOON)
    wiring.ledger().mark({}, NOON)

    ended = typed("notify", "report", "--day", "2024-11-20")
    machine = json.loads(typed("notify", "report", "--day", "2024-11-20", "--json").out)

    assert ended.out.splitlines()[0] == "2024-11-20: +0.00 USDT (+0.00%)"
    assert machine["trades"] == 0
    missing = typed("notify", "report", "--day", "2024-11-19")
    assert (missing.code, missing.err.strip()) == (FAILED, "There was no farm on 2024-11-19.")
