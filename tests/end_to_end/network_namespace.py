"""The whole service in a network namespace of its own, everything exercised, packets captured.

A program: run under `unshare --net --mount` by root, it makes a second namespace that plays the
hospital's network (`outside.py` and a model server), joined to this one by one wire, and writes
what was seen as one JSON object. `test_egress.py` runs it and says what must hold of it.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from cds_hooks.cds_client.requests import hook_request, place_in_time  # noqa: E402
from cds_hooks.services import find  # noqa: E402
from tests.end_to_end import outside  # noqa: E402
from tests.end_to_end.capture import Capture  # noqa: E402

PORT = 18010
OURS = "10.99.0.1"
SERVICE = "/cds-services/chartside-patient-view"
EMBEDDED = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"


def run(*command: str) -> None:
    """A command of iproute2 or mount."""
    subprocess.run(command, check=True, capture_output=True)


def wire(other: int) -> None:
    """One wire to the other namespace, by which everything that is not here would go."""
    run("ip", "link", "set", "lo", "up")
    run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "end", "netns", str(other))
    run("ip", "addr", "add", f"{OURS}/24", "dev", "wire")
    run("ip", "link", "set", "wire", "up")
    there = ("nsenter", "-t", str(other), "-n")
    run(*there, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    run(*there, "ip", "link", "set", "lo", "up")
    for host in (outside.FHIR, outside.MODEL, outside.NAMES, outside.LURE):
        run(*there, "ip", "addr", "add", f"{host}/24", "dev", "end")
    run(*there, "ip", "link", "set", "end", "up")
    run("ip", "route", "add", "default", "via", outside.LURE)


def name_server(folder: Path) -> None:
    """The network's own name server, seen by this mount namespace alone."""
    place = folder / "resolv.conf"
    place.write_text(f"nameserver {outside.NAMES}\noptions timeout:1 attempts:1\n")
    run("mount", "--bind", str(place), "/etc/resolv.conf")


def certificate(folder: Path) -> Path:
    """A certificate of the model server, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "model server")])
    now = datetime.datetime.now(datetime.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(outside.MODEL))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "server.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, form, serialization.NoEncryption())
    (folder / "server.key").write_bytes(private)
    return folder / "server.pem"


class Ehr:
    """An EHR that signs its calls."""

    def __init__(self, folder: Path) -> None:
        self.key = ec.generate_private_key(ec.SECP384R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        document = {"keys": [{**public, "kid": "k1", "alg": "ES384", "use": "sig"}]}
        (folder / "jwks.json").write_text(json.dumps(document))
        self.jku = f"http://{outside.FHIR}:{outside.KEYS_PORT}/jwks.json"
        self.here = f"http://127.0.0.1:{PORT}"

    def post(self, path: str, body: Any, jku: str = "") -> httpx.Response:
        now, header = int(time.time()), {"kid": "k1", "typ": "JWT", "jku": jku or self.jku}
        claims = {"iss": "https://ehr.hospital.test", "aud": f"{self.here}{path}", "iat": now}
        claims |= {"exp": now + 60, "jti": str(uuid.uuid4())}
        token = jwt.encode(claims, self.key, "ES384", headers=header)
        sent = {"Authorization": f"Bearer {token}"}
        return httpx.post(
            f"{self.here}{path}", json=body, headers=sent, timeout=120, trust_env=False
        )

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.here}{path}", timeout=120, trust_env=False)


def settings(folder: Path, jku: str) -> str:
    """Everything that has a destination has one."""
    fhir = f"http://{outside.FHIR_NAME}:{outside.FHIR_PORT}/r4"
    return f"""
profile = "demo"
[server]
port = {PORT}
[fhir]
allowed_bases = ["{fhir}"]
gather_within_s = 5.0
[services]
samples = 1
deadline_s = 800.0
answer_within_s = 8.0
[model]
path = "{EMBEDDED}"
names = "{ROOT / "build/names.txt"}"
cache = "{folder / "cache"}"
[panel]
asked = "at-once"
[[panel.servers]]
bases = ["https://{outside.MODEL}:{outside.MODEL_PORT}"]
model = "smol"
demonstration = true
authority = "{folder / "server.pem"}"
[terminology]
path = "{ROOT / "build/terminology.sqlite"}"
[store]
path = "{folder / "records/records.sqlite"}"
site_key = "{folder / "records/site.key"}"
[egress]
confine_engine = "required"
[[clients]]
name = "ehr"
issuer = "https://ehr.hospital.test"
jku = "{jku}"
"""


@contextlib.contextmanager
def started(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended by its own id."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.PIPE, cwd=ROOT)
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(reached: Callable[[], bool], seconds: float, log: Path | None = None) -> None:
    """Wait, or end with the log's last lines."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with contextlib.suppress(httpx.TransportError):
            if reached():
                return
        time.sleep(0.2)
    said = log.read_text(errors="replace")[-3000:] if log else ""
    raise SystemExit(f"not reached: {reached.__name__}\n{said}")


def quiet(capture: Capture) -> bool:
    """Whether no packet came for a while."""
    before = capture.packets
    time.sleep(1.0)
    return capture.packets == before


