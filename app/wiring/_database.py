"""The database, by what is kept in it."""

from functools import cache

from app import store
from app.wiring._settings import settings


@cache
def database() -> store.Database:
    """The database."""
    return store.Database(settings().database_url, pooled=settings().database_pooled)


@cache
def bars() -> store.Bars:
    """Closed bars."""
    return store.Bars(database())


@cache
def ticks() -> store.Ticks:
    """Raw ticks."""
    return store.Ticks(database())


@cache
def signals() -> store.Signals:
    """Signals."""
    return store.Signals(database())


@cache
def instruments() -> store.Instruments:
    """The venue's rules per symbol."""
    return store.Instruments(database())


@cache
def ledger() -> store.Ledger:
    """The account."""
    return store.Ledger(database())


@cache
def orders() -> store.Orders:
    """Orders and their executions."""
    return store.Orders(database())


@cache
def trades() -> store.Trades:
    """Trades."""
    return store.Trades(database())


@cache
def letters() -> store.Letters:
    """Dead letters."""
    return store.Letters(database())


@cache
def audits() -> store.Audits:
    """The record of what was done."""
    return store.Audits(database())


@cache
def books() -> store.Books:
    """Our books, to be compared with the venue's."""
    return store.Books(database())


@cache
def reports() -> store.Reports:
    """Figures for people."""
    return store.Reports(database())


@cache
def stories() -> store.Stories:
    """The whole story of an order."""
    return store.Stories(database())


@cache
def listings() -> store.Listings:
    """Pages of what is kept, for people."""
    return store.Listings(database())


@cache
def tallies() -> store.Tallies:
    """What the database holds, counted for Prometheus."""
    return store.Tallies(database())
