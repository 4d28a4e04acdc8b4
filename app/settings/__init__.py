"""The settings: typed, from the environment, .env, a folder of secrets and cdb.toml, or a clear error."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.settings.addresses import secret_parts
from app.settings.errors import SettingsError
from app.settings.fields import CONFIRMATION, Alerts, SymbolSettings

__all__ = ["Settings", "SettingsError", "SymbolSettings"]

MEXC_REST_URL = "https://api.mexc.com"
MEXC_WS_URL = "wss://wbs-api.mexc.com/ws"
SIMULATED_KEY = "paper"
SIMULATED_SECRET = "paper-secret"


def _is_mexc(url: str | None) -> bool:
    host = (urlsplit(url or "").hostname or "").rstrip(".")
    return host == "mexc.com" or host.endswith(".mexc.com")


class Settings(Alerts):
    """All settings, and what follows from several of them."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first that names a setting wins; what is passed in (cdb.toml) comes last."""
        return env_settings, dotenv_settings, file_secret_settings, init_settings

    @model_validator(mode="after")
    def _real_money_is_meant(self) -> Self:
        if self.mode == "paper":
            return self
        missing = [
            cure
            for there, cure in (
                (self.exchange == "mexc", "set CDB_EXCHANGE=mexc, for the simulator takes no real orders"),
                (
                    self.api_key.get_secret_value(),
                    "set CDB_API_KEY, or put it into the file cdb_api_key in secrets_dir",
                ),
                (self.api_secret.get_secret_value(), "set CDB_API_SECRET, or put it into the file cdb_api_secret"),
                (
                    self.clock == "system",
                    "leave CDB_CLOCK out: it is for replays, and switches checks of a real account off",
                ),
                (self.live_confirmed == CONFIRMATION, f'set CDB_LIVE_CONFIRMED="{CONFIRMATION}"'),
            )
            if not there
        ]
        if missing:
            raise ValueError(f"CDB_MODE=live sends real orders; {'; '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _orders_go_where_they_are_meant(self) -> Self:
        if self.mode == "paper" and self.exchange == "mexc":
            return self  # orders stay on this machine, wherever the market is heard
        if (self.exchange_rest_url is None) != (self.exchange_ws_url is None):
            raise ValueError(
                "CDB_EXCHANGE_REST_URL and CDB_EXCHANGE_WS_URL belong together: orders would go to one venue, and the "
                f"market would come from another; set both, or neither (MEXC's are {MEXC_REST_URL} and {MEXC_WS_URL})"
            )
        if self.mode == "paper" and (_is_mexc(self.exchange_rest_url) or _is_mexc(self.exchange_ws_url)):
            raise ValueError(
                "CDB_EXCHANGE_REST_URL or CDB_EXCHANGE_WS_URL is MEXC itself, which CDB_EXCHANGE=simulated is not; set "
                "CDB_EXCHANGE=mexc without them for paper trading on the live market, and CDB_MODE=live too for real "
                "orders"
            )
        return self

    @model_validator(mode="after")
    def _positions_can_be_sized(self) -> Self:
        if self.min_position > self.max_position:
            raise ValueError(f"CDB_MIN_POSITION {self.min_position} is above CDB_MAX_POSITION {self.max_position}")
        if self.venue_market == "replay" and self.venue_file is None:
            raise ValueError("CDB_VENUE_MARKET=replay needs CDB_VENUE_FILE, or use: cdb replay FILE")
        if self.venue_market == "mirror" and self.rest_url == self.venue_url:
            raise ValueError("CDB_VENUE_MARKET=mirror would mirror itself; set CDB_EXCHANGE=mexc, or leave it out")
        return self

    @model_validator(mode="after")
    def _each_mailbox_has_one_feed(self) -> Self:
        if self.feed_shards > self.shards:
            raise ValueError(
                f"CDB_FEED_SHARDS {self.feed_shards} is above CDB_SHARDS {self.shards}, and one feed fills a mailbox; "
                f"set CDB_SHARDS={self.feed_shards} in the whole farm, or CDB_FEED_SHARDS={self.shards} for all feeds"
            )
        return self

    @property
    def venue_url(self) -> str:
        """Where the simulator of this farm is reached."""
        return f"http://{self.venue_host}:{self.venue_port}"

    @property
    def needs_venue(self) -> bool:
        """Whether this farm runs a simulator of its own."""
        return self.mode == "paper" and (self.exchange == "mexc" or self.exchange_rest_url is None)

    @property
    def rest_url(self) -> str:
        """Where market data comes from over REST."""
        return self.exchange_rest_url or (MEXC_REST_URL if self.exchange == "mexc" else self.venue_url)

    @property
    def ws_url(self) -> str:
        """Where market data comes from over the websocket."""
        own = f"ws://{self.venue_host}:{self.venue_port}/ws"
        return self.exchange_ws_url or (MEXC_WS_URL if self.exchange == "mexc" else own)

    @property
    def trading_url(self) -> str:
        """Where orders go."""
        return self.venue_url if self.needs_venue else self.rest_url

    @property
    def trading_ws_url(self) -> str:
        """Where the venue tells what happened to orders."""
        return f"ws://{self.venue_host}:{self.venue_port}/ws" if self.needs_venue else self.ws_url

    @property
    def trading_keys(self) -> tuple[str, str]:
        """The key and secret that orders are signed with: the simulator's, unless real orders are meant."""
        if self.mode == "paper":
            return SIMULATED_KEY, SIMULATED_SECRET
        return self.api_key.get_secret_value(), self.api_secret.get_secret_value()

    @property
    def embedded_redis(self) -> bool:
        """Whether the farm brings its own Redis."""
        return "redis_url" not in self.model_fields_set

    @property
    def embedded_database(self) -> bool:
        """Whether the farm keeps its database in data_dir."""
        return "database_url" not in self.model_fields_set

    @property
    def redis_socket(self) -> Path | None:
        """The embedded Redis' unix socket, None where it is reached otherwise."""
        return Path(self.redis_url.removeprefix("unix://")) if self.redis_url.startswith("unix://") else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be shown, also those within addresses."""
        values = [value.get_secret_value() for _, value in self if isinstance(value, SecretStr)]
        addresses = [self.database_url, self.redis_url, *self.notify_addresses]
        within = [part for address in addresses for part in secret_parts(address)]
        return tuple(dict.fromkeys(value for value in [*values, *self.notify_addresses, *within] if value))

    @property
    def notify_addresses(self) -> tuple[str, ...]:
        """Where people are told, one address a channel."""
        return tuple(self.notify_urls.get_secret_value().split())

    def for_symbol(self, symbol: str, name: str) -> Decimal | None:
        """One of the settings that may differ by symbol."""
        override: Any = getattr(self.symbol.get(symbol), name, None)
        common: Decimal | None = getattr(self, name)
        return common if override is None else override
