"""The documentation site in a real browser: whatever its scripts do, no page asks another host for anything."""

from pathlib import Path

from playwright.sync_api import Browser


def test_a_browser_that_opens_each_page_asks_no_host(browser: Browser, site: Path) -> None:
    """From a folder: even the machine that serves it would be another host."""
    pages = sorted(site.rglob("*.html"))
    asked: list[tuple[str, str]] = []
    with browser.new_context() as context:
        tab = context.new_page()
        tab.on("request", lambda request: asked.append((tab.url, request.url)))
        for page in pages:
            tab.goto(page.as_uri())

        assert len(asked) > len(pages)
        assert [one for one in asked if not one[1].startswith(("file:", "data:", "blob:"))] == []


def test_each_picture_of_a_page_is_shown(browser: Browser, site: Path) -> None:
    with browser.new_context() as context:
        tab = context.new_page()
        for page in ("tutorial", "console"):
            tab.goto((site / f"{page}.html").as_uri())
            widths = tab.eval_on_selector_all("article img", "all => all.map(one => one.naturalWidth)")

            assert widths
            assert all(widths), page
