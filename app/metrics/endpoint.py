"""Where Prometheus asks: a small HTTP server beside the work, in a thread of its own."""

import json
import os
import weakref
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Event, Thread
from typing import Any, Protocol

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.metrics.health import Health
from app.metrics.resources import Resources

log = structlog.get_logger()

RETRY_S = 5.0
LOOK_S = 5.0
HEALTH = "service_health"
HEALTH_MEANING = "1 if the service makes progress and has all that it needs, else 0"


class Telling(Protocol):
    """Who is told how the service is: `{service, healthy, reason}`."""

    def change(self, told: Mapping[str, Any]) -> None:
        """At the beginning, and whenever that changes."""
        ...

    def look(self, told: Mapping[str, Any]) -> None:
        """Every few seconds."""
        ...

    def end(self) -> None:
        """The service ends as it should."""
        ...


class _Healthy(Collector):
    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(HEALTH, HEALTH_MEANING, labels=("service",))
        family.add_metric((self._health.service,), self._health.ready()[0])
        yield family


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    registry: CollectorRegistry
    health: Health


class _Answer(BaseHTTPRequestHandler):
    timeout = 5
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._send(200, CONTENT_TYPE_LATEST, generate_latest(self.server.registry))
        elif path == "/health":
            self._judge(self.server.health.health())
        elif path == "/ready":
            self._judge(self.server.health.ready())
        else:
            self.send_error(404)

    def _judge(self, verdict: tuple[bool, dict[str, Any]]) -> None:
        is_well, told = verdict
        self._send(200 if is_well else 503, "application/json", json.dumps(told).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *args: object) -> None:
        """Questions are no news."""


class Endpoint:
    """Answers on host:port; port 0 is none. `cure` tells a taken port's.

    GET /metrics with what the collectors say, /health and /ready with 200, or 503 and the reason. `telling` hears
    whether the service is ready, also where nobody can ask.
    """

    def __init__(
        self, host: str, port: int, *collectors: Collector, health: Health, telling: Telling, cure: str
    ) -> None:
        self._address = (host, port)
        self._cure = cure
        self._health = health
        self._telling = telling
        self._registry = CollectorRegistry()
        for one in (*collectors, _Healthy(health), Resources(health.service)):
            self._registry.register(one)
        self._server: _Server | None = None
        self._watching: Thread | None = None
        self._stopped = Event()

    def begin(self) -> None:
        """Answer from now on, or as soon as whoever has the port leaves it; never keeps the caller from its work."""
        self._watching = Thread(target=self._watch, name="health", daemon=True)
        self._watching.start()
        if not self._address[1]:
            return
        mine = weakref.WeakMethod(self._forget)  # a child that lives on must not hold the port
        os.register_at_fork(after_in_child=lambda: (found := mine()) and found())
        self._open(first=True)
        Thread(target=self._serve, name="metrics", daemon=True).start()

    def end(self) -> None:
        """Leave the port, once what is told is told."""
        self._stopped.set()
        if self._watching is not None:
            self._watching.join(LOOK_S)
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _open(self, *, first: bool = False) -> None:
        try:
            self._server = _Server(self._address, _Answer)
            self._server.registry, self._server.health = self._registry, self._health
        except (OSError, OverflowError) as error:  # somebody else has the port, or the host is none of ours
            if first:
                address = "{}:{}".format(*self._address)
                log.warning("metrics are not served", address=address, reason=str(error), cure=self._cure)

    def _serve(self) -> None:
        while self._server is None:
            if self._stopped.wait(RETRY_S):
                return
            self._open()
        self._server.serve_forever()

    def _watch(self) -> None:
        before: bool | None = None
        while not self._stopped.is_set():
            told = self._health.told()
            if told["healthy"] != before:
                self._telling.change(told)
                before = told["healthy"]
            self._telling.look(told)
            self._stopped.wait(LOOK_S)
        self._telling.end()

    def _forget(self) -> None:
        if self._server is not None:
            self._server.socket.close()
