"""Our TLS clients and a hospital's certificates: one rule on every Python, and a reason told."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_hooks.app.tls import Certificates, TlsFiles
from cds_hooks.gather import GatherConfig, open_http
from cds_hooks.gather.fhir_client import FhirClient, ReadError
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.tls_client import (
    CERTIFICATE_FAULTS,
    certificate_fault,
    certificate_told,
    client_context,
)
from cds_hooks.trust.egress import AllowList, EgressLock, RefusedAccess, parse
from cds_hooks.trust.egress.transport import LockedTransport
from tests.trust.conftest import Edge
from tests.trust.test_transport import Authority


@pytest.fixture
def serving(edge: Edge, serve: Any, tmp_path: Path) -> Any:
    """Start a server whose certificate a new authority issued; its URL and the authority."""

    def start(name: str, *, identified: bool = True) -> tuple[str, Authority]:
        authority = Authority(tmp_path, name, identified=identified)
        return serve(
            edge.app, Certificates(TlsFiles(*authority.issue(f"{name}-server")))
        ), authority

    return start


def refusal(url: str, context: ssl.SSLContext) -> httpx.ConnectError:
    with (
        httpx.Client(verify=context, timeout=10, trust_env=False) as http,
        pytest.raises(httpx.ConnectError) as refused,
    ):
        http.get(f"{url}/healthz")
    return refused.value


def test_a_certificate_as_rfc_5280_asks_is_taken(serving: Any) -> None:
    url, authority = serving("site")
    with httpx.Client(verify=client_context(authority.pem), trust_env=False) as http:
        assert http.get(f"{url}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("fault", "identified", "own", "host"),
    [
        ("not-rfc-5280", False, True, "127.0.0.1"),
        ("unknown-authority", True, False, "127.0.0.1"),
        ("other-name", True, True, "localhost"),
    ],
)
def test_any_other_is_refused_with_a_reason(
    serving: Any, tmp_path: Path, fault: str, identified: bool, own: bool, host: str
) -> None:
    url, authority = serving("site", identified=identified)
    trusted = authority if own else Authority(tmp_path, "another")
    error = refusal(url.replace("127.0.0.1", host), client_context(trusted.pem))
    assert certificate_fault(error) == fault
    assert certificate_told(error) == CERTIFICATE_FAULTS[fault]


def test_another_trouble_has_no_such_reason() -> None:
    assert certificate_fault(ConnectionRefusedError()) == ""
    assert certificate_told(None) == ""


async def test_the_fhir_client_and_the_log_tell_it(serving: Any) -> None:
    url, authority = serving("site", identified=False)
    told: list[RefusedAccess] = []
    lock = EgressLock(AllowList([parse(url)]), tell=told.append)
    inner = httpx.AsyncHTTPTransport(verify=client_context(authority.pem), trust_env=False)
    config, base = GatherConfig(allowed_bases=(url,)), ServerBase.parse(url)
    assert base is not None
    async with open_http(config, transport=LockedTransport(inner, lock)) as pool:
        client = FhirClient(pool, base, "secret", config, ends=float("inf"))
        with pytest.raises(ReadError) as failed:
            await client.read("Patient/1")
    assert failed.value.code.value == "certificate-refused"
    port = int(url.rpartition(":")[2])
    assert told == [RefusedAccess("certificate", "127.0.0.1", port, "not-rfc-5280")]
    assert lock.counts == {"certificate": 1}


def test_a_file_that_holds_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ssl.SSLError):
        client_context(tmp_path / "ca.pem")
    with pytest.raises(OSError, match="No such file"):
        client_context(tmp_path / "none.pem")
