"""The Helm chart: rendered by Helm's own engine, valid for Kubernetes, closed, able to start."""

from __future__ import annotations

import copy
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml  # type: ignore[import-untyped]

from cds_hooks.settings import read_settings
from cds_hooks.settings.store_requirements import record_lacks
from tests.deploy.plain_processes import DEPLOY, ROOT

CHART = DEPLOY / "helm/chartside"
ENGINE = ROOT / "build/deploy-tools/bin/python"
SITE: dict[str, Any] = yaml.safe_load((CHART / "ci/site-values.yaml").read_text())
KUBERNETES = "1.34"

pytestmark = pytest.mark.skipif(
    not ENGINE.exists(), reason="Helm's engine is not there: make deploy-tools"
)


def ask(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    asked = {"chart": str(CHART), "values": values, "name": "site", "namespace": "cds", **more}
    command = [str(ENGINE), "-I", str(Path(__file__).with_name("helm_engine.py"))]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@cache
def _rendered(values: str) -> str:
    told = ask(json.loads(values))
    assert "error" not in told, told
    return json.dumps([doc for text in told.values() for doc in yaml.safe_load_all(text)
                       if isinstance(doc, dict) and "kind" in doc])  # fmt: skip


def manifests(**changes: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_rendered(json.dumps(changed(**changes))))
    return found


def changed(**changes: Any) -> dict[str, Any]:
    """The example site's values with others at `a__b`."""
    values = copy.deepcopy(SITE)
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = values
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return values


def one(kind: str, name: str, **changes: Any) -> dict[str, Any]:
    [found] = [
        m for m in manifests(**changes) if (m["kind"], m["metadata"]["name"]) == (kind, name)
    ]
    return found


WITHOUT_VLLM = {"modelServer__enabled": False, "modelServer__replicas": 1}
EVERYTHING = {
    "autoscaling__enabled": True, "autoscaling__metric": "requests", "probes": "command",
    "monitoring__dashboard": True, "secrets__more": ["fhir-client"], "modelServer__replicas": 3,
    "tolerations": [{"key": "gpu", "operator": "Exists"}], "service__annotations": {"a": "b"},
    "image__pullSecrets": ["registry"], "state__storageClass": "shared",
}  # fmt: skip


@pytest.mark.parametrize("values", [{}, WITHOUT_VLLM, EVERYTHING], ids=["site", "file", "all"])
def test_kubernetes_takes_every_manifest(values: dict[str, Any]) -> None:
    found = manifests(**values)
    assert len(found) >= 7
    for manifest in found:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    kinds = {manifest["kind"] for manifest in found}
    assert ("StatefulSet" in kinds) is (values is not WITHOUT_VLLM)


def test_the_operators_kinds_hold_the_files_as_they_are() -> None:
    """PrometheusRule and ServiceMonitor are in no schema of Kubernetes' own."""
    told = manifests(monitoring__rules=True, monitoring__serviceMonitor=True)
    [rule] = [m for m in told if m["kind"] == "PrometheusRule"]
    assert rule["spec"] == yaml.safe_load((CHART / "files/chartside.rules.yaml").read_text())
    assert any(m["kind"] == "ServiceMonitor" for m in told)


def test_helm_lint_finds_nothing() -> None:
    told = ask(SITE, lint=True)
    wrong = [m for m in told.get("messages", ()) if m.get("severity") in {"WARNING", "ERROR", 2, 3}]
    assert "error" not in told
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image__digest", "latest"), ("settings", ""), ("secrets__database", ""),
        ("secrets__keys", ""), ("modelServer__image__digest", ""), ("models__existingClaim", ""),
        ("modelServer__keySecret", ""), ("networkPolicy__database", {"to": []}),
        ("networkPolicy__destinations", [{"name": "all", "to": [], "ports": [443]}]),
        ("replica", 3), ("files", {"chartside.toml": "x"}),
    ],
)  # fmt: skip
def test_what_would_be_wrong_or_open_is_refused(path: str, value: Any) -> None:
    assert "error" in ask(changed(**{path: value}))


# --- closed -------------------------------------------------------------------------------------


