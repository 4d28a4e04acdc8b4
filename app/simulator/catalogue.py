"""Symbols that a synthetic venue can list: known names and prices first, then as many made-up ones as asked."""

import math
from decimal import Decimal
from hashlib import blake2b
from random import Random

from app.simulator.market import Listing

KNOWN: dict[str, tuple[str, int, int]] = {
    "BTC": ("64250.00", 2, 6),
    "ETH": ("3120.00", 2, 5),
    "SOL": ("148.00", 2, 3),
    "XRP": ("0.5840", 4, 2),
    "BNB": ("572.00", 2, 4),
    "DOGE": ("0.12450", 5, 1),
    "ADA": ("0.4410", 4, 2),
    "AVAX": ("27.80", 3, 3),
    "LINK": ("14.20", 3, 3),
    "LTC": ("71.50", 2, 4),
    "DOT": ("6.120", 3, 3),
    "TRX": ("0.13120", 5, 1),
    "MX": ("3.7200", 4, 2),
    "TON": ("6.850", 3, 3),
    "SUI": ("1.0450", 4, 2),
    "NEAR": ("5.210", 3, 3),
    "APT": ("7.120", 3, 3),
    "ATOM": ("6.330", 3, 3),
    "UNI": ("7.480", 3, 3),
    "ARB": ("0.7420", 4, 2),
    "OP": ("1.6120", 4, 2),
    "FIL": ("4.310", 3, 3),
    "ETC": ("21.60", 2, 4),
    "XLM": ("0.09880", 5, 1),
    "BCH": ("352.00", 2, 4),
    "INJ": ("21.90", 3, 3),
    "KAS": ("0.17310", 5, 1),
    "PEPE": ("0.0000098100", 10, 0),
    "SHIB": ("0.0000171000", 10, 0),
    "AAVE": ("98.40", 2, 4),
}
LARGEST = 2000
RENAMED = frozenset({"COFI"})  # ccxt gives it the name of another
STARTS = (
    "AL",
    "BE",
    "CO",
    "DI",
    "EL",
    "FA",
    "GO",
    "HY",
    "IN",
    "JU",
    "KO",
    "LU",
    "MA",
    "NO",
    "OR",
    "PA",
    "RE",
    "SA",
    "TU",
    "VE",
)
ENDS = ("DA", "FI", "GE", "LA", "MI", "NA", "RO", "SO", "TA", "X")
TURNOVER = 2_000_000_000


def drawn(*parts: object) -> Random:
    """Chance that is the same each time for the same parts."""
    return Random(int.from_bytes(blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest(), "big"))


def symbols(count: int) -> tuple[str, ...]:
    """The first so many symbols, the known ones before the made-up."""
    if not 0 < count <= LARGEST:
        raise ValueError(f"a synthetic venue lists 1 to {LARGEST} symbols, not {count}")
    bases = list(KNOWN)
    places = (f"{start}{middle}{end}" for middle in ("", *ENDS) for start in STARTS for end in ENDS)
    bases += [base for base in places if base not in KNOWN and base not in RENAMED]
    return tuple(f"{base}/USDT" for base in bases[:count])


def listing(symbol: str, rank: int, *, tradable: bool = True) -> Listing:
    """The rules of one symbol; a name that is not known gets a price of its own. `rank` orders by turnover."""
    base, slash, quote = symbol.partition("/")
    if not (base and slash and quote):
        raise ValueError(f"{symbol!r} is no symbol: write it as BTC/USDT")
    price, price_decimals, amount_decimals = KNOWN.get(base) or _made_up(base)
    step = Decimal(1).scaleb(-amount_decimals)
    return Listing(
        base=base,
        quote=quote,
        opening=Decimal(price),
        price_decimals=price_decimals,
        amount_decimals=amount_decimals,
        min_amount=step,
        tradable=tradable,
        turnover=Decimal(TURNOVER // (rank + 1)),
    )


def _made_up(base: str) -> tuple[str, int, int]:
    price = 10 ** drawn("price", base).uniform(-3, 2)
    price_decimals = 4 - math.floor(math.log10(price))
    return f"{price:.{price_decimals}f}", price_decimals, max(0, 6 - price_decimals)
