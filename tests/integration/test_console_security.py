"""Who gets in, who may change something, and what is never told."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app import wiring
from app.web.attempts import FREE
from app.web.guard import POLICY, Guard
from app.wiring import Console
from tests.fixtures.console import HOST, LOCKED, PASSWORD, TOKEN, Visit, with_session

WHY = {"reason": "looking"}
READS = ["/api/v1/status", "/api/v1/orders", "/api/v1/trades.csv", "/api/v1/stream", "/api/v1/dead-letters/1"]
CHANGES = ["/api/v1/trading/halt", "/api/v1/trading/flatten"]


@pytest.fixture(autouse=True)
def opened(wired: None) -> None:
    """An account that could be halted."""
    wiring.ledger().open_account(Decimal(10_000), wiring.now())


def state() -> str:
    return wiring.listings().standing({}, wiring.now()).account.state


# --- reading


@pytest.mark.parametrize("path", READS)
async def test_with_a_password_nothing_is_read_without_it(visit: Visit, path: str) -> None:
    answer = await visit(LOCKED).get(path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/", "/orders/X", "/dead-letters"])
async def test_a_page_shows_the_log_in_instead(visit: Visit, path: str) -> None:
    page = await visit(LOCKED).get(path)

    assert 'type="password"' in page.text
    assert "<nav" not in page.text


async def test_the_password_opens_pages_and_api(visit: Visit) -> None:
    browser = await with_session(visit(LOCKED), PASSWORD)

    assert (await browser.get("/api/v1/status")).status_code == 200
    assert "<nav" in (await browser.get("/")).text
    assert (await browser.get("/login")).headers["location"] == "/"


async def test_the_token_opens_the_api_to_programs(visit: Visit) -> None:
    assert (await visit(LOCKED, Authorization=f"Bearer {TOKEN}").get("/api/v1/status")).status_code == 200


@pytest.mark.parametrize("shown", ["of-somebody", PASSWORD, f"{TOKEN}x", TOKEN[:-1]])
async def test_a_wrong_token_opens_nothing_and_is_not_told_again(visit: Visit, shown: str) -> None:
    answer = await visit(LOCKED, Authorization=f"Bearer {shown}").get("/api/v1/status")

    assert answer.status_code == 401
    assert shown not in answer.text


async def test_where_no_token_is_set_an_empty_one_is_none(visit: Visit) -> None:
    answer = await visit(Console(), Authorization="Bearer x").post("/api/v1/trading/halt", json=WHY)

    assert (answer.status_code, state()) == (401, "ACTIVE")


async def test_a_session_that_nobody_logged_in_for_is_none_where_there_is_a_password(visit: Visit) -> None:
    browser = visit(LOCKED)
    forged = access_behind(browser).sessions.begin(wiring.now().timestamp(), logged_in=False)
    browser.cookies.set("cdb_session_8000", forged)

    assert (await browser.get("/api/v1/status")).status_code == 401


def access_behind(browser: httpx.AsyncClient) -> Any:
    """What the console behind a browser decides with."""
    transport: Any = browser._transport
    guard: Any = transport.app
    return guard._app.state.access


# --- changing


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("console", [Console(), LOCKED, Console(token=TOKEN)], ids=["open", "locked", "token"])
async def test_without_session_or_token_nothing_is_changed(visit: Visit, path: str, console: Console) -> None:
    answer = await visit(console).post(path, json=WHY)

    assert (answer.status_code, state()) == (401, "ACTIVE")


@pytest.mark.parametrize("token", ["", "x", "0" * 64])
async def test_a_cookie_alone_changes_nothing(visit: Visit, token: str) -> None:
    browser = await with_session(visit(LOCKED), PASSWORD)
    browser.headers["X-CSRF-Token"] = token

    answer = await browser.post("/api/v1/trading/halt", json=WHY)

    assert (answer.status_code, state()) == (403, "ACTIVE")


async def test_the_token_of_another_session_changes_nothing(visit: Visit) -> None:
    one = await with_session(visit(LOCKED), PASSWORD)
    other = visit(app=one._transport.app, console=LOCKED)  # type: ignore[attr-defined]
    await with_session(other, PASSWORD)
    one.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]

    assert (await one.post("/api/v1/trading/halt", json=WHY)).status_code == 403


ELSEWHERE = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8000"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example"},
    {"Host": "evil.example:8000"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
async def test_a_page_of_another_origin_changes_nothing_even_with_everything_else(
    visit: Visit, headers: dict[str, str]
) -> None:
    browser = await with_session(visit())

    answer = await browser.post("/api/v1/trading/halt", json=WHY, headers=headers)

    assert answer.status_code in (403, 421)
    assert state() == "ACTIVE"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
@pytest.mark.parametrize("path", [*READS, "/", "/health", "/static/core.js"])
async def test_nor_does_it_read_anything_on_loopback(visit: Visit, headers: dict[str, str], path: str) -> None:
    assert (await visit().get(path, headers=headers)).status_code in (403, 421)


async def test_a_name_that_the_console_has_is_its_own(visit: Visit) -> None:
    browser = visit(Console(hosts=("farm.example",)), Host="farm.example", Origin="https://farm.example")
    await with_session(browser)

    assert (await browser.post("/api/v1/trading/halt", json=WHY)).status_code == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
async def test_what_a_form_can_send_is_not_taken(visit: Visit, kind: str) -> None:
    browser = await with_session(visit())

    answer = await browser.post("/api/v1/trading/halt", content='{"reason": "x"}', headers={"Content-Type": kind})

    assert (answer.status_code, state()) == (422, "ACTIVE")


async def test_a_body_that_is_too_large_or_endless_is_not_read(visit: Visit) -> None:
    browser = await with_session(visit())

    async def endless() -> AsyncIterator[bytes]:
        yield b"{}"

    assert (await browser.post("/api/v1/trading/halt", content=b"x" * 70_000)).status_code == 413
    assert (await browser.post("/api/v1/trading/halt", content=endless())).status_code == 413


async def test_a_websocket_is_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await Guard(None, ())({"type": "websocket", "path": "/"}, None, send)  # type: ignore[arg-type]

    assert sent == [{"type": "websocket.close", "code": 1008}]


# --- logging in and out


async def test_wrong_passwords_have_to_wait_and_then_the_right_one_too(visit: Visit) -> None:
    browser = visit(LOCKED)

    for _ in range(FREE):
        assert (await browser.post("/api/v1/session", json={"password": "guess"})).status_code == 401
    waits = await browser.post("/api/v1/session", json={"password": PASSWORD})

    assert waits.status_code == 429
    assert int(waits.headers["retry-after"]) >= 1


async def test_a_password_is_told_by_no_answer_and_no_log(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    browser = visit(LOCKED)
    answers = [
        await browser.post("/api/v1/session", json={"password": "my-other-password"}),
        await browser.post("/api/v1/session", json={"password": "my-other-password", "extra": 1}),
        await browser.post("/api/v1/session", json={"pass": "my-other-password"}),
        await browser.post("/api/v1/session", json=["my-other-password"]),
    ]

    assert not [answer.text for answer in answers if "my-other-password" in answer.text]
    assert "my-other-password" not in caplog.text


async def test_where_no_password_is_set_none_is_right(visit: Visit) -> None:
    assert (await visit().post("/api/v1/session", json={"password": ""})).status_code == 401


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(visit: Visit) -> None:
    answer = await visit(LOCKED).post("/api/v1/session", json={"password": PASSWORD})

    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"))
    assert "Secure" not in cookie


async def test_behind_https_it_goes_that_way_alone(visit: Visit) -> None:
    console = Console(password=PASSWORD, token=TOKEN, https=True)
    answer = await visit(console).post("/api/v1/session", json={"password": PASSWORD})

    assert answer.headers["set-cookie"].startswith("__Host-cdb_session=")
    assert "Secure" in answer.headers["set-cookie"]


async def test_who_logs_out_is_out_even_with_a_copy_of_the_cookie(visit: Visit) -> None:
    browser = await with_session(visit(LOCKED), PASSWORD)
    copy = browser.cookies["cdb_session_8000"]

    assert (await browser.delete("/api/v1/session")).status_code == 204
    browser.cookies.set("cdb_session_8000", copy)

    assert (await browser.get("/api/v1/status")).status_code == 401


async def test_a_program_has_no_session_to_end(visit: Visit) -> None:
    program = visit(LOCKED, Authorization=f"Bearer {TOKEN}")

    assert (await program.delete("/api/v1/session")).status_code == 204
    assert (await program.get("/api/v1/status")).status_code == 200


async def test_a_session_says_what_is_needed_and_hands_its_token_to_nobody_else(visit: Visit) -> None:
    stranger = (await visit(LOCKED).get("/api/v1/session")).json()
    browser = await with_session(visit(LOCKED), PASSWORD)
    known = (await browser.get("/api/v1/session")).json()

    assert stranger == {"password_needed": True, "logged_in": False, "token": None}
    assert known["token"] == browser.headers["X-CSRF-Token"]


# --- headers and secrets


@pytest.mark.parametrize("path", ["/", "/static/console.css", "/api/v1/status", "/api/v1/nothing", "/health"])
async def test_every_answer_has_the_safe_headers(visit: Visit, path: str) -> None:
    headers = (await visit().get(path)).headers

    assert headers["content-security-policy"] == POLICY
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")
    assert "unsafe" not in POLICY


async def test_an_error_of_our_own_has_them_too_and_tells_nothing(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> None:
        raise ZeroDivisionError("inner workings")

    monkeypatch.setattr(wiring, "letters", breaks)

    answer = await visit().get("/api/v1/dead-letters")

    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == POLICY
    assert "inner" not in answer.text


async def test_no_page_has_a_script_or_a_style_in_itself(visit: Visit) -> None:
    browser = visit()

    for path in ("/", "/market", "/orders", "/trades", "/farm", "/dead-letters", "/orders/X", "/dead-letters/1"):
        page = (await browser.get(path)).text
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert "<script>" not in page


async def test_a_name_in_the_address_is_not_put_into_the_page(visit: Visit) -> None:
    page = (await visit().get("/orders/<script>alert(1)</script>")).text

    assert "alert(1)" not in page


async def test_the_host_of_these_tests_is_the_consoles() -> None:
    assert HOST.endswith(str(Console().port))
