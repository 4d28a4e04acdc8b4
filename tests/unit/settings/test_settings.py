"""Settings: where they come from, which goes first, and what is said when one is wrong."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from app.settings import Settings, SettingsError
from app.settings.fields import CONFIRMATION, SIMULATED_SYMBOLS
from app.settings.reading import load

LIVE = {
    "CDB_EXCHANGE": "mexc",
    "CDB_MODE": "live",
    "CDB_API_KEY": "key",
    "CDB_API_SECRET": "hush",
    "CDB_LIVE_CONFIRMED": CONFIRMATION,
}


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting from outside: an empty folder, and an environment without CDB_*."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("CDB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def wrong(env: pytest.MonkeyPatch, **values: str) -> str:
    for name, value in values.items():
        env.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value)


def test_a_fresh_machine_needs_no_setting(tmp_path: Path) -> None:
    settings = load()

    assert (settings.exchange, settings.mode) == ("simulated", "paper")
    assert settings.symbols == SIMULATED_SYMBOLS
    assert settings.bar_intervals == ("1s",)
    assert settings.database_url == f"sqlite:///{tmp_path}/.cdb/cdb.sqlite"
    assert settings.embedded_database
    assert settings.embedded_redis
    assert settings.needs_venue


def test_the_environment_goes_before_env_file_secrets_and_toml(tmp_path: Path, env: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdb.toml").write_text('shards = 5\nlateness_ms = 5\nmailbox_cap = 5\nlog_level = "error"\n')
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "cdb_shards").write_text("4")
    (secrets / "cdb_lateness_ms").write_text("4")
    (secrets / "cdb_mailbox_cap").write_text("4")
    (tmp_path / ".env").write_text("CDB_SHARDS=3\nCDB_LATENESS_MS=3\nOTHER=1\n")
    env.setenv("CDB_SECRETS_DIR", str(secrets))
    env.setenv("CDB_SHARDS", "2")

    settings = load()

    assert (settings.shards, settings.lateness_ms, settings.mailbox_cap) == (2, 3, 4)
    assert settings.log_level == "error"


def test_an_empty_value_is_no_value(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_SHARDS", "")

    assert load().shards == Settings.model_fields["shards"].default


def test_lists_are_written_with_commas(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_SYMBOLS", "btc/usdt, ETH/USDT,BTC/USDT")
    env.setenv("CDB_BAR_INTERVALS", "1h,1m")

    assert load().symbols == ("BTC/USDT", "ETH/USDT")
    assert load().bar_intervals == ("1m", "1h")


def test_lists_may_be_lists_in_toml(tmp_path: Path) -> None:
    (tmp_path / "cdb.toml").write_text('symbols = ["ETH/USDT"]\nstrategies = ["momentum", "mine:Strategy"]\n')

    assert load().symbols == ("ETH/USDT",)
    assert load().strategies == ("momentum", "mine:Strategy")


@pytest.mark.parametrize(("given", "meant"), [("all", ("all",)), ("TOP:50", ("top:50",))])
def test_the_universe_may_be_a_word(env: pytest.MonkeyPatch, given: str, meant: tuple[str, ...]) -> None:
    env.setenv("CDB_SYMBOLS", given)

    assert load().symbols == meant


def test_parameters_come_from_toml_and_the_environment_together(tmp_path: Path, env: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdb.toml").write_text("[strategy.momentum]\nfast = 5\nslow = 20\n[risk.cooldown]\nlimit_s = 60\n")
    env.setenv("CDB_STRATEGY__MOMENTUM__FAST", "12")

    assert {name: str(value) for name, value in load().strategy["momentum"].items()} == {"fast": "12", "slow": "20"}
    assert load().risk == {"cooldown": {"limit_s": 60}}


def test_a_symbol_may_differ(tmp_path: Path) -> None:
    (tmp_path / "cdb.toml").write_text('[symbol."BTC/USDT"]\nstop_loss = 0.01\nenabled = false\n')

    settings = load()

    assert settings.for_symbol("BTC/USDT", "stop_loss") == Decimal("0.01")
    assert settings.for_symbol("BTC/USDT", "take_profit") == settings.take_profit
    assert settings.for_symbol("ETH/USDT", "stop_loss") == settings.stop_loss
    assert not settings.symbol["BTC/USDT"].enabled


def test_none_switches_a_level_off(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_STOP_LOSS", "none")

    assert load().stop_loss is None


def test_mexc_on_paper_reads_mexc_and_orders_at_the_simulator(env: pytest.MonkeyPatch) -> None:
    for name in ("CDB_API_KEY", "CDB_API_SECRET"):
        env.setenv(name, "real")
    env.setenv("CDB_EXCHANGE", "mexc")
    settings = load()

    assert settings.rest_url == "https://api.mexc.com"
    assert settings.ws_url == "wss://wbs-api.mexc.com/ws"
    assert settings.trading_url == "http://127.0.0.1:8090"
    assert settings.venue_market == "mirror"
    assert settings.symbols == ("top:10",)
    assert settings.bar_intervals == ("1m",)
    assert "real" not in settings.trading_keys


def test_live_orders_go_to_mexc_with_the_real_keys(env: pytest.MonkeyPatch) -> None:
    for name, value in LIVE.items():
        env.setenv(name, value)
    settings = load()

    assert not settings.needs_venue
    assert settings.trading_url == settings.rest_url == "https://api.mexc.com"
    assert settings.trading_keys == ("key", "hush")


def test_another_host_may_speak_for_the_exchange(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_EXCHANGE_REST_URL", "http://proxy:1")
    env.setenv("CDB_EXCHANGE_WS_URL", "ws://proxy:1/ws")
    settings = load()

    assert not settings.needs_venue
    assert (settings.rest_url, settings.ws_url, settings.trading_url) == (
        "http://proxy:1",
        "ws://proxy:1/ws",
        "http://proxy:1",
    )
    assert settings.trading_keys == ("paper", "paper-secret")


KEYS = {"CDB_API_KEY": "key", "CDB_API_SECRET": "hush"}
ELSEWHERE = {"CDB_EXCHANGE_REST_URL": "http://venue:1", "CDB_EXCHANGE_WS_URL": "ws://venue:1/ws"}


@pytest.mark.parametrize("where", [{}, ELSEWHERE, {"CDB_EXCHANGE": "mexc"}, {"CDB_EXCHANGE": "mexc", **ELSEWHERE}])
def test_on_paper_nothing_is_signed_with_the_keys_of_the_user(env: pytest.MonkeyPatch, where: dict[str, str]) -> None:
    for name, value in {**KEYS, "CDB_LIVE_CONFIRMED": CONFIRMATION, **where}.items():
        env.setenv(name, value)

    assert load().trading_keys == ("paper", "paper-secret")


@pytest.mark.parametrize(
    ("rest", "websocket"),
    [
        ("https://api.mexc.com", "wss://wbs-api.mexc.com/ws"),
        ("https://API.MEXC.COM.:443/", "ws://venue:1/ws"),
        ("http://user@mexc.com", "ws://venue:1/ws"),
        ("http://venue:1", "wss://wbs-api.mexc.com/ws"),
    ],
)
def test_a_simulated_exchange_that_is_mexc_itself_is_refused_with_the_cure(
    env: pytest.MonkeyPatch, rest: str, websocket: str
) -> None:
    said = wrong(env, CDB_EXCHANGE_REST_URL=rest, CDB_EXCHANGE_WS_URL=websocket, **KEYS)

    assert "is MEXC itself" in said
    assert "set CDB_EXCHANGE=mexc without them for paper trading on the live market, and CDB_MODE=live too" in said


@pytest.mark.parametrize("host", ["notmexc.com", "mexc.com.example", "mexc.example"])
def test_a_host_that_merely_looks_like_mexc_is_another(env: pytest.MonkeyPatch, host: str) -> None:
    env.setenv("CDB_EXCHANGE_REST_URL", f"https://{host}")
    env.setenv("CDB_EXCHANGE_WS_URL", f"wss://{host}/ws")

    assert load().trading_url == f"https://{host}"


@pytest.mark.parametrize("mode", [{}, LIVE], ids=["simulated", "live"])
@pytest.mark.parametrize("given", sorted(ELSEWHERE))
def test_half_of_an_exchange_is_refused_with_the_cure(
    env: pytest.MonkeyPatch, mode: dict[str, str], given: str
) -> None:
    said = wrong(env, **mode, **{given: ELSEWHERE[given]})

    assert "belong together" in said
    assert "set both, or neither" in said


def test_the_market_alone_may_come_through_a_proxy_on_paper(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_EXCHANGE", "mexc")
    env.setenv("CDB_EXCHANGE_REST_URL", "http://proxy:1")

    assert (load().rest_url, load().ws_url) == ("http://proxy:1", "wss://wbs-api.mexc.com/ws")
    assert load().trading_url == "http://127.0.0.1:8090"


def test_a_test_venue_with_keys_of_its_own_is_traded_live(env: pytest.MonkeyPatch) -> None:
    for name, value in {**LIVE, **ELSEWHERE}.items():
        env.setenv(name, value)
    settings = load()

    assert not settings.needs_venue
    assert (settings.trading_url, settings.trading_ws_url) == ("http://venue:1", "ws://venue:1/ws")
    assert settings.trading_keys == ("key", "hush")


def test_the_simulator_is_the_default_host() -> None:
    assert load().rest_url == "http://127.0.0.1:8090"
    assert load().ws_url == "ws://127.0.0.1:8090/ws"


def test_the_socket_lies_in_the_data_folder(tmp_path: Path, env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_DATA_DIR", "/tmp/farm")

    assert load().redis_url == "unix:///tmp/farm/redis.sock"
    assert load().redis_socket == Path("/tmp/farm/redis.sock")


def test_a_long_path_gets_a_short_socket(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_DATA_DIR", "/tmp/" + "x" * 120)
    socket = load().redis_socket

    assert socket is not None
    assert len(str(socket)) < 100


def test_the_embedded_redis_may_have_a_port(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_REDIS_PORT", "7001")

    assert load().redis_url == "redis://127.0.0.1:7001/0"
    assert load().redis_socket is None
    assert load().embedded_redis


def test_given_servers_are_not_embedded(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_REDIS_URL", "redis://host/0")
    env.setenv("CDB_DATABASE_URL", "postgresql://u:p@host/name")

    assert not load().embedded_redis
    assert not load().embedded_database


def test_secrets_never_show(env: pytest.MonkeyPatch) -> None:
    for name, value in LIVE.items():
        env.setenv(name, value)
    env.setenv("CDB_DATABASE_URL", "postgresql://u:hushhush@host/name")
    env.setenv("CDB_REDIS_URL", "redis://:hushhush@host/0")

    assert "hush" not in repr(load())
    assert load().secrets == ("key", "hush", "hushhush")


@pytest.mark.parametrize("missing", sorted(set(LIVE) - {"CDB_MODE"}))
def test_live_needs_each_of_its_settings(env: pytest.MonkeyPatch, missing: str) -> None:
    given = {name: value for name, value in LIVE.items() if name != missing}

    assert missing in wrong(env, **given)


def test_real_orders_do_not_go_by_the_clock_of_a_replay(env: pytest.MonkeyPatch) -> None:
    assert "leave CDB_CLOCK out" in wrong(env, **LIVE, CDB_CLOCK="replay")


def test_an_unknown_name_is_an_error_with_the_nearest_known(env: pytest.MonkeyPatch) -> None:
    message = wrong(env, CDB_SHRADS="2")

    assert "CDB_SHRADS (environment)" in message
    assert "did you mean CDB_SHARDS?" in message


def test_an_unknown_name_far_from_all_points_to_the_example(env: pytest.MonkeyPatch) -> None:
    assert ".env.example" in wrong(env, CDB_QQQQQQQQ="2")


def test_an_unknown_name_in_the_env_file_is_an_error(tmp_path: Path, env: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("CDB_SYMBOLZ=all\n")

    assert "CDB_SYMBOLZ (.env)" in wrong(env)


def test_an_unknown_name_in_toml_is_an_error(tmp_path: Path, env: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdb.toml").write_text("shardz = 2\nSHARDS = 3\n")
    message = wrong(env)

    assert "shardz (cdb.toml): there is no such setting; did you mean shards?" in message
    assert "SHARDS (cdb.toml)" in message


def test_an_unknown_secret_is_an_error(tmp_path: Path, env: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdb_api_kee").write_text("x")

    assert "cdb_api_kee (secrets)" in wrong(env, CDB_SECRETS_DIR=str(tmp_path))


def test_a_parameter_of_what_has_none_is_an_error(env: pytest.MonkeyPatch) -> None:
    assert "CDB_SHARDS__MORE" in wrong(env, CDB_SHARDS__MORE="2")


def test_all_that_is_wrong_is_said_at_once(env: pytest.MonkeyPatch) -> None:
    message = wrong(env, CDB_SHARDS="many", CDB_ARCHIVE="perhaps", CDB_STOP_LOSS="3", CDB_EXCHANGE="foo", CDB_X="1")

    assert message.startswith("5 settings are wrong:")
    assert "CDB_SHARDS=many (environment): must be a whole number. It is for: mailboxes" in message
    assert "CDB_ARCHIVE=perhaps (environment): must be true or false" in message
    assert "CDB_STOP_LOSS=3 (environment): must be less than 1" in message
    assert "CDB_EXCHANGE=foo (environment): must be 'simulated' or 'mexc'" in message
    assert "pydantic" not in message


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CDB_SYMBOLS", "BTCUSDT", "BTCUSDT is no symbol; write BTC/USDT"),
        ("CDB_SYMBOLS", "all,BTC/USDT", "'all' stands alone"),
        ("CDB_SYMBOLS", ",", "nothing is no symbol"),
        ("CDB_BAR_INTERVALS", "60", "'60' is no interval"),
        ("CDB_BAR_INTERVALS", ",", "at least one interval"),
        ("CDB_STRATEGIES", ",", "at least 1 item"),
        ("CDB_REDIS_URL", "localhost:6379", "is no address"),
        ("CDB_REDIS_URL", "http://localhost", "begins with redis or rediss or unix"),
        ("CDB_REDIS_URL", "redis://localhost:port/0", "write host:port"),
        ("CDB_DATABASE_URL", "mysql://localhost/cdb", "begins with sqlite or postgresql"),
        ("CDB_EXCHANGE_WS_URL", "https://localhost", "begins with ws or wss"),
        ("CDB_REDIS_PREFIX", "a b", "pattern"),
        ("CDB_LATENESS_MS", "-1", "greater than or equal to 0"),
        ("CDB_PATIENCE_S", "nan", "finite"),
        ("CDB_MIN_POSITION", "2000", "is above CDB_MAX_POSITION"),
        (
            "CDB_FEED_SHARDS",
            "4",
            "is above CDB_SHARDS 2, and one feed fills a mailbox; set CDB_SHARDS=4",
        ),
        ("CDB_VENUE_MARKET", "replay", "needs CDB_VENUE_FILE"),
        ("CDB_VENUE_MARKET", "mirror", "would mirror itself; set CDB_EXCHANGE=mexc"),
        (
            "CDB_STRATEGY",
            "fast",
            "CDB_STRATEGY is no JSON: did you mean CDB_STRATEGIES? else write CDB_STRATEGY__<NAME>",
        ),
        ("CDB_SYMBOL", "BTC/USDT", "CDB_SYMBOL is no JSON: did you mean CDB_SYMBOLS? else write CDB_SYMBOL__<NAME>"),
        ("CDB_RISK", "low", "CDB_RISK is no JSON: write CDB_RISK__<NAME>"),
        ("CDB_SYMBOL", '{"BTC": {}}', "'BTC' is no symbol"),
        ("CDB_SYMBOL", '{"BTC/USDT": {"stoploss": 1}}', "CDB_SYMBOL[BTC/USDT][stoploss]"),
        ("CDB_BACKUP_AT", "3", "is no time of the day; write it as 03:30"),
        ("CDB_BACKUP_AT", "24:00", "is no time of the day"),
        ("CDB_BACKUP_KEY", "too short", "is shorter than 16 characters; make one: openssl rand"),
        ("CDB_CONFIG", "/nowhere", "no such file"),
        ("CDB_ENV_FILE", "/nowhere", "no such file"),
        ("CDB_SECRETS_DIR", "/nowhere", "no such folder"),
    ],
)
def test_a_wrong_value_is_an_error_with_its_cure(env: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    assert said in wrong(env, **{name: value})


def test_an_address_with_a_password_is_not_shown_in_an_error(env: pytest.MonkeyPatch) -> None:
    message = wrong(env, CDB_DATABASE_URL="hushhush")

    assert "CDB_DATABASE_URL (environment): is no address" in message
    assert "hushhush" not in message


def test_a_key_that_is_too_short_is_not_shown(env: pytest.MonkeyPatch) -> None:
    assert "too short" not in wrong(env, CDB_BACKUP_KEY="too short")


def test_a_broken_toml_says_where(tmp_path: Path, env: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdb.toml").write_text("shards = \n")

    assert "cdb.toml is not TOML" in wrong(env)


def test_settings_for_the_tests_are_not_the_farms(env: pytest.MonkeyPatch) -> None:
    env.setenv("CDB_TEST_POSTGRESQL_URL", "postgresql://u@host/name")

    assert load().embedded_database
