"""A backup in a process of its own: no sweep waits for it, no time limit of tasks and no recycled worker ends it."""

import subprocess
import sys
from pathlib import Path

LIMIT = "6h"
started: "list[subprocess.Popen[bytes]]" = []  # by this process; one that has ended is forgotten at the next start


def start_backup(logs: Path) -> int:
    """Begin one, at the lowest priority; what it says goes to backup.log. Its process id.

    It refuses by itself while another one is at work.
    """
    started[:] = [one for one in started if one.poll() is None]
    logs.mkdir(parents=True, exist_ok=True)
    command = (sys.executable, "-m", "app.cli", "backup", "--nice", "--limit", LIMIT)
    with (logs / "backup.log").open("ab") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    started.append(process)
    return process.pid
