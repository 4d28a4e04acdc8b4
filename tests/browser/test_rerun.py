"""An order whose task died is found in the browser, explained, and run again by a click: once, to its end."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from app.domain.orders import TERMINAL
from app.simulator.journal import changes
from tests.browser.conftest import Farm, trading
from tests.fixtures.browser import Tab
from tests.fixtures.commands import until, worker

# Nobody takes up by himself what a dead task left: a person shall.
ALONE = {
    "CDB_PATIENCE_S": "600",
    "CDB_SIGNAL_TTL_S": "600",
    "CDB_WORKERS_ORDERS": "1",
    "CDB_SLIPPAGE": "0.2",  # the price has moved by the time that a person comes
}
LATE = {"fault": "answers_delayed", "path": "/api/v3/time", "ms": 4000}

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def farm(browser: Browser) -> Iterator[Farm]:
    """One whose sweep is patient."""
    with trading(**ALONE) as running:
        yield running


def test_a_failed_order_is_found_explained_and_run_again_to_its_end_with_one_order_at_the_venue(
    farm: Farm, desk: Tab
) -> None:
    number, name = an_order_whose_task_died(farm)
    until(lambda: farm.has_told("failed for good: tasks.orders.place"), "the alert", 30)
    desk.open(f"{farm.url}/dead-letters")
    desk.page.get_by_role("link", name=re.compile(f"^{number}$")).first.click()
    main = desk.page.locator("main")
    expect(main).to_contain_text("WorkerLostError")
    expect(main).to_contain_text(name)
    desk.open(f"{farm.url}/orders/{name}")
    expect(main).to_contain_text("approved")
    desk.kept("order-that-failed")

    desk.open(f"{farm.url}/dead-letters/{number}")
    desk.page.get_by_role("button", name="Run again").click()
    box = desk.page.get_by_role("dialog")
    expect(box).to_contain_text("to the venue")
    desk.kept("rerun-planned")
    box.get_by_label("Reason").fill("the venue answers again")
    box.get_by_label("Your name").fill("ann")
    box.get_by_role("button", name="Run again").dblclick()

    expect(main).to_contain_text("done", timeout=30_000)
    desk.kept("rerun-done")
    until(lambda: farm.asked(f"/orders/{name}")["order"]["state"] in set(TERMINAL), "the order's end", 60)
    assert times_at_venue(farm, name) == 1
    letter = farm.asked(f"/dead-letters/{number}")
    assert (letter["state"], letter["reruns"]) == ("done", 1)
    story = farm.asked(f"/orders/{name}")
    assert story["order"]["state"] == "filled", story["order"]
    assert len({one["venue_trade_id"] for one in story["executions"]}) == len(story["executions"]) > 0


def an_order_whose_task_died(farm: Farm) -> tuple[int, str]:
    """The number of a letter, and the order that nobody has sent: its process was killed before it claimed it.

    A process that has just begun asks the venue for the time before it sends its first order, and is killed while it
    waits for the answer.
    """
    farm.tell_venue("POST", LATE)
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            kill_the_one_who_orders(farm)
            time.sleep(2)
            found = [one for one in farm.asked("/dead-letters")["rows"] if one["name"] == "tasks.orders.place"]
            unsent = [one for one in found if farm.asked(f"/orders/{one['about']}")["order"]["state"] == "approved"]
            if unsent:
                return unsent[0]["number"], unsent[0]["about"]
    finally:
        farm.tell_venue("DELETE", {})
    raise AssertionError("no task died before it sent its order")


def kill_the_one_who_orders(farm: Farm) -> None:
    parent = worker(farm.up, "orders")
    for child in parent.children() if parent else ():
        child.kill()


def times_at_venue(farm: Farm, name: str) -> int:
    """How many orders the venue has under a name, by its own journal."""
    orders = {
        number: one for change in changes(farm.cdb.data_dir / "venue.journal") for number, one in change.orders.items()
    }
    return sum(one.client_id == name for one in orders.values())
