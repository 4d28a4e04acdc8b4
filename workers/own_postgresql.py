"""A PostgreSQL server of one's own: a new cluster in a folder, on a socket that is there, so nobody else's."""

import asyncio
import os
import pwd
import shutil
import subprocess
from pathlib import Path

import psycopg

from workers.supervisor import CannotStart, Probe, Service

CURE = "Install it (on Debian: apt-get install postgresql), or do without it"
DATABASE = "cdb"


def programs() -> Path | None:
    """The folder of initdb and postgres, the newest if there are several; None if they are not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    places = [Path(on_path).resolve().parent] if on_path else []
    return next((place for place in (*places, *installed) if (place / "postgres").exists()), None)


class PostgreSQL:
    """A server whose files are in `folder`, which must be a short path; PostgreSQL refuses to run as root, so root
    lends it another user. `options` are settings such as "fsync=off".
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self._options = folder, options
        self._user = other_user() if os.geteuid() == 0 else None
        self._programs = programs()

    @property
    def url(self) -> str:
        """The address of its first database, for SQLAlchemy."""
        return f"postgresql+psycopg://postgres@/{DATABASE}?host={self.folder}"

    @property
    def command(self) -> tuple[str, ...]:
        """How to run it, in the foreground."""
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", *self._options)
        options = [word for setting in settings for word in ("-c", setting)]
        return (*self._as_user(), str(self._program("postgres")), "-D", str(self._data), *options)

    def prepare(self) -> None:
        """Make its files; CannotStart with the cure if it is not installed."""
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        options = ("-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        self._run("initdb", "-D", str(self._data), *options)
        self._run("postgres", "--single", "-D", str(self._data), "postgres", said=f"CREATE DATABASE {DATABASE}\n")

    def service(self) -> Service:
        """For the supervisor."""
        return Service("database", self.command, ready=self.answers())

    def answers(self) -> Probe:
        """Ready when the server that answers is the process that was started."""

        async def ready(pid: int) -> bool:
            return await asyncio.to_thread(self.is_up, pid)

        return ready

    def is_up(self, pid: int) -> bool:
        """Whether this process takes connections."""
        try:
            told = (self._data / "postmaster.pid").read_text().partition("\n")[0]
            with psycopg.connect(host=str(self.folder), user="postgres", dbname=DATABASE, connect_timeout=2):
                return told == str(pid)
        except (OSError, psycopg.OperationalError):  # not yet
            return False

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _program(self, name: str) -> Path:
        if self._programs is None:
            raise CannotStart(f"PostgreSQL is not installed: no initdb on PATH or below /usr/lib/postgresql. {CURE}")
        return self._programs / name

    def _as_user(self) -> tuple[str, ...]:
        if self._user is None:
            return ()
        return ("setpriv", f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups")

    def _run(self, program: str, *arguments: str, said: str = "") -> None:
        command = (*self._as_user(), str(self._program(program)), *arguments)
        done = subprocess.run(command, input=said, capture_output=True, text=True, cwd=self.folder, check=False)
        if done.returncode:
            raise CannotStart(f"{program} failed: {(done.stderr or done.stdout)[-2000:]}")


def other_user() -> pwd.struct_passwd:
    """Whom root lends a server that refuses to run as root."""
    names = [entry.pw_name for entry in pwd.getpwall()]
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")
