"""cdb up and the services that it starts, each of which can be started alone."""

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import replace
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Annotated

import typer
from redis.exceptions import RedisError
from rich.console import Console
from rich.live import Live
from sqlalchemy.exc import SQLAlchemyError

from app import figures, store, wiring
from app.cli.codes import WRONG
from app.domain.orders import Order
from app.simulator import scenario
from app.simulator.catalogue import symbols
from app.store import DatabaseError
from workers import view
from workers.farm import Farm
from workers.services import farm_services, redis_service, venue_service, zygotes_of
from workers.supervisor import Service

if TYPE_CHECKING:
    from workers.venue import VenueConfig

SIMULATED_ALL = 200  # how many symbols the simulator lists when the settings name none
LOOK_S = 1.0
LINE_S = 5.0
SHOWN_ORDERS = 8
DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)?")
UNIT_S = {"s": 1, "m": 60, "h": 3600, None: 1}
For = Annotated[str | None, typer.Option("--for", help="Stop by itself after so long, such as 90s, 10m or 1h.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def up(for_: For = None, as_json: Json = False) -> None:
    """Run the whole farm on this machine until Ctrl-C, with a live view; ends with a summary."""
    seconds = seconds_of(for_)
    if wiring.settings().venue_faults:
        scenario.load(wiring.settings().venue_faults)  # what is wrong with it is told before anything starts
    with zygotes_of(wiring.settings()) as zygotes:
        farm = Farm(zygotes=zygotes)
        watch = Watch(farm, seconds, quiet=as_json)
        asyncio.run(farm.run(watch.tell, watch.run))
    summary = watch.last.summary if watch.last else None
    if as_json:
        typer.echo(json.dumps(watch.last.plain() if watch.last else {}))
    elif watch.last and summary is not None:
        extra = {
            "ticks": str(watch.last.counters.get("ticks_processed", 0)),
            "bars": f"{watch.last.bars} closed ({wiring.reports().bars()} stored, with those fetched as history)",
        }
        Console().print(view.summary_table(summary, "What came of it", extra))


def seconds_of(text: str | None) -> float | None:
    """A duration such as 90s or 10m, in seconds."""
    if text is None:
        return None
    match = DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no duration; write 90s, 10m or 1h", param_hint="--for")
    return float(match[1]) * UNIT_S[match[2]]


class Watch:
    """Shows a farm until its time is over; keeps the last figures for the summary."""

    def __init__(self, farm: Farm, seconds: float | None, *, quiet: bool) -> None:
        self.last: figures.Figures | None = None
        self._farm, self._seconds, self._quiet = farm, seconds, quiet
        self._console = Console()
        self._rate = view.Rate()
        self._orders: list[Order] = []

    def tell(self, sentence: str) -> None:
        """A step of the start or the stop."""
        if not self._quiet:
            self._console.print(sentence, highlight=False, soft_wrap=True)

    async def run(self, farm: Farm) -> None:
        """Until the time is over; the caller ends it otherwise."""
        took = time.monotonic() - farm.started_at
        addresses = ", ".join(f"{name}: {url}" for name, url in self._addresses().items())
        self.tell(f"the farm is up after {took:.0f} s; {addresses}")
        shown = self._live() if self._console.is_terminal and not self._quiet else self._lines()
        try:
            await asyncio.wait_for(shown, self._seconds)
        except TimeoutError:  # that is how --for ends it
            await self._look()

    async def _live(self) -> None:
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                if await self._look() and self.last is not None:
                    rate, kept = self._speed(self.last), self._farm.kept
                    live.update(view.screen(self.last, rate, kept, self._orders, self._addresses()), refresh=True)
                await asyncio.sleep(LOOK_S)

    async def _lines(self) -> None:
        while True:
            if await self._look() and self.last is not None:
                self.tell(view.line(self.last, self._speed(self.last)))
            await asyncio.sleep(LINE_S)

    def _speed(self, seen: figures.Figures) -> float:
        return self._rate(time.monotonic(), seen.counters.get("ticks_processed", 0))

    async def _look(self) -> bool:
        try:
            self.last = await asyncio.to_thread(figures.read)
            self._orders = await asyncio.to_thread(wiring.reports().last_orders, SHOWN_ORDERS)
        except (
            RedisError,
            SQLAlchemyError,
            DatabaseError,
        ) as error:  # being restarted; the states tell
            self.tell(f"no figures just now: {error}")
            return False
        return True

    def _addresses(self) -> dict[str, str]:
        settings = self._farm.settings
        venue = {"simulated MEXC": settings.venue_url} if settings.needs_venue else {}
        console = {"console": wiring.console().url} if settings.console_port else {}
        flower = {"Flower": wiring.flower().url} if settings.flower_port else {}
        return {**console, **flower, **venue}


def migrate(as_json: Json = False) -> None:
    """Bring the database to this version's schema; does nothing if it is there already."""
    store.migrate(wiring.database())
    place = wiring.database().url.render_as_string(hide_password=True)
    typer.echo(json.dumps({"database": place}) if as_json else f"The database {place} is up to date.")


def venue(
    faults: Annotated[
        str | None, typer.Option(help="Let things go wrong: a scenario's TOML file, or a shipped one such as F1.")
    ] = None,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Show all faults and shipped scenarios.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines; with --list-faults.")] = False,
) -> None:
    """Run the simulated MEXC alone: REST and websocket on CDB_VENUE_PORT."""
    if list_faults:
        shipped = scenario.shipped()
        typer.echo(json.dumps(scenario.plain(shipped)) if as_json else scenario.listed(shipped))
        return
    from workers.venue import run  # here and below: the server, which no other command needs

    wiring.logging("venue")
    config = venue_config(wiring.settings())
    limiter = wiring.limiter(config.mirror_rest_url) if config.market == "mirror" else None
    run(config if faults is None else replace(config, scenario=scenario.load(faults)), limiter=limiter)


def venue_config(settings: wiring.Settings) -> "VenueConfig":
    """The simulated venue as the settings want it; its account survives restarts in data_dir."""
    from workers.venue import VenueConfig

    return VenueConfig(  # with the keys that every farm on paper signs with: real ones are for MEXC alone
        host=settings.venue_host,
        port=settings.venue_port,
        market=settings.venue_market,
        seed=settings.venue_seed,
        ticks_per_s=settings.venue_ticks_per_s,
        replay_file=settings.venue_file,
        balances={wiring.CURRENCY: settings.venue_balance},
        weight_limit=settings.request_weight,
        mirror_rest_url=settings.rest_url,
        mirror_ws_url=settings.ws_url,
        takes_duplicates=settings.venue_takes_duplicates,
        state_path=settings.data_dir / "venue.journal",
        scenario=scenario.load(settings.venue_faults) if settings.venue_faults else None,
        symbols=_traded(settings),
    )


def _traded(settings: wiring.Settings) -> tuple[str, ...]:
    """What the farm trades, also where the live market's volumes say what that is; a synthetic one lists many."""
    if "/" in settings.symbols[0]:
        return settings.symbols
    return wiring.symbols() if settings.venue_market == "mirror" else symbols(SIMULATED_ALL)


def feed() -> None:
    """Run the feed alone: the market's websocket into the mailboxes."""
    from workers.feed import main

    main()


def console() -> None:
    """Run the console alone: pages and API on CDB_CONSOLE_PORT, of a farm that runs or of what one has left."""
    chosen = wiring.console()
    if not chosen.port:
        raise wiring.SettingsError(["CDB_CONSOLE_PORT=0 means no console. Set a port, such as CDB_CONSOLE_PORT=8000"])
    from app.web.server import serve  # as above

    wiring.logging("console")
    typer.echo(f"the console: {chosen.url}", err=True)
    serve(chosen)


def services(as_json: Json = False) -> None:
    """List what a farm consists of, each with its command."""
    found = _all_services()
    if as_json:
        typer.echo(json.dumps([{"name": one.name, "command": one.command} for one in found]))
        return
    for one in found:
        typer.echo(f"{one.name:8} {' '.join(one.command).replace(sys.executable, 'python')}")


def service(name: Annotated[str, typer.Argument(help="Its name in `cdb services`.")]) -> None:
    """Become one of the farm's services, as `cdb up` would start it; for containers, which keep it running."""
    known = {one.name: one for one in _all_services()}
    if name not in known:
        typer.echo(f"There is no service {name}. There are {', '.join(known)}.", err=True)
        raise typer.Exit(WRONG)
    chosen = known[name]
    wiring.settings().data_dir.mkdir(parents=True, exist_ok=True)
    os.execvpe(chosen.command[0], chosen.command, {**os.environ, **chosen.env})


def _all_services() -> list[Service]:
    settings = wiring.settings()
    first = [redis_service(settings)] if settings.embedded_redis else []
    second = [venue_service(settings)] if settings.needs_venue else []
    return [*first, *second, *farm_services(settings)]


def version(as_json: Json = False) -> None:
    """Say which version this is."""
    installed = installed_version("claire-de-binare")
    typer.echo(json.dumps({"version": installed}) if as_json else installed)
