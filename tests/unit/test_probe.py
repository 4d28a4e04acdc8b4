"""Whether a service is well, asked from outside by a program that is started every few seconds."""

import subprocess
import sys

from app.probe import objection
from tests.fixtures.canned import Canned, Reply

METRICS = "# HELP figures_age_seconds How old\nfigures_age_seconds 12.5\nother 1\n"


def test_whoever_answers_is_well(canned: Canned) -> None:
    canned.answer("GET /health", Reply({"healthy": True}))

    assert objection(f"{canned.url}/health") is None


def test_whoever_says_otherwise_or_nothing_is_not(canned: Canned) -> None:
    canned.answer("GET /health", Reply({"healthy": False}, 503))

    assert "503" in (objection(f"{canned.url}/health") or "")
    assert "refused" in (objection("http://127.0.0.1:1/health") or "")


def test_a_metric_may_not_be_above_its_limit(canned: Canned) -> None:
    canned.answer("GET /metrics", Reply(METRICS))
    url = f"{canned.url}/metrics"

    assert objection(url, "figures_age_seconds", 60) is None
    assert objection(url, "figures_age_seconds", 12) == "figures_age_seconds is 12.5, more than 12"
    assert objection(url, "figures", 12) == f"{url} tells no figures"


def test_it_ends_with_a_code_and_the_reason() -> None:
    command = [sys.executable, "-m", "app.probe", "http://127.0.0.1:1/health"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)

    assert ended.returncode == 1
    assert ended.stderr.startswith("http://127.0.0.1:1/health: ")
