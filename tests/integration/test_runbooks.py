"""Each command of each runbook is run as it stands there, in the page's order, on a farm in the page's trouble.

Redis, the database and the venue are real; workers work in this process. What cannot be run here is listed with the
reason: a command that is neither run nor listed fails a test.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from app import wiring
from app.cli.codes import FAILED, WRONG
from app.domain.orders import OUT_OF_REACH
from tasks import orders, upkeep
from tests.fixtures._channel import Channel
from tests.fixtures._pages import shown_lines
from tests.fixtures.farm import AtOnce, approved
from tests.fixtures.memory.builders import a_letter
from tests.fixtures.typed import Ended, Typed
from tests.fixtures.venue import ServedVenue

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"
RESTARTED = "deploy/cdb-websocket-screener deploy/cdb-execution deploy/cdb-upkeep"
PROGRAMS = ("cdb", "docker", "kubectl", "systemctl", "git", "make", "df", "kill")
COMMAND = re.compile(rf"(?:{'|'.join(PROGRAMS)}) \S")


def commands(page: str) -> list[str]:
    """What is to be typed, in the page's order: lines of blocks, and what stands in the text."""
    return [line for line in shown_lines((FOLDER / f"{page}.md").read_text()) if COMMAND.match(line)]


@dataclass
class Farm:
    """One that has begun, and what a page calls by a name."""

    cdb: Typed
    venue: ServedVenue
    monkeypatch: pytest.MonkeyPatch
    settings: Mapping[str, str]
    channel: Channel = field(default_factory=Channel)
    names: dict[str, str] = field(default_factory=lambda: {"2026-11-27": f"{wiring.now():%Y-%m-%d}"})

    def typed(self, *words: str) -> Ended:
        """A command, by a person who says yes."""
        self.monkeypatch.setattr("sys.stdin", StringIO("y\n"))
        return self.cdb(*words)

    def filled(self, words: str) -> str:
        """With what a page calls by a name."""
        for name, value in self.names.items():
            words = re.sub(rf"\b{name}\b", value, words)
        return words


class Run(NamedTuple):
    """A command as the page has it, its exit code and what it says; `first` is what somebody does before."""

    typed: str
    code: int
    says: str
    first: Callable[[Farm], None] = lambda farm: None


class Not(NamedTuple):
    """One that is not run here, and why."""

    typed: str
    why: str


A_FARM = "starts a farm for good, as tests/e2e/test_farm.py does"
THE_TESTS = "is about a checkout, and would run these tests"
ELSEWHERE = "looks at or steers a machine, containers or a cluster; there are none here"


def well(farm: Farm) -> None:
    """Nothing."""


def holding(farm: Farm) -> None:
    """A trade is open, and workers are quick."""
    farm.monkeypatch.setattr("app.trading_state.hand_on", AtOnce)
    farm.monkeypatch.setattr("tasks.upkeep.hand_on", AtOnce)
    name = approved()
    assert name is not None
    orders.place(name)
    orders.settle(name)
    farm.names["ORDER"] = name


def halted(farm: Farm) -> None:
    """The breaker has tripped while something is held."""
    holding(farm)
    farm.typed("halt", "--reason", "the breaker tripped: a trial")


def failed(farm: Farm) -> None:
    """What should follow an order that is at the venue has failed for good three times."""
    about = approved()
    assert about is not None
    orders.place(about)
    for number in range(3):
        letter = a_letter(f"task-{number}", name="tasks.orders.settle", at=wiring.now())
        wiring.letters().keep(replace(letter, args=f'["{about}"]', about=about))
    farm.names["ID"] = "1"


def last_one(farm: Farm) -> None:
    """The letter that is left."""
    wiring.letters().keep(a_letter("task-4", at=wiring.now()))
    farm.names["ID"] = "4"