def test_no_container_may_do_more_than_compute() -> None:
    found = [m for m in manifests(**EVERYTHING) if m["kind"] in {"Deployment", "StatefulSet"}]
    assert len(found) == 2
    for manifest in found:
        pod = manifest["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            allowed = container["securityContext"]
            assert allowed["capabilities"] == {"drop": ["ALL"]}
            assert allowed["readOnlyRootFilesystem"] is True
            assert allowed["allowPrivilegeEscalation"] is False
            assert "@sha256:" in container["image"]
            assert container["resources"]["limits"]["memory"]


def test_the_service_reaches_what_is_listed_and_nothing_else() -> None:
    spec = one("NetworkPolicy", "site")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    ports = [[port["port"] for port in rule["ports"]] for rule in spec["egress"]]
    assert ports == [[53, 53], [5432], [8443], [443]]
    assert all(rule["to"] for rule in spec["egress"])  # an empty `to` is everybody
    assert all(rule["from"] for rule in spec["ingress"])
    callers = one("NetworkPolicy", "site", networkPolicy__callers=[], networkPolicy__monitoring=[])
    assert callers["spec"]["ingress"] == []


def test_the_model_server_is_called_by_the_service_alone_and_calls_nobody() -> None:
    spec = one("NetworkPolicy", "site-vllm")["spec"]
    assert (spec["egress"], spec["policyTypes"]) == ([], ["Ingress", "Egress"])
    [rule] = spec["ingress"]
    service = one("Deployment", "site")["spec"]["selector"]["matchLabels"]
    assert rule["from"] == [{"podSelector": {"matchLabels": service}}]
    server = one("StatefulSet", "site-vllm")["spec"]
    assert spec["podSelector"]["matchLabels"] == server["selector"]["matchLabels"]
    pod = server["template"]["spec"]
    [models] = [v for v in pod["volumes"] if v["name"] == "models"]
    assert models["persistentVolumeClaim"]["readOnly"] is True
    [mount] = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "models"]
    assert mount["readOnly"] is True


def test_a_browser_stays_at_one_process() -> None:
    assert one("Service", "site")["spec"]["sessionAffinity"] == "ClientIP"


@pytest.mark.parametrize(("probes", "kind"), [("https", "httpGet"), ("command", "exec")])
def test_probes_ask_the_right_port_over_tls(probes: str, kind: str) -> None:
    [container] = one("Deployment", "site", probes=probes)["spec"]["template"]["spec"]["containers"]
    asked = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    if kind == "exec":
        assert "--ready" in asked["readiness"]["exec"]["command"]
        assert "--ready" not in asked["liveness"]["exec"]["command"]
        return
    [port] = container["ports"]
    for name, path in (("startup", "healthz"), ("liveness", "healthz"), ("readiness", "readyz")):
        wanted = {"path": f"/{path}", "port": port["name"], "scheme": "HTTPS"}
        assert asked[name]["httpGet"] == wanted


# --- the pods' own words, here --------------------------------------------------------------------


def _placed(text: str, folder: Path) -> str:
    for place in ("/run/chartside", "/var/lib/chartside", "/secrets", "/etc/chartside"):
        text = text.replace(place, f"{folder}{place}")
    return text


def test_keys_are_copied_for_the_service_alone_and_its_settings_are_whole(tmp_path: Path) -> None:
    """The init container's script and the settings of the pod, in a folder of the test's."""
    pod = one("Deployment", "site", modelServer__replicas=2)["spec"]["template"]["spec"]
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    [volume] = [v for v in pod["volumes"] if v["name"] == "secrets"]
    items = [i for s in volume["projected"]["sources"] for i in s["secret"]["items"]]
    for item in items:  # as a kubelet shows them: links to files that a group may read
        (secrets / f"..{item['path']}").write_text("0" * 64)
        (secrets / f"..{item['path']}").chmod(0o440)
        (secrets / item["path"]).symlink_to(f"..{item['path']}")
    for name in ("run/chartside", "var/lib/chartside"):
        (tmp_path / name).mkdir(parents=True)
    [copies] = pod["initContainers"]
    *shell, script = copies["command"]
    subprocess.run([*shell, _placed(script, tmp_path)], check=True)
    keys = tmp_path / "run/chartside/keys"
    assert {each.name for each in keys.iterdir()} == {item["path"] for item in items}
    assert {each.stat().st_mode & 0o777 for each in keys.iterdir()} == {0o600}
    url = "postgresql+psycopg://chartside@db/chartside"  # of the secret
    told = pod["containers"][0]["env"]
    environ = {each["name"]: _placed(each.get("value", url), tmp_path) for each in told}
    config = tmp_path / "chartside.toml"
    config.write_text(_placed(one("ConfigMap", "site")["data"]["chartside.toml"], tmp_path))
    settings = read_settings(config, environ)
    assert settings.model_server.bases == (
        "https://site-vllm-0.site-vllm.cds.svc:8443", "https://site-vllm-1.site-vllm.cds.svc:8443",
    )  # fmt: skip
    for file in (settings.tls.key, settings.ledger.signing_key, settings.model_server.key_file):
        assert file is not None
        assert file.is_file()
    assert list(record_lacks(settings, environ)) == []


def test_the_prometheus_adapter_makes_the_metric_that_the_autoscaler_reads() -> None:
    [rule] = yaml.safe_load((CHART / "files/prometheus-adapter.yaml").read_text())
    scaler = one("HorizontalPodAutoscaler", "site", **EVERYTHING)
    [metric] = scaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    recorded = yaml.safe_load((CHART / "files/chartside.rules.yaml").read_text())["groups"][0][
        "rules"
    ]
    [series] = [r for r in recorded if r["record"] == rule["seriesQuery"].partition("{")[0]]
    assert all(f"{label}" in series["expr"] for label in ("namespace", "pod"))
