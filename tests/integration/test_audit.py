"""cdb audit over a real database, and the page that says how to do without it."""

import re
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from app import wiring
from app.cli.codes import FAILED, UNREACHABLE, WRONG
from app.domain.sealing import GENESIS
from app.store import Database
from tests.fixtures._chains import links, sealed, sql, written
from tests.fixtures.databases import KINDS
from tests.fixtures.typed import Typed

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
OTHER = "f" * 64


@pytest.fixture
def database(request: pytest.FixtureRequest, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database that the command reads, without rows: SQLite, or of the kind that the test asks for."""
    opened: Database = request.getfixturevalue(getattr(request, "param", "sqlite"))
    monkeypatch.setenv("CDB_DATABASE_URL", opened.url.render_as_string(hide_password=False))
    return opened


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_an_empty_database_is_intact(database: Database, typed: Typed) -> None:
    ended = typed("audit", "verify")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "Intact: all that is sealed is as it was.",
        "0 sealed, 0 waiting",
        f"head 0:{GENESIS}",
        "nothing was sealed yet",
    ]


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_what_is_sealed_what_waits_and_the_head_are_told(database: Database, typed: Typed) -> None:
    written(sealed(database), 2)

    ended, head = typed("audit", "verify"), typed("audit", "head")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[1:] == [
        "6 sealed, 2 waiting",
        f"head 6:{links(database)[-1].hash}",
        "sealed 2024-11-20 12:00:00 UTC",
    ]
    assert (head.code, head.out) == (0, f"6:{links(database)[-1].hash}\n")


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_the_first_row_that_was_touched_is_named(database: Database, typed: Typed) -> None:
    number = links(sealed(database))[2].id
    sql(database, "UPDATE audits SET event_type = 'order.filled' WHERE sequence IN (3, 5)")

    ended, machine = typed("audit", "verify"), typed("audit", "verify", "--json")

    assert ended.code == machine.code == FAILED
    told = "its hash is not that of its content and the row before it"
    assert ended.out.splitlines()[0] == f"BROKEN at sequence 3 (row {number}), altered: {told}."
    assert machine.plain["intact"] is False
    assert machine.plain["broken"] == {"kind": "altered", "sequence": 3, "id": number, "told": told}


def test_a_row_that_is_missing_has_no_id(database: Database, typed: Typed) -> None:
    sql(sealed(database), "DELETE FROM audits WHERE sequence = 6")

    ended = typed("audit", "verify")

    assert ended.code == FAILED
    assert ended.out.startswith("BROKEN at sequence 6, missing: it is gone: the head says that there are 6.\n")


def test_machines_read_the_same_as_json(database: Database, typed: Typed) -> None:
    head = {"sequence": 6, "hash": links(sealed(database))[-1].hash}

    verdict = typed("audit", "verify", "--json")

    assert verdict.code == 0
    told = {"intact": True, "broken": None, "sealed": 6, "waiting": 0, "head": {**head, "at": "2024-11-20T12:00:00Z"}}
    assert verdict.plain == told
    assert typed("audit", "head", "--json").plain == head


def test_before_anything_was_sealed_machines_read_so(database: Database, typed: Typed) -> None:
    assert typed("audit", "verify", "--json").plain["head"] == {"sequence": 0, "hash": GENESIS, "at": None}


def test_a_noted_head_is_looked_for(database: Database, typed: Typed) -> None:
    noted = typed("audit", "head").out
    sealed(database, 3)
    later = typed("audit", "head").out.strip()
    sealed(database, 2)

    for head in (noted, later, later.upper()):
        assert typed("audit", "verify", "--head", head).code == 0
    ended = typed("audit", "verify", "--head", f"3:{OTHER}")

    assert ended.code == FAILED
    assert ended.out.startswith(
        f"BROKEN at sequence 3 (row {links(database)[2].id}), rewritten: the hash that was noted"
    )


def test_only_what_came_after_a_noted_head_is_looked_at(database: Database, typed: Typed) -> None:
    noted = f"3:{links(sealed(database))[2].hash}"
    sql(database, "UPDATE audits SET service = 'nobody' WHERE sequence = 2")

    ended = typed("audit", "verify", "--from", "4", "--head", noted)

    assert ended.code == 0
    assert ended.out.startswith("Intact from sequence 4 on: ")
    assert typed("audit", "verify").code == FAILED


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--head", "nonsense"], "write SEQUENCE:HASH as `cdb audit head` prints it"),
        (["--head", ""], "write SEQUENCE:HASH as `cdb audit head` prints it"),
        (["--from", "9", "--head", f"3:{OTHER}"], "row 3 is before those to look at; say --from 4 or less"),
        (["--from", "0"], "--from"),
        (["--from", "9" * 30], "--from"),
    ],
)
def test_what_cannot_be_looked_at_is_wrong_usage(
    arguments: list[str], told: str, database: Database, typed: Typed
) -> None:
    ended = typed("audit", "verify", *arguments)

    assert (ended.code, ended.out) == (WRONG, "")
    assert told in ended.err


@pytest.mark.parametrize("command", ["verify", "head"])
def test_a_database_without_tables_is_a_sentence_with_its_cure(command: str, data_dir: Path, typed: Typed) -> None:
    ended = typed("audit", command)

    assert (ended.code, ended.out) == (UNREACHABLE, "")
    assert "Run: cdb migrate" in ended.err


def test_a_server_that_is_away_is_a_sentence(
    typed: Typed, tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_DATABASE_URL", f"postgresql://somebody:secret@/cdb?host={tmp_path}")

    ended = typed("audit", "verify")

    assert ended.code == UNREACHABLE
    assert "does not answer" in ended.err
    assert "secret" not in ended.err


def checked_by_hand(database: Database) -> "CompletedProcess[str]":
    """The program on the page, in a process that knows nothing of this project."""
    [program] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert re.findall(r"^(?:import|from) .*", program, re.MULTILINE) == ["import hashlib, json, sqlite3, sys"]
    command = [sys.executable, "-I", "-S", "-c", program, str(database.url.database)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_program_on_the_page_finds_the_same_head(database: Database, typed: Typed) -> None:
    wiring.audits().write(
        "farm.told", "farm", {"ä": ["€ 😀 \u2028\x7f", '"\\\n', 10**20, None, True], "a": {}}, wiring.now()
    )
    assert checked_by_hand(database).stdout == f"0:{GENESIS}\n"

    sealed(database)

    assert checked_by_hand(database).stdout == typed("audit", "head").out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE audits SET timestamp = timestamp + 1 WHERE sequence = 3", "sequence 3, row 3 does not fit\n"),
        ("DELETE FROM audits WHERE sequence = 3", "sequence 4, row 4 does not fit\n"),
        ("DELETE FROM audits WHERE sequence = 6", "the head does not fit\n"),
    ],
)
def test_the_program_on_the_page_finds_what_was_changed(change: str, told: str, database: Database) -> None:
    sql(sealed(database), change)

    ended = checked_by_hand(database)

    assert (ended.returncode, ended.stderr) == (1, told)
