"""The venue's markets over the wire: a recording, a made-up market, a mirror of another venue, and restarts."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import aiohttp
import pytest
import redis
from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2

from app.bus import Keys, Limiter
from app.domain.rate_limit import Budget
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.commands import until
from tests.fixtures.venue import ServedVenue, served
from tests.integration.test_venue_ccxt import SYMBOL, client_of
from workers.venue import CannotServe, VenueConfig

MINUTE_MS = 60_000
START_MS = 1_723_161_255_342


def recording(path: Path, count: int) -> list[tuple[int, str, str, str]]:
    rows = [
        (
            START_MS + place * 7,
            ("BTC/USDT", "ETH/USDT")[place % 2],
            f"{100 + place % 9}.{place % 10}",
            f"0.0{1 + place % 5}",
        )
        for place in range(count)
    ]
    lines = [
        f"{at},{symbol},{price},{quantity},buy,{place}" for place, (at, symbol, price, quantity) in enumerate(rows)
    ]
    path.write_text("\n".join(["timestamp_ms,symbol,price,quantity,side,trade_id", *lines]) + "\n")
    return rows


async def heard(venue: ServedVenue, speed: float) -> list[tuple[str, int, str, str]]:
    """Everything that a replay pushes."""
    found: list[tuple[str, int, str, str]] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url) as socket:
        names = [f"spot@public.aggre.deals.v3.api.pb@100ms@{name}" for name in ("BTCUSDT", "ETHUSDT")]
        await socket.send_json({"method": "SUBSCRIPTION", "params": names})
        await socket.receive_json()
        assert (await asyncio.to_thread(venue.status))["ticks_sent"] == 0
        await asyncio.to_thread(venue.tell, "play", {"speed": speed})
        total = (await asyncio.to_thread(venue.status))["ticks_total"]
        while len(found) < total:
            push = PushDataV3ApiWrapper_pb2.PushDataV3ApiWrapper()
            push.ParseFromString(await socket.receive_bytes(timeout=PATIENCE_S))
            deals = push.publicAggreDeals.deals
            found += [(push.symbol, deal.time, deal.price, deal.quantity) for deal in deals]
    return found


async def test_a_replay_sends_every_row_once_in_order_with_its_spacing(tmp_path: Path) -> None:
    rows = recording(tmp_path / "trades.csv", 1500)
    with served(VenueConfig(market="replay", replay_file=tmp_path / "trades.csv")) as venue:
        found = await heard(venue, 20)
        status = await asyncio.to_thread(venue.status)

    for symbol in ("BTC/USDT", "ETH/USDT"):
        sent = [(at, price, quantity) for at, name, price, quantity in rows if name == symbol]
        assert [row[1:] for row in found if row[0] == symbol.replace("/", "")] == sent
    assert (status["ticks_sent"], status["ticks_total"], status["done"]) == (1500, 1500, True)


def test_a_replay_waits_to_be_played_and_then_keeps_its_pace(tmp_path: Path) -> None:
    recording(tmp_path / "trades.csv", 200)
    with served(VenueConfig(market="replay", replay_file=tmp_path / "trades.csv")) as venue:
        waiting = venue.status()
        pace = venue.tell("play", {"speed": 5})
        faster = venue.tell("pace", {"speed": 50})

    assert (waiting["playing"], waiting["ticks_sent"], waiting["done"]) == (False, 0, False)
    assert waiting["time_us"] <= pace["venue_us"]
    assert pace["venue_us"] // 1000 + 100 == START_MS
    assert pace["speed"] == 5
    passed_us = faster["real_us"] - pace["real_us"]
    assert faster["venue_us"] == pytest.approx(pace["venue_us"] + 5 * passed_us, abs=10)


def test_it_tells_until_when_everything_was_sent_and_its_clock_can_skip_what_is_left(tmp_path: Path) -> None:
    recording(tmp_path / "trades.csv", 200)
    with served(VenueConfig(market="replay", replay_file=tmp_path / "trades.csv")) as venue:
        assert venue.status()["sent_until_ms"] < START_MS
        with pytest.raises(HTTPError, match="400"):
            venue.tell("skip", {"to_us": START_MS * 1000})
        venue.tell("play", {"speed": 50})
        until(lambda: bool(venue.status()["done"]), "the end of the recording")
        assert venue.status()["sent_until_ms"] >= START_MS + 199 * 7

        later_us = START_MS * 1000 + 3_600_000_000
        pace = venue.tell("skip", {"to_us": later_us})
        assert (pace["venue_us"], pace["speed"]) == (later_us, 50)
        until(lambda: venue.status()["sent_until_ms"] >= later_us // 1000, "the clock's going on")


def test_orders_of_a_replay_are_dated_and_judged_by_its_clock(tmp_path: Path) -> None:
    recording(tmp_path / "trades.csv", 2000)
    with served(VenueConfig(market="replay", replay_file=tmp_path / "trades.csv")) as venue:
        pace = venue.tell("play", {"speed": 2})
        until(lambda: venue.status()["time_us"] >= pace["venue_us"], "the change of its clock")
        client = client_of(venue, options={"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}})
        client.nonce = lambda: (pace["venue_us"] + 2 * (time.time_ns() // 1000 - pace["real_us"])) // 1000
        placed = client.create_order(SYMBOL, "limit", "buy", 1, 50)
        assert placed["timestamp"] == pytest.approx(client.nonce(), abs=1000)
        client.session.close()


def test_bad_rows_are_counted_or_end_the_replay(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    recording(path, 10)
    path.write_text(path.read_text() + "1723161255999,BTC/USDT,-5,1,buy,9\n")
    with served(VenueConfig(market="replay", replay_file=path)) as venue:
        assert (venue.status()["bad_rows"], venue.status()["ticks_total"]) == (1, 10)
    with (
        pytest.raises(CannotServe, match=r"trades.csv, line 12: price '-5'"),
        served(VenueConfig(market="replay", replay_file=path, replay_strict=True)),
    ):
        pass


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (VenueConfig(market="replay"), "needs a file"),
        (VenueConfig(market="replay", replay_file=Path("/nowhere.csv")), "cannot be read"),
        (VenueConfig(symbols=("BTCUSDT",)), "write it as BTC/USDT"),
        (VenueConfig(market="mirror", mirror_rest_url="http://127.0.0.1:9"), "cannot be mirrored"),
    ],
)
def test_what_cannot_be_served_is_said_with_a_cure(config: VenueConfig, complaint: str) -> None:
    with pytest.raises(CannotServe, match=complaint), served(config):
        pass


def test_a_mirror_that_gets_no_turn_is_said_with_a_cure(redis_client: "redis.Redis", keys: Keys) -> None:
    limiter = Limiter(redis_client, keys, "live", Budget(100), processes=1)
    limiter.pause(3600, 418)
    config = VenueConfig(market="mirror", mirror_rest_url="http://127.0.0.1:9")

    with pytest.raises(CannotServe, match="no turn at live"), served(config, limiter):
        pass


def test_a_port_in_use_is_said_with_a_cure(venue: ServedVenue) -> None:
    with (
        pytest.raises(CannotServe, match="choose another port"),
        served(VenueConfig(market="idle", port=venue.address.port)),
    ):
        pass


def test_klines_are_the_bars_of_the_trades_before_and_after_the_start() -> None:
    with served(VenueConfig(symbols=(SYMBOL,), ticks_per_s=30, seed=5, past_h=1, weight_limit=0)) as venue:
        client = client_of(venue)
        client.load_markets()
        time.sleep(1.2)
        now = client.fetch_time()
        start = now - now % MINUTE_MS - 4 * MINUTE_MS
        end = now - 300
        rows = [row for row in trades_of(client, start, now) if row["T"] <= end]
        whole = [bar for bar in client.fetch_ohlcv(SYMBOL, "1m", start) if bar[0] + MINUTE_MS <= end]
        five = client.fetch_ohlcv(SYMBOL, "5m", start - start % (5 * MINUTE_MS), 2)
        client.session.close()

    assert len(whole) in (3, 4)
    for opened, first, high, low, last, volume in whole:
        inside = [row for row in rows if opened <= row["T"] < opened + MINUTE_MS]
        prices = [float(row["p"]) for row in inside]
        assert (first, high, low, last) == (prices[0], max(prices), min(prices), prices[-1])
        assert volume == pytest.approx(float(sum(Decimal(row["q"]) for row in inside)))
    assert five[0][5] > 0


def trades_of(client: Any, start: int, end: int) -> list[Any]:
    found: list[Any] = []
    for since in range(start, end, 10_000):
        request = {"symbol": "BTCUSDT", "startTime": since, "endTime": min(since + 9_999, end), "limit": 1000}
        found += [{**row, "T": int(row["T"])} for row in client.spotPublicGetAggTrades(request)]
    return found


def test_the_same_seed_gives_the_same_market_whenever_it_is_started() -> None:
    config = VenueConfig(symbols=(SYMBOL,), ticks_per_s=40, seed=9, weight_limit=0)
    seen: list[list[tuple[int, str, str]]] = []
    for _ in range(2):
        with served(config) as venue:
            time.sleep(0.7)
            client = client_of(venue)
            if not seen:
                now = client.fetch_time()
            seen.append([(row["T"], row["p"], row["q"]) for row in trades_of(client, now - 5_000, now - 50)])
            client.session.close()
    assert seen[0] == seen[1]
    assert len(seen[0]) > 50


def test_the_account_survives_a_restart_even_with_a_torn_last_line(tmp_path: Path) -> None:
    journal = tmp_path / "venue" / "account.jsonl"
    config = VenueConfig(market="idle", state_path=journal, weight_limit=0)
    with served(config) as venue:
        client = client_of(venue)
        venue.tick(SYMBOL, "60000")
        filled = client.create_order(SYMBOL, "limit", "buy", 0.01, 60_010, {"clientOrderId": "FILLED"})
        resting = client.create_order(SYMBOL, "limit", "buy", 0.01, 50_000, {"clientOrderId": "RESTING"})
        before = client.fetch_balance()
        client.session.close()
    with journal.open("ab") as file:
        file.write(b'{"o":[{"id":"C02__')

    with served(config) as venue:
        client = client_of(venue)
        assert client.fetch_balance() == before
        assert client.fetch_order(None, SYMBOL, {"clientOrderId": "FILLED"})["id"] == filled["id"]
        assert [order["id"] for order in client.fetch_open_orders(SYMBOL)] == [resting["id"]]
        (trade,) = client.fetch_my_trades(SYMBOL)
        assert trade["order"] == filled["id"]
        venue.tick(SYMBOL, "49999")
        assert client.fetch_order(resting["id"], SYMBOL)["status"] == "closed"
        newer = client.create_order(SYMBOL, "limit", "buy", 0.01, 40_000)
        assert newer["id"] > resting["id"]
        client.session.close()


def test_a_mirror_prints_what_another_venue_prints_and_asks_it_through_the_limiter(
    redis_client: "redis.Redis", keys: Keys
) -> None:
    limiter = Limiter(redis_client, keys, "live", Budget(100), processes=1)
    with served(VenueConfig(symbols=(SYMBOL, "ETH/USDT"), ticks_per_s=50, seed=3)) as live:
        config = VenueConfig(
            market="mirror", symbols=(SYMBOL,), mirror_rest_url=live.rest_url, mirror_ws_url=live.ws_url
        )
        with served(config, limiter) as venue:
            deadline = time.monotonic() + PATIENCE_S
            while venue.status()["ticks_sent"] < 20 and time.monotonic() < deadline:
                time.sleep(0.1)
            client, other = client_of(live), client_of(venue)
            ours = list(other.spotPublicGetTrades({"symbol": "BTCUSDT", "limit": 10}))
            theirs = client.spotPublicGetTrades({"symbol": "BTCUSDT", "limit": 1000})
            client.session.close()
            other.session.close()
            asked = [redis_client.hvals(keys.spent("live", f"GET {path}")) for path in ("exchangeInfo", "ticker/price")]
    assert asked == [[b"10"], [b"2"]]
    known = {(row["time"], row["price"], row["qty"], row["isBuyerMaker"]) for row in theirs}
    assert len(ours) == 10
    assert {(row["time"], row["price"], row["qty"], row["isBuyerMaker"]) for row in ours} <= known
