"""Which of several processes of a service does its work: the others stand by, and one takes over when it is gone."""

import os
from pathlib import Path
from socket import gethostname
from uuid import uuid4

import psutil
import redis

from app.bus.connection import Script
from app.bus.keys import Keys

BOOT = Path("/proc/sys/kernel/random/boot_id")
PIDS = Path("/proc/self/ns/pid")


class Leadership:
    """The lead of a service, as one process sees it; it lasts `lease_ms` unless it is held again.

    Whoever was killed on this machine is known to be gone, and replaced at once; of another machine, or of another
    container, that is known when its lease has run out. Everything here may raise BusError.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, service: str, lease_ms: int) -> None:
        self.service = service
        self.lease_ms = lease_ms
        self.key = keys.leader(service)
        self.token = process_token()
        self._lead = Script(client, "lead")
        self._resign = Script(client, "resign")

    def hold(self) -> str | None:
        """Take the lead, or go on with it; else who has it, as host and process id."""
        holder = self._try()
        if holder is not None and is_dead(holder):
            holder = self._try(holder)
        return None if holder is None else spoken(holder)

    def resign(self) -> None:
        """Let another have it."""
        self._resign([self.key], self.token)

    def _try(self, dead: str = "") -> str | None:
        holder: bytes | None = self._lead([self.key], self.token, self.lease_ms, dead)
        return None if holder is None else holder.decode()


def process_token() -> str:
    """What names this process in Redis, and tells whoever finds it there whether it lives; no two are the same."""
    return f"{_machine()}|{os.getpid()}|{gethostname()}|{uuid4().hex}"


def is_dead(token: str) -> bool:
    """Whether its process has run on this machine and is gone; of other machines nothing is known."""
    machine, pid, _, _ = token.split("|")
    return machine == _machine() and not psutil.pid_exists(int(pid))


def spoken(token: str) -> str:
    """Its process for people: host and process id."""
    _, pid, host, _ = token.split("|")
    return f"{host} {pid}"


def _machine() -> str:
    """What tells apart where process ids are told apart; not the name, which containers of two machines may share."""
    try:
        return f"{BOOT.read_text().strip()}.{PIDS.stat().st_ino}"
    except OSError:  # not Linux
        return f"{gethostname()}.{int(psutil.boot_time())}"
