"""PostgreSQL's client programs, pg_dump and pg_restore: found in the version that the server needs, and run."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from app.domain.backups import BackupError

INSTALLED = Path("/usr/lib/postgresql")
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
AT_ONCE = 1 << 18
LAST_LINES = 5


def program(name: str, major: int) -> Path:
    """The oldest that is installed and can speak with a server of this version; BackupError with the cure if none can.

    A newer one would write for servers of its own version.
    """
    found = {version: path for path in reversed(_places(name)) if (version := _major(path)) is not None}
    cure = f"Install it (on Debian: apt-get install postgresql-client-{major}, or postgresql-client from its release)"
    if not found:
        raise BackupError(f"There is no {name} on this machine", cure)
    if max(found) < major:
        raise BackupError(f"{name} {max(found)} is older than the server, which is PostgreSQL {major}", cure)
    return found[min(version for version in found if version >= major)]


def dump(url: URL, major: int, snapshot: str, take: Callable[[bytes], object]) -> None:
    """Hand the database as it was in a snapshot to `take`, in pg_dump's custom format."""
    options = ("--format=custom", f"--snapshot={snapshot}", "--lock-wait-timeout=30s")
    with _running(program("pg_dump", major), url, *options, stdout=subprocess.PIPE) as process:
        out: IO[bytes] = process.stdout  # type: ignore[assignment]  # it is a pipe
        while chunk := out.read(AT_ONCE):
            take(chunk)


def restore(url: URL, major: int, chunks: Iterable[bytes]) -> None:
    """Fill an empty database with what `dump` has handed over, all of it or nothing."""
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    with _running(program("pg_restore", major), url, *options, stdin=subprocess.PIPE) as process:
        end: IO[bytes] = process.stdin  # type: ignore[assignment]  # it is a pipe
        with suppress(BrokenPipeError):  # it has ended, and its last words say why
            for chunk in chunks:
                end.write(chunk)
        with suppress(BrokenPipeError):
            end.close()


def _places(name: str) -> list[Path]:
    """The one on the PATH goes before one of the same version elsewhere."""
    on_path = shutil.which(name)
    return [*([Path(on_path)] if on_path else []), *sorted(INSTALLED.glob(f"*/bin/{name}"))]


def _major(path: Path) -> int | None:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):  # it is there and cannot be run
        return None
    found = VERSION.search(done.stdout)
    return int(found[1]) if found else None


@contextmanager
def _running(
    path: Path, url: URL, *options: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> "Iterator[subprocess.Popen[bytes]]":
    """The program, until it has ended well; it is killed if the caller fails. BackupError with its last words."""
    conninfo, environment = _connection(url)
    with tempfile.TemporaryFile() as words:
        command = [str(path), *options, f"--dbname={conninfo}"]
        with subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=words) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            words.seek(0)
            said = "; ".join(words.read().decode(errors="replace").splitlines()[-LAST_LINES:])
            raise BackupError(f"{path.name} failed: {said}", "See what it says; cdb doctor tells how the database is")


def _connection(url: URL) -> tuple[str, dict[str, str]]:
    """How to get there, and the environment, which has the password: a command line is read by everybody."""
    dialect: Any = url.get_dialect()
    options: dict[str, Any] = dialect().create_connect_args(url)[1]
    password = options.pop("password", None)
    options.pop("context", None)
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "5", "LC_MESSAGES": "C"}
    return make_conninfo(**options), {**environment, **({"PGPASSWORD": str(password)} if password else {})}
