"""A re-run is the same by command, by program and by page: once, audited, also when Redis is emptied in between."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from app import reruns, wiring
from app.cli.codes import FAILED, WRONG
from app.domain.letters import LetterState
from app.domain.market import instant_text
from app.domain.orders import OrderState
from app.domain.risk import TradingState
from app.steps.rerun_letters import SOMEBODY_WAS_FASTER
from models import AuditRow, DeadLetterRow
from tasks import orders, upkeep
from tests.fixtures.console import LOCKED, TOKEN, Visit, with_session
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import approved
from tests.fixtures.memory.builders import a_letter, a_signal
from tests.fixtures.typed import Typed
from tests.fixtures.venue import ServedVenue
from tests.fixtures.workers import queued

Way = Callable[..., Awaitable[Any]]
S = LetterState
WHY = {"reason": "mended", "by": "ann"}
HALTED = "trading is HALTED, and this would enter; first: cdb resume --reason TEXT"


@dataclass(frozen=True)
class Asked:
    """One way to ask for re-runs; each returns what it was told of each letter."""

    name: str
    typed: Typed
    visit: Visit
    quiet: Callable[[], object]

    async def rerun(self, *numbers: int, dry_run: bool = False) -> list[dict[str, Any]]:
        if self.name == "command":
            self.quiet()
            options = ("--dry-run",) if dry_run else ("--reason", "mended", "--by", "ann", "--yes")
            rows: list[dict[str, Any]] = self.typed("failed", "rerun", *map(str, numbers), *options, "--json").plain
            return rows
        letters = [{"number": number} for number in numbers]
        body = {**WHY, "letters": letters, "dry_run": dry_run}
        answer = await (await self.browser()).post("/api/v1/dead-letters/rerun", json=body)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["rows"]
        return found

    async def browser(self) -> httpx.AsyncClient:
        if self.name == "program":
            return self.visit(LOCKED, Authorization=f"Bearer {TOKEN}")
        return await with_session(self.visit())

    @property
    def by(self) -> str:
        return {"command": "ann", "program": "ann by API", "page": "ann in the console"}[self.name]


@pytest.fixture(params=["command", "program", "page"])
def asked(
    request: pytest.FixtureRequest,
    typed: Typed,
    begun: ServedVenue,
    visit_begun: Visit,
    capsys: pytest.CaptureFixture[str],
) -> Asked:
    """Each way, over a farm that has begun and has no worker."""
    return Asked(request.param, typed, visit_begun, capsys.readouterr)


def failed_order() -> str:
    """An approved order, which nobody could send; its letter has the number 1."""
    name = approved()
    assert name is not None
    wiring.letters().keep(a_letter(args=json.dumps([name]), about=name))
    return name


def audits(event: str) -> list[dict[str, Any]]:
    with wiring.database().reading() as session:
        return list(session.scalars(select(AuditRow.data).where(AuditRow.event_type == event)))


def time_passes() -> None:
    with wiring.database().writing() as session:
        session.execute(update(DeadLetterRow).values(deadline=wiring.now() - timedelta(seconds=1)))


async def test_a_failed_order_is_looked_at_run_again_once_and_audited(asked: Asked) -> None:
    name = failed_order()

    [planned] = await asked.rerun(1, dry_run=True)
    assert wiring.letters().get("1").state is S.WAITING
    [first], [second] = await asked.rerun(1), await asked.rerun(1)

    assert (planned["about"], planned["times"], planned["refused"], planned["run"]) == (name, 1, "", 0)
    assert planned["does"].startswith("send buy ")
    assert (first["run"], first["refused"]) == (1, "")
    assert (second["run"], second["refused"]) == (0, f"it is being run again just now: mended ({asked.by})")
    assert [one["headers"]["cdb_rerun"] for one in queued("orders")] == [1]
    [told] = audits("letter.rerunning")
    assert (told["by"], told["reason"], told["task_id"], told["run"]) == (asked.by, "mended", "task-1", 1)


async def test_what_redis_forgets_after_the_click_is_not_lost(asked: Asked) -> None:
    name = failed_order()
    wiring.redis().flushall()
    await asked.rerun(1)
    wiring.redis().flushall()

    time_passes()
    assert upkeep.keep_letters() == 1
    assert wiring.letters().get("1").state is S.WAITING
    assert [one["run"] for one in await asked.rerun(1)] == [2]
    assert [one["headers"]["cdb_rerun"] for one in queued("orders")] == [2]
    assert orders.place(name) == name
    time_passes()
    assert upkeep.keep_letters() == 1
    assert (wiring.letters().get("1").state, wiring.letters().get("1").note) == (
        S.DONE,
        "its order is at the venue already, and is followed there",
    )


async def test_an_entry_is_refused_while_trading_is_halted(asked: Asked) -> None:
    failed_order()
    wiring.ledger().set_state(TradingState.HALTED, "news", "bob", wiring.now())

    assert [one["refused"] for one in await asked.rerun(1)] == [HALTED]
    assert queued("orders") == []


async def test_of_several_each_link_is_told_for_itself(asked: Asked) -> None:
    at, name = wiring.now(), failed_order()
    wiring.signals().save(a_signal("ANOTHER", symbol="ETH/USDT", bar_end=at, found_at=at))
    closes = [[["BTC/USDT", "1s", instant_text(at)]], "frame", 0]
    for letter in (
        a_letter("find", name="tasks.signals.find", args=json.dumps(closes), about="", kind="DatabaseError"),
        a_letter("approve", name="tasks.risk.approve", args='["ANOTHER"]', kind="WorkerLostError"),
        a_letter("settle", name="tasks.orders.settle", args=json.dumps([name]), kind="TimeLimitExceeded"),
        a_letter("drain", name="tasks.ticks.drain", args="[0]", about="", repeats=True),
        a_letter("sweep", name="tasks.upkeep.sweep", args="[]", about="", repeats=True),
        a_letter("broken", kind="NoTask", message="application/json 5"),
        a_letter("nobody", name="tasks.orders.nobody", kind="UnknownTask"),
    ):
        wiring.letters().keep(letter)

    told = await asked.rerun(*range(1, 9))
    again = await asked.rerun(*range(1, 9))

    assert [one["run"] for one in told] == [1, 1, 1, 0, 0, 0, 0, 0]
    assert [one["refused"].partition(";")[0].partition(",")[0] for one in told] == [
        "",
        "",
        "",
        "its order was not sent",
        "the farm sends it again by itself",
        "the farm sends it again by itself",
        "the message could not be read",
        "there is still no task tasks.orders.nobody",
    ]
    assert all(one["refused"] and not one["run"] for one in again)
    assert [len(queued(queue)) for queue in ("signals", "risk", "orders")] == [1, 1, 1]


# --- by command


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_all_of_a_kind_are_run_again_or_discarded_by_one_command(typed: Typed, begun: ServedVenue) -> None:
    failed_order()
    for number in range(3):
        wiring.letters().keep(a_letter(f"find-{number}", name="tasks.signals.find", kind="NoBar", args="[]", about=""))

    ran = typed("failed", "rerun", "--all-of", "orders.place", "--reason", "mended", "--yes")
    dropped = typed("failed", "discard", "--all-of", "NoBar", "--reason", "old", "--yes")

    assert (ran.code, dropped.code) == (0, 0)
    assert "tasks.orders.place" in ran.out
    assert "runs" in ran.out
    assert dropped.out.splitlines() == ["2: discarded", "3: discarded", "4: discarded"]
    assert [told["reason"] for told in audits("letter.discarded")] == ["old"] * 3
    assert typed("failed", "list", "--state", "discarded", "--json").plain[0]["note"].startswith("old (")
    assert typed("failed", "list").out == "No task has failed for good.\n"
    assert typed("failed", "list", "--state", "done").out == "There is none in that state.\n"


def test_of_many_of_a_kind_the_oldest_are_taken_and_that_is_told(
    typed: Typed, wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reruns, "MOST", 2)
    for number in range(3):
        wiring.letters().keep(a_letter(f"task-{number}"))

    ended = typed("failed", "discard", "--all-of", "ValueError", "--reason", "old", "--yes", "--json")

    assert ended.plain == [{"number": 1, "refused": ""}, {"number": 2, "refused": ""}]
    assert "These are the 2 oldest; the same command again goes on." in ended.err


def test_what_fails_again_while_it_is_discarded_is_not_discarded(wired: None) -> None:
    wiring.letters().keep(a_letter())
    [seen] = reruns.chosen(["1"])
    wiring.letters().claim(1, 1, reason="", by="", at=wiring.now(), deadline=wiring.now())
    wiring.letters().keep(a_letter(run=1))

    [discarded] = reruns.discard([seen], "old", "ann")

    assert discarded.refused == SOMEBODY_WAS_FASTER
    assert wiring.letters().get("1").state is S.FAILED_AGAIN


def test_what_failed_again_is_listed_so(typed: Typed, wired: None) -> None:
    wiring.letters().keep(a_letter())
    wiring.letters().claim(1, 1, reason="", by="", at=wiring.now(), deadline=wiring.now())
    wiring.letters().keep(a_letter(run=1))

    assert "failed again, ValueError: no such thing" in typed("failed", "list").out


def test_a_dry_run_tells_what_is_refused_by_its_exit_code(typed: Typed, begun: ServedVenue) -> None:
    name = failed_order()
    orders.place(name)

    ended = typed("failed", "rerun", "1", "--dry-run")

    assert ended.code == FAILED
    assert "refused" in ended.out
    assert "its order is at the venue already" in ended.out


def test_what_was_done_about_a_letter_is_shown(typed: Typed, begun: ServedVenue) -> None:
    failed_order()
    typed("failed", "rerun", "1", "--reason", "mended", "--by", "ann", "--yes")

    shown = typed("failed", "show", "1").out

    assert "Dead letter 1: tasks.orders.place, rerunning" in shown
    assert "What was done about it\n  mended (ann)\n  runs again: 1\n" in shown
    assert "it is being run again just now" in typed("failed", "discard", "1", "--reason", "x", "--yes").out


def test_a_command_asks_first(typed: Typed, begun: ServedVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []
    monkeypatch.setattr("typer.confirm", lambda question, **_: questions.append(question))
    failed_order()

    ran = typed("failed", "rerun", "1", "--reason", "mended")
    again = typed("failed", "rerun", "1", "--reason", "mended")
    wiring.letters().keep(a_letter("another"))
    typed("failed", "discard", "another", "--reason", "old")

    assert questions == ["Run 1 dead letter again?", "Discard 1 dead letter?"]
    assert "would run" in ran.err
    assert "is run again" not in ran.err, "the answer is enough; the log tells it where the farm is"
    assert (again.code, again.err.splitlines()[-1]) == (FAILED, "Nothing can be run again.")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("rerun",), WRONG, "Name dead letters by ID"),
        (("rerun", "1", "--all-of", "KeyError"), WRONG, "Name dead letters by ID"),
        (("rerun", "1", "--yes"), WRONG, "--reason is empty"),
        (("discard", "1", "--yes"), WRONG, "--reason is empty"),
        (("rerun", "9", "--dry-run"), FAILED, "There is no dead letter 9"),
        (("rerun", "--all-of", "KeyError", "--dry-run"), FAILED, "No dead letter of KeyError waits"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    typed: Typed, wired: None, arguments: tuple[str, ...], code: int, told: str
) -> None:
    wiring.letters().keep(a_letter())

    ended = typed("failed", *arguments)

    assert ended.code == code
    assert told in ended.err


# --- by request


async def test_one_letter_is_run_again_by_its_own_path_and_a_refusal_is_409(
    visit_begun: Visit, begun: ServedVenue
) -> None:
    name = failed_order()
    browser = await with_session(visit_begun())

    dry = await browser.post("/api/v1/dead-letters/1/rerun", json={"dry_run": True})
    done = await browser.post("/api/v1/dead-letters/1/rerun", json={**WHY, "times": 1})
    again = await browser.post("/api/v1/dead-letters/task-1/rerun", json={**WHY, "times": 1})
    drop = await browser.post("/api/v1/dead-letters/1/discard", json=WHY)

    assert (dry.status_code, dry.json()["refused"], dry.json()["run"]) == (200, "", 0)
    assert (done.status_code, done.json()["run"], done.json()["about"]) == (200, 1, name)
    assert (again.status_code, drop.status_code) == (409, 409)
    assert again.json()["error"] == "It is being run again just now: mended (ann in the console)."


async def test_a_click_on_what_has_failed_again_since_it_was_looked_at_does_nothing(
    visit_begun: Visit, begun: ServedVenue
) -> None:
    failed_order()
    browser = await with_session(visit_begun())

    answer = await browser.post("/api/v1/dead-letters/1/rerun", json={**WHY, "times": 2})

    assert answer.status_code == 409
    assert "failed again since it was looked at" in answer.json()["error"]
    assert queued("orders") == []


async def test_letters_are_discarded_and_listed_by_their_state(visit: Visit) -> None:
    for number in range(3):
        wiring.letters().keep(a_letter(f"task-{number}"))
    browser = await with_session(visit())

    one = await browser.post("/api/v1/dead-letters/1/discard", json=WHY)
    rest = await browser.post("/api/v1/dead-letters/discard", json={**WHY, "kind": "ValueError"})
    listed = (await browser.get("/api/v1/dead-letters?state=discarded")).json()

    assert (one.status_code, one.json()) == (200, {"number": 1, "refused": ""})
    assert [row["number"] for row in rest.json()["rows"]] == [2, 3]
    assert (listed["total"], {row["note"] for row in listed["rows"]}) == (3, {"mended (ann in the console)"})
    assert (await browser.get("/api/v1/dead-letters")).json()["total"] == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("1/rerun", {}, 422),
        ("1/rerun", {"reason": " "}, 422),
        ("9/rerun", WHY, 404),
        ("rerun", WHY, 422),
        ("rerun", {**WHY, "letters": [{"number": 1}], "kind": "KeyError"}, 422),
        ("rerun", {**WHY, "kind": "KeyError"}, 404),
        ("discard", {"letters": [{"number": 1}]}, 422),
        ("1/discard", {"dry_run": True, **WHY}, 422),
    ],
)
async def test_a_wrong_request_changes_nothing(visit: Visit, path: str, body: dict[str, Any], status: int) -> None:
    wiring.letters().keep(a_letter())
    browser = await with_session(visit())

    assert (await browser.post(f"/api/v1/dead-letters/{path}", json=body)).status_code == status
    assert wiring.letters().get("1").state is S.WAITING


@pytest.mark.parametrize("path", ["1/rerun", "rerun", "1/discard", "discard"])
async def test_without_the_pages_token_nobody_changes_anything(visit: Visit, path: str) -> None:
    browser = await with_session(visit())
    del browser.headers["X-CSRF-Token"]

    assert (await browser.post(f"/api/v1/dead-letters/{path}", json=WHY)).status_code == 403
    assert (await visit().post(f"/api/v1/dead-letters/{path}", json=WHY)).status_code == 401


def test_an_order_that_is_unclear_is_never_sent_again(typed: Typed, begun: ServedVenue) -> None:
    name = failed_order()
    begun.fail("create_reply_dropped")
    orders.place(name)
    assert wiring.orders().get(name).state is OrderState.UNKNOWN

    ended = typed("failed", "rerun", "1", "--reason", "mended", "--yes")

    assert ended.code == FAILED
    assert "its order is unknown: only the look-up at the venue decides what it is" in ended.out
