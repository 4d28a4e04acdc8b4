"""The wiring: what follows from settings, and what is built once."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import redis
import structlog

from app import wiring
from app.bus import StoredPace
from app.domain.market import microseconds
from app.domain.pace import Pace
from app.domain.parameters import WrongParameter
from app.store import migrate
from tests.fixtures.farm import configured
from tests.fixtures.memory.builders import NOON, a_signal, an_instrument


def rule(name: str) -> dict[str, str]:
    [found] = [rule for rule in wiring.rules() if type(rule).__module__ == f"app.risk.{name}"]
    return {field: str(getattr(found, field)) for field in found.__slots__}  # type: ignore[attr-defined]


@pytest.mark.parametrize("entrance", ["app.wiring", "app.cli"])
def test_what_is_heavy_is_not_loaded_before_it_is_used(entrance: str) -> None:
    code = f"import sys, {entrance}; print(*{{'ccxt', 'pandas', 'alembic', 'celery'}}.intersection(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert loaded.stdout.split() == []


def test_each_part_is_built_once(wired: None) -> None:
    for part in (wiring.redis, wiring.database, wiring.mailboxes, wiring.prices, wiring.topics, wiring.counters):
        assert part() is part()
    for store in (wiring.bars, wiring.ticks, wiring.signals, wiring.orders, wiring.trades, wiring.audits):
        assert store() is store()
    assert wiring.reports() is wiring.reports()
    assert wiring.feed_status() is wiring.feed_status()
    assert wiring.levels_changed() is wiring.levels_changed()
    assert wiring.market() is wiring.market()
    assert wiring.trading() is wiring.trading()


def test_reset_builds_anew(wired: None) -> None:
    before = wiring.settings()
    wiring.reset()

    assert wiring.settings() is not before


def test_a_child_shares_no_connection_with_its_parent(wired: None) -> None:
    connection, database = wiring.redis(), wiring.database()
    wiring.after_fork()

    assert wiring.redis() is not connection
    assert wiring.database() is not database
    database.engine.dispose()
    connection.close()


def test_a_child_of_a_parent_without_a_database_starts_bare(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(farm_settings, monkeypatch):
        wiring.after_fork()
        assert wiring.database.cache_info().currsize == 0


def test_the_farms_time_is_the_machines(wired: None) -> None:
    assert abs(wiring.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_farms_time_is_the_replays(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, redis_client: "redis.Redis"
) -> None:
    with configured({**farm_settings, "CDB_CLOCK": "replay"}, monkeypatch):
        real = microseconds(datetime.now(UTC))
        StoredPace(redis_client, wiring.keys()).write(Pace(real, microseconds(NOON), 1.0))

        assert abs(wiring.now() - NOON) < timedelta(seconds=5)


def test_limits_reach_the_rules(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "CDB_MAX_DAILY_DRAWDOWN": "0.04",
        "CDB_MAX_DAY_LOSS": "0.08",
        "CDB_MAX_TOTAL_EXPOSURE": "0.2",
        "CDB_SIGNAL_TTL_S": "12",
        "CDB_RISK__COOLDOWN__LIMIT_S": "7",
        "CDB_RISK__MAX_EXPOSURE__LIMIT": "0.1",
    }
    with configured({**farm_settings, **values}, monkeypatch):
        assert rule("max_drawdown") == {"limit": "0.04"}
        assert rule("circuit_breaker") == {"limit": "0.08"}
        assert rule("max_exposure") == {"limit": "0.1"}
        assert rule("stale_signal") == {"limit_s": "12.0"}
        assert rule("cooldown") == {"limit_s": "7.0"}
        assert str(wiring.breaker().max_day_loss) == "0.08"
        assert str(wiring.sizing().max_exposure) == "0.2"


def test_a_symbol_may_have_its_own_sizes_and_levels(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cdb.toml").write_text('[symbol."BTC/USDT"]\nmax_position = 5000\nstop_loss = 0.01\n')
    with configured({**farm_settings, "CDB_CONFIG": str(tmp_path / "cdb.toml")}, monkeypatch):
        assert rule("position_size") == {"min_notional": "10", "max_notional": "5000"}
        assert str(wiring.sizing().max_notional) == "1000"
        assert str(wiring.protection().stop_loss) == "0.02"
        assert "BTC/USDT" in repr(wiring.protection())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CDB_STRATEGIES", "momentun", "momentum"),
        ("CDB_STRATEGY__MOMENTUM__FASTT", "3", "fast"),
        ("CDB_RISK__COOLDOWM__LIMIT_S", "3", "cooldown"),
    ],
)
def test_a_wrong_parameter_is_told_with_its_cure(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    with configured({**farm_settings, name: value}, monkeypatch), pytest.raises(WrongParameter, match=said):
        assert [wiring.strategies(), wiring.rules()] == []


def test_windows_hold_what_the_longest_strategy_needs(wired: None) -> None:
    assert wiring.window_size() > max(strategy.window for strategy in wiring.strategies())
    assert wiring.windows() is wiring.windows()
    assert wiring.seconds("patience") == timedelta(seconds=6)


def test_the_symbols_are_those_that_can_be_traded(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cdb.toml").write_text('[symbol."ETH/USDT"]\nenabled = false\n')
    with configured({**farm_settings, "CDB_CONFIG": str(tmp_path / "cdb.toml")}, monkeypatch):
        migrate(wiring.database())
        wiring.instruments().save([an_instrument("BTC/USDT"), an_instrument("ETH/USDT")], {}, NOON)

        assert wiring.symbols() == ("BTC/USDT",)


def test_what_is_held_is_heard_but_not_entered_when_it_is_switched_off(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cdb.toml").write_text('[symbol."SOL/USDT"]\nenabled = false\n')
    with configured({**farm_settings, "CDB_CONFIG": str(tmp_path / "cdb.toml")}, monkeypatch):
        migrate(wiring.database())
        wiring.instruments().save([an_instrument("BTC/USDT"), an_instrument("SOL/USDT")], {}, NOON)
        wiring.ledger().open_account(Decimal(10_000), NOON)
        wiring.signals().save(a_signal(symbol="SOL/USDT"))
        with wiring.ledger().deciding("signal-1", {}, NOON) as decision:
            decision.open_trade("momentum")

        assert wiring.symbols() == ("BTC/USDT", "SOL/USDT")
        assert rule("not_wanted") == {"symbols": "BTC/USDT,ETH/USDT", "off": "SOL/USDT"}


def test_a_farm_without_a_symbol_does_not_start(wired: None) -> None:
    wiring.instruments().save([an_instrument("SOL/USDT")], {}, NOON)

    with pytest.raises(wiring.SettingsError, match="none of them can be traded"):
        wiring.symbols()


def test_logs_go_where_the_settings_say(wired: None) -> None:
    import logging

    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    wiring.logging("feed")
    configured_handlers = list(root.handlers)
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()

    assert configured_handlers != before
