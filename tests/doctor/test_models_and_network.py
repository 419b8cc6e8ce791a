"""Faults planted in models, memory, ports, destinations and key sets."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cds_hooks.doctor.engine_findings import (
    memory_finding,
    model_findings,
    together_finding,
)
from cds_hooks.doctor.network_findings import destination_finding, port_finding
from cds_hooks.inference.memory.plan import MemoryPlan, OnGpus
from cds_hooks.inference.prove import Proof
from cds_hooks.inference.remote.server_trial import ServerTrial
from cds_hooks.trust.egress import parse
from tests.doctor.conftest import FAIL, NOT_CHECKED, PASS, WARN, Examine, shows
from tests.trust.conftest import Signer, key_set

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"


def proof(**changes: object) -> Proof:
    made = {"decodes": True, "rung": "as-configured", "seconds": 1.0, "code": "", "cause": ""}
    return Proof(**{**made, "processor": (), "facts": {}, **changes})  # type: ignore[arg-type]


def test_a_model_that_decodes_and_one_that_does_not() -> None:
    shows(model_findings({"m": proof()}, {}), "model-decodes", PASS)
    ended = proof(decodes=False, code="engine-died-loading", cause="It ended by SIGILL.")
    found = shows(model_findings({"m": ended}, {}), "model-decodes", FAIL)
    assert "SIGILL" in found.says
    slow = proof(facts={"gpu_trouble": "no device of gpu_layers is used"})
    shows(model_findings({"m": slow}, {}), "model-decodes", WARN)


def test_a_model_server_that_does_not_answer_or_has_a_remark() -> None:
    away = ServerTrial(False, code="server-unreachable", cause="Nobody answers.")
    assert (
        "server-unreachable" in shows(model_findings({}, {"s": away}), "model-decodes", FAIL).says
    )
    remark = ServerTrial(True, build="b1", code="server-unconstrained-answer", cause="It is free.")
    shows(model_findings({}, {"s": remark}), "model-decodes", WARN)
    shows(model_findings({}, {"s": ServerTrial(True, build="b1")}), "model-decodes", PASS)


@pytest.mark.model
def test_the_engine_part_loads_the_model_and_reports_its_death(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'[model]\npath = "{MODEL}"\nnames = ""\ncache = ""\nthreads = 1\n'
    monkeypatch.setenv("TEST_ENGINE_FAULT", "load:SIGILL")
    assert "SIGILL" in shows(examine("engine", text), "model-decodes", FAIL).says


def test_a_file_of_names_that_is_missing_is_told_by_the_engine_part(
    examine: Examine, tmp_path: Path
) -> None:
    text = f'[model]\npath = "{MODEL}"\nnames = "{tmp_path}/none.txt"\n'
    assert shows(examine("engine", text), "model-decodes", FAIL).where == "model.names"


def needs(count: int) -> MemoryPlan:
    return MemoryPlan(
        weights=count, repacked=0, adapters=0, cache=0, states=0, kept=0, compute=0, overhead=0,
        gpu=OnGpus(),
    )  # fmt: skip


@pytest.mark.parametrize(("available", "level"), [(1 << 30, PASS), ((1 << 30) - 1, FAIL)])
def test_memory_to_the_byte(available: int, level: str) -> None:
    assert memory_finding("m", needs(1 << 30), available).level == level


def test_memory(examine: Examine, tmp_path: Path) -> None:
    text = f'[model]\npath = "{MODEL}"\nnames = ""\n'
    shows(examine("memory", text), "memory", PASS)
    shows([memory_finding("m", needs(10), 9)], "memory", FAIL)
    shows([memory_finding("m", needs(10), None)], "memory", NOT_CHECKED)
    server = '[model_server]\nbases = ["https://llm.example"]\nmodel = "m"\n'
    shows(examine("memory", server), "memory", NOT_CHECKED)
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    broken = '[model]\npath = "broken.gguf"\nnames = ""\n'
    shows(examine("memory", broken), "memory", FAIL)


def test_models_that_fit_one_by_one_and_not_together(examine: Examine, tmp_path: Path) -> None:
    shows([together_finding([5, 5], 10)], "memory-together", PASS)
    shows([together_finding([5, 6], 10)], "memory-together", FAIL)
    shows([together_finding([5, 6], None)], "memory-together", NOT_CHECKED)
    other = tmp_path / "other.gguf"
    other.symlink_to(MODEL)
    panel = f'[[panel.files]]\npath = "{other}"\n'
    found = examine("memory", f'[model]\npath = "{MODEL}"\nnames = ""\n{panel}')
    assert "2 models" in shows(found, "memory-together", PASS).says


# --- ports ------------------------------------------------------------------------------------


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_that_another_program_has(examine: Examine, taken: int) -> None:
    found = shows(examine("ports", f"[server]\nport = {taken}\n"), "port", FAIL)
    assert f"port {taken}" in found.says
    assert "(process " in found.says
    assert found.mend.startswith("server.port = ")


def test_a_port_that_is_free_and_one_that_this_service_has(examine: Examine) -> None:
    assert "any free port" in shows(examine("ports", "[server]\nport = 0\n"), "port", PASS).says
    assert "free" in port_finding(8010).says
    assert shows([port_finding(8010, service="1.2")], "port", PASS).says.startswith("port 8010: ")


def test_a_service_of_ours_is_told_by_its_version(
    examine: Examine, answering: Callable[[bytes], str]
) -> None:
    url = answering(json.dumps({"version": "9.9", "settings_sha256": "x"}).encode())
    text = f"[server]\nport = {url.rpartition(':')[2]}\n"
    assert "Chartside 9.9" in shows(examine("ports", text), "port", PASS).says
    for body in (
        b'{"version": "9.9"}',
        b'{"version": "\\u001b[2J", "settings_sha256": "x"}',
        b"[]",
    ):
        text = f"[server]\nport = {answering(body).rpartition(':')[2]}\n"
        shows(examine("ports", text), "port", FAIL)
    other = answering(b"<html>")
    text = f"[server]\nport = {other.rpartition(':')[2]}\n"
    shows(examine("ports", text), "port", FAIL)


def test_an_address_that_this_machine_does_not_have(examine: Examine) -> None:
    shows(examine("ports", '[server]\nhost = "192.0.2.1"\n'), "port", FAIL)


# --- egress -----------------------------------------------------------------------------------


def test_a_lock_that_is_off(examine: Examine) -> None:
    shows(examine("egress"), "egress-lock", PASS)
    shows(examine("egress", "[egress]\nlock = false\n"), "egress-lock", WARN)


def test_a_destination_that_listens_and_one_that_does_not(examine: Examine, taken: int) -> None:
    text = f'[egress]\nallow = ["127.0.0.1:{taken}"]\n'
    shows(examine("egress", text), "egress-destination", PASS)
    found = shows(
        examine("egress", '[egress]\nallow = ["127.0.0.1:1"]\n'), "egress-destination", WARN
    )
    assert (found.where, found.mend) == (
        "egress.allow[0]",
        "nc -vz 127.0.0.1 1   # start it, or open the way to it",
    )


def test_a_name_without_an_address(examine: Examine) -> None:
    text = '[egress]\nallow = ["https://fhir.hospital.invalid"]\n'
    found = shows(examine("egress", text), "egress-destination", FAIL)
    assert found.mend.startswith("getent hosts fhir.hospital.invalid")


def test_an_address_that_the_lock_refuses() -> None:
    item = parse("https://fhir.example", "fhir.allowed_bases[0]")
    found = destination_finding(item, ("unfit", "the lock refuses its address (loopback)"))
    assert shows([found], "egress-destination", FAIL).where == "fhir.allowed_bases[0]"


def test_a_socket_that_is_not_there(examine: Examine, tmp_path: Path) -> None:
    text = f'[egress]\nallow = ["unix:{tmp_path}/none.sock"]\n'
    shows(examine("egress", text), "egress-destination", WARN)


# --- key sets ---------------------------------------------------------------------------------


def client(**keys: str) -> str:
    lines = "".join(f"{name} = '{value}'\n" for name, value in keys.items())
    return f'[[clients]]\nname = "ehr"\nissuer = "urn:ehr"\n{lines}'


def test_no_client(examine: Examine) -> None:
    shows(examine("key-sets"), "key-set", NOT_CHECKED)


def test_key_sets_that_are_given(examine: Examine) -> None:
    good = Signer().jwk()
    found = shows(examine("key-sets", client(jwks=key_set(good))), "key-set", PASS)
    assert "1 keys" in found.says
    assert found.where == "clients.0 (ehr)"
    old = Signer("ES256", kid="k2").jwk()
    assert (
        "keys[1]"
        in shows(examine("key-sets", client(jwks=key_set(good, old))), "key-set", WARN).says
    )
    shows(examine("key-sets", client(jwks=key_set(old))), "key-set", FAIL)
    shows(examine("key-sets", client(jwks_file="none.json")), "key-set", FAIL)


def test_key_sets_at_a_url(examine: Examine, answering: Callable[..., str]) -> None:
    url = answering(key_set(Signer().jwk()).encode())
    shows(examine("key-sets", client(jku=f"{url}/jwks")), "key-set", PASS)
    for body in (b"<html>Sign in</html>", b'{"keys": []}'):
        shows(examine("key-sets", client(jku=answering(body))), "key-set", FAIL)
    shows(examine("key-sets", client(jku=answering(b"", 404))), "key-set", FAIL)
    found = shows(examine("key-sets", client(jku="http://127.0.0.1:1/jwks")), "key-set", FAIL)
    assert found.mend.startswith("curl -v http://127.0.0.1:1/jwks")