def kept(farm: Farm) -> None:
    """There is a backup, the record is sealed, and somebody is told."""
    farm.channel.open()
    farm.monkeypatch.setenv("CDB_NOTIFY_URLS", f"json://127.0.0.1:{farm.channel.port}")
    upkeep.seal()
    farm.typed("backup")
    farm.names["SEQ:HASH"] = farm.typed("audit", "head").out.strip()


def without(setting: str, address: str) -> Callable[[Farm], None]:
    """Nobody answers there."""

    def take_away(farm: Farm) -> None:
        farm.monkeypatch.setenv(setting, address)

    return take_away


def back(setting: str) -> Callable[[Farm], None]:
    """It is there again."""

    def bring_back(farm: Farm) -> None:
        farm.monkeypatch.setenv(setting, farm.settings[setting])

    return bring_back


def unclear(farm: Farm) -> None:
    """An order had no answer, and the venue tells of it no more."""
    name = approved()
    assert name is not None
    claimed = wiring.orders().claim(name, at=wiring.now(), lease=timedelta(seconds=20))
    assert claimed is not None
    doubted = wiring.orders().doubt(claimed, "timed out", wiring.now())
    wiring.orders().hold(doubted, OUT_OF_REACH, wiring.now())
    farm.names["ORDER"] = name


def started(farm: Farm) -> None:
    """The farm, anew."""
    upkeep.begin()


def lost(farm: Farm) -> None:
    """The backup is of a time before the account was paid another 1,000 USDT."""
    wiring.books().adopt(Decimal(99_000), "a test", "test", wiring.now())
    farm.typed("backup")
    farm.names["NAME"] = farm.typed("backup", "list", "--json").plain[0]["name"]


