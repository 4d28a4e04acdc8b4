"""Sessions are signed, end, and have a token each."""

import pytest

from app.web.sessions import Sessions, same, signing_key

KEY = b"k" * 32


@pytest.fixture
def sessions() -> Sessions:
    """Sessions that last for a minute."""
    return Sessions(KEY, 60)


def test_a_session_is_read_from_its_cookie_until_it_is_over(sessions: Sessions) -> None:
    cookie = sessions.begin(1000, logged_in=True)

    read = sessions.read(cookie, 1059)

    assert read is not None
    assert (read.until, read.logged_in) == (1060, True)
    assert sessions.read(cookie, 1060) is None


@pytest.mark.parametrize("cookie", ["", ".", "a.b.c.d", "name.9999999999.1.", "no points at all"])
def test_what_is_no_cookie_of_ours_is_no_session(sessions: Sessions, cookie: str) -> None:
    assert sessions.read(cookie, 0) is None


def test_a_cookie_that_was_changed_anywhere_is_none(sessions: Sessions) -> None:
    cookie = sessions.begin(1000, logged_in=False)
    name, until, logged_in, signature = cookie.split(".")

    for forged in (f"x{name}.{until}.{logged_in}.{signature}", f"{name}.9{until}.{logged_in}.{signature}"):
        assert sessions.read(forged, 1000) is None
    assert sessions.read(f"{name}.{until}.1.{signature}", 1000) is None, "nobody makes himself logged in"


def test_a_session_that_was_ended_is_over_at_once(sessions: Sessions) -> None:
    cookie, other = sessions.begin(1000, logged_in=True), sessions.begin(1000, logged_in=True)
    session = sessions.read(cookie, 1000)
    assert session is not None

    sessions.end(session, 1001)

    assert sessions.read(cookie, 1001) is None
    assert sessions.read(other, 1001) is not None


def test_those_that_were_ended_are_forgotten_when_they_would_be_over(sessions: Sessions) -> None:
    for number in range(5):
        session = sessions.read(sessions.begin(1000 + 100 * number, logged_in=True), 1000 + 100 * number)
        assert session is not None
        sessions.end(session, 1000 + 100 * number)

    assert len(sessions._ended) == 1


def test_tokens_differ_by_session_and_are_no_cookies(sessions: Sessions) -> None:
    one, other = (sessions.read(sessions.begin(0, logged_in=True), 1) for _ in range(2))
    assert one is not None
    assert other is not None

    assert sessions.token(one) != sessions.token(other)
    assert sessions.token(one) not in sessions.begin(0, logged_in=True)


def test_another_password_is_another_key_and_the_same_one_the_same() -> None:
    assert signing_key("one") == signing_key("one") != signing_key("two")
    assert Sessions(signing_key("two"), 60).read(Sessions(signing_key("one"), 60).begin(0, logged_in=True), 1) is None


def test_without_a_password_the_key_is_chance() -> None:
    assert signing_key("") != signing_key("")


def test_secrets_of_any_kind_are_compared() -> None:
    assert same("päss", "päss")
    assert not same("\ud800", "päss")
