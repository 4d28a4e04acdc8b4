"""cdb halt, reduce, resume, flatten, expire: a person changes the trading state, leaves all trades, ends an order."""

import json
import time
from typing import Annotated

import typer

from app import trading_state, wiring
from app.cli.codes import FAILED
from app.cli.farm import seconds_of
from app.cli.why import By, Json, Reason, Yes, said, who
from app.domain.orders import OUT_OF_REACH
from app.domain.risk import TradingState

LOOK_AGAIN_S = 1.0

Wait = Annotated[str, typer.Option("--wait", help="How long to wait for it, such as 60s.")]
Name = Annotated[
    str, typer.Argument(metavar="ORDER", help="Its client order id, or the first six or more characters of it.")
]


def halt(reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Stop trading: entries are withdrawn, only protective and operator exits go on."""
    withdrawn = trading_state.halt(said(reason), who(by))
    _tell({"trading_state": TradingState.HALTED, "withdrawn": withdrawn}, as_json)


def reduce(reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Enter nothing more, only exit; from HALTED it needs `cdb resume` first."""
    try:
        trading_state.reduce(said(reason), who(by))
    except trading_state.IsStricter as error:
        typer.echo(f"{error}. First: cdb resume --reason TEXT", err=True)
        raise typer.Exit(FAILED) from None
    _tell({"trading_state": TradingState.REDUCING}, as_json)


def resume(reason: Reason, by: By = "", yes: Yes = False, as_json: Json = False) -> None:
    """Trade again; what tripped the breaker counts no longer, and the new marks of the day are told."""
    why, name = said(reason), who(by)
    seen = wiring.reports().summary()
    if seen.trading_state == TradingState.HALTED and not yes:
        typer.confirm(f"Trading is HALTED: {seen.state_reason}. Resume?", abort=True, err=True)
    marks = trading_state.resume(why, name)
    if marks is None:
        _tell({"trading_state": TradingState.ACTIVE, "note": "it was ACTIVE already; nothing was changed"}, as_json)
        return
    told = {"day_open": f"{marks.day_open:f}", "day_high": f"{marks.day_high:f}"}
    _tell({"trading_state": TradingState.ACTIVE, **told}, as_json)


def flatten(reason: Reason, by: By = "", yes: Yes = False, wait: Wait = "60s", as_json: Json = False) -> None:
    """Halt, and sell all that open trades hold; the running farm does it. Exit code 1 if it is not done in time."""
    why = said(reason)
    count = wiring.reports().open_trades()
    if not yes:
        typer.confirm(f"Halt, and leave {count} open trades at the market's price?", abort=True, err=True)
    withdrawn = trading_state.halt(f"flatten: {why}", who(by))
    left = _left_until(time.monotonic() + (seconds_of(wait) or 0), why)
    _tell({"trading_state": TradingState.HALTED, "withdrawn": withdrawn, "trades_left": left}, as_json)
    if left:
        typer.echo("Not all is sold. Does the farm run? cdb status; the same command again goes on.", err=True)
        raise typer.Exit(FAILED)


def expire(order: Name, reason: Reason, by: By = "", yes: Yes = False, as_json: Json = False) -> None:
    """End an order that is held for a person: nothing proves that it never traded, but somebody has looked."""
    why, name = said(reason), who(by)
    found = wiring.stories().of(order).order
    if found.reason != OUT_OF_REACH or not found.is_live:
        typer.echo(
            f"{found.client_order_id} is {found.state} and not held for a person; the farm settles it.", err=True
        )
        raise typer.Exit(FAILED)
    if not yes:
        told = f"{found.side} {found.amount:f} {found.symbol} of {found.created_at:%Y-%m-%d %H:%M:%S} UTC"
        typer.confirm(f"Did {told} never trade at the venue? Its reservation is freed.", abort=True, err=True)
    ended = wiring.orders().expire(found, f"{why} (said {name})", wiring.now())
    _tell({"client_order_id": ended.client_order_id, "state": ended.state, "freed": f"{ended.reserved:f}"}, as_json)


def _left_until(deadline: float, why: str) -> int:
    """Ask for exits until nothing is held or the time is over; how many trades are left."""
    while True:
        left = trading_state.leave_trades(why)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(LOOK_AGAIN_S)


def _tell(answer: dict[str, str | int], as_json: bool) -> None:
    typer.echo(json.dumps(answer) if as_json else "\n".join(f"{name}: {value}" for name, value in answer.items()))
