"""docker-compose.yml is what was promised, and the real parser and a strict linter find nothing wrong with it."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app import wiring
from app.settings import Settings
from tests.fixtures._required import do_without
from tests.fixtures.compose import ROOT, compose, made_secrets
from workers.services import farm_services, venue_service

PORTS = {
    "cdb_postgres": "5432",
    "cdb_redis": "6379",
    "cdb_websocket_screener": "5001",
    "cdb_signal_engine": "5002",
    "cdb_risk_manager": "5003",
    "cdb_execution": "5004",
    "cdb_prometheus": "9090",
    "cdb_grafana": "3000",
}
VOLUMES = {"cdb_postgres_data", "cdb_redis_data", "cdb_prometheus_data", "cdb_grafana_data", "cdb_backups"}
ONCE = {"cdb_migrate", "cdb_roles"}
PUBLISHED = {"cdb_console": "8000", "cdb_flower": "5555", "cdb_prometheus": "9090", "cdb_grafana": "3000"}


@pytest.fixture(params=["paper", "live"])
def farm(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Its services, of each kind of farm."""
    profile = {"paper": "paper", "live": "notify"}[request.param]
    found: dict[str, Any] = compose(profile=profile, env_file=request.param)["services"]
    return found


def test_each_promised_service_has_its_port(farm: dict[str, Any]) -> None:
    for name, port in PORTS.items():
        opened = [*map(str, farm[name].get("expose", [])), *(one.rpartition(":")[2] for one in ports_of(farm[name]))]
        assert opened == [port], name


def test_what_must_be_kept_is_in_the_promised_volumes() -> None:
    assert compose()["volumes"].keys() >= VOLUMES


def test_nothing_is_published_but_pages_and_those_to_this_machine_alone(farm: dict[str, Any]) -> None:
    published = {name: ports_of(service) for name, service in farm.items() if "ports" in service}

    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in PUBLISHED.items()}


def ports_of(service: dict[str, Any]) -> list[str]:
    return [str(one).removesuffix("/tcp") for one in service.get("ports", [])]


def test_every_service_has_limits_a_health_check_rotated_logs_and_comes_back(farm: dict[str, Any]) -> None:
    for name, service in farm.items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert list(service["networks"]) == ["cdb_network"], name
        if name not in ONCE:
            assert (service["restart"], "healthcheck" in service) == ("unless-stopped", True), name


def test_what_runs_our_code_may_do_nothing_else(farm: dict[str, Any]) -> None:
    for name, service in farm.items():
        if service["image"].startswith("claire"):
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_a_farm_in_containers_is_the_farm_of_cdb_up(farm: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_NOTIFY_URLS", "json://localhost/")
    wiring.reset()
    known = {one.name for one in farm_services(wiring.settings())} | {venue_service(wiring.settings()).name}
    run = [service["command"][1] for service in farm.values() if (service.get("command") or [""])[0] == "service"]
    absent = {"notifier"} if "cdb_venue" in farm else {"venue"}

    assert sorted(run) == sorted(known - absent)


def test_every_setting_that_is_given_is_one(farm: dict[str, Any]) -> None:
    given = {name for service in farm.values() for name in service.get("environment") or {} if name.startswith("CDB_")}

    assert {name.removeprefix("CDB_").lower() for name in given} <= set(Settings.model_fields)


def test_secrets_are_made_once_and_nobody_else_gets_at_them(tmp_path: Path) -> None:
    wanted = {Path(one["file"]).name for one in compose()["secrets"].values()}

    folder = made_secrets(tmp_path)
    before = {path.name: path.read_text() for path in folder.iterdir()}
    made_secrets(tmp_path)

    assert wanted <= before.keys()
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert before["postgres_password"] in before["cdb_database_url"]
    assert before["cdb_farm_password"] in before["cdb_farm_database_url"]
    assert before["redis_password"] in before["redis_users"]
    assert len({value for value in before.values() if value}) == len([value for value in before.values() if value])
    secret = {name for name in wanted if name.startswith("cdb_")} - {"cdb_farm_password", "cdb_farm_database_url"}
    assert {name.removeprefix("cdb_") for name in secret} <= set(Settings.model_fields)


def test_each_service_has_only_the_secrets_that_it_needs(farm: dict[str, Any]) -> None:
    keys = {name for name, service in farm.items() if "cdb_api_secret" in sources(service)}
    assert keys == {"cdb_websocket_screener", "cdb_execution", "cdb_upkeep"}
    assert {name for name, service in farm.items() if "cdb_console_token" in sources(service)} == {"cdb_console"}
    assert {name for name, service in farm.items() if "cdb_database_url" in sources(service)} == {"cdb_migrate"}


def test_who_restores_a_backup_owns_the_books_and_has_the_backups() -> None:
    books = compose(profile="books")["services"]["cdb_books"]

    assert {"cdb_database_url", "cdb_backup_key", "cdb_api_secret"} <= set(sources(books))
    assert [str(one).partition(":")[2] for one in books["volumes"]] in (["/var/backups/cdb:rw"], ["/var/backups/cdb"])
    assert books["restart"] == "no"


def sources(service: dict[str, Any]) -> list[str]:
    return [one["source"] if isinstance(one, dict) else one for one in service.get("secrets", [])]


def test_the_image_has_all_that_it_copies_and_runs_as_nobody(tmp_path: Path) -> None:
    text = (ROOT / "Dockerfile").read_text()
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {one for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for one in line.split()[:-1]}

    assert copied == let_in
    assert all((ROOT / one).exists() for one in copied)
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert not re.search(r"^(CMD|ENTRYPOINT) [^\[]", text, re.MULTILINE)


def test_a_strict_linter_finds_nothing_wrong_with_the_dockerfile() -> None:
    program = shutil.which("hadolint", path=str(Path(ROOT, ".venv/bin"))) or shutil.which("hadolint")
    if program is None:
        do_without("hadolint", "it comes with requirements-dev.txt on Linux")
    ran = subprocess.run([program, str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60)

    assert (ran.returncode, ran.stdout) == (0, "")
