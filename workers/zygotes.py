"""Copies of a process that has imported what services need, each of which becomes one: imports are most of a start.

Only for the first start: a process with threads must not be copied. What is restarted begins as a new program.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import re
import runpy
import signal
import socket
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from setproctitle import setproctitle

PR_SET_PDEATHSIG = 1
MOST_BYTES = 1 << 20
PYTHON = (sys.executable, "-m")


class Grown:
    """A zygote that has become a service, as asyncio's processes look."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def terminate(self) -> None:
        """Ask it to end."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGTERM)


@dataclass(slots=True)
class Zygotes:
    """Those that wait to be told what to become; none where they cannot be had."""

    waiting: list[tuple[int, socket.socket]] = field(default_factory=list)

    @classmethod
    def of_this_process(cls, count: int, needed: Sequence[str] = (), begin: Callable[[], object] = bool) -> Self:
        """So many copies; in each of them this returns only by SystemExit, when its service has ended.

        `needed` are modules that most of them will import, `begin` is what forgets the state of this process.
        """
        found = cls()
        if sys.platform != "linux" or threading.active_count() > 1:
            return found
        for module in needed:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()  # what no collection touches stays shared
        for _ in range(count):
            found._breed(begin)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.dismiss()

    def become(self, command: Sequence[str], env: Mapping[str, str], output: int) -> Grown | None:
        """One of them as `python -m MODULE …`; None if that is not what `command` is, or none is left."""
        if tuple(command[:2]) != PYTHON:
            return None
        message = json.dumps([command[2:], dict(env)]).encode()
        while self.waiting:
            pid, told = self.waiting.pop()
            with told, contextlib.suppress(OSError):  # somebody has killed it
                socket.send_fds(told, [message], [output])
                return Grown(pid)
            os.waitpid(pid, 0)
        return None

    def dismiss(self) -> None:
        """Let those end that nobody needs."""
        for pid, told in self.waiting:
            told.close()
            os.waitpid(pid, 0)
        self.waiting.clear()

    def _breed(self, begin: Callable[[], object]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        pid = os.fork()
        if pid:
            theirs.close()
            self.waiting.append((pid, ours))
            return
        os.setsid()
        die_with_parent()
        for one in (ours, *(told for _, told in self.waiting)):  # its end is noticed when nobody else holds it
            one.close()
        _grow(theirs, parent, begin)


def die_with_parent() -> None:
    """In a child: whoever kills the farm's own process ends its services too, orphans would trade on."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _grow(told: socket.socket, parent: int, begin: Callable[[], object]) -> None:
    with told:
        message, (*outputs,), _, _ = socket.recv_fds(told, MOST_BYTES, 1)
    if not message or os.getppid() != parent:
        os._exit(0)
    (module, *arguments), env = json.loads(message)
    _take_over(outputs[0])
    setproctitle(" ".join((*PYTHON, module, *arguments)))  # before the environment moves, beside which titles are
    os.environ.update(env)
    _heed_warnings(env.get("PYTHONWARNINGS", ""))
    begin()
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Exception:  # noqa: BLE001  as the interpreter does
        traceback.print_exc()
        raise SystemExit(1) from None
    raise SystemExit


def _take_over(output: int) -> None:
    """Nothing to read, and one place for all that is said."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(given, number)
    os.close(nothing)
    os.close(output)
    for stream in (sys.stdout, sys.stderr):
        out: Any = stream
        out.reconfigure(line_buffering=True)


def _heed_warnings(options: str) -> None:
    """As the interpreter does with PYTHONWARNINGS when it begins: action:message, and so on."""
    for option in filter(None, options.split(",")):
        action, _, message = option.partition(":")
        kind: Any = action
        warnings.filterwarnings(kind, re.escape(message))
