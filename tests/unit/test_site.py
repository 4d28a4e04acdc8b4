"""The documentation site: every page is in its menu, every picture is there, and it asks no other host for anything."""

import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
# What a browser fetches by itself; a link that a person may follow is none of it.
FETCHED = {
    "link": ("href",),
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "use": ("href", "xlink:href"),
}
ONLY_TOLD = {"canonical", "next", "prev", "alternate", "edit"}
# Zensical's script fetches a library from afar where a page has one of these.
FETCHING_CLASSES = {"mermaid", "glightbox", "md-exec"}


def menu(entries: Any) -> Iterator[str]:
    """The pages of a menu, however deep."""
    if isinstance(entries, str):
        yield entries
        return
    for entry in entries.values() if isinstance(entries, dict) else entries:
        yield from menu(entry)


def pictures(text: str) -> list[str]:
    """Where the pictures of a page are."""
    return re.findall(r"!\[[^\]]*\]\(([^)\s]+)", text) + re.findall(r"<img[^>]*\ssrc=\"([^\"]+)\"", text)


class Fetches(HTMLParser):
    """What a browser that opens a page fetches at once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.classes: set[str] = set()
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.classes |= set(told.get("class", "").split())
        self.addresses += styled(told.get("style", ""))
        self._style = tag == "style"
        if not (tag == "link" and set(told.get("rel", "").split()) & ONLY_TOLD):
            self.addresses += [told[name] for name in FETCHED.get(tag, ()) if told.get(name)]

    def handle_data(self, data: str) -> None:
        if self._style:
            self.addresses += styled(data)

    def handle_endtag(self, tag: str) -> None:
        self._style = False


def styled(css: str) -> list[str]:
    """What a style sheet fetches."""
    return re.findall(r"url\(\s*[\"']?([^\"')]+)", css) + re.findall(r"@import\s+[\"']([^\"']+)", css)


def is_elsewhere(address: str) -> bool:
    return re.match(r"\s*(https?:|wss?:|ftp:|//)", address) is not None


def test_every_page_is_in_the_menu_once() -> None:
    listed = list(menu(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]))

    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in PAGES)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_pictures_of_a_page_are_there_and_are_our_own(page: Path) -> None:
    missing = [name for name in pictures(page.read_text()) if not (page.parent / name).is_file()]

    assert missing == []


def test_every_picture_is_on_a_page() -> None:
    shown = {(page.parent / name).resolve() for page in PAGES for name in pictures(page.read_text())}

    assert set((DOCS / "images").glob("*")) <= shown


def test_no_page_of_the_site_asks_another_host(site: Path) -> None:
    asked = {page: Fetches(page.read_text()) for page in site.rglob("*.html")}

    assert len(asked) > len(PAGES), "each page, and the one for what is not there"
    assert all(found.addresses for found in asked.values())
    assert {str(page): list(filter(is_elsewhere, found.addresses)) for page, found in asked.items()} == {
        str(page): [] for page in asked
    }
    assert not [str(page) for page, found in asked.items() if found.classes & FETCHING_CLASSES]


def test_no_style_sheet_of_the_site_asks_another_host(site: Path) -> None:
    sheets = list(site.rglob("*.css"))

    assert sheets
    assert [address for sheet in sheets for address in styled(sheet.read_text()) if is_elsewhere(address)] == []


@pytest.mark.parametrize(
    "html",
    [
        '<link rel="stylesheet" href="https://fonts.googleapis.com/css?family=Roboto">',
        '<script src="//cdn.example.org/x.js"></script>',
        '<img src="http://example.org/x.png">',
        "<style>@import 'https://example.org/x.css';</style>",
        "<style>body { background: url(https://example.org/x.png) }</style>",
        '<p style="background: url(//example.org/x.png)">',
    ],
)
def test_what_asks_another_host_would_be_found(html: str) -> None:
    assert any(is_elsewhere(address) for address in Fetches(html).addresses)


def test_a_link_to_follow_is_nothing_that_is_fetched() -> None:
    html = '<a href="https://example.org">there</a><link rel="canonical" href="https://example.org/x.html">'

    assert Fetches(html).addresses == []
