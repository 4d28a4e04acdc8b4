"""A process that trades on MEXC holds ccxt without its other exchanges."""

import subprocess
import sys

SCRIPT = """
from app.exchanges.mexc import lean_ccxt
import ccxt, ccxt.pro
print(ccxt.mexc().id, ccxt.pro.mexc().id, ccxt.NetworkError.__name__)
print(sum(name.startswith("ccxt.abstract.") for name in __import__("sys").modules))
try:
    ccxt.binance({"apiKey": "x"})
except lean_ccxt.LeftOut as error:
    print(error)
print([one for one in __import__("sys").meta_path if isinstance(one, lean_ccxt._Others)])
"""


def test_only_mexc_is_there_and_whoever_wants_another_is_told_so() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)

    assert ran.stdout.splitlines() == [
        "mexc mexc NetworkError",
        "1",
        "ccxt's binance is left out in a farm, which trades on MEXC; use it in a process of its own",
        "[]",
    ]
