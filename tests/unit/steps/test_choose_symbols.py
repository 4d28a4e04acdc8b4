"""Which symbols the farm trades, from what the venue says."""

from structlog.testing import capture_logs

from app.steps.choose_symbols import choose_symbols
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import an_instrument


def chosen(memory: MemoryFarm, *wanted: str) -> tuple[str, ...]:
    return choose_symbols(
        wanted,
        market=memory.market,
        instruments=memory.instruments,
        currency="USDT",
        switched_off=(),
        held=(),
        at=memory.now(),
    ).symbols


def test_the_rules_are_read_from_the_venue_when_there_are_none(memory: MemoryFarm) -> None:
    memory.tables.instruments.clear()
    memory.market.listed = [an_instrument()]

    assert chosen(memory, "BTC/USDT") == ("BTC/USDT",)
    assert "BTC/USDT" in memory.tables.instruments


def test_the_stored_rules_are_enough(memory: MemoryFarm) -> None:
    assert chosen(memory, "all") == ("BTC/USDT",)


def test_a_symbol_that_is_left_out_is_told_with_its_cure(memory: MemoryFarm) -> None:
    with capture_logs() as logs:
        assert chosen(memory, "BTC/USDT", "BTCC/USDT") == ("BTC/USDT",)

    [line] = logs
    assert (line["log_level"], line["symbol"], line["cure"]) == ("error", "BTCC/USDT", "correct CDB_SYMBOLS")
