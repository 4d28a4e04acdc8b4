"""Exits whose last fill is told late, of trades that share a symbol: what one sold of another's coins is in no book."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from app.domain.orders import Leg
from app.domain.portfolio import TradeStatus
from tests.chaos.books import Store, in_memory
from tests.chaos.plans import Chance, Filling
from tests.chaos.scenes import Scene
from tests.chaos.schedules import COUNT, MODES, run
from tests.chaos.tasks import RULES
from tests.chaos.world import World, Wrong

ON_SQLITE = max(12, COUNT // 40)
MANY_A_SYMBOL = [rule for rule in RULES if "one_position" not in type(rule).__module__]


class LateFills(Chance):
    """Most orders are cancelled with a part, and some of the rest is filled all the same and told later."""

    def filling(self) -> Filling:
        draw = self._random
        if draw.random() < 0.3:
            return Filling()
        at_once, later, too_late = draw.choice((0, 0.4, 0.6)), draw.choice((0, 0.5)), draw.choice((0.3, 0.5, 0.7))
        return Filling(at_once, later, draw.uniform(0, 10), too_late, draw.uniform(0, 10))


def crowded(seed: int) -> Scene:
    """Most wishes are about the same symbol."""
    drawn, random = Scene.drawn(seed), Random(f"crowd {seed}")
    one = random.choice(drawn.symbols)
    return replace(drawn, closes=tuple((at, one if random.random() < 0.8 else s, w) for at, s, w in drawn.closes))


def played(seed: int, store: Store) -> None:
    """The schedule of that number, in which a symbol may have several trades."""
    world = World(store, LateFills(seed), crowded(seed), {"ports": lambda ports: {"rules": MANY_A_SYMBOL}})
    try:
        world.run()
    except Wrong as error:
        raise Wrong(f"{error}\nit was number {seed}") from error


def test_what_an_exit_sold_of_another_trades_coins_is_that_trades_sale() -> None:
    world = run(f"kill:late:{MODES[0]}:")

    other, trade = world.store.books().trades.values()
    assert (trade.status, trade.left, trade.sold_amount) == (TradeStatus.CLOSED, Decimal(0), trade.size)
    assert (other.status, other.left) == (TradeStatus.OPEN, Decimal("1.998"))
    assert other.sold_amount == Decimal("2.997")  # the late fill
    assert world.venue.balances["ETH"] == other.left


def test_an_exit_leaves_alone_what_is_known_to_be_anothers() -> None:
    world = run(f"kill:beside:{MODES[0]}:")

    other, trade = world.store.books().trades.values()
    assert (trade.status, trade.left, trade.sold_amount) == (TradeStatus.CLOSED, Decimal(0), trade.size)
    assert (other.status, other.left, other.sold_amount) == (TradeStatus.OPEN, other.size, Decimal(0))
    assert world.venue.balances["ETH"] == other.left
    exits = [order for order in world.store.books().orders.values() if order.leg is not Leg.ENTRY]
    assert [order.amount for order in exits] == [Decimal("9.990"), Decimal("2.997")]


@pytest.mark.timeout(3600)
def test_no_trade_holds_what_another_has_sold() -> None:
    for seed in range(COUNT):
        played(seed, in_memory())


@pytest.mark.timeout(600)
def test_the_real_store_holds_as_well(another_on_sqlite: Callable[[], Store]) -> None:
    for seed in range(COUNT, COUNT + ON_SQLITE):
        played(seed, another_on_sqlite())
