"""The supervisor keeps small real processes running."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.workers import lives
from workers.supervisor import CannotStart, Logs, Objection, Service, Supervisor

PATIENCE_S = 60
SLEEPS = "import time; time.sleep(60)"


def runs(name: str, code: str = SLEEPS, **options: object) -> Service:
    return Service(name, (sys.executable, "-c", code), **options)  # type: ignore[arg-type]


async def until(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.02)


def pipes() -> set[str]:
    """Those that this process has open."""
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the folder's own, which is closed already
            found.add(str(one.readlink()))
    return {name for name in found if name.startswith("pipe:")}


async def test_a_later_wave_waits_until_the_first_is_ready(tmp_path: Path) -> None:
    first_is_ready = asyncio.Event()

    async def ready(pid: int) -> bool:
        return first_is_ready.is_set()

    farm = Supervisor([runs("later", wave=1), runs("first", ready=ready)], Logs(tmp_path))
    later, first = farm.kept
    starting = asyncio.create_task(farm.start(PATIENCE_S))
    try:
        await until(lambda: first.pid is not None, "the first one's start")
        assert (first.state, later.state) == ("starting", "down")
        first_is_ready.set()
        await starting
        assert (first.state, later.state) == ("ready", "ready")
    finally:
        await farm.stop()


async def test_a_killed_service_is_started_again(tmp_path: Path) -> None:
    farm = Supervisor([runs("one")], Logs(tmp_path))
    (one,) = farm.kept
    await farm.start(PATIENCE_S)
    try:
        before = one.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        await until(lambda: one.restarts == 1 and one.state == "ready", "the restart")
        assert one.pid not in (None, before)
    finally:
        await farm.stop()


async def test_a_service_that_is_stuck_is_killed_and_started_again_and_each_process_is_judged_anew(
    tmp_path: Path,
) -> None:
    judged: list[list[int]] = []

    def watch() -> Objection:
        looks: list[int] = []
        judged.append(looks)

        async def objection(pid: int) -> str | None:
            looks.append(pid)
            return "it began no task" if len(judged) == 1 and len(looks) == 2 else None

        return objection

    farm = Supervisor([runs("one", watch=watch)], Logs(tmp_path))
    (one,) = farm.kept
    await farm.start(PATIENCE_S)
    try:
        before = one.pid
        assert before is not None
        os.kill(before, signal.SIGSTOP)  # TERM would not be heard
        await until(lambda: one.restarts == 1 and one.state == "ready", "the restart")
        await until(lambda: len(judged) == 2 and len(judged[1]) > 1, "the second look")
        assert judged[0] == [before, before]
        assert set(judged[1]) == {one.pid}
        assert not lives(before)
    finally:
        await farm.stop()


async def test_the_children_of_a_killed_service_end_before_it_is_started_again(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()"
    )
    log = tmp_path / "one.log"

    async def ready(pid: int) -> bool:
        return log.exists() and bool(log.read_text())

    farm = Supervisor([runs("one", code, ready=ready)], Logs(tmp_path))
    (one,) = farm.kept
    await farm.start(PATIENCE_S)
    try:
        parent, child = one.pid, int(log.read_text().split()[0])
        assert parent is not None
        assert lives(child)
        os.kill(parent, signal.SIGKILL)
        await until(lambda: one.restarts == 1, "the restart")
        await until(lambda: not lives(child), "the child's end")
    finally:
        await farm.stop()


async def test_a_missing_program_is_named_at_once(tmp_path: Path) -> None:
    farm = Supervisor([Service("lost", ("/no/such/program",))], Logs(tmp_path))
    try:
        with pytest.raises(CannotStart, match=r"(?s)service lost ended while.*/no/such/program cannot be run: No such"):
            await farm.start(PATIENCE_S)
    finally:
        await farm.stop()


async def test_a_service_that_keeps_dying_is_named_with_its_last_words(tmp_path: Path) -> None:
    async def never(pid: int) -> bool:
        return False

    farm = Supervisor([runs("weak", "raise SystemExit('the port is taken')", ready=never)], Logs(tmp_path))
    try:
        with pytest.raises(CannotStart, match=r"(?s)service weak ended 3 times.*the port is taken"):
            await farm.start(PATIENCE_S)
    finally:
        await farm.stop()


async def test_a_service_that_was_told_something_wrong_is_not_told_again(tmp_path: Path) -> None:
    async def never(pid: int) -> bool:
        return False

    farm = Supervisor(
        [runs("wrong", "print('there is no such port'); raise SystemExit(2)", ready=never)], Logs(tmp_path)
    )
    try:
        with pytest.raises(CannotStart, match=r"(?s)service wrong ended while.*there is no such port"):
            await farm.start(PATIENCE_S)
        assert farm.kept[0].restarts == 0
    finally:
        await farm.stop()


async def test_a_service_that_never_gets_ready_is_named(tmp_path: Path) -> None:
    async def never(pid: int) -> bool:
        return False

    farm = Supervisor([runs("slow", ready=never)], Logs(tmp_path))
    try:
        with pytest.raises(CannotStart, match=r"service slow was not ready after 0\.2 s"):
            await farm.start(0.2)
    finally:
        await farm.stop()


async def test_services_are_stopped_in_the_reverse_order(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    code = (
        "import pathlib, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"  # one that comes early waits
        "print('listening', flush=True)\n"
        "signal.sigwait({signal.SIGTERM})\n"
        f"with pathlib.Path({str(ended)!r}).open('a') as out: out.write(sys.argv[1])"
    )

    def says_so(name: str, wave: int) -> Service:
        async def ready(pid: int) -> bool:
            log = tmp_path / f"{name}.log"
            return log.exists() and "listening" in log.read_text()

        return Service(name, (sys.executable, "-c", code, name), wave=wave, ready=ready)

    farm = Supervisor([says_so("a", 0), says_so("b", 1), says_so("c", 2)], Logs(tmp_path))
    await farm.start(PATIENCE_S)
    pids = [one.pid for one in farm.kept]
    await farm.stop()
    assert ended.read_text() == "cba"
    assert not [pid for pid in pids if pid is not None and lives(pid)]


async def test_what_does_not_hear_term_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.supervisor.STOP_S", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"

    async def ready(pid: int) -> bool:
        log = tmp_path / "one.log"
        return log.exists() and "deaf" in log.read_text()

    farm = Supervisor([runs("one", deaf, ready=ready)], Logs(tmp_path))
    await farm.start(PATIENCE_S)
    pid = farm.kept[0].pid
    assert pid is not None
    await farm.stop()
    await until(lambda: not lives(pid), "its end")


async def test_what_a_service_says_is_in_its_log(tmp_path: Path) -> None:
    farm = Supervisor(
        [runs("one", f"print('hello', flush=True); {SLEEPS}", env={"PYTHONUNBUFFERED": "1"})], Logs(tmp_path)
    )
    await farm.start(PATIENCE_S)
    try:
        log = farm.kept[0].log_path
        await until(lambda: log.exists() and log.read_text() == "hello\n", "the line")
    finally:
        await farm.stop()
    assert farm.kept[0].state == "down"


async def test_a_log_that_is_full_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    logs, done = tmp_path / "logs", tmp_path / "done"
    code = (
        "import os, pathlib, time\n"
        "def told():\n"
        "    try:\n"
        f"        return ''.join(one.read_text() for one in pathlib.Path({str(logs)!r}).iterdir())\n"
        "    except FileNotFoundError:\n"  # not there yet, or renamed just now
        "        return ''\n"
        "for number in range(9):\n"
        "    os.write(1, str(number).encode() * 999)\n"
        "    while str(number) not in told():\n"
        "        time.sleep(0.01)\n"  # so that each is read by itself
        f"pathlib.Path({str(done)!r}).touch()\n"
        f"{SLEEPS}"
    )
    farm = Supervisor([runs("one", code)], Logs(logs, most_bytes=1000, old=2))
    await farm.start(PATIENCE_S)
    try:
        await until(done.exists, "the last line")
    finally:
        await farm.stop()
    kept = {path.name: path.read_text()[:1] for path in logs.iterdir()}
    assert kept == {"one.log": "8", "one.log.1": "7", "one.log.2": "6"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what is open")
async def test_an_output_that_a_runaway_holds_open_is_let_go_of(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()"
    )
    farm = Supervisor([runs("one", code)], Logs(tmp_path))
    log, before = farm.kept[0].log_path, pipes()
    await farm.start(PATIENCE_S)
    try:
        await until(lambda: log.exists() and log.read_text().endswith("\n"), "the runaway's start")
        assert pipes() > before
    finally:
        await farm.stop()
    await asyncio.sleep(0)  # the loop closes it in its next turn
    runaway = int(log.read_text())
    assert lives(runaway)
    assert pipes() == before
    os.kill(runaway, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_no_service_outlives_a_farm_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\n"
        "from workers.supervisor import Logs, Service, Supervisor\n"
        "async def main():\n"
        f"    one = Service('one', (sys.executable, '-c', {SLEEPS!r}))\n"
        f"    farm = Supervisor([one], Logs(pathlib.Path({str(tmp_path)!r})))\n"
        "    await farm.start(10)\n"
        "    print(farm.kept[0].pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        service = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + PATIENCE_S
    while lives(service):
        assert time.monotonic() < deadline, "the service outlived its farm"
        time.sleep(0.02)


async def test_a_service_that_is_not_needed_holds_up_no_start_and_is_kept_all_the_same(tmp_path: Path) -> None:
    broken = runs("console", "raise SystemExit(2)", needed=False)
    farm = Supervisor([runs("one"), broken], Logs(tmp_path))
    one, console = farm.kept
    await farm.start(PATIENCE_S)
    try:
        assert one.state == "ready"
        await until(lambda: console.restarts >= 1, "the next try")
        assert one.state == "ready"
    finally:
        await farm.stop()
