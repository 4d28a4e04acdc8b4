"""Celery's settings: it ignores a name that it does not know, so each is checked here."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery.app.defaults import NAMESPACES, flatten

import app.celery
from app import wiring
from app.celery import farm
from app.domain.progress import LONGEST_S
from tests.fixtures.farm import configured


@pytest.fixture
def config(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    with configured(farm_settings, monkeypatch):
        import celeryconfig

        yield celeryconfig


def names(config: ModuleType) -> list[str]:
    return [name for name in vars(config) if name[0].islower() and not hasattr(vars(config)[name], "__spec__")]


def test_celery_knows_every_setting(config: ModuleType) -> None:
    known = {pair[0] for pair in flatten(NAMESPACES)}
    ours = {name for name in names(config) if name not in ("timedelta", "parse_qsl", "urlencode", "urlsplit", "event")}

    assert ours - known == set()
    assert len(ours) > 30


def test_who_watches_a_worker_waits_longer_than_a_task_may_take(config: ModuleType) -> None:
    assert config.task_time_limit + 10 <= LONGEST_S


def test_every_task_of_the_farm_has_a_queue(config: ModuleType) -> None:
    farm.loader.import_default_modules()
    queues = {queue.name for queue in config.task_queues}

    for name in farm.tasks:
        if name.startswith("tasks."):
            assert name.split(".")[1] in queues
            assert f"tasks.{name.split('.')[1]}.*" in config.task_routes


def test_beat_sends_only_tasks_that_there_are(config: ModuleType) -> None:
    farm.loader.import_default_modules()

    assert {entry["task"] for entry in config.beat_schedule.values()} <= set(farm.tasks)
    assert {entry["args"] for name, entry in config.beat_schedule.items() if name.startswith("archive")} == {(0,), (1,)}


def test_histories_are_not_checked_in_a_replay(config: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "check-history" in config.beat_schedule

    monkeypatch.setenv("CDB_CLOCK", "replay")
    wiring.reset()
    replayed = runpy.run_path(str(Path(config.__file__ or "")))

    assert "check-history" not in replayed["beat_schedule"]


def test_a_backup_is_begun_once_a_day_if_it_is_wanted(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(farm_settings, monkeypatch):
        assert "backup" not in farm.conf.beat_schedule
    with configured({**farm_settings, "CDB_BACKUP_AT": "03:05"}, monkeypatch):
        entry = farm.conf.beat_schedule["backup"]

        assert entry["task"] == "tasks.upkeep.back_up"
        assert (entry["schedule"].hour, entry["schedule"].minute) == ({3}, {5})
    with configured({**farm_settings, "CDB_BACKUP_AT": "03:05", "CDB_CLOCK": "replay"}, monkeypatch):
        assert "backup" not in farm.conf.beat_schedule


def test_delivery_is_as_each_queue_needs_it(config: ModuleType) -> None:
    farm.loader.import_default_modules()
    asked = ("tasks.ticks.drain", "tasks.signals.find", "tasks.risk.approve", "tasks.orders.place")
    tasks: dict[str, Any] = {name: farm.tasks[name] for name in asked}
    delivery = {name: (one.acks_late, one.retry_on_worker_lost, one.ignore_result) for name, one in tasks.items()}

    assert delivery == {
        "tasks.ticks.drain": (False, False, True),
        "tasks.signals.find": (True, True, False),
        "tasks.risk.approve": (True, True, False),
        "tasks.orders.place": (True, False, False),
    }
    assert [queue.name for queue in config.task_queues if queue.no_ack] == ["ticks"]


def test_a_wrong_setting_ends_celery_with_its_cure(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(farm_settings, monkeypatch):
        monkeypatch.setenv("CDB_SHRADS", "2")
        wiring.reset()
        with pytest.raises(SystemExit, match="did you mean CDB_SHARDS"):
            runpy.run_path(str(Path(app.celery.__file__)))
        monkeypatch.delenv("CDB_SHRADS")


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("unix:///run/r.sock", "redis+socket:///run/r.sock"),
        ("unix:///run/r.sock?db=2", "redis+socket:///run/r.sock?virtual_host=2"),
        ("redis://:secret@host:1/3", "redis://:secret@host:1/3"),
    ],
)
def test_the_broker_is_the_farms_redis(config: ModuleType, url: str, broker: str) -> None:
    assert config._broker(url) == broker


def test_what_another_project_has_told_celery_in_the_shell_is_not_ours(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(farm_settings, monkeypatch):
        ours = farm.conf.broker_url, farm.conf.result_backend
        for name in app.celery.FOREIGN:
            monkeypatch.setenv(name, "redis://127.0.0.1:1/7")
        try:
            made = runpy.run_path(str(Path(app.celery.__file__)))["farm"]
            assert (made.conf.broker_url, made.conf.result_backend) == ours
            assert made.conf.broker_read_url == made.conf.broker_write_url == ours[0]
        finally:
            farm.set_current()
            farm.set_default()


def test_without_an_archive_nobody_archives(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with configured({**farm_settings, "CDB_ARCHIVE": "false"}, monkeypatch):
        assert not [name for name in farm.conf.beat_schedule if name.startswith("archive")]


def test_postgresql_gets_its_driver(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with configured({**farm_settings, "CDB_DATABASE_URL": "postgresql://u:p@host/name"}, monkeypatch):
        assert farm.conf.result_backend == "tasks._results:Results+postgresql+psycopg://u:p@host/name"
