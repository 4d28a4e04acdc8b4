"""Reconciliation over the simulator and a real database, by its tasks and by the command."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest

from app import wiring
from app.cli.codes import FAILED, WRONG
from app.domain.orders import OrderState, OrderType, intent_key
from app.domain.reconciliation import Difference
from tasks import orders, upkeep
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import LIVE, approved
from tests.fixtures.memory.builders import BTC, an_order
from tests.fixtures.typed import Typed
from tests.fixtures.venue import ServedVenue


def placed_by_hand() -> str:
    at = wiring.now()
    name = intent_key("by hand", at)
    order = replace(an_order(name), created_at=at, price=Decimal(50), type=OrderType.LIMIT)
    wiring.trading().submit(order, signed_at=at)
    return name


def test_no_entry_is_approved_between_a_start_and_its_reconciliation(begun: ServedVenue) -> None:
    wiring.books().forget()
    assert approved() is None

    upkeep.begin()

    assert approved("AGAIN") is not None


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_an_order_whose_worker_was_killed_is_booked_by_the_next_start(begun: ServedVenue) -> None:
    name = approved()
    assert name is not None
    orders.place(name)

    assert upkeep.begin() == 0

    assert wiring.orders().get(name).state is OrderState.FILLED
    assert wiring.books().read(wiring.now()).cash == wiring.trading().balance("USDT")


def test_f2_a_fill_that_the_venue_does_not_show_yet_is_booked_by_a_later_run(begun: ServedVenue) -> None:
    name = approved()
    assert name is not None
    begun.fail("read_lag", ms=60_000)
    orders.place(name)

    assert upkeep.reconcile() == 0
    assert wiring.orders().get(name).state is not OrderState.FILLED
    begun.heal()

    assert upkeep.reconcile(full=True) == 0
    assert wiring.orders().get(name).state is OrderState.FILLED


@pytest.mark.parametrize("runs", [1, 5])
def test_f26_any_number_of_starts_is_the_same_state(begun: ServedVenue, runs: int) -> None:
    name = approved()
    assert name is not None
    orders.place(name)

    for _ in range(runs):
        upkeep.begin()
        upkeep.reconcile()

    books = wiring.books().read(wiring.now() - timedelta(hours=1))
    assert books.cash == wiring.trading().balance("USDT")
    assert books.coins == {"BTC": wiring.trading().balance("BTC")}
    assert begun.status()["orders"] == 1


def test_an_order_placed_by_hand_is_told_and_left_alone(begun: ServedVenue) -> None:
    name = placed_by_hand()

    assert upkeep.reconcile(full=True) == 1

    [told] = wiring.books().read(wiring.now()).differences
    assert (told.kind, told.subject) == ("order", f"{BTC} {name}")
    assert [one.client_order_id for one in wiring.venue_account().open_orders([BTC])] == [name]


@pytest.fixture
def cdb(begun: ServedVenue, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, typed: Typed) -> Typed:
    """The command, on that farm."""
    values = {"CDB_EXCHANGE_REST_URL": begun.rest_url, "CDB_EXCHANGE_WS_URL": begun.ws_url}
    for name, value in {**farm_settings, **values}.items():
        monkeypatch.setenv(name, value)
    return typed


def test_the_command_says_that_the_books_agree(cdb: Typed) -> None:
    ended = cdb("reconcile")

    assert (ended.code, ended.out) == (0, "The venue's books and ours agree.\n")
    assert "they agree" in cdb("status").out


def test_the_command_shows_what_differs_and_so_do_status_and_doctor(cdb: Typed) -> None:
    cdb("status")
    name = placed_by_hand()

    ended, machine = cdb("reconcile"), cdb("reconcile", "--json")

    assert ended.code == machine.code == FAILED
    assert name in ended.out
    assert [one["subject"] for one in machine.plain["differences"]] == [f"{BTC} {name}"]
    assert name in cdb("status").out
    [books] = [one for one in cdb("doctor", "--json").plain if one["what"] == "books"]
    assert (books["ok"], name in books["told"]) == (False, True)


def test_books_on_paper_are_not_compared_with_a_real_account(cdb: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cdb("reconcile").code == 0
    for name, value in {**LIVE, "CDB_API_KEY": "paper", "CDB_API_SECRET": "paper-secret"}.items():
        monkeypatch.setenv(name, value)

    ended = cdb("reconcile", "--adopt-balance", "--reason", "a deposit", "--yes")

    assert ended.code == WRONG
    assert "The database is that of a farm in mode paper" in ended.err


def test_the_cash_is_adopted_only_with_a_reason_and_consent(cdb: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    cdb("status")
    wiring.books().adopt(Decimal(5_000), "a test", "test", wiring.now())

    assert cdb("reconcile", "--adopt-balance").code == 2
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    assert cdb("reconcile", "--adopt-balance", "--reason", "a deposit").code == 1
    assert wiring.books().read(wiring.now()).cash == 5_000

    ended = cdb("reconcile", "--adopt-balance", "--reason", "a deposit", "--yes")

    assert (ended.code, ended.err) == (0, "The cash is 100000 USDT now; it was 5000.\n")


def test_before_it_was_reconciled_status_and_doctor_say_so(cdb: Typed) -> None:
    cdb("status")
    wiring.books().forget()

    assert "no entries" in cdb("status").out
    [books] = [one for one in cdb("doctor", "--json").plain if one["what"] == "books"]
    assert (books["ok"], books["cure"]) == (False, "cdb reconcile")


def test_a_gap_is_shown_until_a_person_accepts_it(cdb: Typed) -> None:
    cdb("status")
    wiring.books().keep([Difference("gap", BTC, "a month is missing")], None)

    assert "a month is missing" in cdb("reconcile").out
    assert "gap BTC/USDT: a month is missing" in cdb("status").out
    ended = cdb("reconcile", "--accept-gap", "--reason", "its export says the same")

    assert (ended.code, ended.err) == (0, f"Accepted: {BTC}.\n")
    assert "there is no gap" in cdb("reconcile", "--accept-gap", "--reason", "once more").err


def test_symbols_that_cannot_be_compared_are_counted(
    cdb: Typed, begun: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    cdb("status")
    name = approved()
    assert name is not None
    monkeypatch.setattr("app.cli.reconcile.PATIENCE", timedelta(0))
    monkeypatch.setattr("app.cli.reconcile.PAUSE_S", 0.01)
    wiring.books().forget()
    begun.fail("internal_error", path="/api/v3/myTrades")

    ended, machine = cdb("reconcile"), cdb("reconcile", "--json")

    assert ended.code == machine.code == FAILED
    assert "wait for their turn at the venue: 1" in ended.err
    assert "could not be compared: 1" in ended.err
    assert "Not all that entries wait for" in ended.err
    assert (machine.plain["left"], machine.plain["reconciled_at"]) == (1, None)
    assert "1 symbols are left" in cdb("status").out


def test_books_that_were_not_compared_for_long_are_told(cdb: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    cdb("status")
    monkeypatch.setenv("CDB_RISK__NOT_RECONCILED__LIMIT_S", "0.001")

    assert "no entries" in cdb("status").out
    [books] = [one for one in cdb("doctor", "--json").plain if one["what"] == "books"]
    assert (books["ok"], "no entries" in books["told"]) == (False, True)


def test_no_cash_is_adopted_while_an_order_is_live(cdb: Typed, begun: ServedVenue) -> None:
    assert approved() is not None

    ended = cdb("reconcile", "--adopt-balance", "--reason", "a deposit", "--yes")

    assert ended.code == FAILED
    assert "An order is live" in ended.err
