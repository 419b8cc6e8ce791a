"""The service as a site runs it: TLS, callers' certificates, tokens; all with its real process."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cds_hooks.runtime.own_calls import own_http
from cds_hooks.settings import load_settings
from tests.end_to_end.conftest import Running, running_service
from tests.trust.conftest import ISSUER, Signer, good_claims, key_set
from tests.trust.test_transport import Authority

PUBLIC = "https://cds.hospital.example"
OWN = "urn:chartside:own"


class Site:
    """A running service with TLS, and who may call it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder, "site")
        self.signer = Signer()
        certificate, key = self.authority.issue("service")
        own = Signer(kid="own")
        pem = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "own.pem").write_bytes(pem)
        (folder / "own.pem").chmod(0o600)
        (folder / "ehr.json").write_text(key_set(self.signer.jwk()))
        (folder / "own.json").write_text(key_set(own.jwk()))
        shown, shown_key = self.authority.issue("own-command")
        self.settings = (
            f'[server]\npublic_url = "{PUBLIC}"\n'
            f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\nlook_every_s = 600\n'
            f'client_authority = "{self.authority.pem}"\n'
            f'[own_calls]\nissuer = "{OWN}"\nkey = "own.pem"\nkey_id = "own"\n'
            f'certificate = "{shown}"\ncertificate_key = "{shown_key}"\n'
            f'[[clients]]\nname = "ehr"\nissuer = "{ISSUER}"\njwks_file = "ehr.json"\n'
            f'[[clients]]\nname = "own"\nissuer = "{OWN}"\njwks_file = "own.json"\n'
        )
        self.running: Running | None = None

    def context(self, *, shown: bool = True) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.pem))
        if shown:
            context.load_cert_chain(*self.authority.issue("ehr"))
        return context

    @property
    def port(self) -> int:
        assert self.running is not None
        return int(self.running.address.rpartition(":")[2])

    def get(self, path: str, token: str = "", *, shown: bool = True) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(verify=self.context(shown=shown), trust_env=False) as http:
            return http.get(f"https://127.0.0.1:{self.port}{path}", headers=headers, timeout=60)

    def token(self) -> str:
        return self.signer.sign(good_claims(aud=f"{PUBLIC}/cds-services"))

    def certificate(self) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=60) as plain,
            self.context().wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
        ):
            return wrapped.getpeercert(binary_form=True) or b""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("trust"))
    with running_service(made.folder, made.settings) as running:
        made.running = running
        yield made


def test_a_known_caller_is_let_in_once(site: Site) -> None:
    token = site.token()
    answer = site.get("/cds-services", token)
    assert answer.status_code == 200, answer.text
    again = site.get("/cds-services", token)
    assert (again.status_code, again.content) == (401, b"")
    assert (site.get("/cds-services").status_code, site.get("/healthz").status_code) == (401, 200)
    told = [json.loads(line) for line in _lines(site) if "call-refused" in line]
    assert {entry["code"] for entry in told} == {"token-replayed", "token-missing"}
    assert token.rpartition(".")[2] not in "\n".join(_lines(site))


def test_without_a_certificate_nobody_is_answered(site: Site) -> None:
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        site.get("/healthz", shown=False)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{site.port}/healthz", trust_env=False)


def test_a_renewed_certificate_is_served_on_sighup(site: Site) -> None:
    before = site.certificate()
    site.authority.issue("service")
    assert site.running is not None
    site.running.process.send_signal(signal.SIGHUP)
    ends = time.monotonic() + 120
    while site.certificate() == before and time.monotonic() < ends:
        time.sleep(0.1)
    assert site.certificate() != before
    assert site.get("/healthz").status_code == 200


async def test_this_machines_own_commands_are_let_in(site: Site) -> None:
    settings = load_settings(site.folder / "chartside.toml", {})
    async with own_http(settings, site.port, timeout=60) as http:
        for _ in range(2):
            answer = await http.get("/cds-services")
            assert answer.status_code == 200
        assert (await http.get("/healthz")).status_code == 200


def _lines(site: Site) -> list[Any]:
    assert site.running is not None
    return site.running.log.splitlines()
