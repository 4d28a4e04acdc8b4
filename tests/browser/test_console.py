"""What an operator sees and does: each page, live, in a real Chromium over a real farm that trades."""

import csv
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Farm
from tests.fixtures.browser import Tab, tab
from tests.fixtures.commands import until

PAGES = ("", "market", "orders", "trades", "farm", "dead-letters")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}

pytestmark = pytest.mark.timeout(300)


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
    until(lambda: farm.has_told("Trading is HALTED"), "the alert", 30)

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
    until(lambda: bool(letters_about(farm, "NOSUCHORDER")), "the dead letter", 30)
    [number] = letters_about(farm, "NOSUCHORDER")

    desk.open(f"{farm.url}/dead-letters")
    desk.page.get_by_role("link", name=re.compile(f"^{number}$")).first.click()
    expect(desk.page.locator("main")).to_contain_text("NOSUCHORDER")
    desk.page.get_by_role("button", name="Run again").click()

    expect(desk.page.get_by_role("dialog")).to_contain_text("there is no order NOSUCHORDER")
    desk.kept("refused")


@pytest.mark.parametrize("page", ["orders", "trades"])
def test_a_list_is_sorted_by_what_one_clicks_on(farm: Farm, desk: Tab, page: str) -> None:
    desk.open(f"{farm.url}/{page}")
    head = desk.page.locator("#sort-symbol")

    head.click()
    expect(desk.page.locator("th", has=head)).to_have_attribute("aria-sort", "descending")
    until(lambda: in_order(desk.page, falling=True), "falling order", 15)
    head.click()
    expect(desk.page.locator("th", has=head)).to_have_attribute("aria-sort", "ascending")
    until(lambda: in_order(desk.page, falling=False), "rising order", 15)


def in_order(page: Page, *, falling: bool) -> bool:
    """The symbols of a list, which fills anew by itself."""
    symbols = re.findall(r"[A-Z]+/USDT", page.locator("#listing tbody").inner_text())
    return len(symbols) > 1 and symbols == sorted(symbols, reverse=falling)


def test_a_list_is_filtered_and_what_is_shown_is_what_is_exported(farm: Farm, desk: Tab) -> None:
    desk.open(f"{farm.url}/orders")
    desk.page.get_by_label("State").select_option("filled")
    expect(desk.page).to_have_url(re.compile("state=filled"))
    expect(desk.page.locator("#export")).to_have_attribute("href", re.compile("state=filled"))

    with desk.page.expect_download() as downloading:
        desk.page.get_by_role("link", name="Export CSV").click()
    exported = list(csv.DictReader(downloading.value.path().read_text().splitlines()))

    assert {row["state"] for row in exported} == {"filled"}
    rows = farm.asked("/orders?state=filled&limit=500")["rows"]
    assert {row["client_order_id"] for row in exported} <= {row["client_order_id"] for row in rows}


def test_the_market_shows_bars_of_the_chosen_symbol_and_where_was_entered(farm: Farm, desk: Tab) -> None:
    [trade, *_] = farm.asked("/trades?limit=1")["rows"]

    desk.open(f"{farm.url}/market?symbol={trade['symbol']}&interval=1s")

    expect(desk.page.locator("main canvas").first).to_be_visible()
    expect(desk.page.locator("main")).to_contain_text(trade["symbol"].partition("/")[0])
    until(lambda: is_painted(desk.page), "the candles", 15)
    desk.kept("market-of-a-trade")


def is_painted(page: Page) -> bool:
    """Whether the chart is more than its ground: some hundred colours are candles, lines and text."""
    colours: int = page.evaluate(
        """() => {
          const seen = new Set();
          for (const one of document.querySelectorAll("main canvas")) {
            const { width, height } = one;
            if (!width || !height) continue;
            const data = one.getContext("2d").getImageData(0, 0, width, height).data;
            for (let at = 0; at < data.length; at += 4) seen.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
          }
          return seen.size;
        }"""
    )
    return colours > 20


def test_services_tell_how_they_are(farm: Farm, desk: Tab) -> None:
    desk.open(f"{farm.url}/farm")

    services = desk.page.locator("#services")
    for name in ("orders", "risk", "signals", "feed"):
        expect(services.locator("tr", has_text=name).first).to_contain_text("ready")
    expect(services).not_to_contain_text("not well")


def test_trading_is_reduced_and_all_is_sold_by_a_click_and_a_reason(farm: Farm, desk: Tab) -> None:
    """The last test of the farm: what it holds is gone."""
    desk.open(farm.url)
    act(desk.page, "Reduce", "Reduce")
    expect(desk.page.locator("#state")).to_have_text("REDUCING")

    act(desk.page, "Flatten", "Halt and sell everything")

    expect(desk.page.locator("#state")).to_have_text("HALTED")
    until(lambda: farm.asked("/status")["trades"] == [], "the sale of everything", 60)
    expect(desk.page.locator("#open tbody")).to_have_text("No trade is open")
    desk.kept("flattened")
    act(desk.page, "Resume", "Resume")
    expect(desk.page.locator("#state")).to_have_text("ACTIVE")


def act(page: Page, button: str, confirm: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    box = page.get_by_role("dialog")
    box.get_by_label("Reason").fill("seen from a browser")
    box.get_by_label("Your name").fill("ann")
    box.get_by_role("button", name=confirm).click()
    expect(box).to_have_count(0)


def letters_about(farm: Farm, key: str) -> list[int]:
    """Their numbers; a busy machine may have made others."""
    return [one["number"] for one in farm.asked("/dead-letters")["rows"] if one["about"] == key]


def focus_is_within(page: Page, selector: str) -> bool:
    """Also where the browser's own bar has it for a moment."""
    return bool(
        page.evaluate(
            "selector => document.activeElement === document.body || !!document.activeElement.closest(selector)",
            selector,
        )
    )
