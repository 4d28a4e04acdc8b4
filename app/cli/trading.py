"""cdb halt, reduce, resume: a person changes the trading state; the database is all that it needs."""

import getpass
import json
from typing import Annotated

import typer

from app import wiring
from app.cli.codes import FAILED, WRONG
from app.domain.risk import TradingState
from app.steps.withdraw_entries import withdraw_entries

Reason = Annotated[str, typer.Option("--reason", help="Why; it is audited.")]
By = Annotated[str, typer.Option("--by", help="Who; the user of this machine if not told.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def halt(reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Stop trading: entries are withdrawn, only protective and operator exits go on."""
    _set(TradingState.HALTED, reason, by)
    _tell({"trading_state": TradingState.HALTED, "withdrawn": _withdrawn()}, as_json)


def reduce(reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Enter nothing more, only exit; from HALTED it needs `cdb resume` first."""
    state = wiring.ledger().account({}, wiring.now()).state
    if state is TradingState.HALTED:
        typer.echo("Trading is HALTED, which is stricter. First: cdb resume --reason TEXT", err=True)
        raise typer.Exit(FAILED)
    _set(TradingState.REDUCING, reason, by)
    _tell({"trading_state": TradingState.REDUCING}, as_json)


def resume(reason: Reason, by: By = "", yes: Yes = False, as_json: Json = False) -> None:
    """Trade again; what tripped the breaker counts no longer, and the new marks of the day are told."""
    why, who = _said(reason), by.strip() or getpass.getuser()
    seen = wiring.reports().summary()
    if seen.trading_state == TradingState.ACTIVE:
        _tell({"trading_state": TradingState.ACTIVE, "note": "it was ACTIVE already; nothing was changed"}, as_json)
        return
    if seen.trading_state == TradingState.HALTED and not yes:
        typer.confirm(f"Trading is HALTED: {seen.state_reason}. Resume?", abort=True, err=True)
    opening, high = wiring.ledger().resume(why, who, wiring.breaker(), wiring.now())
    _tell({"trading_state": TradingState.ACTIVE, "day_open": f"{opening:f}", "day_high": f"{high:f}"}, as_json)


def _set(state: TradingState, reason: str, by: str) -> None:
    wiring.ledger().set_state(state, _said(reason), by.strip() or getpass.getuser(), wiring.now())


def _said(reason: str) -> str:
    if reason.strip():
        return reason.strip()
    typer.echo("--reason is empty; say why, it is audited", err=True)
    raise typer.Exit(WRONG)


def _withdrawn() -> int:
    """How many entries; the state is kept already, and what the venue does not answer for, the farm asks again."""
    return withdraw_entries(ledger=wiring.ledger(), orders=wiring.orders(), trading=wiring.trading(), at=wiring.now())


def _tell(answer: dict[str, str | int], as_json: bool) -> None:
    typer.echo(json.dumps(answer) if as_json else "\n".join(f"{name}: {value}" for name, value in answer.items()))
