"""A farm that trades, its console, and a Chromium that looks at it."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser

from tests.fixtures.browser import Tab, chromium, tab
from tests.fixtures.canned import Canned, Reply, served_canned
from tests.fixtures.commands import Commands, commands, until
from workers.ports import free_port

EAGER = {"CDB_STRATEGIES": "workers.chaos.eager:Strategy", "CDB_RISK__COOLDOWN__LIMIT_S": "0"}


@dataclass
class Farm:
    """A farm that trades, its commands, and where its console is."""

    cdb: Commands
    url: str
    up: "subprocess.Popen[str]"
    hook: Canned

    def has_told(self, words: str) -> bool:
        """Whether a person who is told by a web hook knows of it."""
        return any(words in body for body in self.hook.bodies)

    def asked(self, path: str) -> Any:
        """What the API answers."""
        with urlopen(f"{self.url}/api/v1{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def tell_venue(self, method: str, body: Any) -> None:
        """Switch faults of the simulated MEXC on (POST), or all off (DELETE)."""
        address = f"http://127.0.0.1:{self.cdb.env['CDB_VENUE_PORT']}/sim/faults"
        wanted = Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
        with urlopen(wanted, timeout=10) as answer:
            answer.read()


@contextmanager
def trading(**settings: str) -> Iterator[Farm]:
    """A farm that has executed its first order."""
    with commands() as cdb, served_canned() as hook:
        hook.answer("POST /hook", Reply(""))
        port = free_port()
        told = {"CDB_NOTIFY_URLS": f"json://{hook.url.removeprefix('http://')}/hook", "CDB_NOTIFY_GAP_S": "2"}
        cdb.env |= {**EAGER, **told, "CDB_CONSOLE_PORT": str(port), **settings}
        up = cdb.start("up")
        until(lambda: "is up" in cdb.said or up.poll() is not None, "the farm's start", 120)
        assert up.poll() is None, cdb.said
        until(lambda: bool(re.search(r"executions [1-9]", cdb.said)), "the first execution")
        yield Farm(cdb, f"http://127.0.0.1:{port}", up, hook)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of a module."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def farm(browser: Browser) -> Iterator[Farm]:
    """One for all tests of a module."""
    with trading() as running:
        yield running


@pytest.fixture
def desk(browser: Browser) -> Iterator[Tab]:
    """A tab at a desk, of which the browser must not complain."""
    with tab(browser) as opened:
        yield opened
        assert opened.complaints == []
