"""What a newcomer types wrong is answered by a sentence and an exit code."""

import runpy
import sys
from pathlib import Path

import pytest
import redis
from sqlalchemy.exc import OperationalError

from app import store
from app.cli import CODES, farm, main
from app.cli.codes import FAILED, UNREACHABLE, WRONG
from app.domain.errors import Missing, Unavailable
from app.store import DatabaseError
from tests.fixtures.typed import Typed


def test_help_teaches_by_examples_and_lists_the_exit_codes(typed: Typed) -> None:
    ended = typed("--help")

    assert ended.code == 0
    assert "cdb up --for 90s" in ended.out
    assert "2 wrong usage or settings" in ended.out


def test_without_a_command_the_help_is_shown(typed: Typed) -> None:
    ended = typed()

    assert "cdb doctor" in ended.out + ended.err


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "replay",
        "chaos",
        "status",
        "tail",
        "explain",
        "audit",
        "audit verify",
        "audit head",
        "failed",
        "doctor",
        "reconcile",
        "halt",
        "reduce",
        "resume",
        "flatten",
        "expire",
        "migrate",
        "venue",
        "feed",
        "services",
    ],
)
def test_each_command_has_its_help(command: str, typed: Typed) -> None:
    ended = typed(*command.split(), "--help")

    assert (ended.code, ended.err) == (0, "")
    assert f"cdb {command}" in ended.out


def test_a_command_that_does_not_exist_is_wrong_usage(typed: Typed) -> None:
    ended = typed("nonsense")

    assert ended.code == WRONG
    assert "No such command 'nonsense'" in ended.err


def test_an_option_that_does_not_exist_is_wrong_usage(typed: Typed) -> None:
    ended = typed("status", "--nope")

    assert ended.code == WRONG
    assert "--nope" in ended.err


@pytest.mark.parametrize("text", ["nonsense", "", "-3s", "90x"])
def test_a_duration_that_is_none_is_wrong_usage(text: str, typed: Typed) -> None:
    ended = typed("up", "--for", text)

    assert ended.code == WRONG
    assert "is no duration; write 90s, 10m or 1h" in ended.err


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5m", 90), ("2h", 7200), ("5", 5)])
def test_a_duration_is_a_number_and_its_unit(text: str, seconds: float) -> None:
    assert farm.seconds_of(text) == seconds


def test_a_setting_that_does_not_exist_is_told_with_the_nearest_that_does(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_EXCHNGE", "mexc")

    ended = typed("status")

    assert ended.code == WRONG
    assert "CDB_EXCHNGE (environment): there is no such setting; did you mean CDB_EXCHANGE?" in ended.err


def test_a_wrong_value_of_a_setting_is_told_with_what_it_is_for(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_VENUE_PORT", "many")

    ended = typed("services")

    assert ended.code == WRONG
    assert "CDB_VENUE_PORT=many" in ended.err


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (redis.ConnectionError("refused"), UNREACHABLE, "Redis cannot be used: refused\nIs it running? `cdb doctor`"),
        (Unavailable("timed out"), UNREACHABLE, "The venue cannot be used: timed out\nIs it running?"),
        (DatabaseError("It is away", "Start it"), UNREACHABLE, "It is away. Start it\nIs it running?"),
        (OperationalError("SELECT 1", {}, Exception("gone")), UNREACHABLE, "gone"),
        (Missing("no order X"), FAILED, "no order X"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_goes_wrong_is_a_sentence_and_a_code(
    error: Exception, code: int, told: str, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(store, "migrate", breaks)

    ended = typed("migrate")

    assert ended.code == code
    assert told in ended.err
    assert "Traceback" not in ended.err


def test_a_mistake_of_ours_is_not_hidden(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store, "migrate", breaks)
    monkeypatch.setattr(sys, "argv", ["cdb", "migrate"])

    with pytest.raises(ZeroDivisionError):
        main()


def test_each_code_is_one_that_the_help_explains() -> None:
    assert set(CODES.values()) == {FAILED, WRONG, UNREACHABLE}


def test_the_module_is_the_command_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["cdb", "version"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_module("app.cli", run_name="__main__")

    assert not ended.value.code
    assert capsys.readouterr().out.strip()[0].isdigit()
