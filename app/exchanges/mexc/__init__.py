"""MEXC's spot market and everything else that speaks its protocol, through ccxt."""

import app.exchanges.mexc.lean_ccxt  # noqa: F401  # before anything imports ccxt
from app.exchanges.mexc.account import Account
from app.exchanges.mexc.client import Client
from app.exchanges.mexc.key_ring import ApiKeys, KeyRing
from app.exchanges.mexc.market import Market
from app.exchanges.mexc.trading import Trading

__all__ = ["Account", "ApiKeys", "Client", "KeyRing", "Market", "Trading"]
