"""The venue's keys are replaced while the farm trades: those who sign take the new ones, and nothing is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from app import wiring
from app.bus import BusError, Keys, WantedKeys, connect
from app.cli.codes import FAILED, WRONG
from app.domain.balances import Balances
from app.domain.errors import Denied
from app.exchanges import mexc
from app.exchanges.mexc import key_ring
from app.settings.fields import CONFIRMATION
from tasks import orders
from tests.fixtures.farm import approved
from tests.fixtures.typed import Typed
from tests.fixtures.venue import ServedVenue

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def wishes(redis_client: "redis.Redis", keys: Keys) -> WantedKeys:
    return WantedKeys(redis_client, keys)


def test_what_is_wanted_is_told_to_who_has_others_that_were_read_before(wishes: WantedKeys) -> None:
    assert wishes.look("here 1", "old", NOON, NOON) is None
    wishes.want("new", NOON + MINUTE)

    assert wishes.look("here 1", "old", NOON, NOON + MINUTE) == "new"
    assert wishes.look("here 1", "new", NOON, NOON + MINUTE) is None


def test_who_has_read_his_keys_after_the_wish_knows_better(wishes: WantedKeys) -> None:
    wishes.want("new", NOON)

    assert wishes.look("here 1", "newer", NOON + MINUTE, NOON + MINUTE) is None


def test_which_keys_a_process_had_last_is_remembered_for_an_hour(wishes: WantedKeys) -> None:
    wishes.look("here 1", "old", NOON, NOON)
    wishes.look("here 2", "new", NOON, NOON + 61 * MINUTE)

    assert list(wishes.used(NOON + 62 * MINUTE)) == ["here 2"]
    assert list(wishes.used(NOON)) == ["here 2"]


def test_without_redis_everybody_keeps_his_keys(keys: Keys) -> None:
    away = WantedKeys(connect("redis://127.0.0.1:1/0", timeout_s=0.1, retries=0), keys)

    assert away.look("here 1", "old", NOON, NOON) is None
    with pytest.raises(BusError):
        away.want("new", NOON)


class Secrets:
    """The folder of secrets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hold(self, key: str, secret: str) -> None:
        (self.folder / "cdb_api_key").write_text(key)
        (self.folder / "cdb_api_secret").write_text(secret)


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    made = Secrets(tmp_path)
    made.hold("paper", "paper-secret")
    return made


@pytest.fixture
def farm_settings(farm_settings: dict[str, str], secrets: Secrets) -> dict[str, str]:
    """Of a farm that sends real orders, to a venue that only seems to be MEXC."""
    live = {"CDB_MODE": "live", "CDB_EXCHANGE": "mexc", "CDB_LIVE_CONFIRMED": CONFIRMATION}
    return {**farm_settings, **live, "CDB_SECRETS_DIR": str(secrets.folder)}


@pytest.fixture
def live(
    typed: Typed, farm_settings: dict[str, str], begun: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> ServedVenue:
    monkeypatch.setattr(key_ring, "LOOK_S", 0.0)
    return begun


@pytest.fixture
def before(live: ServedVenue) -> Iterator[mexc.Trading]:
    """What a process has that runs when the keys are replaced."""
    trading, wishes, limiter = wiring.trading(), wiring.wanted_keys(), wiring.limiter(wiring.settings().trading_url)
    yield trading
    trading._client.session.close()
    for one in (wishes, limiter):
        one._client.close()


def placed(key: str) -> str:
    name = approved(key)
    assert name is not None
    orders.place(name)
    return name


def test_after_a_reload_everybody_signs_with_the_new_keys(
    live: ServedVenue, before: mexc.Trading, typed: Typed, secrets: Secrets
) -> None:
    placed("BEFORE")
    secrets.hold("second", "its-secret")
    live.tell("keys", {"api_key": "second", "api_secret": "its-secret"})
    with pytest.raises(Denied):
        before.balance("USDT")

    ended = typed("keys", "reload", "--wait", "0s")

    assert ended.code == 0, ended.err
    assert "The venue takes the new keys" in ended.out
    assert "second" not in ended.out + ended.err
    assert before.balance("USDT") > 0
    [event] = [one for one in wiring.listings().events(0, 100) if one.kind == "keys.reloaded"]
    assert event.data["fingerprint"] in ended.out


def test_keys_that_the_venue_refuses_are_not_taken(before: mexc.Trading, typed: Typed, secrets: Secrets) -> None:
    secrets.hold("typed", "wrongly")

    ended = typed("keys", "reload")

    assert ended.code == FAILED
    assert "refuses the new keys" in ended.err
    assert wiring.wanted_keys().wanted() is None
    assert before.balance("USDT") > 0


def test_keys_of_another_account_are_not_taken(
    live: ServedVenue, typed: Typed, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed("BEFORE")
    monkeypatch.setattr("app.exchanges.mexc.trading.Trading.look_up", lambda self, order: None)

    ended = typed("keys", "reload")

    assert ended.code == FAILED
    assert "open another account" in ended.err
    assert wiring.wanted_keys().wanted() is None


def test_an_account_that_does_not_hold_what_we_do_is_another(
    live: ServedVenue, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = placed("BEFORE")
    orders.settle(name)
    assert wiring.listings().open_trades()
    monkeypatch.setattr("app.cli.keys.RECENT", timedelta())
    assert typed("keys", "reload", "--wait", "0s").code == 0

    monkeypatch.setattr("app.cli.keys.ORDERS", 0)
    monkeypatch.setattr("app.exchanges.mexc.account.Account.balances", lambda self: Balances(NOON, NOON, {}))
    ended = typed("keys", "reload", "--wait", "0s")

    assert ended.code == FAILED
    assert "open another account" in ended.err


def test_a_process_that_does_not_find_them_is_named(live: ServedVenue, typed: Typed) -> None:
    at = wiring.now()
    wiring.wanted_keys().look("far 7", "before", at, at + timedelta(hours=1))

    ended = typed("keys", "reload", "--wait", "0.1s")

    assert ended.code == FAILED
    assert "far 7 does not find them" in ended.err
    assert "before" in typed("keys", "list").out
    assert typed("keys", "list", "--json").plain["used"]["far 7"]["fingerprint"] == "before"


def test_nobody_has_signed_anything_yet(live: ServedVenue, typed: Typed) -> None:
    wiring.redis().delete(wiring.keys().used_keys)

    assert "No process has signed" in typed("keys", "list").out
    assert typed("keys", "list", "--json").plain == {"wanted": None, "used": {}}


def test_keys_in_the_environment_are_not_seen_by_who_runs(
    live: ServedVenue, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_API_SECRET", "hush")

    ended = typed("keys", "reload")

    assert ended.code == WRONG
    assert "CDB_API_SECRET stand in the environment" in ended.err
    assert "CDB_SECRETS_DIR" in ended.err


def test_on_paper_there_is_nothing_to_replace(live: ServedVenue, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_MODE", "paper")

    ended = typed("keys", "reload")

    assert ended.code == WRONG
    assert "simulator's own keys" in ended.err


def test_files_that_cannot_be_read_change_nothing(before: mexc.Trading, secrets: Secrets) -> None:
    assert before.balance("USDT") > 0
    secrets.hold("", "")
    wiring.wanted_keys().want("another", wiring.now())

    assert before.balance("USDT") > 0
    secrets.hold("paper", "paper-secret")
