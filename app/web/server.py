"""Serves the console until it is told to stop."""

import socket

import uvicorn

from app import wiring
from app.web.application import guarded
from app.web.errors import PortTaken

BACKLOG = 128
KEEP_ALIVE_S = 75
MOST_CONNECTIONS = 400
STOP_S = 2


def serve(console: wiring.Console) -> None:
    """Until SIGTERM or Ctrl-C; PortTaken if it cannot listen."""
    listening = _listen(console)
    config = uvicorn.Config(
        guarded(console),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        limit_concurrency=MOST_CONNECTIONS,
        lifespan="on",
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listen(console: wiring.Console) -> socket.socket:
    family = socket.AF_INET6 if ":" in console.host else socket.AF_INET
    # Its protocol is named, for asyncio lets small answers go at once only where it is; else each waits for 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((console.host, console.port))
    except OSError as error:
        listening.close()
        cure = "Give the console another one, CDB_CONSOLE_PORT, or end what has this one"
        raise PortTaken(f"{console.host}:{console.port} cannot be listened on: {error.strerror}. {cure}") from error
    listening.listen(BACKLOG)
    return listening
