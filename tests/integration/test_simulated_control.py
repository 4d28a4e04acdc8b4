"""What only the simulated venue can be asked, over HTTP."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.domain.errors import Refused, Unavailable
from app.exchanges.simulated import Control
from tests.fixtures.commands import until
from tests.fixtures.venue import ServedVenue, served
from workers.ports import free_port
from workers.venue import VenueConfig

TRADES = """timestamp_ms,symbol,price,quantity,side
1723075200000,BTC/USDT,55000.1,0.5,buy
1723075200500,BTC/USDT,55000.2,0.5,sell
"""


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """Something on a port that is no venue; its url."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(reply)

    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_its_status_tells_what_it_prints(venue: ServedVenue) -> None:
    control = Control(venue.rest_url)

    control.tick("BTC/USDT", 60_000.5, 0.25, "sell")

    assert control.status()["market"] == "idle"
    assert control.status()["ticks_sent"] == 1


def test_its_clock_runs_at_the_machines_pace_until_it_is_told_otherwise(venue: ServedVenue) -> None:
    assert Control(venue.rest_url).pace().speed == 1


def test_a_recording_is_played_and_runs_faster_without_a_jump(tmp_path: Path) -> None:
    file = tmp_path / "trades.csv"
    file.write_text(TRADES)
    with served(VenueConfig(market="replay", replay_file=file)) as venue:
        control = Control(venue.rest_url)

        first, faster = control.play(1), control.run(50)

    assert (first.speed, faster.speed) == (1, 50)
    assert faster.venue_us >= first.venue_us
    assert faster.before == first


def test_a_recording_tells_until_when_it_sent_everything_and_skips_what_is_left(tmp_path: Path) -> None:
    file = tmp_path / "trades.csv"
    file.write_text(TRADES)
    last_us = 1_723_075_200_500_000
    with served(VenueConfig(market="replay", replay_file=file)) as venue:
        control = Control(venue.rest_url)
        waiting_us = control.sent_until_us()
        control.play(10)
        until(lambda: bool(control.status()["done"]), "its end")
        sent_us, skipped = control.sent_until_us(), control.skip(last_us + 3_600_000_000)

    assert waiting_us is not None
    assert sent_us is not None
    assert waiting_us < last_us <= sent_us
    assert (skipped.venue_us, skipped.speed) == (last_us + 3_600_000_000, 10)


def test_a_market_that_was_not_recorded_does_not_tell_until_when_it_sent_everything(venue: ServedVenue) -> None:
    assert Control(venue.rest_url).sent_until_us() is None


def test_what_it_refuses_is_told_with_its_code(venue: ServedVenue) -> None:
    with pytest.raises(Refused, match="only a replay can be started") as refused:
        Control(venue.rest_url).play(1)

    assert refused.value.code == "400"


def test_faults_are_switched_on_and_all_off_again(venue: ServedVenue) -> None:
    control = Control(venue.rest_url)

    control.fail({"fault": "no_fills"}, {"fault": "connection_dropped", "times": 1})
    with pytest.raises(Refused, match="there is no fault 'rain'"):
        control.fail({"fault": "rain"})
    assert {fault["fault"] for fault in venue.tell("faults", method="GET")["faults"]} == {
        "no_fills",
        "connection_dropped",
    }

    control.heal()
    assert venue.tell("faults", method="GET") == {"faults": []}


def test_an_unknown_symbol_is_refused(venue: ServedVenue) -> None:
    with pytest.raises(Refused):
        Control(venue.rest_url).tick("NONE/USDT", 1.0, 1.0)


def test_a_closed_port_is_told_with_its_address() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(Unavailable, match=f"the simulated venue at {url} does not answer"):
        Control(url).status()


@pytest.mark.parametrize(
    "reply", [b"SSH-2.0-nobody\r\n", b"HTTP/1.0 200 OK\r\n\r\n<html>", b"HTTP/1.0 200 OK\r\n\r\n[1]"]
)
def test_something_else_on_its_port_is_no_venue(reply: bytes) -> None:
    with answering(reply) as url, pytest.raises(Unavailable, match="does not answer"):
        Control(url).status()
