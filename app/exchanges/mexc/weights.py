"""What each of MEXC's endpoints weighs, as its documentation says; what is not named there is taken to be heavy."""

from collections.abc import Mapping
from typing import Any

UNKNOWN = 10
WEIGHTS = {
    ("POST", "order"): 1,
    ("POST", "order/test"): 1,
    ("DELETE", "order"): 1,
    ("GET", "order"): 2,
    ("GET", "openOrders"): 3,
    ("DELETE", "openOrders"): 1,
    ("GET", "allOrders"): 10,
    ("GET", "myTrades"): 10,
    ("GET", "account"): 10,
    ("GET", "capital/config/getall"): 10,
    ("POST", "userDataStream"): 1,
    ("GET", "userDataStream"): 1,
    ("PUT", "userDataStream"): 1,
    ("DELETE", "userDataStream"): 1,
    ("GET", "ping"): 1,
    ("GET", "time"): 1,
    ("GET", "defaultSymbols"): 1,
    ("GET", "exchangeInfo"): 10,
    ("GET", "depth"): 1,
    ("GET", "trades"): 5,
    ("GET", "aggTrades"): 1,
    ("GET", "klines"): 1,
    ("GET", "avgPrice"): 1,
    ("GET", "ticker/24hr"): 1,
    ("GET", "ticker/price"): 1,
    ("GET", "ticker/bookTicker"): 1,
}
OF_ALL = {"ticker/24hr": 40, "ticker/price": 2}  # when no symbol is named


def weight_of(method: str, path: str, params: Mapping[str, Any]) -> int:
    """What a request weighs."""
    if path in OF_ALL and not params.get("symbol"):
        return OF_ALL[path]
    return WEIGHTS.get((method, path), UNKNOWN)
