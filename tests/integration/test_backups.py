"""A farm's books: kept, lost and brought back, on each database; and what must not be brought back."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import create_engine, make_url, text

from app import wiring
from app.bus import SENT, forget
from app.cli import backup as cli_of_backup
from app.cli.codes import FAILED, UNREACHABLE
from app.cli.running import at_work
from app.domain.backups import BackupError, Contents, name_at
from app.domain.market import microseconds
from app.domain.orders import OrderState
from app.domain.risk import TradingState
from app.store import contents
from app.store.copies import Take
from tasks import _backup, orders, upkeep
from tests.fixtures._chains import sql
from tests.fixtures._forks import Program
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.commands import ROOT, until
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import approved
from tests.fixtures.memory.builders import a_letter
from tests.fixtures.typed import Ended, Typed
from tests.fixtures.venue import ServedVenue

ETH = "ETH/USDT"
KEY = "correct horse battery staple"
BOTH = pytest.mark.parametrize("farm_kind", KINDS, indirect=True)


@dataclass
class Farm:
    """A farm that has traded and rests, and its commands."""

    cdb: Typed
    settings: dict[str, str]

    @property
    def folder(self) -> Path:
        return Path(self.settings["CDB_DATA_DIR"]) / "backups"

    def kept(self) -> str:
        """The name of a new backup."""
        made = self.cdb("backup", "--json")
        assert made.code == 0, made.err
        return str(made.plain["name"])

    def only(self, name: str) -> Path:
        """The one part of it that is not its manifest."""
        [found] = (path for path in (self.folder / name).iterdir() if path.name.startswith("database"))
        return found

    def damage(self) -> None:
        """The database is of no use any more."""
        wiring.database().engine.dispose()
        url = make_url(self.settings["CDB_DATABASE_URL"])
        if url.get_backend_name() == "sqlite":
            Path(str(url.database)).write_bytes(b"nothing of it can be read" * 1000)
        else:
            sql(wiring.database(), "DROP TABLE executions CASCADE")
            sql(wiring.database(), "DELETE FROM orders")
            sql(wiring.database(), "UPDATE account SET cash = 1")

    def process(self, code: str) -> "subprocess.CompletedProcess[str]":
        """Python in a process of its own, with this farm's settings."""
        wiring.database().engine.dispose()
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60)


@pytest.fixture
def farm(
    typed: Typed,
    begun: ServedVenue,
    farm_settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Farm]:
    """It holds one BTC, and its audits are sealed."""
    values = {"CDB_EXCHANGE_REST_URL": begun.rest_url, "CDB_EXCHANGE_WS_URL": begun.ws_url}
    for name, value in {**farm_settings, **values, "CDB_REQUEST_WEIGHT": "0"}.items():
        monkeypatch.setenv(name, value)
    begun.tick(ETH, 50, 1000)
    now_us = microseconds(wiring.now())
    wiring.redis().hset(wiring.keys().prices, ETH, f"50.0|{now_us}|{now_us}")
    bought()
    upkeep.seal()

    def alone(*arguments: str) -> Ended:
        capsys.readouterr()  # what the venue and the tasks said
        return typed(*arguments)

    yield Farm(alone, farm_settings)
    clean(farm_settings["CDB_DATABASE_URL"])


def bought(key: str = "SIGNAL", **changes: Any) -> str:
    """An entry that was filled."""
    name = approved(key, **changes)
    assert name is not None
    orders.place(name)
    orders.settle(name)
    assert wiring.orders().get(name).state is OrderState.FILLED
    return name


def clean(url: str) -> None:
    """What restores have put aside on a server of several tests."""
    name = str(make_url(url).database)
    if url.startswith("sqlite"):
        return
    for found in databases(url):
        if found.startswith(f"{name}_"):
            told(url, f'DROP DATABASE "{found}"')


def databases(url: str) -> list[str]:
    return [str(row[0]) for row in told(url, "SELECT datname FROM pg_database")]


