"""`chartside export egress`: destinations with their reason, and a NetworkPolicy that is valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes_validate import utils as kubernetes
from typer.testing import CliRunner

from cds_hooks.cli.export import export_app
from cds_hooks.cli.mapping import UsageError
from cds_hooks.compliance.network_policy import (
    PolicyDestination,
    PolicyRequest,
    network_policy,
    unlisted,
)

LABELS = {"app.kubernetes.io/name": "chartside"}
SETTINGS = """
[server]
port = 8443
public_url = "https://chartside.hospital.example"
[fhir]
allowed_bases = ["https://fhir.hospital.example/r4", "https://10.1.2.3/r4", "https://[2001:db8::7]/r4"]
[model_server]
bases = ["http://127.0.0.1:8000/v1"]
model = "m"
[ledger]
witness_syslog = true
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "chartside.toml"
    file.write_text(SETTINGS)
    return file


def run(config: Path, *arguments: str) -> Any:
    arguments = ("egress", "--config", str(config), "--no-self-test", *arguments)
    result = CliRunner().invoke(export_app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def request(*destinations: PolicyDestination, **more: Any) -> PolicyRequest:
    return PolicyRequest(destinations, 8010, LABELS, **more)


def validated(policy: dict[str, Any]) -> dict[str, Any]:
    kubernetes.validate(policy, kubernetes.latest_version(), strict=True)
    return policy


def test_the_policy_of_a_configuration_is_valid_and_allows_what_it_lists(config: Path) -> None:
    given = ("--cidr", "fhir.hospital.example=10.7.0.0/16", "--callers", "10.0.0.0/8")
    policy = validated(run(config, "--format", "networkpolicy", *given))
    spec = policy["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["podSelector"] == {"matchLabels": LABELS}
    [ingress] = spec["ingress"]
    assert ingress["ports"] == [{"protocol": "TCP", "port": 8443}]
    assert ingress["from"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    allowed = {block["ipBlock"]["cidr"]: rule["ports"] for rule in spec["egress"]
               for block in rule["to"] if "ipBlock" in block}  # fmt: skip
    https = [{"protocol": "TCP", "port": 443}]
    assert allowed == {"10.7.0.0/16": https, "10.1.2.3/32": https, "2001:db8::7/128": https}


def test_a_policy_that_kubernetes_would_refuse_is_noticed(config: Path) -> None:
    policy = run(config, "--format", "networkpolicy")
    policy["spec"]["egres"] = policy["spec"].pop("egress")
    with pytest.raises(kubernetes.ValidationError):
        validated(policy)


def test_a_name_without_a_network_is_denied_and_told(config: Path) -> None:
    policy = validated(run(config, "--format", "networkpolicy"))
    blocks = [to for rule in policy["spec"]["egress"] for to in rule["to"] if "ipBlock" in to]
    assert len(blocks) == 2
    told = json.dumps(run(config, "--json"))
    assert "cannot name a host" in told
    assert "--cidr HOST=NETWORK" in told
    assert "none: denied" in told


def test_each_destination_says_which_setting_and_why(config: Path) -> None:
    told = run(config, "--json")
    [table] = told["sections"][1]["tables"]
    found = {row[0]: row[1:] for row in table["rows"]}
    assert found["https://10.1.2.3:443"][0] == "fhir.allowed_bases[1]"
    assert "Reads charts" in found["https://10.1.2.3:443"][1]
    assert "the prompt" in found["http://127.0.0.1:8000"][1]
    assert found["unix:/dev/log"][0] == "ledger.witness_syslog"
    assert told["sections"][2]["text"] == ["Not run: chartside egress report does."]


def test_without_destinations_everything_is_denied() -> None:
    policy = validated(network_policy(request()))
    assert policy["spec"]["egress"] == []
    assert "Egress" in policy["spec"]["policyTypes"]


def test_names_may_lie_in_the_networks_that_settings_bound_them_to() -> None:
    server = PolicyDestination("https", "fhir.hospital.example", 443, "fhir.allowed_bases[0]")
    bounded = request(server, networks=("10.0.0.0/8",))
    dns, rule = validated(network_policy(bounded))["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    assert [port["port"] for port in dns["ports"]] == [53, 53]
    assert unlisted(bounded) == ()
    assert unlisted(request(server)) == (server,)


def test_what_is_on_this_machine_needs_no_rule() -> None:
    here = PolicyDestination("http", "127.0.0.1", 8000, "model_server.bases[0]", here=True)
    socket = PolicyDestination("unix", "/dev/log", 0, "ledger.witness_syslog", here=True)
    assert network_policy(request(here, socket))["spec"]["egress"] == []
    assert unlisted(request(here, socket)) == ()


def test_udp_is_allowed_as_udp() -> None:
    log = PolicyDestination("udp", "10.9.9.9", 514, "egress.allow[0]")
    [rule] = validated(network_policy(request(log)))["spec"]["egress"]
    assert rule["ports"] == [{"protocol": "UDP", "port": 514}]


@pytest.mark.parametrize(
    "option", [("--cidr", "host=nowhere"), ("--callers", "x"), ("--label", "x")]
)
def test_an_option_that_is_none_is_refused(config: Path, option: tuple[str, str]) -> None:
    with pytest.raises(UsageError):
        run(config, *option)


@pytest.mark.slow
def test_the_self_test_tries_forbidden_ways_out(config: Path) -> None:
    arguments = ["egress", "--config", str(config), "--json"]
    told = json.loads(CliRunner().invoke(export_app, arguments).stdout)
    lock = dict(told["sections"][2]["tables"][0]["rows"])
    assert lock["connect to another machine"].startswith("refused")
