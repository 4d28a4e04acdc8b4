"""What an operator sees and does: each page, live, in a real Chromium over a real farm that trades."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.browser import Tab, chromium, tab
from tests.fixtures.commands import Commands, commands, until
from workers.ports import free_port

PAGES = ("", "market", "orders", "trades", "farm", "dead-letters")
EAGER = {"CDB_STRATEGIES": "workers.chaos.eager:Strategy", "CDB_RISK__COOLDOWN__LIMIT_S": "0"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}

pytestmark = pytest.mark.timeout(300)


@dataclass
class Farm:
    """A farm that trades, its commands, and where its console is."""

    cdb: Commands
    url: str

    def asked(self, path: str) -> object:
        with urlopen(f"{self.url}/api/v1{path}", timeout=10) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def farm(browser: Browser) -> Iterator[Farm]:
    with commands() as cdb:
        port = free_port()
        cdb.env |= {**EAGER, "CDB_CONSOLE_PORT": str(port)}
        up = cdb.start("up")
        until(lambda: "is up" in cdb.said or up.poll() is not None, "the farm's start", 120)
        assert up.poll() is None, cdb.said
        until(lambda: bool(re.search(r"executions [1-9]", cdb.said)), "the first execution")
        yield Farm(cdb, f"http://127.0.0.1:{port}")


@pytest.fixture
def desk(browser: Browser) -> Iterator[Tab]:
    with tab(browser) as opened:
        yield opened
        assert opened.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_each_page_opens_without_a_complaint_and_fits(farm: Farm, browser: Browser, dark: bool, phone: bool) -> None:
    with tab(browser, dark=dark, phone=phone) as opened:
        for name in PAGES:
            opened.open(f"{farm.url}/{name}")
            expect(opened.page.locator("h1")).to_be_visible()
            opened.kept(f"{name or 'overview'}-{'dark' if dark else 'light'}-{'phone' if phone else 'desk'}")
            assert not opened.is_too_wide, name
        assert opened.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_screen_reader_finds_its_way(farm: Farm, browser: Browser, name: str, dark: bool) -> None:
    with tab(browser, dark=dark) as opened:
        opened.open(f"{farm.url}/{name}")
        found = Axe().run(opened.page, options=RULES)
    told = [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found.response["violations"]]
    assert told == []


def test_what_no_screen_reader_finds_would_be_told(farm: Farm, browser: Browser) -> None:
    with tab(browser) as opened:
        opened.open(f"{farm.url}/farm")
        opened.page.evaluate("document.querySelector('main').append(document.createElement('img'))")
        found = Axe().run(opened.page, options=RULES)
    assert [one["id"] for one in found.response["violations"]] == ["image-alt"]


def test_figures_move_by_themselves(farm: Farm, desk: Tab) -> None:
    desk.open(f"{farm.url}/farm")
    desk.page.evaluate("window.stayed = true")
    queues = desk.page.locator("main")
    before = queues.inner_text()

    expect(queues).not_to_have_text(before, timeout=20_000)

    assert desk.page.evaluate("window.stayed")


def test_a_halt_is_asked_for_with_a_reason_and_seen_at_once(farm: Farm, desk: Tab) -> None:
    desk.open(farm.url)
    desk.page.get_by_role("button", name="Halt", exact=True).click()
    box = desk.page.get_by_role("dialog")
    expect(box).to_contain_text("Open entries are withdrawn")
    box.get_by_role("button", name="Halt").click()
    expect(box).to_be_visible()  # without a reason nothing is done

    box.get_by_label("Reason").fill("seen from a browser")
    box.get_by_label("Your name").fill("ann")
    box.get_by_role("button", name="Halt").click()
    expect(box).to_have_count(0)
    expect(desk.page.locator("#state")).to_have_text("HALTED")
    expect(desk.page.locator("#trading")).to_contain_text("seen from a browser")
    desk.kept("halted")

    desk.page.get_by_role("button", name="Resume").click()
    box.get_by_label("Reason").fill("looked at")
    box.get_by_role("button", name="Resume").click()
    expect(desk.page.locator("#state")).to_have_text("ACTIVE")


def test_a_dialog_is_left_by_escape_and_holds_the_focus(farm: Farm, desk: Tab) -> None:
    desk.open(farm.url)
    desk.page.get_by_role("button", name="Flatten").press("Enter")
    box = desk.page.get_by_role("dialog")
    expect(box.get_by_label("Reason")).to_be_focused()

    for _ in range(12):
        desk.page.keyboard.press("Tab")
        assert focus_is_within(desk.page, "dialog")
    desk.page.keyboard.press("Escape")

    expect(box).to_have_count(0)


def test_the_first_tab_skips_to_the_content(farm: Farm, desk: Tab) -> None:
    desk.open(farm.url)

    desk.page.keyboard.press("Tab")

    expect(desk.page.get_by_text("Skip to the content")).to_be_focused()
    assert desk.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_an_order_opens_its_story(farm: Farm, desk: Tab) -> None:
    desk.open(f"{farm.url}/orders")
    desk.page.locator("main tbody a").first.click()

    expect(desk.page.locator("main")).to_contain_text("Risk checks")
    desk.kept("order")


def test_a_failed_task_is_found_and_a_re_run_that_would_be_wrong_is_refused_with_the_reason(
    farm: Farm, desk: Tab
) -> None:
    call = ("call", "tasks.orders.settle", "--args", '["NOSUCHORDER"]')
    assert farm.cdb.celery(*call).returncode == 0
    until(lambda: bool(farm.asked("/dead-letters")["rows"]), "the dead letter", 30)  # type: ignore[index]

    desk.open(f"{farm.url}/dead-letters")
    desk.page.get_by_role("link", name=re.compile("^1$")).first.click()
    expect(desk.page.locator("main")).to_contain_text("NOSUCHORDER")
    desk.page.get_by_role("button", name="Run again").click()

    expect(desk.page.get_by_role("dialog")).to_contain_text("there is no order NOSUCHORDER")
    desk.kept("refused")


def focus_is_within(page: Page, selector: str) -> bool:
    """Also where the browser's own bar has it for a moment."""
    return bool(
        page.evaluate(
            "selector => document.activeElement === document.body || !!document.activeElement.closest(selector)",
            selector,
        )
    )
