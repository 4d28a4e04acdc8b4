"""The command `cdb`: what a person types."""

import os
import sys

import typer
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

from app import log
from app.cli.codes import FAILED, UNREACHABLE, WRONG
from app.cli.main import cdb
from app.domain.backups import BackupError
from app.domain.errors import Missing, Unavailable, VenueError
from app.domain.parameters import WrongParameter
from app.domain.recording import BadRecording
from app.simulator.scenario import WrongScenario
from app.store import DatabaseError
from app.web.errors import PortTaken
from app.wiring import SettingsError
from workers.supervisor import CannotStart

CODES: dict[type[Exception], int] = {
    SettingsError: WRONG,
    WrongParameter: WRONG,
    BadRecording: WRONG,
    WrongScenario: WRONG,
    RedisError: UNREACHABLE,
    OperationalError: UNREACHABLE,
    DatabaseError: UNREACHABLE,
    Unavailable: UNREACHABLE,
    BackupError: FAILED,
    CannotStart: FAILED,
    PortTaken: FAILED,
    Missing: FAILED,
    VenueError: FAILED,
}
# These say what went wrong, but not with whom.
SILENT: dict[type[Exception], str] = {RedisError: "Redis cannot be used: ", Unavailable: "The venue cannot be used: "}
NEXT = "Is it running? `cdb doctor` tells what is wrong, and the cure."


def main() -> None:
    """Run a command; what is expected to go wrong is a sentence with its cure and an exit code, never a traceback."""
    _find_modules_of_the_current_folder()
    log.configure(level="warning", service="cdb")  # to stderr: on stdout is what was asked for, perhaps as JSON
    try:
        cdb()
    except tuple(CODES) as error:
        code = next(code for kind, code in CODES.items() if isinstance(error, kind))
        typer.echo(_told(error, code), err=True)
        sys.exit(code)


def _find_modules_of_the_current_folder() -> None:
    """Strategies of one's own, as its services do, which are started by `python -m`; a script knows its own folder."""
    here = os.getcwd()
    if here not in sys.path and not sys.flags.safe_path:
        sys.path.insert(0, here)


def _told(error: Exception, code: int) -> str:
    cure = getattr(error, "cure", "")
    who = next((who for kind, who in SILENT.items() if isinstance(error, kind)), "")
    sentence = f"{who}{error}" if cure in str(error) else f"{who}{error}. {cure}"
    return f"{sentence}\n{NEXT}" if code == UNREACHABLE else sentence
