"""The manifests are built by kustomize, judged strictly by Kubernetes' own schemas, and are the farm that was meant.

No cluster was at hand; KEDA's objects have no schema here, and are held to what its scaler for Redis lists wants.
"""

import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app import wiring
from app.settings import Settings
from tests.fixtures._required import program
from tests.fixtures.compose import ROOT
from workers.services import farm_services, venue_service

FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.30"

Manifest = dict[str, Any]


@cache
def built(overlay: str) -> list[Manifest]:
    """What `kubectl apply -k` would send."""
    kubectl = program("kubectl", "it builds the manifests; no cluster is needed")
    ran = subprocess.run([kubectl, "kustomize", str(FOLDER / overlay)], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    return list(yaml.safe_load_all(ran.stdout))


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] in kinds]


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for one in of_kind(manifests, "Deployment", "StatefulSet", "Job"):
        yield one["metadata"]["name"], one["spec"]["template"]


@pytest.fixture(params=["paper", "live"])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """Of each kind of farm."""
    return built(request.param)


def test_kubernetes_own_schemas_find_nothing_wrong(manifests: list[Manifest]) -> None:
    for one in manifests:
        kubernetes_validate.validate(one, VERSION, strict=True)


def test_a_manifest_that_is_wrong_would_be_found(manifests: list[Manifest]) -> None:
    wrong = {**of_kind(manifests, "Deployment")[0]}
    wrong["spec"] = {**wrong["spec"], "replica": 2}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_everything_is_in_the_farms_namespace_and_known_by_one_name(manifests: list[Manifest]) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests]

    assert {one["metadata"]["namespace"] for one in manifests} == {"cdb"}
    assert len(names) == len(set(names))


def test_it_is_the_farm_of_cdb_up(manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    wiring.reset()
    known = {one.name for one in farm_services(wiring.settings())}
    venue = venue_service(wiring.settings()).name
    started = [pod["spec"]["containers"][0].get("args", [""]) for _, pod in pods(manifests)]

    assert {args[1] for args in started if args[0] == "service"} - {venue} == known
    assert ["migrate"] in started


def test_every_container_has_limits_and_may_do_nothing_else(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests):
        [container] = pod["spec"]["containers"]
        assert {"cpu", "memory"} == set(container["resources"]["limits"]) == set(container["resources"]["requests"]), (
            name
        )
        assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name


def test_every_service_is_probed(manifests: list[Manifest]) -> None:
    for one in of_kind(manifests, "Deployment", "StatefulSet"):
        [container] = one["spec"]["template"]["spec"]["containers"]
        assert "livenessProbe" in container, one["metadata"]["name"]
        if one["metadata"]["labels"].get("farm") == "worker":
            assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "metrics"}
            assert container["livenessProbe"]["httpGet"] == {"path": "/health", "port": "metrics"}


def test_of_what_there_must_be_one_there_are_never_two(manifests: list[Manifest]) -> None:
    alone = [
        one for one in of_kind(manifests, "Deployment") if one["spec"].get("strategy", {}).get("type") == "Recreate"
    ]

    assert {one["spec"]["replicas"] for one in alone} <= {1}


def test_who_stands_by_is_there_before_who_leads_is_ended(manifests: list[Manifest]) -> None:
    by_name = {one["metadata"]["name"]: one["spec"] for one in of_kind(manifests, "Deployment")}

    for name in ("cdb-websocket-screener", "cdb-beat"):
        assert by_name[name]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        }


def test_ports_are_those_of_the_settings(manifests: list[Manifest]) -> None:
    ports = {
        container["args"][1]: container["ports"][0]["containerPort"]
        for one in of_kind(manifests, "Deployment")
        for container in one["spec"]["template"]["spec"]["containers"]
        if one["metadata"]["labels"].get("farm") == "worker"
    }

    assert ports == {name: Settings.model_fields[f"port_{name}"].default for name in ports}
    assert len(ports) == 6


def test_services_budgets_and_policies_choose_pods_that_there_are(manifests: list[Manifest]) -> None:
    labels = [pod["metadata"]["labels"] for _, pod in pods(manifests)]
    chosen = [one["spec"]["selector"] for one in of_kind(manifests, "Service")]
    chosen += [one["spec"]["selector"]["matchLabels"] for one in of_kind(manifests, "PodDisruptionBudget")]

    assert [which for which in chosen if not any(which.items() <= one.items() for one in labels)] == []


def test_only_those_who_sign_requests_have_the_keys(manifests: list[Manifest]) -> None:
    assert {name for name, pod in pods(manifests) if "cdb_api_secret" in str(pod["spec"]["volumes"])} == {
        "cdb-websocket-screener",
        "cdb-execution",
        "cdb-upkeep",
    }


def test_settings_that_are_given_are_such(manifests: list[Manifest]) -> None:
    [told] = of_kind(manifests, "ConfigMap")
    in_containers = {env["name"] for _, pod in pods(manifests) for env in pod["spec"]["containers"][0].get("env", [])}
    given = {name for name in {*told["data"], *in_containers} if name.startswith("CDB_")} - {"CDB_SECRETS_DIR"}

    assert {name.removeprefix("CDB_").lower() for name in given} <= set(Settings.model_fields)


def test_keda_scales_what_there_is_by_the_queue_that_it_works_on() -> None:
    there = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0].get("args")
        for one in of_kind(built("paper"), "Deployment")
    }
    for one in of_kind(built("keda"), "ScaledObject"):
        [trigger] = one["spec"]["triggers"]
        queue = there[one["spec"]["scaleTargetRef"]["name"]][1]
        assert trigger["type"] == "redis"
        assert set(trigger["metadata"]) == {"address", "listName", "listLength", "databaseIndex"}
        assert trigger["metadata"]["listName"] == f"{Settings.model_fields['redis_prefix'].default}{queue}"
        assert one["spec"]["minReplicaCount"] <= one["spec"]["maxReplicaCount"]
    assert len(of_kind(built("keda"), "ScaledObject")) == 3
