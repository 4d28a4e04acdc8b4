"""Where Prometheus asks: a small HTTP server beside the work, in a thread of its own."""

import os
import weakref
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Event, Thread

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

log = structlog.get_logger()

RETRY_S = 5.0


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    registry: CollectorRegistry


class _Answer(BaseHTTPRequestHandler):
    timeout = 5
    server: _Server

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404)
            return
        body = generate_latest(self.server.registry)
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *args: object) -> None:
        """Questions are no news."""


class Endpoint:
    """Answers GET /metrics on host:port with what the collectors say; port 0 is off. `cure` tells a taken port's."""

    def __init__(self, host: str, port: int, *collectors: Collector, cure: str) -> None:
        self._address = (host, port)
        self._cure = cure
        self._registry = CollectorRegistry()
        for one in collectors:
            self._registry.register(one)
        self._server: _Server | None = None
        self._stopped = Event()

    def begin(self) -> None:
        """Answer from now on, or as soon as whoever has the port leaves it; never keeps the caller from its work."""
        if not self._address[1]:
            return
        mine = weakref.WeakMethod(self._forget)  # a child that lives on must not hold the port
        os.register_at_fork(after_in_child=lambda: (found := mine()) and found())
        self._open(first=True)
        Thread(target=self._serve, name="metrics", daemon=True).start()

    def end(self) -> None:
        """Leave the port."""
        self._stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _open(self, *, first: bool = False) -> None:
        try:
            self._server = _Server(self._address, _Answer)
            self._server.registry = self._registry
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

    def _forget(self) -> None:
        if self._server is not None:
            self._server.socket.close()
