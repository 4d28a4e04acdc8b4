"""Copies of a process that become services, over real forks of a process of the test's own."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fixtures.workers import until
from workers.zygotes import PYTHON, Zygotes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are begun as new programs")

GROWN = """
import json, os, signal, sys, warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.warn("nobody reads this", UserWarning)
    warnings.warn("but this", UserWarning)
print(json.dumps({
    "argv": sys.argv[1:], "name": __name__, "own": os.environ["OWN"], "kept": os.environ["KEPT"],
    "leads": os.getsid(0) == os.getpid(), "title": open("/proc/self/cmdline").read().strip(chr(0)),
    "read": sys.stdin.read(), "warned": [str(one.message) for one in seen],
}))
print("an error", file=sys.stderr)
%s
"""
PARENT = """
import os, sys, threading, time
from workers.zygotes import PYTHON, Zygotes

zygotes = Zygotes.of_this_process(int(sys.argv[1]), ["wave"], lambda: print("begun", "wave" in sys.modules, flush=True))
"""
BECOMES = """
def become(*words, **env):
    reading, writing = os.pipe()
    grown = zygotes.become((*PYTHON, "grown", *words), {**os.environ, **env}, writing)
    os.close(writing)
    return grown, reading

def heard(reading):
    with os.fdopen(reading) as said:
        return said.read()

def ended(grown):
    while grown.returncode is None:
        time.sleep(0.01)
    return grown.returncode
"""


@pytest.fixture
def parent(tmp_path: Path) -> Any:
    """Runs a program that has zygotes; what it prints, as JSON."""

    def run(program: str, *, zygotes: int = 1, then: str = "", **options: Any) -> Any:
        (tmp_path / "grown.py").write_text(GROWN % textwrap.dedent(then))
        env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "KEPT": "here"}
        code = PARENT + BECOMES + textwrap.dedent(program)
        told = subprocess.run(
            [sys.executable, "-c", code, str(zygotes)], env=env, capture_output=True, text=True, check=True, **options
        )
        return json.loads(told.stdout.splitlines()[-1])

    return run


def test_a_zygote_becomes_the_module_that_it_is_told(parent: Any) -> None:
    told = parent(
        """
        import json
        grown, said = become("-x", "1", OWN="its own", PYTHONWARNINGS="ignore:nobody reads")
        begun, *lines = heard(said).splitlines()
        how = {"error": lines[1], "begun": begun, "code": ended(grown), "has_pid": grown.pid > 1}
        print(json.dumps({**json.loads(lines[0]), **how}))
        """
    )

    assert told == {
        "argv": ["-x", "1"],
        "name": "__main__",
        "own": "its own",
        "kept": "here",
        "leads": True,
        "title": f"{sys.executable} -m grown -x 1",
        "read": "",
        "warned": ["but this"],
        "error": "an error",
        "begun": "begun True",
        "code": 0,
        "has_pid": True,
    }


@pytest.mark.parametrize(
    ("then", "code", "last"),
    [
        ("raise SystemExit(2)", 2, "an error"),
        ("raise SystemExit('the port is taken')", 1, "the port is taken"),
        ("raise ValueError('a bug')", 1, "ValueError: a bug"),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, "an error"),
    ],
)
def test_how_it_ended_is_known(parent: Any, then: str, code: int, last: str) -> None:
    told = parent(
        """
        import json
        grown, said = become(OWN="")
        print(json.dumps([heard(said).splitlines()[-1], ended(grown)]))
        """,
        then=then,
    )

    assert told == [last, code]


def test_it_is_asked_to_end_as_any_process_and_once_it_has_nobody_is_signalled(parent: Any) -> None:
    told = parent(
        """
        import json
        grown, said = become(OWN="")
        os.read(said, 100)
        grown.terminate()
        code = ended(grown)
        grown.terminate()
        print(json.dumps(code))
        """,
        then="import time; time.sleep(600)",
    )

    assert told == -15


def test_one_that_was_killed_while_it_waited_is_passed_over(parent: Any) -> None:
    told = parent(
        """
        import json
        os.kill(zygotes.waiting[-1][0], 9)
        time.sleep(0.1)
        grown, said = become(OWN="the other")
        print(json.dumps([json.loads(heard(said).splitlines()[1])["own"], become(OWN="none left")[0]]))
        """,
        zygotes=2,
    )

    assert told == ["the other", None]


def test_those_that_nobody_needs_end(parent: Any) -> None:
    told = parent(
        """
        import json
        pids = [pid for pid, _ in zygotes.waiting]
        zygotes.dismiss()
        print(json.dumps([pids, [pid for pid in pids if os.path.exists(f"/proc/{pid}")], become(OWN="")[0]]))
        """,
        zygotes=3,
    )

    assert len(told[0]) == 3
    assert told[1:] == [[], None]


def test_they_do_not_outlive_who_bred_them() -> None:
    code = PARENT + "print(zygotes.waiting[0][0], flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, "1"], stdout=subprocess.PIPE, text=True) as bred:
        assert bred.stdout is not None
        pid = int(bred.stdout.readline())
        bred.kill()

    until(lambda: not psutil.pid_exists(pid), "its end")


def test_a_process_with_threads_is_not_copied(parent: Any) -> None:
    told = parent(
        """
        import json
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
        print(json.dumps(len(Zygotes.of_this_process(2).waiting)))
        """,
        zygotes=0,
    )

    assert told == 0


def test_where_processes_cannot_be_copied_none_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.zygotes.sys.platform", "darwin")

    assert Zygotes.of_this_process(2).waiting == []


def test_other_programs_begin_as_such() -> None:
    assert Zygotes().become(("/bin/true",), {}, 1) is None
    assert Zygotes().become((*PYTHON, "grown"), {}, 1) is None


def test_a_supervisor_keeps_one_that_has_grown_up_and_starts_the_next_as_a_new_program(
    parent: Any, tmp_path: Path
) -> None:
    told = parent(
        f"""
        import asyncio, json, pathlib
        from workers.supervisor import Logs, Service, Supervisor

        async def keep():
            service = Service("one", (*PYTHON, "grown"), env={{"OWN": ""}})
            farm = Supervisor([service], Logs(pathlib.Path({str(tmp_path)!r})), zygotes)
            pids = [zygotes.waiting[0][0]]
            await farm.start(60)
            (kept,) = farm.kept
            pids.append(kept.pid)
            os.kill(kept.pid, 9)
            while kept.restarts == 0 or kept.pid is None:
                await asyncio.sleep(0.02)
            pids.append(kept.pid)
            await farm.stop()
            return pids

        print(json.dumps(asyncio.run(keep())))
        """,
        then="import time; time.sleep(600)",
    )

    zygote, first, second = told
    assert first == zygote
    assert second not in (zygote, None)
