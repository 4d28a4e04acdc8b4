"""Which symbols a farm trades: those named, or all, or the largest by volume, as far as the venue lets it."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from app.domain.market import Instrument


@dataclass(frozen=True, slots=True)
class Universe:
    """The symbols to trade, and why others that were asked for are not among them, by symbol."""

    symbols: tuple[str, ...]
    left_out: Mapping[str, str]


def universe(
    wanted: Sequence[str],
    instruments: Iterable[Instrument],
    *,
    currency: str,
    switched_off: Iterable[str] = (),
    held: Iterable[str] = (),
    volumes: Callable[[], Mapping[str, Decimal]],
) -> Universe:
    """`wanted` is symbols, or `all`, or `top:50`; `currency` is what the account is kept in.

    What is `held` comes behind them, wanted or not: its levels are held against what is heard of its market. `volumes`
    is asked for the last day's, by symbol, where the largest are wanted.
    """
    known = {instrument.symbol: instrument for instrument in instruments}
    chosen = _chosen(wanted, known, currency, set(switched_off), volumes)
    also = [name for name in dict.fromkeys(held) if name in known and name not in chosen.symbols]
    return Universe((*chosen.symbols, *also), chosen.left_out)


def _chosen(
    wanted: Sequence[str],
    known: Mapping[str, Instrument],
    currency: str,
    off: Set[str],
    volumes: Callable[[], Mapping[str, Decimal]],
) -> Universe:
    fit = sorted(name for name, one in known.items() if name not in off and _objection(one, currency) is None)
    word, _, count = wanted[0].partition(":")
    if word == "all":
        return Universe(tuple(fit), {})
    if word == "top":
        traded = volumes()
        ranked = sorted(fit, key=lambda name: traded.get(name, Decimal(0)), reverse=True)
        return Universe(tuple(ranked[: int(count)]), {})
    named = [name for name in wanted if name not in off]
    left_out = {name: why for name in named if (why := _why_not(name, known, currency)) is not None}
    return Universe(tuple(name for name in named if name not in left_out), left_out)


def _why_not(name: str, known: Mapping[str, Instrument], currency: str) -> str | None:
    if name in known:
        return _objection(known[name], currency)
    near = get_close_matches(name, list(known), n=1)
    return f"the venue does not list it{f'; did you mean {near[0]}?' if near else ''}"


def _objection(instrument: Instrument, currency: str) -> str | None:
    if not instrument.tradable:
        return "the venue does not let it be traded over its API"
    if instrument.quote != currency:
        return f"it is not quoted in {currency}, which the account is kept in"
    return None
