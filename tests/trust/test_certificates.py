"""A client bound to its certificate: by TLS here, and by the header of a declared proxy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.app.peer_certificate import certificate_of, from_header, with_certificate
from cds_hooks.app.tls import Certificates, TlsFiles
from cds_hooks.settings import Settings, SettingsError
from cds_hooks.settings.client_requirements import require_clients
from cds_hooks.trust.certificate import fingerprint_of, is_shown, subject_of
from tests.trust.conftest import BASE, Signer, client_entry, good_claims
from tests.trust.test_transport import Authority, trusting

PROXY = {"addresses": ["10.0.0.0/8"], "certificate_header": "Client-Cert"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "site")


def der(certificate: Path) -> bytes:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)


def fingerprint(certificate: Path) -> str:
    return hashlib.sha256(der(certificate)).hexdigest()


def field(certificate: bytes) -> str:
    """As RFC 9440 writes one."""
    return f":{base64.b64encode(certificate).decode()}:"


def test_a_certificate_is_known_by_fingerprint_or_subject(authority: Authority) -> None:
    mine, other = (der(authority.issue(name)[0]) for name in ("ehr", "other"))
    prints = [hashlib.sha256(mine).hexdigest()]
    assert is_shown(mine, prints, ())
    assert is_shown(mine, ["0" * 64, *prints], ())
    assert is_shown(mine, (), [subject_of("CN=ehr")])
    assert is_shown(mine, ["0" * 64], [subject_of("CN=ehr")])
    for shown in (other, b"", b"no certificate", mine[:-1]):
        assert not is_shown(shown, prints, [subject_of("CN=ehr")])
    assert is_shown(b"", (), ())


@given(st.binary(max_size=200))
def test_any_bytes_are_no_certificate_of_a_client(shown: bytes) -> None:
    assert not is_shown(shown, ["0" * 64], ["CN=ehr"])
    assert is_shown(shown, (), ())


@given(st.text(max_size=100), st.text(max_size=20))
def test_any_header_is_a_certificate_or_none(text: str, other: str) -> None:
    assert isinstance(from_header([text]), bytes)
    assert from_header([]) == from_header([text, other]) == b""


def test_each_way_in_which_proxies_write_a_certificate(authority: Authority) -> None:
    place, _ = authority.issue("ehr")
    pem, raw = place.read_text(), der(place)
    bare = base64.b64encode(raw).decode()
    for value in (f":{bare}:", bare, quote(pem, safe=""), quote(pem), pem.replace("\n", " ")):
        assert from_header([value]) == raw
    for value in ("", ":", "::", ":!:", "-----BEGIN CERTIFICATE-----", "x" * 20_000):
        assert from_header([value]) == b""
    assert certificate_of(with_certificate({}, raw)) == raw
    assert certificate_of(with_certificate(with_certificate({}, raw), b"")) == b""
    assert certificate_of({}) == b""


@pytest.mark.parametrize("text", ["", "ehr", "=", "CN", "CN=a,,", "0" * 63, "g" * 64])
def test_what_names_no_certificate_is_refused_in_settings(text: str) -> None:
    with pytest.raises(ValueError, match="a subject is"):
        subject_of(text)
    with pytest.raises(ValueError, match="a fingerprint is"):
        fingerprint_of(text)


def test_a_fingerprint_may_be_written_in_every_usual_way() -> None:
    raw = bytes(range(32))
    ways = (raw.hex(), raw.hex().upper(), raw.hex(":"), f"SHA256:{raw.hex(':').upper()}")
    assert {fingerprint_of(way) for way in ways} == {raw.hex()}


@pytest.mark.parametrize("name", ["certificate_sha256", "certificate_subjects"])
def test_a_binding_that_nobody_could_hold_is_refused_at_the_start(
    signer: Signer, name: str
) -> None:
    value = {"certificate_sha256": ["0" * 64], "certificate_subjects": ["CN=ehr"]}[name]
    entry = client_entry(signer, **{name: value})
    bare = Settings.model_validate({"clients": [entry]})
    with pytest.raises(SettingsError, match="nobody asks for"):
        require_clients(bare)
    with pytest.raises(SettingsError):
        require_clients(bare.model_copy(update={"proxy": bare.proxy.model_validate(
            {"addresses": ["10.0.0.1"]})}))  # fmt: skip
    require_clients(Settings.model_validate({"clients": [entry], "proxy": PROXY}))
    tls = {"certificate": "c", "key": "k", "client_authority": "a"}
    require_clients(Settings.model_validate({"clients": [entry], "tls": tls}))


async def test_behind_a_proxy_the_header_decides_and_nobody_else_can_send_it(
    make_edge: Any, signer: Signer, authority: Authority
) -> None:
    mine, other = (authority.issue(name)[0] for name in ("ehr", "other"))
    entry = client_entry(signer, certificate_sha256=[fingerprint(mine)])
    async with make_edge(entry, proxy=PROXY) as edge:

        async def call(*shown: str, peer: str = "10.0.0.1") -> int:
            headers = [("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.1")]
            headers += [("Client-Cert", each) for each in shown]
            answer = await edge.call(f"Bearer {signer.sign()}", peer=peer, headers=headers)
            assert answer.status_code in (200, 401, 403)
            if answer.status_code == 401:
                assert answer.content == b""
            return int(answer.status_code)

        assert await call(field(der(mine))) == 200
        assert await call(field(der(other))) == 401
        assert await call() == 401
        assert await call("nonsense") == 401
        assert await call(field(der(other)), field(der(mine))) == 401
        # From this machine itself no header is believed, and from elsewhere nobody calls at all.
        assert await call(field(der(mine)), peer="127.0.0.1") == 401
        assert await call(field(der(mine)), peer="192.0.2.1") == 403
        reasons = {each.reason for each in edge.refused}
        assert reasons == {"token-certificate"}
        assert len(edge.asked) == 1


async def test_over_tls_a_stolen_token_is_of_no_use_without_the_clients_key(
    make_edge: Any, signer: Signer, authority: Authority, serve: Any
) -> None:
    certificate, key = authority.issue("service")
    ehr, other = authority.issue("ehr"), authority.issue("other")
    entries = [client_entry(signer, certificate_subjects=["CN=ehr"])]
    tls = {"certificate": str(certificate), "key": str(key), "client_authority": str(authority.pem)}
    async with make_edge(*entries, tls=tls) as edge:
        certificates = Certificates(TlsFiles(certificate, key, authority.pem))
        url = serve(edge.app, certificates)

        def call(shown: tuple[Path, Path]) -> httpx.Response:
            claims = good_claims(aud=f"{BASE}/cds-services")
            headers = {"authorization": f"Bearer {signer.sign(claims)}"}
            with httpx.Client(verify=trusting(authority, shown), trust_env=False) as http:
                # Two calls on one connection: both are of its certificate.
                http.get(f"{url}/healthz")
                return http.get(f"{url}/cds-services", headers=headers)

        assert (await asyncio.to_thread(call, ehr)).status_code == 200
        answer = await asyncio.to_thread(call, other)
        assert (answer.status_code, answer.content) == (401, b"")
        assert (await asyncio.to_thread(call, ehr)).status_code == 200
        assert [each.reason for each in edge.refused] == ["token-certificate"]


def test_uvicorn_itself_still_hands_no_certificate_over() -> None:
    """When this fails `tls_protocol` has become superfluous."""
    import inspect

    from uvicorn.protocols.http import h11_impl

    assert "client_cert_chain" not in inspect.getsource(h11_impl)
