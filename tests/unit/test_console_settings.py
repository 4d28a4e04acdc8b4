"""Where the console may listen, and what it needs there."""

from pathlib import Path

import pytest

from app import wiring
from app.cli.codes import FAILED, WRONG
from app.wiring import Console, SettingsError
from tests.fixtures.typed import Typed

PASSWORD, TOKEN = "a long password", "a token of twenty-four characters"


def console(monkeypatch: pytest.MonkeyPatch, **values: str) -> Console:
    for name, value in values.items():
        monkeypatch.setenv(f"CDB_CONSOLE_{name.upper()}", value)
    wiring.reset()
    return wiring.console()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_on_loopback_nothing_is_asked(data_dir: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert console(monkeypatch, host=host).password == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "farm.example"])
def test_anywhere_else_it_refuses_without_password_and_token(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    with pytest.raises(SettingsError, match="PASSWORD is not set and CDB_CONSOLE_TOKEN is not set") as error:
        console(monkeypatch, host=host)

    assert "CDB_CONSOLE_HOST=127.0.0.1" in str(error.value), "the cure"


@pytest.mark.parametrize("given", [{"password": PASSWORD}, {"token": TOKEN}, {"password": "pa55word", "token": TOKEN}])
def test_one_of_them_or_a_short_one_is_not_enough_and_is_not_told(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    with pytest.raises(SettingsError) as error:
        console(monkeypatch, host="0.0.0.0", **given)

    assert not [value for value in given.values() if value in str(error.value)]


def test_with_both_it_lets_others_in(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = console(monkeypatch, host="0.0.0.0", password=PASSWORD, token=TOKEN, hosts="Farm.example, other")

    assert made.hosts == ("farm.example", "other")
    assert PASSWORD not in repr(made)
    assert TOKEN not in repr(made)
    assert {PASSWORD, TOKEN} <= set(wiring.settings().secrets), "logs hide them"


def test_without_a_port_there_is_none_to_be_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert console(monkeypatch, host="0.0.0.0", port="0").port == 0


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")],
)
def test_a_person_on_this_machine_opens_it_there(host: str, url: str) -> None:
    assert Console(host=host).url == url


@pytest.mark.parametrize("command", [("console",), ("up", "--for", "1s")])
def test_commands_that_would_let_others_in_end_with_two_and_the_cure(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CDB_CONSOLE_HOST", "0.0.0.0")

    ended = typed(*command)

    assert ended.code == WRONG
    assert "Set both, or set CDB_CONSOLE_HOST=127.0.0.1" in ended.err
    assert "Traceback" not in ended.err


def test_a_console_without_a_port_is_wrong_usage(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_CONSOLE_PORT", "0")

    ended = typed("console")

    assert (ended.code, "CDB_CONSOLE_PORT=8000" in ended.err) == (WRONG, True)


def test_a_port_that_somebody_else_has_is_told_with_the_cure(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("CDB_CONSOLE_PORT", str(other.getsockname()[1]))

        ended = typed("console")

    assert ended.code == FAILED
    assert "Give the console another one, CDB_CONSOLE_PORT" in ended.err
