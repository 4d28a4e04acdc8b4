"""pg_dump and pg_restore: the version that the server needs is chosen, and what is wrong is said with its cure."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.domain.backups import BackupError
from app.store import client_programs
from app.store.client_programs import dump, program, restore

SERVER = make_url("postgresql+psycopg://farm:s3cret@db.example:5433/books")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where programs are looked for: `path`, which is the PATH, and `16/bin` and so on."""
    monkeypatch.setattr(client_programs, "INSTALLED", tmp_path)
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.setattr(
        "shutil.which", lambda name: str(found) if (found := tmp_path / "path" / name).exists() else None
    )
    return tmp_path


def installed(folder: Path, version: str, name: str = "pg_dump", does: str = "true") -> Path:
    """A program that says its version, and does something else if it is asked for something else."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{name} (PostgreSQL) {version}"; exit; fi\n{does}\n'
    )
    path.chmod(0o755)
    return path


def test_none_is_told_with_its_cure(folders: Path) -> None:
    with pytest.raises(BackupError, match=r"no pg_dump on this machine\. Install it .*postgresql-client-16"):
        program("pg_dump", 16)


def test_an_older_one_than_the_server_is_told_with_its_cure(folders: Path) -> None:
    installed(folders / "path", "15.20 (Debian 15.20-0)")

    with pytest.raises(BackupError, match=r"pg_dump 15 is older than the server, which is PostgreSQL 17\. Install it"):
        program("pg_dump", 17)


def test_the_servers_own_version_goes_before_a_newer_one(folders: Path) -> None:
    installed(folders / "path", "17.2")
    own = installed(folders / "16" / "bin", "16.4")
    installed(folders / "15" / "bin", "15.20")

    assert program("pg_dump", 16) == own


def test_a_newer_one_does_where_there_is_no_other(folders: Path) -> None:
    newer = installed(folders / "path", "17.2")

    assert program("pg_dump", 16) == newer


def test_the_one_on_the_path_goes_before_its_like(folders: Path) -> None:
    installed(folders / "16" / "bin", "16.4")
    on_path = installed(folders / "path", "16.4")

    assert program("pg_dump", 16) == on_path


def test_what_cannot_be_run_is_none(folders: Path) -> None:
    installed(folders / "path", "16.4").write_text("nonsense")

    with pytest.raises(BackupError, match="There is no pg_dump"):
        program("pg_dump", 16)


def test_the_password_is_on_no_command_line(folders: Path) -> None:
    installed(folders / "path", "16.4", does='echo "$@" "password $PGPASSWORD"')
    said: list[bytes] = []

    dump(SERVER, 16, "00000003-1", said.append)

    arguments, _, password = b"".join(said).decode().partition(" password ")
    assert "--snapshot=00000003-1" in arguments
    assert "host=db.example dbname=books user=farm port=5433" in arguments
    assert "s3cret" not in arguments
    assert password == "s3cret\n"


def test_what_it_says_when_it_fails_is_told(folders: Path) -> None:
    installed(folders / "path", "16.4", does="echo no such thing >&2; exit 1")

    with pytest.raises(BackupError, match=r"pg_dump failed: no such thing\. See what it says"):
        dump(SERVER, 16, "00000003-1", lambda chunk: None)


def test_a_restore_that_ends_early_says_why(folders: Path) -> None:
    installed(folders / "path", "16.4", "pg_restore", does="echo not an archive >&2; exec <&-; exit 1")

    with pytest.raises(BackupError, match=r"pg_restore failed: not an archive"):
        restore(SERVER, 16, (bytes(1 << 20) for _ in range(50)))


def test_it_is_ended_when_nobody_takes_what_it_says(folders: Path) -> None:
    installed(folders / "path", "16.4", does="while echo more; do :; done")

    def full(chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        dump(SERVER, 16, "00000003-1", full)