def told(url: str, statement: str) -> list[Any]:
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        found = connection.execute(text(statement))
        rows = list(found) if found.returns_rows else []
    engine.dispose()
    return rows


def held() -> Contents:
    with wiring.database().connecting() as connection:
        return contents(connection)


def books(found: Contents) -> dict[str, object]:
    """All but what a restore writes down."""
    return {name: table for name, table in found.tables.items() if name != "audits"}


def good(ended: Ended) -> Ended:
    assert (ended.code, ended.err) == (0, "")
    return ended


@BOTH
def test_what_was_lost_comes_back_to_the_last_digit(farm: Farm) -> None:
    before, name = held(), farm.kept()
    farm.damage()

    restored = good(farm.cdb("restore", name, "--yes", "--by", "ann", "--json"))

    assert restored.plain["restored"] == name
    assert books(held()) == books(before)
    assert held().head == before.head
    assert good(farm.cdb("audit", "verify", "--head", before.head)).out.startswith("Intact")
    assert held().tables["audits"].rows == before.tables["audits"].rows + 2, "the restore, and the trading state"


@BOTH
def test_the_backup_of_a_farm_that_works_is_of_one_moment(farm: Farm) -> None:
    name = farm.kept()
    bought("ANOTHER", symbol=ETH, price=50.0)  # in no backup

    assert f"The backup {name} is good" in good(farm.cdb("backup", "verify", name)).out
    assert good(farm.cdb("backup", "verify", "--json")).plain["good"] is True


@BOTH
def test_a_verification_leaves_nothing(farm: Farm) -> None:
    farm.kept()
    before = held()

    good(farm.cdb("backup", "verify"))

    assert held() == before
    assert [path.name for path in farm.folder.iterdir() if path.name.startswith(".")] == [".lock"]
    url = farm.settings["CDB_DATABASE_URL"]
    if not url.startswith("sqlite"):
        assert not [name for name in databases(url) if "_beside_" in name]


@BOTH
def test_what_was_there_is_kept_aside(farm: Farm) -> None:
    name = farm.kept()
    bought("LATER", symbol=ETH, price=50.0)
    later = held()

    aside = good(farm.cdb("restore", name, "--yes", "--json")).plain["aside"]

    url = make_url(farm.settings["CDB_DATABASE_URL"]).set(database=aside)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert contents(connection) == later
    engine.dispose()
    assert held().tables["orders"].rows == later.tables["orders"].rows - 1


@BOTH
def test_on_a_new_machine_nothing_is_there_to_be_kept_aside(farm: Farm) -> None:
    before, name = held(), farm.kept()
    wiring.database().engine.dispose()
    url = farm.settings["CDB_DATABASE_URL"]
    if url.startswith("sqlite"):
        Path(str(make_url(url).database)).unlink()
    else:
        told(url, f'DROP DATABASE "{make_url(url).database}"')

    ended = good(farm.cdb("restore", name, "--yes"))

    assert "kept as" not in ended.out
    assert books(held()) == books(before)


def test_the_restored_file_is_for_the_same_readers(farm: Farm) -> None:
    name = farm.kept()
    file = Path(str(wiring.database().url.database))
    file.chmod(0o640)

    good(farm.cdb("restore", name, "--yes"))

    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("farm_kind", ["postgresql"], indirect=True)
