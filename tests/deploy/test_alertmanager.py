"""Who is told of what: by a real Alertmanager with what is shipped, but for where it sends."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import pytest

from tests.deploy.monitoring import DEPLOY, ran, read, rules
from tests.fixtures.alertmanager import alertmanager
from tests.fixtures.commands import until

FILE = DEPLOY / "alertmanager" / "alertmanager.yml"
WORDS = {"alertname", "severity", "job", "queue", "service"}
Labels = dict[str, str]


def alert(name: str, **labels: str) -> Labels:
    """As the rules label it."""
    return {"alertname": name, **rules("alert")[name]["labels"], **labels}


def config() -> Any:
    """What is shipped, at once: nobody waits for what else may come."""
    found = read(FILE)
    for route in (found["route"], *found["route"]["routes"]):
        route["group_wait"] = "0s"
    return found


def silent() -> Any:
    """The same without anybody to send to."""
    return {**config(), "global": {}, "receivers": [{"name": one["name"]} for one in read(FILE)["receivers"]]}


def test_the_configuration_is_valid() -> None:
    assert "SUCCESS" in ran("alertmanager", "amtool", "check-config", FILE)


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "everywhere"), ("warning", "channel")])
def test_each_severity_has_its_receiver(severity: str, receiver: str) -> None:
    ran("alertmanager", "amtool", "config", "routes", "test", f"--config.file={FILE}",
        f"--verify.receivers={receiver}", f"severity={severity}")  # fmt: skip


def test_what_inhibits_and_what_is_inhibited_are_alerts_that_there_are() -> None:
    said = [text for rule in read(FILE)["inhibit_rules"] for side in rule.values() for text in side]
    names = {name for text in said if text.startswith("alertname") for name in _values(text)}

    assert names <= set(rules("alert"))
    assert {text.split()[0] for text in said} <= WORDS


def test_no_secret_is_written_there() -> None:
    keys = set(_keys(read(FILE)))

    assert {"slack_api_url_file", "smtp_auth_password_file"} <= keys
    assert not keys & {"slack_api_url", "api_url", "smtp_auth_password", "auth_password", "routing_key", "bot_token"}


@pytest.mark.parametrize(
    ("cause", "follows", "goes_on"),
    [
        pytest.param(
            alert("RedisDown"),
            [alert("FeedSilent"), alert("ServiceUnhealthy", service="risk"), alert("TasksFail", task="find")],
            [alert("TradesUnprotected"), alert("OrderUnknown"), alert("ServiceDown", job="cdb_ticks")],
            id="redis",
        ),
        pytest.param(
            alert("DatabaseDown"),
            [alert("ServiceUnhealthy", service="risk"), alert("BooksNotCompared"), alert("AuditsUnsealed")],
            [alert("FeedSilent"), alert("TradesUnprotected")],
            id="database",
        ),
        pytest.param(
            alert("ServiceDown", job="cdb_websocket_screener"),
            [alert("FeedSilent"), alert("SymbolsStale")],
            [alert("QueueStandsStill", queue="risk"), alert("FiguresOld")],
            id="feed",
        ),
        pytest.param(
            alert("ServiceDown", job="cdb_upkeep"),
            [alert("FiguresOld"), alert("QueueStandsStill", queue="upkeep")],
            [alert("FeedSilent"), alert("OrderUnknown")],
            id="upkeep",
        ),
        pytest.param(
            alert("ServiceDown", job="cdb_execution"),
            [alert("QueueStandsStill", queue="orders")],
            [alert("MailboxStandsStill", shard="0")],
            id="orders",
        ),
        pytest.param(
            alert("ServiceDown", job="cdb_execution"),
            [],
            [alert("QueueStandsStill", queue="risk")],
            id="orders, and another queue",
        ),
        pytest.param(
            alert("ServiceDown", job="cdb_ticks"),
            [alert("MailboxStandsStill", shard="0"), alert("QueueStandsStill", queue="ticks")],
            [alert("TradesUnprotected")],
            id="ticks",
        ),
        pytest.param(
            alert("TradingHalted"),
            [alert("DrawdownNearLimit"), alert("DailyLossNearLimit")],
            [alert("ExposureOverLimit"), alert("DrawdownUnanswered")],
            id="halt",
        ),
        pytest.param(alert("ExposureFarOverLimit"), [alert("ExposureOverLimit")], [], id="exposure"),
    ],
)
def test_what_follows_from_something_is_held_back(
    tmp_path: Path, cause: Labels, follows: list[Labels], goes_on: list[Labels]
) -> None:
    told = {one["alertname"]: one in follows for one in (cause, *follows, *goes_on)}
    with alertmanager(tmp_path, silent()) as told_of:
        told_of.tell(cause)
        until(lambda: cause["alertname"] in told_of.held_back(), "the cause's turn", 20)
        told_of.tell(*follows, *goes_on)
        until(lambda: len(told_of.held_back()) == len(told), "everybody's turn", 20)

        assert told_of.held_back() == told


@pytest.fixture
def slack() -> Iterator[tuple[str, "SimpleQueue[Any]"]]:
    """Where Slack would be, and what it was sent."""
    sent: SimpleQueue[Any] = SimpleQueue()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_request(self, *args: object) -> None:
            """No news."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", sent
        server.shutdown()


def test_a_message_says_what_is_wrong_the_cure_and_the_runbook(
    tmp_path: Path, slack: tuple[str, "SimpleQueue[Any]"]
) -> None:
    address, sent = slack
    (tmp_path / "secret").write_text(address)
    changed = config()
    changed["global"]["slack_api_url_file"] = str(tmp_path / "secret")
    annotations = rules("alert")["RedisDown"]["annotations"]

    with alertmanager(tmp_path, changed) as told_of:
        told_of.tell(alert("RedisDown"), **annotations)
        try:
            message = sent.get(timeout=20)
        except Empty:
            pytest.fail((tmp_path / "log").read_text())

    (shown,) = message["attachments"]
    assert shown["title"].strip() == f"FIRING: {annotations['summary']}"
    assert annotations["description"] in shown["text"]
    assert annotations["runbook"] in shown["text"]


def _values(matcher: str) -> list[str]:
    return matcher.partition("=")[2].removeprefix("~").strip().strip('"').split("|")


def _keys(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        yield from found
        found = list(found.values())
    if isinstance(found, list):
        for one in found:
            yield from _keys(one)
