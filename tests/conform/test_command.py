"""`chartside conform` as it is run: exit codes, JSON, JUnit XML, services that are not there."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cds_hooks.cli.application import main
from cds_hooks.trust.signing import SigningKey
from tests.conform.faulty_service import ISSUER, ORIGIN, FaultyService, running
from tests.end_to_end.conftest import running_service

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def conform(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["chartside", "conform", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return conform


@pytest.fixture
def service() -> Iterator[FaultyService]:
    faulty = FaultyService()
    with running(faulty):
        yield faulty


def test_a_conformant_service_ends_with_0_and_its_report(
    run: Run, service: FaultyService, tmp_path: Path
) -> None:
    junit = tmp_path / "conform.xml"
    code, out, _ = run(f"{service.base}/cds-services", "--json", "--junit", str(junit))
    assert code == 0
    told = json.loads(out)
    assert told["conformant"] is True
    assert told["counts"]["findings"] == 0
    [open_] = [r for r in told["results"] if r["check"] == "auth-required"]
    assert open_["reason"].startswith("no key was given")
    suites = {suite.get("name"): suite for suite in ElementTree.parse(junit).getroot()}
    assert set(suites) == {"all services", "greeter"}
    assert suites["greeter"].get("failures") == "0"
    assert suites["greeter"].find("testcase[@name='card-summary']") is not None


def test_a_finding_ends_with_1_and_says_clause_sent_expected_and_came(
    run: Run, service: FaultyService, tmp_path: Path
) -> None:
    service.fault = "summary-of-140"
    junit = tmp_path / "conform.xml"
    code, out, _ = run(service.base, "--junit", str(junit))
    assert code == 1
    told = " ".join(out.split())
    assert "card-summary" in told
    assert "under 140 characters (shall)" in told
    assert "sent: a whole request" in told
    assert "cards[0]: 140 characters" in told
    assert "not conformant" in told
    failure = ElementTree.parse(junit).getroot().find(".//failure")
    assert failure is not None
    assert failure.get("type") == "shall"


def test_a_note_ends_with_0_and_with_strict_with_1(run: Run, service: FaultyService) -> None:
    service.fault = "wrong-hook-answered"
    assert run(service.base)[0] == 0
    assert run(service.base, "--strict")[0] == 1


def test_only_the_named_service_is_called(run: Run, service: FaultyService) -> None:
    _, out, _ = run(service.base, "--only", "another", "--json")
    assert {r["service"] for r in json.loads(out)["results"]} == {""}


def test_nobody_at_the_address_ends_with_2(run: Run) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        code, _, err = run(address)
        assert code == 2
        assert err.startswith("chartside: service-unreachable: ")
        code, out, _ = run(address, "--json")
        assert code == 2
        assert json.loads(out)["error"]["code"] == "service-unreachable"


def test_a_server_that_hangs_ends_with_2(run: Run) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        code, _, err = run(f"http://127.0.0.1:{silent.getsockname()[1]}", "--patience", "1")
    assert code == 2
    assert "ReadTimeout" in err


@pytest.mark.parametrize("url", ["greeter", "ftp://example.org", "http://169.254.169.254"])
def test_what_is_no_address_is_refused(run: Run, url: str) -> None:
    code, _, err = run(url)
    assert code == 3
    assert "Traceback" not in err


def test_tokens_are_not_sent_in_clear(run: Run, tmp_path: Path) -> None:
    key = ("--key", str(tmp_path / "key.pem"), "--issuer", ISSUER)
    code, _, err = run("http://cds.example.org", *key)
    assert code == 3
    assert "a token is not sent in clear" in err
    assert "private key cannot be read" in run("http://127.0.0.1:1", *key)[2]
    assert "private key cannot be read" in run("https://cds.example.org", *key)[2]


def test_a_key_needs_its_issuer(run: Run, tmp_path: Path) -> None:
    code, _, err = run("http://127.0.0.1:1", "--key", str(tmp_path / "key.pem"))
    assert code == 3
    assert "--issuer" in err


@pytest.fixture
def client(tmp_path: Path) -> tuple[Path, str]:
    """A client's private key, and the settings by which a service knows it."""
    private = ec.generate_private_key(ec.SECP384R1())
    key, keys = tmp_path / "key.pem", tmp_path / "jwks.json"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    keys.write_bytes(orjson.dumps({"keys": [SigningKey.load(key).public_jwk()]}))
    told = f'[[clients]]\nname = "c"\nissuer = "{ISSUER}"\njwks_file = "{keys}"\n'
    return key, f'[server]\ncors_origins = ["{ORIGIN}"]\n{told}'


@pytest.mark.model
def test_nothing_is_found_in_our_own_service(
    run: Run, client: tuple[Path, str], tmp_path: Path
) -> None:
    key, settings = client
    caller = ("--key", str(key), "--issuer", ISSUER, "--origin", ORIGIN)
    with running_service(tmp_path, settings) as own:
        own.until_ready()
        code, out, err = run(own.address, *caller, "--within", "120", "--strict", "--json")
    told: dict[str, Any] = json.loads(out)
    failed = [r for r in told["results"] if r["status"] == "failed"]
    assert (failed, code) == ([], 0), err
    mine = {r["check"]: r for r in told["results"] if r["service"] == "chartside-patient-view"}
    for check in ("card-summary", "auth-replay", "prefetch-absent", "feedback-answers"):
        assert mine[check]["status"] == "passed", mine[check]
