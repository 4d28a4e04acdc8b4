"""Connections that are slow, idle or old, without a network."""

from typing import Any

import pytest

from app.simulator import stream
from app.simulator.listen_keys import ListenKeys
from app.simulator.stream import MOST_FRAMES, SILENT_US, UNSUBSCRIBED_US, Client, Hub
from tests.unit.simulator.test_money import NOW_US, a_print, a_venue

STREAM = "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"


class Wire:
    """A transport that only remembers that it was cut."""

    def __init__(self) -> None:
        self.cut = False
        self.transport = self

    def abort(self) -> None:
        self.cut = True


@pytest.fixture
def wire() -> Wire:
    return Wire()


def connected(hub: Hub, wire: Any, since_us: int = NOW_US) -> Client:
    client = Client(wire, wire, None, since_us)
    hub.clients.add(client)
    return client


def a_hub() -> tuple[Any, Hub]:
    venue, _ = a_venue()
    return venue, Hub(venue, ListenKeys("secret"))


def test_a_client_that_does_not_read_is_dropped_and_holds_up_nobody(wire: Wire) -> None:
    venue, hub = a_hub()
    client = connected(hub, wire)
    hub._subscribe(client, [STREAM])
    for _ in range(MOST_FRAMES + 1):
        venue.take(a_print("60000"))
        client.push(b"frame")
    assert wire.cut
    assert hub.backlog < MOST_FRAMES


def test_a_client_is_cut_by_bytes_too(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_BYTES", 100)
    _, hub = a_hub()
    connected(hub, wire).push(b"x" * 101)
    assert wire.cut


@pytest.mark.parametrize(
    ("streams", "since_us", "cut"),
    [
        ([], NOW_US - UNSUBSCRIBED_US - 1, True),
        ([], NOW_US - UNSUBSCRIBED_US, False),
        ([STREAM], NOW_US - SILENT_US - 1, True),
        ([STREAM], NOW_US - UNSUBSCRIBED_US - 1, False),
    ],
)
def test_who_listens_to_nothing_or_hears_nothing_is_cut(
    wire: Wire, streams: list[str], since_us: int, cut: bool
) -> None:
    _, hub = a_hub()
    connected(hub, wire, since_us).streams.update(streams)
    hub.flush()
    assert wire.cut is cut


def test_a_stream_that_nobody_listens_to_any_more_is_forgotten(wire: Wire) -> None:
    venue, hub = a_hub()
    client = connected(hub, wire)
    hub._subscribe(client, [STREAM, STREAM])
    hub._unsubscribe(client, STREAM)
    hub._unsubscribe(client, "never subscribed")
    venue.take(a_print("60000"))
    assert hub.quiet is False  # the reply to the subscription waits
    client.waiting.clear()
    assert hub.quiet


def test_what_has_not_been_sent_is_known_by_its_time(wire: Wire) -> None:
    venue, hub = a_hub()
    client = connected(hub, wire)
    hub._subscribe(client, [STREAM])
    assert hub.sent_until(NOW_US // 1000) is None, "the reply to the subscription waits"

    client.waiting.clear()
    assert hub.sent_until(NOW_US // 1000) == NOW_US // 1000
    venue.take(a_print("60000"))
    venue.take(a_print("60001"))
    assert hub.sent_until(NOW_US // 1000 + 50) == NOW_US // 1000 - 1
    assert hub.sent_until(NOW_US // 1000 - 50) == NOW_US // 1000 - 50