def resources() -> list[dict[str, Any]]:
    sample = ROOT / "cds_hooks/cds_client/sample_patients/breathless.json"
    raw = json.loads(sample.read_text())
    placed = place_in_time(raw, datetime.datetime.now(datetime.UTC))
    return [entry["resource"] for entry in placed["entry"]]


def opening(chart: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A patient-view request."""
    service = find("chartside-patient-view")
    assert service is not None
    request = hook_request(
        "patient-view", service.prefetch, chart, patient_id="demo-1", encounter_id=None
    )
    return {**request, **more}


def exercise(ehr: Ehr, log: Path) -> dict[str, Any]:
    """All that a service is asked in its life, and what somebody might try."""
    chart = resources()
    body, found = opening(chart), dict[str, Any]()
    cards: list[dict[str, Any]] = []

    def a_differential() -> bool:
        cards[:] = ehr.post(SERVICE, body | {"hookInstance": str(uuid.uuid4())}).json()["cards"]
        labels = [card["source"]["label"] for card in cards]
        return any("differential (AI)" in label for label in labels)

    until(a_differential, 900, log)
    entry = {"card": cards[0]["uuid"], "outcome": "accepted"}
    entry |= {"outcomeTimestamp": "2026-01-01T00:00:00Z"}
    found["feedback"] = ehr.post(f"{SERVICE}/feedback", {"feedback": [entry]}).status_code
    token = {"access_token": "token", "token_type": "Bearer", "expires_in": 300}
    token |= {"scope": "patient/*.read", "subject": "ehr"}
    for name, server in (
        ("by server", f"http://{outside.FHIR_NAME}:{outside.FHIR_PORT}/r4"),
        ("refused server", f"http://{outside.LURE}:{outside.FHIR_PORT}/r4"),
        ("metadata", "http://169.254.169.254/latest"),
    ):
        asked = opening([], fhirServer=server, fhirAuthorization=token)
        del asked["prefetch"]
        found[name] = ehr.post(SERVICE, asked).status_code
    lured = ehr.post(SERVICE, body, jku=f"http://{outside.LURE}/jwks.json")
    found["foreign key url"] = lured.status_code
    for path in ("/cds-services", "/healthz", "/version", "/metrics", "/basis"):
        found[path] = ehr.get(path).status_code
    found["ready"] = ehr.get("/readyz").json()
    found["metrics"] = ehr.get("/metrics").text
    return found


def report(folder: Path) -> dict[str, Any]:
    """What `chartside egress report` says of the service that runs."""
    done = subprocess.run(
        [sys.executable, "-m", "cds_hooks", "egress", "report", "--json", "--config",
         str(folder / "chartside.toml")], capture_output=True, cwd=ROOT, check=False,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def control() -> None:
    """What an unlocked process does, the capture and the lure see."""
    socket.create_connection((outside.LURE, 443), 5).close()


def main() -> None:
    """Write what was seen."""
    folder = Path(sys.argv[1])
    (folder / "records").mkdir(mode=0o700)
    ehr = Ehr(folder)
    (folder / "resources.json").write_text(json.dumps(resources()))
    (folder / "chartside.toml").write_text(settings(folder, ehr.jku))
    certificate(folder)
    name_server(folder)
    holder = subprocess.Popen(["unshare", "--net", "sleep", "3600"])
    try:
        ours = Path("/proc/self/ns/net").readlink()
        until(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != ours, 60)
        wire(holder.pid)
        seen = _observed(folder, ehr, ["nsenter", "-t", str(holder.pid), "-n", sys.executable])
    finally:
        holder.kill()
        holder.wait()
    sys.stdout.write(json.dumps(seen))


def _observed(folder: Path, ehr: Ehr, there: list[str]) -> dict[str, Any]:
    world_log, model_log, log = (folder / f"{name}.log" for name in ("world", "model", "service"))
    model = [*there, str(ROOT / "tests/inference_remote/server.py"), "--model", str(EMBEDDED)]
    model += ["--host", outside.MODEL, "--port", str(outside.MODEL_PORT), "--brief"]
    model += ["--context", "8192", "--cert", str(folder / "server.pem")]
    model += ["--cert-key", str(folder / "server.key")]
    world = [*there, str(ROOT / "tests/end_to_end/outside.py"), str(folder)]
    serve = [sys.executable, "-m", "cds_hooks", "serve", "--json", "--config"]
    serve.append(str(folder / "chartside.toml"))
    with started(world, world_log), started(model, model_log):
        until(lambda: "ready" in world_log.read_text(), 120, world_log)
        until(lambda: "port=" in model_log.read_text(), 300, model_log)
        capture = Capture()
        with started(serve, log):
            until(lambda: ehr.get("/readyz").status_code == 200, 300, log)
            found = exercise(ehr, log)
            found["report"] = report(folder)
        until(lambda: quiet(capture), 60)
        served = sorted(capture.flows)
        control()
        until(lambda: quiet(capture), 60)
        found["dropped"] = capture.stop()
    return found | {
        "packets": capture.packets,
        "flows": served,
        "control": sorted(capture.flows - set(served)),
        "outside": [json.loads(line) for line in world_log.read_text().splitlines()],
        "log": log.read_text(),
        "threads": threading.active_count(),
        "user": os.getuid(),
    }


if __name__ == "__main__":
    main()