def test_without_the_right_to_make_databases_the_cure_is_told(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    farm.kept()
    url = farm.settings["CDB_DATABASE_URL"]
    told(url, "CREATE ROLE somebody LOGIN")
    try:
        poor = make_url(url).set(username="somebody").render_as_string(hide_password=False)
        monkeypatch.setenv("CDB_DATABASE_URL", poor)
        ended = farm.cdb("backup", "verify")
    finally:
        told(url, "DROP ROLE somebody")

    assert ended.code == FAILED
    assert "PostgreSQL refuses: permission denied to create database. Let this user make databases" in ended.err


@pytest.mark.parametrize("farm_kind", ["postgresql"], indirect=True)
def test_without_a_server_it_is_a_sentence(farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_DATABASE_URL", f"postgresql://somebody:secret@/cdb?host={tmp_path}")

    ended = farm.cdb("backup")

    assert ended.code == UNREACHABLE
    assert "does not answer" in ended.err
    assert "secret" not in ended.err


@BOTH
def test_nothing_is_entered_before_the_books_were_compared_and_a_person_said_so(farm: Farm) -> None:
    name = farm.kept()
    lost = bought("LOST", symbol=ETH, price=50.0)  # at the venue, and in no book of ours

    ended = good(farm.cdb("restore", name, "--yes"))

    assert "Nothing is entered until a person says so: cdb resume" in " ".join(ended.out.split())
    assert wiring.ledger().account({}, wiring.now()).reconciled_at is None
    assert wiring.ledger().account({}, wiring.now()).state is TradingState.REDUCING
    assert approved("NEXT", symbol=ETH, price=50.0) is None
    upkeep.begin()
    differences = {one.kind for one in wiring.books().read(wiring.now()).differences}
    assert "balance" in differences, f"what {lost} bought is in no book of ours"
    assert approved("AND-NEXT", symbol=ETH, price=50.0) is None
    good(farm.cdb("resume", "--reason", "looked at it", "--yes"))
    assert wiring.ledger().account({}, wiring.now()).state is TradingState.ACTIVE


@BOTH
def test_a_halt_outlives_a_restore(farm: Farm) -> None:
    name = farm.kept()
    wiring.ledger().set_state(TradingState.HALTED, "too much was lost", "ann", wiring.now())

    assert good(farm.cdb("restore", name, "--yes", "--json")).plain["trading_state"] == "HALTED"

    told_now = wiring.reports().summary()
    assert told_now.trading_state == TradingState.HALTED
    assert told_now.state_reason == f"the backup {name} was restored; it was halted before: too much was lost"


@BOTH
def test_what_redis_knows_is_forgotten_and_dead_letters_that_waited_there_are_kept(farm: Farm) -> None:
    wiring.letters_aside().put(a_letter())
    name = farm.kept()
    prefix = wiring.settings().redis_prefix
    wiring.redis().lpush(f"{prefix}orders", '{"headers": {"' + SENT + '": 1}}')
    wiring.redis().set("another farm's", "1")

    good(farm.cdb("restore", name, "--yes"))

    assert list(wiring.redis().scan_iter(f"{prefix}*")) == []
    assert wiring.redis().exists("another farm's")
    assert [one.letter for one in wiring.letters().waiting(10)] == [a_letter()]


@BOTH
def test_with_a_key_it_is_encrypted_and_comes_back(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_BACKUP_KEY", KEY)
    wiring.letters_aside().put(a_letter())
    before, name = held(), farm.kept()
    farm.damage()

    assert farm.only(name).suffix == ".age"
    good(farm.cdb("backup", "verify"))
    good(farm.cdb("restore", name, "--yes"))

    found = {**books(held())}
    assert {**found, "dead_letters": None} == {**books(before), "dead_letters": None}


@BOTH
def test_another_key_or_none_restores_nothing(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_BACKUP_KEY", KEY)
    before, name = held(), farm.kept()

    for key, sentence in (("another horse battery staple", "does not open"), ("", "is encrypted. Set CDB_BACKUP_KEY")):
        monkeypatch.setenv("CDB_BACKUP_KEY", key)
        for command in (("backup", "verify"), ("restore", name, "--yes")):
            ended = farm.cdb(*command)
            assert ended.code == FAILED
            assert sentence in ended.err
            assert KEY not in ended.err
    assert held() == before


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def anew(path: Path) -> None:
    """Changed, and the sums made anew by somebody who knows how."""
    cut(path)
    sums(path.parent)


def sums(folder: Path) -> None:
    """Made anew by somebody who knows how."""
    files = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    made = subprocess.run(["sha256sum", *files], cwd=folder, capture_output=True, check=True)
    (folder / "SHA256SUMS").write_bytes(made.stdout)


@BOTH
@pytest.mark.parametrize("harm", [cut, change, anew, Path.unlink])
def test_a_damaged_backup_is_told_and_changes_nothing(farm: Farm, harm: Callable[[Path], None]) -> None:
    before, name = held(), farm.kept()
    harm(farm.only(name))

    verified, restored = farm.cdb("backup", "verify", name), farm.cdb("restore", name, "--yes")

    assert verified.code == restored.code == FAILED
    assert verified.err == restored.err
    assert name in verified.err or "pg_restore failed" in verified.err
    assert held() == before


@BOTH
def test_what_does_not_add_up_is_not_restored(farm: Farm) -> None:
    before, name = held(), farm.kept()
    manifest = farm.folder / name / "manifest.json"
    manifest.write_text(re.sub(r'("executions": \{\s*"rows": )1', r"\g<1>2", manifest.read_text()))
    sums(farm.folder / name)

    for command in (("backup", "verify"), ("restore", name, "--yes")):
        ended = farm.cdb(*command)
        assert ended.code == FAILED
        assert f"What came of the backup {name} is not what was kept: executions has 1 rows, not 2" in ended.err
    assert held() == before


def test_letters_that_cannot_be_read_are_told(farm: Farm) -> None:
    name = farm.kept()
    letters, manifest = (farm.folder / name / one for one in ("letters.json", "manifest.json"))
    before = sha256(letters.read_bytes()).hexdigest()
    letters.write_bytes(b"{}")
    text = manifest.read_text().replace(before, sha256(b"{}").hexdigest())
    manifest.write_text(text)
    sums(farm.folder / name)

    ended = farm.cdb("backup", "verify")

    assert ended.code == FAILED
    assert f"{name}: letters.json cannot be read by this version" in ended.err


@BOTH
def test_a_chain_that_was_broken_before_is_told_and_restored_only_if_that_is_meant(farm: Farm) -> None:
    sql(wiring.database(), "UPDATE audits SET service = 'nobody' WHERE sequence = 2")
    name = farm.kept()

    for command in (("backup", "verify"), ("restore", name, "--yes")):
        ended = farm.cdb(*command)
        assert ended.code == FAILED
        assert f"The audit chain in the backup {name} is broken at sequence 2, altered" in ended.err
    good(farm.cdb("restore", name, "--yes", "--broken-chain"))


@BOTH
def test_it_is_refused_while_somebody_has_the_database(farm: Farm) -> None:
    before, name = held(), farm.kept()
    engine = create_engine(farm.settings["CDB_DATABASE_URL"])
    with engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM account")).all()
        ended = farm.cdb("restore", name, "--yes")
        connection.rollback()
    engine.dispose()

    assert ended.code == FAILED
    assert "The farm is at work: " in ended.err
    assert "Stop all of it, also on other machines" in ended.err
    assert held() == before


def test_it_is_refused_while_a_feed_speaks(farm: Farm) -> None:
    name = farm.kept()
    wiring.feed_status().write({"ready": True})

    ended = farm.cdb("restore", name, "--yes")

    assert ended.code == FAILED
    assert "a feed, which spoke less than 10 s ago" in ended.err


def test_it_is_refused_while_a_farm_runs_here(farm: Farm) -> None:
    name = farm.kept()
    from workers.farm import held as locked

    with locked(Path(farm.settings["CDB_DATA_DIR"])):
        ended = farm.cdb("restore", name, "--yes")

    assert ended.code == FAILED
    assert ended.err.startswith(f"A farm runs in {farm.settings['CDB_DATA_DIR']}. Stop all of it")


def test_it_asks_first(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    before, name = held(), farm.kept()
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))

    ended = farm.cdb("restore", name)

    assert ended.code == FAILED
    assert "in the place of sqlite:///" in ended.err
    assert held() == before


def test_a_redis_that_is_away_refuses_a_restore_for_a_farm_may_be_at_work(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = farm.kept()
    monkeypatch.setenv("CDB_REDIS_URL", "redis://127.0.0.1:1/0")

    ended = farm.cdb("restore", name, "--yes")

    assert ended.code == UNREACHABLE
    assert "Redis cannot be used" in ended.err


def test_an_embedded_redis_that_rests_finds_none_of_its_files_when_it_starts(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = farm.kept()
    monkeypatch.delenv("CDB_REDIS_URL")
    files = Path(farm.settings["CDB_DATA_DIR"]) / "redis"
    files.mkdir()
    (files / "appendonly.aof").touch()

    good(farm.cdb("restore", name, "--yes"))

    assert not files.exists()
    [aside] = files.parent.glob("redis.before-*")
    assert (aside / "appendonly.aof").exists()


def test_a_worker_that_answers_is_at_work_wherever_it_is(worker: Program) -> None:
    until(lambda: "the worker trial@" in "".join(at_work(wiring.copies())), "a worker that answers", PATIENCE_S)


def test_it_is_made_without_redis_and_says_so(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_REDIS_URL", "redis://127.0.0.1:1/0")

    made = farm.cdb("backup")

    assert made.code == 0
    assert "Redis was not asked" in made.err
    assert good(farm.cdb("backup", "verify", "--json")).plain["letters"] is None


@BOTH
def test_a_backup_of_a_farm_with_real_money_is_not_restored_on_paper(farm: Farm) -> None:
    before = held()
    purpose = "UPDATE audits SET data = '{\"mode\": \"live\"}' WHERE event_type = 'database.purpose'"
    sql(wiring.database(), purpose)
    name = farm.kept()

    ended = farm.cdb("restore", name, "--yes", "--broken-chain")

    assert ended.code == FAILED
    assert f"The backup {name} is of a farm in mode live, this one is in mode paper" in ended.err
    assert books(held()) == books(before)


def test_one_kind_is_not_restored_into_the_other(
    farm: Farm, empty_postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = farm.kept()
    monkeypatch.setenv("CDB_DATABASE_URL", empty_postgresql)

    ended = farm.cdb("restore", name, "--yes")

    assert ended.code == FAILED
    assert "is of a sqlite database, this one is postgresql" in ended.err


@BOTH
def test_an_older_schema_is_brought_up_to_date(farm: Farm) -> None:
    from alembic import command

    from app.store.migrations import _config

    with wiring.database().migrating() as connection:
        command.downgrade(_config(connection), "0008")
    name = farm.kept()
    older = held()

    good(farm.cdb("backup", "verify"))
    good(farm.cdb("restore", name, "--yes"))

    assert older.revision.startswith("0008")
    assert held().revision > older.revision
    assert held().tables["trades"] == older.tables["trades"]


@BOTH
def test_a_newer_schema_is_refused(farm: Farm) -> None:
    sql(wiring.database(), "UPDATE alembic_version SET version_num = '9999_of_tomorrow'")
    name = farm.kept()

    ended = farm.cdb("restore", name, "--yes")

    assert ended.code == FAILED
    assert "was made by a newer version. Update the code" in ended.err


KILLED = """
import os, signal, sys
from app.backups import shelf
from app.store import copies_postgresql, copies_sqlite
def die(*args, **options):
    os.kill(os.getpid(), signal.SIGKILL)
for room in (copies_sqlite.SqliteCopies, copies_postgresql.PostgresqlCopies, shelf.Shelf):
    if hasattr(room, "{method}"):
        setattr(room, "{method}", die)
from app.cli import main
sys.argv = ["cdb", {arguments}]
main()
"""


@BOTH
@pytest.mark.parametrize("method", ["copy", "seal", "check"])
def test_a_backup_that_was_killed_is_none(farm: Farm, method: str) -> None:
    ended = farm.process(KILLED.format(method=method, arguments='"backup"'))

    assert ended.returncode == -signal.SIGKILL
    assert "There is no backup" in good(farm.cdb("backup", "list")).out
    assert [path.name for path in farm.folder.iterdir() if path.name != ".lock"], "what is left of it"
    name = farm.kept()
    assert sorted(path.name for path in farm.folder.iterdir()) == [".lock", name]


@BOTH
def test_a_restore_that_was_killed_changes_nothing_and_leaves_nothing_for_long(farm: Farm) -> None:
    before, name = held(), farm.kept()

    ended = farm.process(KILLED.format(method="replace", arguments=f'"restore", "{name}", "--yes"'))

    assert ended.returncode == -signal.SIGKILL
    assert held() == before
    good(farm.cdb("restore", name, "--yes"))
    url = make_url(farm.settings["CDB_DATABASE_URL"])
    if url.get_backend_name() == "sqlite":
        assert list(Path(str(url.database)).parent.glob("*beside*")) == []
    else:
        assert not [one for one in databases(farm.settings["CDB_DATABASE_URL"]) if "_beside_" in one]


FULL = """
import resource, sys
from app.cli import main
sys.argv = ["cdb", "backup"]
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, resource.RLIM_INFINITY))
try:
    main()
finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@BOTH
def test_a_disk_without_room_is_a_sentence_and_leaves_nothing(farm: Farm) -> None:
    farm.folder.mkdir(parents=True)

    ended = farm.process(FULL.format(size=20_000))

    assert ended.returncode == FAILED
    assert "Make room" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in farm.folder.iterdir()] == [".lock"]


def test_a_damaged_database_makes_no_backup_that_would_crowd_out_a_good_one(farm: Farm) -> None:
    name = farm.kept()
    farm.damage()
    until(lambda: name_at(wiring.now()) != name, "another second")

    ended = farm.cdb("backup")

    assert ended.code == FAILED
    assert "is damaged" in ended.err
    assert "Restore an earlier backup" in ended.err
    assert [one["name"] for one in farm.cdb("backup", "list", "--json").plain] == [name]


def test_old_ones_go_when_one_was_made(farm: Farm) -> None:
    first = farm.kept()
    (farm.folder / first).rename(farm.folder / "20200101T000000Z")

    made = farm.cdb("backup", "--nice", "--limit", "10m")

    assert "Removed, for they were too old: 20200101T000000Z" in made.out
    assert len(farm.cdb("backup", "list", "--json").plain) == 1


def test_one_that_takes_too_long_is_given_up(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_: object, take: Take) -> None:
        take(b"the first half")
        with suppress(BackupError):  # as some library might
            time.sleep(60)
        time.sleep(60)

    monkeypatch.setattr(type(wiring.copies()), "copy", slow)
    monkeypatch.setattr(cli_of_backup, "AGAIN_S", 0.2)

    ended = farm.cdb("backup", "--limit", "0.2s")

    assert ended.code == FAILED
    assert "took longer than 0.2 s" in ended.err
    assert "There is no backup" in farm.cdb("backup", "list").out


def test_of_many_keys_none_is_left(redis_client: "redis.Redis") -> None:
    with redis_client.pipeline() as pipe:
        for number in range(1_234):
            pipe.set(f"cdb:{number}", "1")
        pipe.set("cdx:1", "1")
        pipe.execute()

    assert forget(redis_client, "cdb:") == 1_234
    assert list(redis_client.scan_iter()) == [b"cdx:1"]


def test_the_list_says_what_there_is(farm: Farm) -> None:
    assert good(farm.cdb("backup", "list", "--json")).plain == []
    name = farm.kept()

    assert name in good(farm.cdb("backup", "list")).out
    [one] = farm.cdb("backup", "list", "--json").plain
    assert (one["name"], one["encrypted"]) == (name, False)


def test_beat_begins_one_that_nobody_waits_for(farm: Farm) -> None:
    pid = upkeep.back_up()

    [process] = [one for one in _backup.started if one.pid == pid]
    assert process.wait(60) == 0
    assert len(farm.cdb("backup", "list", "--json").plain) == 1
    assert "rows in" in (Path(farm.settings["CDB_DATA_DIR"]) / "logs" / "backup.log").read_text()
