"""TLS by files and a real server, callers' certificates, renewal; a proxy before the service."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cds_hooks.app.tls import Certificates, TlsFiles, TlsUnusable
from tests.trust.conftest import Edge, Signer, client_entry, good_claims

_SIGNS_ONLY = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False,
    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
    decipher_only=False,
)  # fmt: skip


class Authority:
    """Issues certificates for 127.0.0.1 and for callers, as PEM files.

    Without `identified` it names no keys in them, which RFC 5280 (4.2.1.1) asks for.
    """

    def __init__(self, folder: Path, name: str, *, identified: bool = True) -> None:
        self.folder, self.name, self.identified = folder, name, identified
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._make(name, self.key, None)
        self.pem = folder / f"{name}.pem"
        self.pem.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._make(name, key, self.certificate)
        certificate, private = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        private.chmod(0o600)
        return certificate, private

    def _make(self, name: str, key: Any, issuer: x509.Certificate | None) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
            .add_extension(here, critical=False)
        )
        if issuer is None:
            made = made.add_extension(_SIGNS_ONLY, critical=True)
        if self.identified:
            own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            made = made.add_extension(own, critical=False).add_extension(ours, critical=False)
        return made.sign(self.key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "site")


def trusting(
    authority: Authority,
    shown: tuple[Path, Path] | None = None,
    least: Any = None,
    most: Any = None,
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.pem))
    if shown:
        context.load_cert_chain(*shown)
    if least:
        context.minimum_version = least
    if most:
        context.maximum_version = most
    return context


def get(url: str, context: ssl.SSLContext, path: str = "/healthz", **kwargs: Any) -> httpx.Response:
    with httpx.Client(verify=context, timeout=60, trust_env=False) as http:
        return http.get(f"{url}{path}", **kwargs)


def certificate_of(url: str, context: ssl.SSLContext) -> bytes:
    port = int(url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True) or b""


async def test_a_signed_call_over_tls_with_a_callers_certificate(
    edge: Edge, signer: Signer, authority: Authority, serve: Any
) -> None:
    certificate, key = authority.issue("service")
    certificates = Certificates(TlsFiles(certificate, key, authority.pem))
    url = serve(edge.app, certificates)
    caller = trusting(authority, authority.issue("ehr"))

    def call(context: ssl.SSLContext, token: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return get(url, context, "/cds-services", headers=headers)

    claims = good_claims(aud="https://cds.hospital.example/cds-services")
    answer = await asyncio.to_thread(call, caller, signer.sign(claims))
    assert answer.status_code == 200
    assert answer.json()["services"]
    again = await asyncio.to_thread(call, caller, signer.sign(claims))
    assert (again.status_code, again.content) == (401, b"")
    unknown = Authority(authority.folder, "elsewhere").issue("unknown")
    for context in (trusting(authority), trusting(authority, unknown)):
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await asyncio.to_thread(get, url, context)


@pytest.mark.parametrize(
    ("most", "taken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (None, True)],
)
def test_the_least_version(
    authority: Authority, serve: Any, edge: Edge, most: Any, taken: Any
) -> None:
    url = serve(edge.app, Certificates(TlsFiles(*authority.issue("service"))))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.pem)
    if most is not None:
        # Debian's own least level refuses old versions before the server could.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = min(most, ssl.TLSVersion.TLSv1_2)
        context.maximum_version = most
    if taken:
        assert get(url, context).status_code == 200
    else:
        with pytest.raises(httpx.TransportError):
            get(url, context)


def test_1_3_alone(authority: Authority, serve: Any, edge: Edge) -> None:
    url = serve(edge.app, Certificates(TlsFiles(*authority.issue("service"), least="1.3")))
    assert get(url, trusting(authority)).status_code == 200
    with pytest.raises(httpx.TransportError):
        get(url, trusting(authority, most=ssl.TLSVersion.TLSv1_2))


def test_a_renewed_certificate_is_taken_up_without_a_restart(
    authority: Authority, serve: Any, edge: Edge
) -> None:
    files = TlsFiles(*authority.issue("service"))
    certificates = Certificates(files)
    url = serve(edge.app, certificates)
    first = certificate_of(url, trusting(authority))
    assert certificate_of(url, trusting(authority)) == first
    authority.issue("service")
    certificates.reload()
    second = certificate_of(url, trusting(authority))
    assert second != first


def test_a_callers_authority_that_is_replaced_lets_nobody_in_any_more(
    authority: Authority, serve: Any, edge: Edge
) -> None:
    callers = Authority(authority.folder, "callers")
    accepted = authority.folder / "accepted.pem"
    accepted.write_bytes(callers.pem.read_bytes())
    certificates = Certificates(TlsFiles(*authority.issue("service"), accepted))
    url = serve(edge.app, certificates)
    old = trusting(authority, callers.issue("old"))
    for most in (None, ssl.TLSVersion.TLSv1_2):
        if most:
            old.maximum_version = most
        assert get(url, old).status_code == 200
    later = Authority(authority.folder, "later")
    accepted.write_bytes(later.pem.read_bytes())
    certificates.reload()
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        get(url, old)
    assert get(url, trusting(authority, later.issue("new"))).status_code == 200


async def test_changed_files_are_noticed_and_bad_ones_change_nothing(authority: Authority) -> None:
    certificate, key = authority.issue("service")
    certificates, told = Certificates(TlsFiles(certificate, key)), []
    watching = asyncio.create_task(certificates.watch(0.02, told.append))
    await asyncio.sleep(0.1)
    assert told == []
    certificate.write_text("not a certificate")
    await _until(lambda: told == ["tls-files-unusable"])
    authority.issue("service")
    await _until(lambda: told[-1] == "")
    watching.cancel()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is waited for is a file
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("fault", ["open key", "no key", "no certificate", "other key", "no ca"])
def test_files_that_cannot_be_used_are_told_at_the_start(authority: Authority, fault: str) -> None:
    certificate, key = authority.issue("service")
    ca: Path | None = None
    match fault:
        case "open key":
            key.chmod(0o644)
        case "no key":
            key.unlink()
        case "no certificate":
            certificate.unlink()
        case "other key":
            key = authority.issue("other")[1]
        case "no ca":
            ca = authority.folder / "missing.pem"
    with pytest.raises(TlsUnusable) as caught:
        Certificates(TlsFiles(certificate, key, ca))
    assert "BEGIN" not in caught.value.diagnostics()


# --- a proxy before the service ---------------------------------------------------------------

PROXY = "10.9.8.7"
OVER_TLS = [("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.9")]


@pytest.fixture
async def behind(make_edge: Any, signer: Signer) -> Any:
    async with make_edge(client_entry(signer), proxy={"addresses": ["10.9.8.0/24"]}) as edge:
        yield edge


async def test_calls_through_the_proxy_are_let_in(behind: Edge, signer: Signer) -> None:
    answer = await behind.call(f"Bearer {signer.sign()}", peer=PROXY, headers=OVER_TLS)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("192.0.2.66", []),
        ("192.0.2.66", OVER_TLS),
        ("10.9.9.1", [*OVER_TLS, ("x-forwarded-for", "10.9.8.7")]),
        (PROXY, []),
        (PROXY, [("x-forwarded-proto", "http")]),
        (PROXY, [("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]),
        ("not an address", OVER_TLS),
    ],
    ids=["past it", "with its headers", "near it", "no scheme", "clear", "two", "nobody"],
)
async def test_others_are_not(behind: Edge, signer: Signer, peer: str, headers: Any) -> None:
    token = f"Bearer {signer.sign()}"
    answer = await behind.call(token, peer=peer, headers=headers)
    assert answer.status_code == 403
    assert behind.asked == []
    # The token was not used up by that.
    assert (await behind.call(token, peer=PROXY, headers=OVER_TLS)).status_code == 200


async def test_health_is_asked_past_the_proxy_on_this_machine(behind: Edge) -> None:
    assert (await behind.call(path="/healthz", method="GET")).status_code == 200
    assert (await behind.call(path="/healthz", method="GET", peer=PROXY)).status_code == 200
    assert (await behind.call(path="/healthz", method="GET", peer="192.0.2.1")).status_code == 403


@pytest.mark.parametrize(
    ("chain", "caller"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("8.8.8.8, 192.0.2.9", "192.0.2.9"),
        ("192.0.2.9, 10.9.8.1", "192.0.2.9"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", PROXY),
        ("192.0.2.9, unknown", PROXY),
        ("", PROXY),
    ],
)
async def test_who_calls_is_the_last_that_is_no_proxy(chain: str, caller: str) -> None:
    from cds_hooks.app.middleware.forwarded import Forwarded

    seen: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        seen.append(scope)

    headers = [(b"x-forwarded-proto", b"https"), (b"x-forwarded-for", chain.encode())]
    scope = {"type": "http", "path": "/cds-services", "client": (PROXY, 1), "scheme": "http",
             "headers": headers}  # fmt: skip
    await Forwarded(app, ["10.9.8.0/24"])(scope, None, None)  # type: ignore[arg-type]
    assert (seen[0]["client"][0], seen[0]["scheme"]) == (caller, "https")


async def test_without_a_proxy_the_headers_mean_nothing(edge: Edge, signer: Signer) -> None:
    answer = await edge.call(f"Bearer {signer.sign()}", headers=OVER_TLS)
    assert answer.status_code == 200
    assert os.environ.get("FORWARDED_ALLOW_IPS") is None