PAGES: dict[str, tuple[Callable[[Farm], None], list[Run | Not]]] = {
    "README": (
        well,
        [
            Not("docker compose exec cdb_console", ELSEWHERE),
            Not("kubectl -n cdb exec deploy/cdb-console --", ELSEWHERE),
            Run("cdb halt --reason TEXT", 0, "HALTED"),
        ],
    ),
    "breaker-tripped": (
        halted,
        [
            Run("cdb status", 0, "HALTED"),
            Run("cdb reconcile", 0, "agree"),
            Run("cdb notify report --day 2026-11-27", 0, "quity"),
            Run("cdb explain ORDER", 0, "filled"),
            Run('cdb flatten --reason "the strategy has gone wrong"', 0, "trades_left: 0"),
            Run('cdb resume --reason "momentum is off, the rest may go on"', 0, "trading_state: ACTIVE"),
            Run("cdb status", 0, "ACTIVE"),
            Run("cdb audit verify", 0, "Intact"),
        ],
    ),
    "checks": (
        kept,
        [
            Run("cdb status", 0, "they agree"),
            Run("cdb doctor", 0, "agree with the venue"),
            Run("cdb failed list", 0, "No task has failed"),
            Run("cdb notify report", FAILED, "There was no farm on"),
            Run("cdb backup verify", 0, "is good"),
            Run("cdb audit verify", 0, "Intact"),
            Run("cdb audit head", 0, ":"),
            Run("cdb notify test", 0, "json://"),
            Run("cdb audit head", 0, ":"),
            Run("cdb audit verify --head SEQ:HASH", 0, "Intact"),
            Not("make check", THE_TESTS),
        ],
    ),
    "database-down": (
        without("CDB_DATABASE_URL", "postgresql://postgres@127.0.0.1:1/cdb"),
        [
            Run("cdb doctor", FAILED, "database"),
            Not("systemctl status postgresql", ELSEWHERE),
            Not("df -h", ELSEWHERE),
            Not("docker compose logs cdb_postgres", ELSEWHERE),
            Run("cdb doctor", 0, "agree with the venue", back("CDB_DATABASE_URL")),
            Run("cdb reconcile", 0, "agree"),
            Run("cdb failed list", 0, "No task has failed"),
        ],
    ),
    "dead-letters": (
        failed,
        [
            Run("cdb failed list", 0, "tasks.orders.settle"),
            Run("cdb failed show ID", 0, "ValueError: no such thing"),
            Run("cdb failed rerun ID --dry-run", 0, "tasks.orders.settle"),
            Run('cdb failed rerun ID --reason "the disk has room again"', 0, "1"),
            Run('cdb failed rerun --all-of tasks.orders.settle --reason "the venue answers again"', 0, "2"),
            Run('cdb failed discard ID --reason "its bar is long gone"', 0, "discarded", last_one),
            Run("cdb failed list", 0, "No task has failed"),
        ],
    ),
    "feed-silent": (
        well,
        [
            Run("cdb status", 0, "silent"),
            Run("cdb doctor", 0, "agree with the venue"),
            Run("cdb status", 0, "silent"),
            Run("cdb doctor", 0, "agree with the venue"),
            Run("cdb status", 0, "silent"),
            Run("cdb doctor", 0, "agree with the venue"),
            Not("cdb feed", "hears for good, as tests/integration/test_feeds.py has it"),
            Run('cdb halt --reason "no prices"', 0, "HALTED"),
            Run("cdb status", 0, "HALTED"),
        ],
    ),
    "key-rotation": (
        well,
        [
            Run("cdb doctor", 0, "accepted"),
            Not("docker compose exec cdb_execution cdb keys reload", ELSEWHERE),
            Run("cdb keys reload", WRONG, "nothing to replace"),  # on paper; in earnest: test_keys.py
            Run("cdb keys list", 0, ""),
            Run("cdb doctor", 0, "accepted"),
            Run("cdb reconcile", 0, "agree"),
            Run('cdb halt --reason "rotating the keys"', 0, "HALTED"),
            Not("systemctl restart cdb", ELSEWHERE),
            Not("docker compose restart cdb_websocket_screener cdb_execution cdb_upkeep", ELSEWHERE),
            Not(f"kubectl -n cdb rollout restart {RESTARTED}", ELSEWHERE),
            Run("cdb doctor", 0, "accepted"),
            Run("cdb reconcile", 0, "agree"),
            Run('cdb resume --reason "new keys are in place"', 0, "trading_state: ACTIVE"),
            Run("cdb doctor", 0, "accepted"),
        ],
    ),
    "memory-high": (
        well,
        [
            Not("docker stats", ELSEWHERE),
            Not("kubectl -n cdb top pod", ELSEWHERE),
            Run("cdb status", 0, "they agree"),
            Not("kill -TERM", ELSEWHERE),
            Not("docker compose restart NAME", ELSEWHERE),
        ],
    ),
    "redis-down": (
        without("CDB_REDIS_URL", "redis://127.0.0.1:1/0"),
        [
            Run("cdb doctor", FAILED, "Redis"),
            Not("systemctl status redis-server", ELSEWHERE),
            Not("docker compose logs cdb_redis", ELSEWHERE),
            Not("cdb up", A_FARM),
            Run("cdb status", 0, "they agree", back("CDB_REDIS_URL")),
            Run("cdb status", 0, "they agree"),
            Run("cdb doctor", 0, "agree with the venue"),
        ],
    ),
    "restore": (
        lost,
        [
            Run("cdb doctor", 0, "agree with the venue"),
            Run("cdb audit verify", 0, "Intact"),
            Not("systemctl stop cdb", ELSEWHERE),
            Not("docker compose stop", ELSEWHERE),
            Not("docker compose --profile books run --rm cdb_books", ELSEWHERE),
            Run("cdb backup list", 0, "no"),
            Run("cdb backup verify", 0, "is good"),
            Run("cdb restore NAME", 0, ""),
            Run("cdb reconcile", FAILED, "balance", started),
            Run("cdb audit verify", 0, "Intact"),
            Run('cdb reconcile --adopt-balance --reason "restored the backup of this morning"', 0, "100000"),
            Run('cdb reconcile --accept-gap --reason "restored the backup of this morning"', 0, "there is no gap"),
            Run('cdb resume --reason "restored, and the books agree"', 0, "trading_state: ACTIVE"),
            Run("cdb reconcile", 0, "agree"),
            Run("cdb status", 0, "ACTIVE"),
        ],
    ),
    "service-down": (
        holding,
        [
            Run("cdb status", 0, "they agree"),
            Run("cdb doctor", 0, "agree with the venue"),
            Not("cdb up", A_FARM),
            Not("docker compose logs NAME", ELSEWHERE),
            Not("kubectl -n cdb logs deploy/NAME", ELSEWHERE),
            Run("cdb doctor", 0, "agree with the venue"),
            Run('cdb flatten --reason "ticks cannot be started"', 0, "trades_left: 0"),
            Not("cdb up", A_FARM),
            Not("systemctl restart cdb", ELSEWHERE),
            Not("docker compose up --detach", ELSEWHERE),
            Run("cdb status", 0, "HALTED"),
            Run("cdb status", 0, "HALTED"),
            Run("cdb failed list", 0, "No task has failed"),
        ],
    ),
    "unknown-order": (
        unclear,
        [
            Run("cdb status", 0, "1"),
            Run("cdb explain ORDER", 0, "unknown"),
            Run("cdb doctor", 0, "agree with the venue"),
            Run("cdb reconcile", 0, "agree"),
            Run('cdb expire ORDER --reason "looked at the venue\'s page: never there"', 0, "expired"),
            Run("cdb explain ORDER", 0, "expired"),
            Run("cdb reconcile", 0, "agree"),
        ],
    ),
    "upgrade": (
        well,
        [
            Run("cdb version", 0, "0."),
            Run("cdb backup", 0, "backups"),
            Run("cdb backup verify", 0, "is good"),
            Run('cdb reduce --reason "upgrade"', 0, "REDUCING"),
            Not("git pull && make setup", THE_TESTS),
            Not("systemctl restart cdb", ELSEWHERE),
            Not("docker compose --env-file deploy/compose/live.env up --build --detach", ELSEWHERE),
            Not("kubectl -n cdb delete job cdb-migrate --ignore-not-found", ELSEWHERE),
            Not("kubectl apply -k deploy/kubernetes/live", ELSEWHERE),
            Run("cdb migrate", 0, "up to date"),
            Run("cdb doctor", 0, "agree with the venue"),
            Run("cdb reconcile", 0, "agree"),
            Run("cdb audit verify", 0, "Intact"),
            Run('cdb resume --reason "upgraded"', 0, "trading_state: ACTIVE"),
        ],
    ),
}


