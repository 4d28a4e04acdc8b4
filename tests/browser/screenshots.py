"""The pictures of docs/images, of a farm with some minutes of life: `make screenshots`, no part of the other runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Farm, trading
from tests.fixtures.browser import Tab, tab
from tests.fixtures.commands import until

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 160_000  # bytes; the pictures are in the history for ever
CLOSED = 15  # trades that make a curve worth looking at
WRONG = {"orders.settle": "NOSUCHORDER", "risk.approve": "NOSUCHSIGNAL", "orders.place": "TYPEDBYHAND"}

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def farm(browser: Browser) -> Iterator[Farm]:
    """One as `make run` starts it, with something for each page to show."""
    with trading(CDB_STRATEGIES="momentum", CDB_RISK__COOLDOWN__LIMIT_S="60") as running:
        for task, key in WRONG.items():
            assert running.cdb.celery("call", f"tasks.{task}", "--args", f'["{key}"]').returncode == 0
        until(lambda: len(running.asked("/dead-letters")["rows"]) == len(WRONG), "the dead letters", 60)
        until(lambda: len(closed(running)) >= CLOSED, "some minutes of life", 900)
        yield running


def closed(farm: Farm) -> list[dict[str, str]]:
    """Its closed trades, newest first."""
    return [trade for trade in farm.asked("/trades?limit=500")["rows"] if trade["status"] == "closed"]


def pictured(opened: Tab, name: str) -> None:
    """What one sees without scrolling, once it stands still."""
    opened.page.wait_for_timeout(3000)
    opened.kept(name, IMAGES, whole=False)
    assert (IMAGES / f"{name}.png").stat().st_size < LARGEST
    assert opened.complaints == []


@pytest.mark.parametrize(("path", "name"), [("", "overview"), ("farm", "farm"), ("dead-letters", "dead-letters")])
def test_a_page_is_pictured(farm: Farm, desk: Tab, path: str, name: str) -> None:
    desk.open(f"{farm.url}/{path}")

    pictured(desk, name)


def test_the_market_is_pictured_with_a_trade_in_it(farm: Farm, desk: Tab) -> None:
    desk.open(f"{farm.url}/market?symbol={closed(farm)[0]['symbol']}&interval=1s")

    pictured(desk, "market")


def test_an_order_is_pictured_with_its_story(farm: Farm, desk: Tab) -> None:
    [order, *_] = farm.asked("/orders?state=filled&limit=1")["rows"]
    desk.open(f"{farm.url}/orders/{order['client_order_id']}")
    expect(desk.page.locator("main")).to_contain_text("Risk checks")

    pictured(desk, "order")


def test_the_overview_is_pictured_on_a_phone_in_the_dark(farm: Farm, browser: Browser) -> None:
    with tab(browser, dark=True, phone=True) as opened:
        opened.open(farm.url)

        pictured(opened, "overview-phone")
