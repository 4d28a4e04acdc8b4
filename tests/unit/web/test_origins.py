"""Who is one of our own pages, by the headers that browsers set."""

import pytest

from app.web.origins import LARGEST_BODY, host_name, is_known, objection, too_large

OWN = {"host": "127.0.0.1:8000"}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "192.168.1.5", "farm.example"]
)
def test_localhost_addresses_and_what_is_named_are_us(host: str) -> None:
    assert is_known(host, ("farm.example",))


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8000", "farm.example.evil", "localhost.evil", "[", "a b"]
)
def test_any_other_name_is_not(host: str) -> None:
    assert not is_known(host, ("farm.example",))


def test_a_name_is_read_without_port_and_last_dot() -> None:
    assert host_name("Farm.example.:443") == "farm.example"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "https://127.0.0.1:8000", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_our_pages_and_programs_may_post(headers: dict[str, str]) -> None:
    assert objection("POST", OWN | headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:5555"},
        {"origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ],
)
def test_pages_of_others_may_not(headers: dict[str, str]) -> None:
    assert objection("POST", OWN | headers) is not None


def test_a_link_elsewhere_opens_a_page_of_ours_but_not_in_a_frame() -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}

    assert objection("GET", OWN | link) is None
    assert objection("GET", OWN | link | {"sec-fetch-dest": "iframe"}) is not None
    assert objection("GET", OWN | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}) is not None


@pytest.mark.parametrize(
    "headers",
    [{"content-length": str(LARGEST_BODY + 1)}, {"content-length": "many"}, {"transfer-encoding": "chunked"}],
)
def test_a_body_must_say_that_it_is_small(headers: dict[str, str]) -> None:
    assert too_large(headers)
    assert not too_large({})
    assert not too_large({"content-length": "10"})