@pytest.fixture
def farm(
    typed: Typed, begun: ServedVenue, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Farm]:
    """It trades at a simulated venue, and is well."""
    values = {"CDB_EXCHANGE_REST_URL": begun.rest_url, "CDB_EXCHANGE_WS_URL": begun.ws_url}
    for name, value in {**farm_settings, **values}.items():
        monkeypatch.setenv(name, value)
    made = Farm(typed, begun, monkeypatch, farm_settings)
    yield made
    made.channel.close()


@pytest.mark.parametrize("page", sorted(path.stem for path in FOLDER.glob("*.md")))
def test_each_command_of_a_runbook_is_run_or_listed_as_not_run(page: str) -> None:
    assert [one.typed for one in PAGES[page][1]] == commands(page)


@pytest.mark.parametrize(
    "page", [page for page, (_, steps) in PAGES.items() if any(isinstance(one, Run) for one in steps)]
)
def test_a_runbook_s_commands_end_as_it_says(page: str, farm: Farm) -> None:
    trouble, steps = PAGES[page]
    trouble(farm)
    for step in steps:
        if isinstance(step, Run):
            step.first(farm)
            ended = farm.typed(*shlex.split(farm.filled(step.typed))[1:])
            assert (ended.code, step.says in ended.out + ended.err) == (step.code, True), ended
