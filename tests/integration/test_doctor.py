"""The doctor over a real Redis, database and venue: each thing that can be wrong is found, with its cure."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from app import wiring
from app.cli import doctor
from app.cli.codes import FAILED, WRONG
from app.domain.backups import name_at
from app.domain.history import Outdated
from tests.fixtures._half_heard import half_heard, the_rest_is_heard
from tests.fixtures.farm import LIVE
from tests.fixtures.memory.builders import NOON
from tests.fixtures.typed import Ended, Typed
from tests.fixtures.venue import ServedVenue
from workers.farm import held

NOBODY = "127.0.0.1:1"


@pytest.fixture
def well(
    data_dir: Path, redis_url: str, sqlite_url: str, venue: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """Settings with which nothing is wrong; a test makes one of them wrong."""
    for name, value in {
        "CDB_REDIS_URL": redis_url,
        "CDB_REDIS_PREFIX": f"{data_dir.parent.name}:",
        "CDB_DATABASE_URL": sqlite_url,
        "CDB_EXCHANGE_REST_URL": venue.rest_url,
        "CDB_EXCHANGE_WS_URL": venue.ws_url,
        "CDB_SYMBOLS": "BTC/USDT,ETH/USDT",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def found(ended: Ended) -> Mapping[str, Mapping[str, object]]:
    return {finding["what"]: finding for finding in ended.plain}


def only(well: pytest.MonkeyPatch, *checks: str) -> None:
    """Some checks alone, because ccxt waits between its requests."""
    well.setattr(doctor, "CHECKS", [check for check in doctor.CHECKS if check.__name__ in checks])


def test_nothing_is_wrong_when_everything_answers(well: pytest.MonkeyPatch, typed: Typed) -> None:
    ended = typed("doctor", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert list(found(ended)) == [
        "Redis",
        "database",
        "venue",
        "clock",
        "symbols",
        "keys",
        "withdrawals",
        "requests",
        "disk",
        "protobuf",
    ]
    assert all(finding["ok"] and not finding["cure"] for finding in ended.plain)
    assert found(ended)["keys"]["told"] == "accepted; 100000 USDT"
    assert found(ended)["withdrawals"]["ok"] is True
    assert found(ended)["requests"]["told"] == "0 had to wait, 0 answered 429, 0 answered 418"
    assert found(ended)["symbols"]["told"] == "2 can be traded: BTC/USDT, ETH/USDT"


def test_a_person_reads_what_was_found_in_a_table(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_redis", "_database", "_disk")
    ended = typed("doctor")

    assert ended.code == 0
    assert [line.split()[:2] for line in ended.out.splitlines()][1:3] == [["ok", "Redis"], ["ok", "database"]]


def test_a_redis_that_is_gone_is_wrong(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_redis", "_database", "_requests")
    well.setenv("CDB_REDIS_URL", f"redis://{NOBODY}/0")

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert found(ended)["Redis"]["ok"] is False
    assert "requests" not in found(ended)
    assert found(ended)["Redis"]["cure"] == "start it, or correct CDB_REDIS_URL"


def test_a_redis_that_is_gone_is_told_in_the_table_alone(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_redis", "_database", "_venue", "_symbols", "_keys")
    well.setenv("CDB_REDIS_URL", f"redis://{NOBODY}/0")

    ended = typed("doctor")

    assert (ended.code, ended.err) == (FAILED, "")
    assert "start it, or correct CDB_REDIS_URL" in ended.out


def test_a_database_without_tables_is_to_be_migrated(well: pytest.MonkeyPatch, typed: Typed, tmp_path: Path) -> None:
    well.setenv("CDB_DATABASE_URL", f"sqlite:///{tmp_path / 'bare.sqlite'}")

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert found(ended)["database"]["told"] == "The database has no tables yet"
    assert found(ended)["database"]["cure"] == "Run: cdb migrate"
    assert found(ended)["symbols"]["ok"] is None


def test_a_migration_cures_it(well: pytest.MonkeyPatch, typed: Typed, tmp_path: Path) -> None:
    only(well, "_database")
    well.setenv("CDB_DATABASE_URL", f"sqlite:///{tmp_path / 'bare.sqlite'}")

    migrated = typed("migrate")

    assert migrated.code == 0
    assert migrated.out.endswith("bare.sqlite is up to date.\n")
    assert typed("doctor").code == 0


def test_a_database_server_that_is_gone_is_wrong_and_its_password_is_not_shown(
    well: pytest.MonkeyPatch, typed: Typed
) -> None:
    well.setenv("CDB_DATABASE_URL", f"postgresql://me:hunter2@{NOBODY}/cdb")

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert found(ended)["database"]["told"] == f"The database postgresql+psycopg://me:***@{NOBODY}/cdb does not answer"
    assert found(ended)["database"]["cure"] == "Start it, or correct CDB_DATABASE_URL"
    assert "hunter2" not in ended.out + ended.err


def test_a_venue_that_does_not_answer_is_wrong_and_the_rest_cannot_be_judged(
    well: pytest.MonkeyPatch, typed: Typed
) -> None:
    well.setenv("CDB_EXCHANGE_REST_URL", f"http://{NOBODY}")

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert found(ended)["venue"]["cure"] == f"is http://{NOBODY} right? else correct CDB_EXCHANGE_REST_URL"
    assert "clock" not in found(ended)
    assert (found(ended)["symbols"]["ok"], found(ended)["keys"]["ok"]) == (None, None)


def test_the_farms_own_venue_is_started_and_not_corrected(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_venue")
    for name in ("CDB_EXCHANGE_REST_URL", "CDB_EXCHANGE_WS_URL"):
        well.delenv(name)
    well.setenv("CDB_VENUE_PORT", "1")

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    cure = str(found(ended)["venue"]["cure"])
    assert "started by cdb up" in cure
    assert "CDB_VENUE_PORT" in cure
    assert "CDB_EXCHANGE_REST_URL" not in cure


def test_mexc_out_of_reach_is_a_matter_of_the_network(well: pytest.MonkeyPatch) -> None:
    for name in ("CDB_EXCHANGE_REST_URL", "CDB_EXCHANGE_WS_URL"):
        well.delenv(name)
    well.setenv("CDB_EXCHANGE", "mexc")

    assert doctor._reach(wiring.settings()).startswith("check this machine's network")


def test_a_key_that_the_venue_does_not_take_is_wrong(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_keys")
    for name, value in {**LIVE, "CDB_API_KEY": "nobody", "CDB_API_SECRET": "knows"}.items():
        well.setenv(name, value)

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert found(ended)["keys"]["ok"] is False
    assert "CDB_API_KEY" in str(found(ended)["keys"]["cure"])


def test_a_clock_that_is_off_is_to_be_set(well: pytest.MonkeyPatch, typed: Typed, venue: ServedVenue) -> None:
    only(well, "_venue")
    venue.fail("clock_skew", ms=5000)

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert str(found(ended)["clock"]["told"]).startswith(("the venue's is +49", "the venue's is +50"))
    assert "NTP" in str(found(ended)["clock"]["cure"])


def test_a_pause_that_the_venue_wants_is_wrong_and_nothing_else_is(
    well: pytest.MonkeyPatch, typed: Typed, venue: ServedVenue
) -> None:
    only(well, "_venue", "_requests")
    with capture_logs():
        wiring.limiter(venue.rest_url).pause(60, 418)

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert [what for what, finding in found(ended).items() if finding["ok"] is False] == ["requests"]
    assert str(found(ended)["venue"]["told"]).startswith("not asked: ")
    assert str(found(ended)["requests"]["told"]).endswith(" s after HTTP 418")
    assert "CDB_REQUEST_SHARE" in str(found(ended)["requests"]["cure"])


def test_a_pause_that_is_over_is_not_wrong_and_its_cure_is_told(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_requests")
    wiring.counters().add(answers_429=3)

    ended = typed("doctor", "--json")

    assert ended.code == 0
    assert found(ended)["requests"]["told"] == "0 had to wait, 3 answered 429, 0 answered 418"
    assert "CDB_REQUEST_SHARE" in str(found(ended)["requests"]["cure"])


def test_histories_that_are_outdated_are_wrong(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_histories")
    well.setenv("CDB_REDIS_PREFIX", "histories:")
    assert typed("doctor", "--json").plain == []
    for symbol in ("BTC/USDT", "ETH/USDT"):
        wiring.outdated().tell(Outdated(symbol, "1m", NOON, "its klines end there"))
    well.setattr(doctor, "SHOWN", 1)

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    told = str(found(ended)["histories"]["told"])
    assert told == "outdated: BTC/USDT 1m ends at 2024-11-20 12:00:00 (its klines end there) and 1 more"
    assert "see its log and restart it" in str(found(ended)["histories"]["cure"])

    well.setenv("CDB_REDIS_URL", f"redis://{NOBODY}/0")
    assert typed("doctor", "--json").plain == []


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("123456/Q", "0 can be traded; not 123456/Q: the venue does not list it"),
        (
            "ETH/USDT,BTV/USDT",
            "1 can be traded: ETH/USDT; not BTV/USDT: the venue does not list it; did you mean BTC/USDT?",
        ),
    ],
)
def test_symbols_that_nobody_lists_are_wrong(well: pytest.MonkeyPatch, typed: Typed, wanted: str, told: str) -> None:
    only(well, "_symbols")
    well.setenv("CDB_SYMBOLS", wanted)

    ended = typed("doctor", "--json")

    assert (ended.code, ended.err) == (FAILED, "")
    assert (found(ended)["symbols"]["told"], found(ended)["symbols"]["cure"]) == (told, "correct CDB_SYMBOLS")


def test_many_symbols_are_not_all_listed(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_symbols")
    well.setenv("CDB_SYMBOLS", "all")
    well.setattr(doctor, "SHOWN", 2)

    assert str(found(typed("doctor", "--json"))["symbols"]["told"]).endswith(" …")


def test_a_disk_that_is_nearly_full_is_wrong(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_disk")
    well.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10_000_000))

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert "CDB_RETENTION_DAYS" in str(found(ended)["disk"]["cure"])


def test_a_folder_that_cannot_be_written_is_wrong(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_disk")
    well.setattr("os.access", lambda path, mode: False)

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert found(ended)["disk"]["cure"] == "make it writable, or set CDB_DATA_DIR"


def test_a_library_whose_absence_is_silent_is_missed(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_libraries")
    well.setattr(doctor, "find_spec", lambda name: None)

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert found(ended)["protobuf"]["cure"] == "make setup"


def test_a_farm_that_is_not_started_has_nothing_wrong(typed: Typed) -> None:
    ended = typed("doctor", "--json")

    assert ended.code == 0
    assert found(ended)["venue"]["ok"] is None
    assert {"symbols", "keys"}.isdisjoint(found(ended))


def test_a_machine_without_redis_is_told_what_to_install(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.embedded_redis.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")

    ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert found(ended)["Redis"]["told"] == "There is no Redis on this machine"
    assert "CDB_REDIS_URL" in str(found(ended)["Redis"]["cure"])


def test_of_a_farm_that_runs_the_embedded_servers_must_answer(
    data_dir: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_VENUE_PORT", "1")
    with held(data_dir):
        ended = typed("doctor", "--json")

    assert ended.code == FAILED
    assert [what for what, finding in found(ended).items() if finding["ok"] is False] == ["Redis", "database", "venue"]


def test_wrong_settings_come_before_all(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_MODE", "dream")

    ended = typed("doctor", "--json")

    assert (ended.code, ended.out) == (WRONG, "")
    assert "CDB_MODE=dream" in ended.err


def test_a_private_stream_that_is_down_is_wrong(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_private")
    assert typed("doctor", "--json").plain == []

    wiring.feed_status().write({"ready": True, "private": "up"})
    assert typed("doctor", "--json").plain == []
    wiring.feed_status().write({"ready": True, "private": "down"})
    ended = typed("doctor", "--json")

    assert (ended.code, found(ended)["private stream"]["ok"]) == (FAILED, False)
    assert "by the poll" in str(found(ended)["private stream"]["cure"])


def test_a_shard_that_nobody_hears_is_wrong(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_feeds")
    assert typed("doctor", "--json").plain == [], "one feed alone is seen by what its silence leads to"

    half_heard(well)
    ended = typed("doctor", "--json")
    assert (ended.code, found(ended)["feeds"]["told"]) == (FAILED, "nobody hears shard 1 of 2")
    assert "cdb feed" in str(found(ended)["feeds"]["cure"])

    the_rest_is_heard()
    assert found(typed("doctor", "--json"))["feeds"]["told"] == "all 2 shards are heard"


def test_feeds_that_have_another_number_than_is_set_here_are_wrong(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_feeds")
    half_heard(well)
    well.setenv("CDB_FEED_SHARDS", "1")

    ended = typed("doctor", "--json")

    assert (ended.code, found(ended)["feeds"]["told"]) == (FAILED, "they have 2 shards, and CDB_FEED_SHARDS=1 here")
    assert "set CDB_FEED_SHARDS=2 here, or end all feeds" in str(found(ended)["feeds"]["cure"])


def test_feeds_are_not_judged_while_redis_is_away(well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_feeds")
    well.setenv("CDB_REDIS_URL", "redis://127.0.0.1:1/0")

    assert typed("doctor", "--json").plain == []


def test_backups_are_judged_where_the_farm_makes_them(data_dir: Path, well: pytest.MonkeyPatch, typed: Typed) -> None:
    only(well, "_backups")
    assert typed("doctor", "--json").plain == []

    well.setenv("CDB_BACKUP_AT", "03:30")
    assert found(typed("doctor", "--json"))["backups"]["ok"] is None, "the time has not come yet"
    (data_dir / "logs").mkdir(parents=True)
    (data_dir / "logs" / "backup.log").touch()
    assert typed("doctor", "--json").code == FAILED, "one was begun, and there is none"
    late = data_dir / "backups" / name_at(wiring.now() - timedelta(hours=30))
    late.mkdir(parents=True)
    ended = typed("doctor", "--json")
    assert (ended.code, found(ended)["backups"]["ok"]) == (FAILED, False)
    assert "backup.log" in str(found(ended)["backups"]["cure"])
    (data_dir / "backups" / name_at(wiring.now())).mkdir()
    assert typed("doctor", "--json").code == 0
    late.rename(data_dir / "late")
    late.symlink_to(late)  # a folder in itself cannot be read
    assert "cannot be read" in str(found(typed("doctor", "--json"))["backups"]["told"])


@pytest.mark.parametrize("may", [True, None])
def test_a_key_that_might_withdraw_is_not_said_to_be_well(may: bool | None) -> None:
    finding = doctor._withdrawals(may)

    assert (finding.ok, "without the right to withdraw" in finding.cure) == (None, True)
