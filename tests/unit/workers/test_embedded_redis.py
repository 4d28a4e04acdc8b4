"""How the embedded Redis is started, and how one knows that it is the one that was started."""

import os
import socket
from pathlib import Path

import pytest
import redis

from app import wiring
from app.bus import connect
from workers import embedded_redis
from workers.supervisor import CannotStart


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("CDB_") and not name.startswith("CDB_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CDB_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(wiring, "settings", lambda: wiring.Settings(_env_file=None))
    return tmp_path


def test_it_keeps_what_it_is_told_and_forgets_nothing_for_want_of_memory(data_dir: Path) -> None:
    command = " ".join(embedded_redis.command(wiring.settings()))
    assert "--appendonly yes --appendfsync everysec" in command
    assert "--maxmemory-policy noeviction" in command
    assert f"--dir {data_dir / 'redis'}" in command


def test_naming_its_command_leaves_a_living_socket_alone(data_dir: Path) -> None:
    path = wiring.settings().redis_socket
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        embedded_redis.command(wiring.settings())
        assert path.exists()


def test_naming_its_command_makes_no_folder_but_preparing_it_does(data_dir: Path) -> None:
    embedded_redis.command(wiring.settings())
    assert not (data_dir / "redis").exists()

    embedded_redis.prepare(wiring.settings())
    assert (data_dir / "redis").is_dir()


def test_a_port_is_bound_on_loopback_alone(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_REDIS_PORT", "7001")
    assert "--bind 127.0.0.1 --port 7001" in " ".join(embedded_redis.command(wiring.settings()))


def test_a_machine_without_any_server_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotStart, match="CDB_REDIS_URL"):
        embedded_redis.binary()


async def test_another_process_that_answers_is_not_ours(redis_client: "redis.Redis") -> None:
    its_own = redis_client.info("server")["process_id"]
    ready = embedded_redis.answers(redis_client)
    assert await ready(its_own)
    assert not await ready(its_own + 1)


async def test_a_server_that_does_not_answer_is_not_ready(tmp_path: Path) -> None:
    with connect(f"unix://{tmp_path / 'none.sock'}", retries=0) as nobody:
        assert not await embedded_redis.answers(nobody)(1)
