"""cdb flatten sells what open trades hold, through approval, venue and books; a halt may do so by itself."""

import subprocess
import sys
from datetime import timedelta

import pytest
import typer

from app import wiring
from app.cli import trading
from app.cli.codes import FAILED, WRONG
from app.domain.risk import TradingState
from tasks import orders, upkeep
from tests.fixtures.commands import ROOT
from tests.fixtures.databases import KINDS
from tests.fixtures.fakes import MemoryHandOn
from tests.fixtures.farm import AtOnce, approved
from tests.fixtures.memory.builders import BTC
from tests.fixtures.typed import Typed
from tests.fixtures.venue import ServedVenue


@pytest.fixture
def holding(begun: ServedVenue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> ServedVenue:
    """A farm with an open trade, and workers that are quick."""
    monkeypatch.setattr("app.trading_state.hand_on", AtOnce)
    monkeypatch.setattr("tasks.upkeep.hand_on", AtOnce)
    name = approved()
    assert name is not None
    orders.place(name)
    orders.settle(name)
    capsys.readouterr()  # what the venue said
    return begun


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_everything_is_sold_and_trading_is_halted(typed: Typed, holding: ServedVenue) -> None:
    ended = typed("flatten", "--reason", "enough", "--by", "ann", "--yes", "--json")

    assert ended.plain == {"trading_state": "HALTED", "withdrawn": 0, "trades_left": 0}
    assert wiring.trading().balance("BTC") == 0
    assert wiring.reports().summary().state_reason == "flatten: enough"


def test_twice_is_once(typed: Typed, holding: ServedVenue) -> None:
    typed("flatten", "--reason", "enough", "--yes")
    sold = wiring.reports().summary().executions

    assert typed("flatten", "--reason", "enough", "--yes", "--json").plain["trades_left"] == 0
    assert wiring.reports().summary().executions == sold


def test_what_is_not_sold_in_time_is_told(typed: Typed, holding: ServedVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.trading_state.hand_on", MemoryHandOn)
    monkeypatch.setattr(trading, "LOOK_AGAIN_S", 0.01)

    ended = typed("flatten", "--reason", "enough", "--yes", "--wait", "0.05s", "--json")

    assert (ended.code, ended.plain["trades_left"]) == (FAILED, 1)
    assert "Does the farm run?" in ended.err


def test_what_may_still_turn_out_to_be_bought_is_told_and_to_be_left(
    typed: Typed, begun: ServedVenue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.trading_state.hand_on", AtOnce)
    monkeypatch.setattr(trading, "LOOK_AGAIN_S", 0.01)
    name = approved()
    assert name is not None
    wiring.orders().claim(name, at=wiring.now(), lease=timedelta(minutes=1))  # somebody is sending it
    capsys.readouterr()  # what the venue said

    ended = typed("flatten", "--reason", "enough", "--yes", "--wait", "0.05s", "--json")

    assert (ended.code, ended.plain["trades_left"]) == (FAILED, 1)
    assert wiring.trades().entering() == [], "it is to be left"


def test_it_asks_first_and_wants_a_reason(typed: Typed, holding: ServedVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("flatten", "--reason", " ").code == WRONG

    monkeypatch.setattr("typer.confirm", _declines)
    assert typed("flatten", "--reason", "enough").code == FAILED
    assert wiring.reports().summary().trading_state == "ACTIVE"


def test_a_halt_flattens_when_it_is_told_to(
    typed: Typed, holding: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring.ledger().set_state(TradingState.HALTED, "loss", "breaker", wiring.now())
    assert upkeep.withdraw() == 0

    monkeypatch.setenv("CDB_FLATTEN_ON_HALT", "true")
    wiring.reset()

    assert upkeep.withdraw() == 1
    assert wiring.trading().balance(BTC.partition("/")[0]) == 0


def _declines(*_: object, **__: object) -> None:
    raise typer.Abort


def test_a_process_of_its_own_knows_whom_to_send_an_exit_to() -> None:
    code = (
        "from app import trading_state; trading_state.hand_on(); from app.celery import farm;"
        "print('tasks.risk.approve' in farm.tasks)"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert told.stdout.strip() == "True", told.stderr
