"""Nothing leaves the service but to the destinations that its settings list: packets show it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.inference.worker.sandbox import landlock
from tests.end_to_end import outside
from tests.end_to_end.capture import flow_of

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(3000)]
IN_NAMESPACE = ["unshare", "--net", "--mount"]
LISTED = {
    ("tcp", outside.FHIR, outside.FHIR_PORT),
    ("tcp", outside.FHIR, outside.KEYS_PORT),
    ("tcp", outside.MODEL, outside.MODEL_PORT),
    ("udp", outside.NAMES, 53),
}


def _why_not() -> str:
    """Why this machine cannot show it, if so."""
    if sys.platform != "linux" or os.getuid() != 0:
        return "network namespaces and packet captures need root on Linux"
    tools = subprocess.run(
        [
            *IN_NAMESPACE,
            "sh",
            "-c",
            "ip link add wire type veth peer name end && nsenter --version",
        ],
        capture_output=True,
        check=False,
    )
    if tools.returncode != 0:
        return "network namespaces, veth pairs or nsenter are not to be had here"
    return "" if landlock.abi() >= 6 else "this kernel's Landlock is older than ABI 6"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `network_namespace.py` saw of a service that did everything."""
    if why := _why_not():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("namespace")
    done = subprocess.run(
        [
            *IN_NAMESPACE,
            sys.executable,
            str(ROOT / "tests/end_to_end/network_namespace.py"),
            str(folder),
        ],
        capture_output=True,
        timeout=2400,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _outward(flows: list[Any]) -> set[tuple[str, str, int]]:
    """Where packets went that left this side of the wire, and where those that came came from."""
    found = set()
    for interface, protocol, source, source_port, target, target_port in flows:
        if interface == "lo":
            continue
        ours = source == "10.99.0.1"
        found.add((protocol, target, target_port) if ours else (protocol, source, source_port))
    return found


def test_every_part_was_exercised(seen: dict[str, Any]) -> None:
    """Otherwise the silence of the wire would say nothing."""
    assert seen["feedback"] == seen["by server"] == 200
    assert seen["ready"]["status"] == "ready"
    assert seen["ready"]["checks"]["egress_lock"] == "ok"
    assert seen["ready"]["checks"]["engine_confined"] == "ok"
    reached = {item["at"] for item in seen["outside"]}
    assert {"fhir", "keys", "names"} <= reached
    paths = {item.get("path") for item in seen["outside"]}
    assert "/r4/MedicationRequest" in paths  # answered with a redirect to the lure
    assert seen["packets"] > 100
    assert seen["dropped"] == 0


def test_nothing_but_the_listed_destinations_was_spoken_to(seen: dict[str, Any]) -> None:
    assert _outward(seen["flows"]) == LISTED


def test_on_loopback_only_the_service_s_own_port_was_spoken_to(seen: dict[str, Any]) -> None:
    ports = [{flow[3], flow[5]} for flow in seen["flows"] if flow[0] == "lo"]
    assert ports
    assert all(18010 in pair for pair in ports)


def test_no_name_but_the_listed_one_was_looked_up(seen: dict[str, Any]) -> None:
    names = {item["name"] for item in seen["outside"] if item["at"] == "names"}
    assert names == {outside.FHIR_NAME}


def test_what_might_have_led_astray_was_refused(seen: dict[str, Any]) -> None:
    """A FHIR server, a metadata service, a key URL and a redirect, each naming the lure."""
    assert seen["refused server"] == seen["metadata"] == 412
    assert seen["foreign key url"] == 401
    assert 'chartside_egress_refused_total{way="redirect"}' in seen["metrics"]
    assert '"event":"egress-refused"' in seen["log"]


def test_the_capture_and_the_lure_would_have_seen_it(seen: dict[str, Any]) -> None:
    """The one connection that the test itself made, unlocked, after the service had ended."""
    assert _outward(seen["control"]) == {("tcp", outside.LURE, 443)}
    assert [item for item in seen["outside"] if item["at"] == "lure"] == [
        {"at": "lure", "port": 443}
    ]


def test_the_report_tells_of_the_running_service(seen: dict[str, Any]) -> None:
    report = seen["report"]
    assert report["holds"]
    listed = {row["setting"] for row in report["allowed"]}
    assert listed == {"fhir.allowed_bases[0]", "panel.servers[0].bases[0]", "clients[0].jku"}
    assert report["service"]["listening"] == ["127.0.0.1:18010"]
    assert all(row["setting"] in listed for row in report["service"]["connected"])


@pytest.mark.parametrize(
    ("kind", "packet", "told"),
    [
        (0x0800, "4500002800004000400600000102030405060708005001bb", ("tcp", "5.6.7.8", 443)),
        (0x0800, "4500001c000040004011000001020304050607080035d431", ("udp", "5.6.7.8", 54321)),
        (0x86DD, f"60000000000006ff{'fe80':0<32}{'fd00':0<32}", ("tcp", "fd00::", 0)),
        (0x88CC, "00", ("ethertype 0x88cc", "", 0)),
    ],
)
def test_packets_are_read(kind: int, packet: str, told: tuple[str, str, int]) -> None:
    flow = flow_of("wire", kind, bytes.fromhex(packet))
    assert flow is not None
    assert (flow.protocol, flow.target, flow.target_port) == told
