"""The venue as a process of its own: killed, restarted, told to stop."""

import multiprocessing
import os
import signal
import socket
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.fixtures.venue import ServedVenue
from tests.integration.test_venue_ccxt import SYMBOL, client_of
from workers.venue import Address, VenueConfig, run

SPAWN = multiprocessing.get_context("spawn")


def work(config: VenueConfig, pipe: Connection) -> None:
    run(config, pipe.send)


def started(config: VenueConfig) -> tuple[Any, ServedVenue]:
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=work, args=(config, there), daemon=True)
    process.start()
    assert here.poll(30), "the venue did not open within 30 s"
    address: Address = here.recv()
    return process, ServedVenue(address, config)


def test_a_killed_venue_has_forgotten_nothing_and_a_stopped_one_ends_cleanly(tmp_path: Path) -> None:
    config = VenueConfig(market="idle", state_path=tmp_path / "account.jsonl", balances={"USDT": Decimal(5000)})
    process, venue = started(config)
    client = client_of(venue)
    venue.tick(SYMBOL, "60000")
    placed = client.create_order(SYMBOL, "limit", "buy", 0.01, 60_010)
    before = client.fetch_balance()
    client.session.close()
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)

    process, venue = started(config)
    client = client_of(venue)
    assert client.fetch_balance() == before
    assert client.fetch_order(placed["id"], SYMBOL)["status"] == "closed"
    client.session.close()
    os.kill(process.pid, signal.SIGTERM)
    process.join(10)
    assert process.exitcode == 0


def test_a_venue_that_cannot_start_exits_with_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = VenueConfig(market="idle", port=taken.getsockname()[1])
        _, there = SPAWN.Pipe()
        process = SPAWN.Process(target=work, args=(config, there))
        process.start()
        process.join(30)
    assert process.exitcode == 2
