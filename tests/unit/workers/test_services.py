"""What a farm consists of, and how one knows that each part is ready."""

import asyncio
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from app import wiring
from app.domain.progress import Beat
from tests.fixtures.venue import ServedVenue
from workers import services
from workers.ports import free_port
from workers.services import farm_services, redis_service, venue_service
from workers.supervisor import Service, contented

PASSWORD = "a long password"
QUEUES = ["ticks", "signals", "risk", "orders", "upkeep"]


def of(name: str, *, flower: bool = True) -> Service:
    return next(one for one in farm_services(wiring.settings(), flower=flower) if one.name == name)


@contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """Something that says this to whoever asks; its port."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(reply)

    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_farm_is_a_worker_per_queue_beat_feed_and_flower(wired: None) -> None:
    assert [one.name for one in farm_services(wiring.settings())] == [*QUEUES, "beat", "feed", "flower"]
    assert [one.name for one in farm_services(wiring.settings(), flower=False)] == [*QUEUES, "beat", "feed"]


def test_with_a_port_there_is_a_console_that_the_farm_does_without(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_CONSOLE_PORT", "8000")
    wiring.reset()

    assert [one.name for one in farm_services(wiring.settings())][-2:] == ["flower", "console"]
    assert [one.name for one in farm_services(wiring.settings()) if not one.needed] == ["flower", "console"]


async def test_the_console_is_ready_when_it_is_the_one_that_was_started(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = msgspec.json.encode({"pid": 4711})
    with answering(b"HTTP/1.0 200 OK\r\n\r\n" + body) as port:
        monkeypatch.setenv("CDB_CONSOLE_PORT", str(port))
        wiring.reset()

        assert await of("console").ready(4711)
        assert not await of("console").ready(4712)


def test_workers_are_there_before_what_gives_them_work(wired: None) -> None:
    waves = {one.name: one.wave for one in farm_services(wiring.settings())}

    assert max(waves[queue] for queue in QUEUES) < min(waves["feed"], waves["beat"])


def test_how_many_processes_a_worker_has_is_a_setting(wired: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_WORKERS_SIGNALS", "4")
    wiring.reset()

    assert " ".join(of("signals").command[1:]).startswith("-m celery -A app worker -Q signals -c 4 ")


def test_events_are_sent_where_they_are_worth_watching(wired: None) -> None:
    assert [queue for queue in QUEUES if "-E" in of(queue).command] == ["signals", "risk", "orders"]


def test_every_service_runs_on_this_python(wired: None) -> None:
    assert {one.command[0] for one in farm_services(wiring.settings())} == {sys.executable}
    assert venue_service(wiring.settings()).command == (sys.executable, "-m", "app.cli", "venue")


async def test_a_worker_is_ready_when_it_has_said_so(wired: None) -> None:
    assert not await of("risk").ready(4711)

    wiring.presence().arrive(4711)

    assert await of("risk").ready(4711)


async def test_a_worker_that_lets_messages_wait_is_stuck_and_one_that_tells_nothing_is_not_judged(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_STUCK_S", "0.001")
    wiring.reset()
    wiring.redis().rpush(f"{wiring.settings().redis_prefix}orders", "a message")
    wiring.heartbeats().write(4711, Beat(turn=1, begun=0, running=0, queues=("orders",)))
    stuck, silent = of("orders").watch(), of("orders").watch()

    assert await stuck(4711) is None
    await asyncio.sleep(0.002)
    assert "while a message waited" in str(await stuck(4711))

    assert await silent(4712) is None
    await asyncio.sleep(0.002)
    assert await silent(4712) is None


async def test_only_workers_are_watched(wired: None) -> None:
    watched = [one.name for one in farm_services(wiring.settings()) if one.watch() is not contented]

    assert watched == QUEUES
    assert await contented(1) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("name", ["orders", "feed"])
async def test_while_redis_is_away_nobody_is_ready(
    name: str, wired: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring.redis().close()
    monkeypatch.setenv("CDB_REDIS_URL", f"unix://{tmp_path / 'none.sock'}")
    wiring.reset()

    assert not await of(name).ready(os.getpid())


@pytest.mark.parametrize("name", ["redis", "orders", "feed"])
async def test_a_redis_that_hangs_holds_nothing_else_up(
    name: str, wired: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring.redis().close()
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(tmp_path / "hung.sock"))
        hung.listen()
        monkeypatch.setenv("CDB_REDIS_URL", f"unix://{tmp_path / 'hung.sock'}")
        wiring.reset()
        service = redis_service(wiring.settings()) if name == "redis" else of(name)
        asking = asyncio.ensure_future(service.ready(1))
        await asyncio.sleep(0.05)

        assert not asking.done(), "the loop went on while the answer was waited for"
    assert not await asking


async def test_the_feed_is_ready_when_it_hears_every_symbol(wired: None) -> None:
    feed = of("feed")

    assert not await feed.ready(1)
    wiring.feed_status().write({"ready": False})
    assert not await feed.ready(1)
    wiring.feed_status().write({"ready": True})
    assert await feed.ready(1)


async def test_the_venue_is_ready_when_it_is_the_one_that_was_started(venue: ServedVenue) -> None:
    ready = services._answers_as(f"{venue.rest_url}/sim/status")

    assert await ready(os.getpid())
    assert not await ready(os.getpid() + 1)


async def test_a_venue_that_does_not_answer_is_not_ready() -> None:
    assert not await services._answers_as(f"http://127.0.0.1:{free_port()}")(1)


@pytest.mark.parametrize("reply", [b"SSH-2.0-x\r\n", b"HTTP/1.0 200 OK\r\n\r\n<html>", b"HTTP/1.0 200 OK\r\n\r\n{}"])
async def test_something_else_on_its_port_is_not_the_venue(reply: bytes) -> None:
    with answering(reply) as port:
        assert not await services._answers_as(f"http://127.0.0.1:{port}")(1)


async def test_flower_is_ready_when_it_opens(wired: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(b"HTTP/1.0 200 OK\r\n\r\nOK") as port:
        monkeypatch.setenv("CDB_FLOWER_PORT", str(port))
        wiring.reset()

        assert wiring.flower().url == f"http://127.0.0.1:{port}"
        assert await of("flower").ready(1)


def test_flowers_password_is_on_no_command_line_and_without_one_it_steers_nothing(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--read_only=True" in of("flower").command
    assert "FLOWER_BASIC_AUTH" not in of("flower").env
    monkeypatch.setenv("CDB_FLOWER_PASSWORD", PASSWORD)
    wiring.reset()

    assert "--read_only=False" in of("flower").command
    assert not [one for one in of("flower").command if PASSWORD in one]
    assert of("flower").env["FLOWER_BASIC_AUTH"] == f"cdb:{PASSWORD}"


@pytest.mark.parametrize("password", ["", "abc123"])
def test_flower_lets_no_other_machine_in_without_a_password(
    wired: None, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("CDB_FLOWER_HOST", "0.0.0.0")
    monkeypatch.setenv("CDB_FLOWER_PASSWORD", password)
    wiring.reset()

    with pytest.raises(wiring.SettingsError, match=r"CDB_FLOWER_PASSWORD is (not set|shorter)") as refused:
        farm_services(wiring.settings())
    assert "CDB_FLOWER_HOST=127.0.0.1" in str(refused.value), "the cure"
    assert not password or password not in str(refused.value)


def test_there_may_be_no_flower(wired: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_FLOWER_PORT", "0")
    wiring.reset()

    assert "flower" not in [one.name for one in farm_services(wiring.settings())]


async def test_and_not_before(wired: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_FLOWER_PORT", str(free_port()))
    wiring.reset()

    assert not await of("flower").ready(1)


async def test_redis_is_ready_when_it_is_the_one_that_was_started(wired: None) -> None:
    service = redis_service(wiring.settings())

    assert await service.ready(wiring.redis().info("server")["process_id"])
    assert not await service.ready(1)
