"""The signed statement: against published vectors, and verified with the public key alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from cds_hooks.prewarm import KeyUnusable, SigningKey
from cds_hooks.trust.published import thumbprint
from cds_hooks.trust.signing import Algorithm, client_assertion

Verify = Callable[[str, dict[str, str]], tuple[dict[str, Any], dict[str, Any]]]
Write = Callable[[Any, Path], Path]


def test_the_thumbprint_of_rfc_7638() -> None:
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW"
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ"
        "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    found = thumbprint({"n": n, "e": "AQAB", "kty": "RSA"})
    assert found == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_what_is_signed_is_verified_by_the_public_key_and_nothing_else(
    algorithm: Algorithm,
    ec_key: ec.EllipticCurvePrivateKey,
    rsa_key: rsa.RSAPrivateKey,
    tmp_path: Path,
    write: Write,
    verify: Verify,
) -> None:
    path = write(ec_key if algorithm == "ES384" else rsa_key, tmp_path / "key.pem")
    key = SigningKey.load(path, algorithm)
    for turn in range(20):  # a number of the signature may begin with a zero byte
        token = client_assertion(key, "me", "https://auth/token", now=1e9, jti=f"j{turn}")
        header, claims = verify(token, key.public_jwk())
        assert header == {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
        assert claims == {
            "iss": "me",
            "sub": "me",
            "aud": "https://auth/token",
            "jti": f"j{turn}",
            "iat": 1_000_000_000,
            "exp": 1_000_000_240,
        }
    head, body, signature = token.split(".")
    for forged in (f"{head}.{body[:-4]}AAAA.{signature}", f"{body}.{head}.{signature}"):
        with pytest.raises(InvalidSignature):
            verify(forged, key.public_jwk())


def test_the_public_key_to_register_holds_nothing_private(signing_key: SigningKey) -> None:
    assert set(signing_key.public_jwk()) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert "private" not in repr(signing_key)


def test_the_kid_can_be_the_servers_own(key_file: Path) -> None:
    assert SigningKey.load(key_file, "ES384", "site-1").public_jwk()["kid"] == "site-1"


@pytest.mark.parametrize(
    ("private", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ES384"),
        (ec.generate_private_key(ec.SECP384R1()), "RS384"),
        (rsa.generate_private_key(65537, 2048), "ES384"),
        (rsa.generate_private_key(65537, 1024), "RS384"),
        (ed25519.Ed25519PrivateKey.generate(), "ES384"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(
    private: Any, algorithm: Algorithm, tmp_path: Path, write: Write
) -> None:
    with pytest.raises(KeyUnusable, match="does not fit"):
        SigningKey.load(write(private, tmp_path / "k.pem"), algorithm)


def test_a_key_that_others_may_read_or_that_is_none_is_refused(
    key_file: Path, tmp_path: Path
) -> None:
    secret = key_file.read_text().splitlines()[1]
    key_file.chmod(0o640)
    with pytest.raises(KeyUnusable, match="group or others"):
        SigningKey.load(key_file, "ES384")
    key_file.chmod(0o600)
    key_file.write_text(key_file.read_text().replace("BEGIN", "BEGIM"))
    with pytest.raises(KeyUnusable, match="holds no private key") as caught:
        SigningKey.load(key_file, "ES384")
    assert secret not in caught.value.diagnostics()
    with pytest.raises(KeyUnusable, match="cannot be read"):
        SigningKey.load(tmp_path / "none", "ES384")
