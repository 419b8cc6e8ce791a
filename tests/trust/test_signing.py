"""Private keys of ours from files: PEM, JWK and JWK Set, one meaning or refused."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.own_calls import OwnToken
from cds_hooks.trust.signing import KeyUnusable, SigningKey, call_token
from cds_hooks.trust.token_parsing import parse_token
from tests.trust.conftest import Signer


def _private(signer: Signer, **changes: Any) -> dict[str, Any]:
    algorithm = jwt.get_algorithm_by_name(signer.algorithm)
    return {**algorithm.to_jwk(signer.key, as_dict=True), **changes}


def _file(place: Path, document: Any) -> Path:
    place.touch(mode=0o600)
    place.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return place


@pytest.fixture(params=["ES384", "RS384"])
def client(request: pytest.FixtureRequest, signer: Signer, rsa_signer: Signer) -> Signer:
    return signer if request.param == "ES384" else rsa_signer


def test_a_jwk_signs_under_its_own_id_or_the_one_given(client: Signer, tmp_path: Path) -> None:
    place = _file(tmp_path / "k.json", _private(client, kid="of-the-file"))
    key = SigningKey.load(place)
    assert (key.algorithm, key.kid) == (client.algorithm, "of-the-file")
    assert SigningKey.load(place, kid="given").kid == "given"
    token = call_token(key, "urn:me", "https://cds/cds-services", now=1e9, jti="j")
    options = {"verify_exp": False, "verify_iat": False}
    told = jwt.decode(
        token, client.key.public_key(), [client.algorithm],
        audience="https://cds/cds-services", options=options,
    )  # fmt: skip
    assert told == {
        "iss": "urn:me", "aud": "https://cds/cds-services", "jti": "j",
        "iat": 1_000_000_000, "exp": 1_000_000_240,
    }  # fmt: skip
    assert parse_token(token).header["kid"] == "of-the-file"


def test_without_an_id_it_is_the_thumbprint_as_of_the_same_key_in_pem(tmp_path: Path) -> None:
    signer = Signer()
    jwk = SigningKey.load(_file(tmp_path / "k.json", _private(signer)))
    assert len(jwk.kid) == 43
    assert jwk.public_jwk() == SigningKey("ES384", "", signer.key).named().public_jwk()
    assert "d" not in jwk.public_jwk()


def test_of_a_set_the_one_private_key_is_taken(client: Signer, tmp_path: Path) -> None:
    private = _private(client, kid="mine")
    one = _file(tmp_path / "one.json", {"keys": [Signer().jwk(kid="public"), private]})
    assert SigningKey.load(one).kid == "mine"
    two = _file(tmp_path / "two.json", {"keys": [private, private]})
    none = _file(tmp_path / "none.json", {"keys": [client.jwk()]})
    for place in (two, none):
        with pytest.raises(KeyUnusable, match="no private key"):
            SigningKey.load(place)


def test_a_curve_that_is_not_ours_and_an_open_file_are_refused(tmp_path: Path) -> None:
    other = Signer("ES256")
    with pytest.raises(KeyUnusable, match="does not fit ES384 or RS384"):
        SigningKey.load(_file(tmp_path / "p256.json", _private(other)))
    place = _file(tmp_path / "open.json", _private(Signer()))
    place.chmod(0o644)
    with pytest.raises(KeyUnusable, match="group or others"):
        SigningKey.load(place)


def test_the_setting_that_named_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable) as caught:
        SigningKey.load(tmp_path / "none", setting="own_calls.key")
    assert "own_calls.key" in caught.value.diagnostics()
    assert "prewarm" not in caught.value.diagnostics()


def test_a_token_is_for_the_public_address_below_whatever_path_is_called() -> None:
    key = SigningKey("ES384", "k", ec.generate_private_key(ec.SECP384R1()))
    auth = OwnToken(key, "urn:me", "https://cds.example/clinic")
    for url in ("https://10.0.0.1/clinic/cds-services/x", "http://127.0.0.1:1/cds-services/x"):
        request = next(auth.auth_flow(httpx.Request("POST", url)))
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = parse_token(token).claims
        assert claims["aud"] == "https://cds.example/clinic/cds-services/x"
    probe = next(auth.auth_flow(httpx.Request("GET", "https://10.0.0.1/readyz")))
    assert "Authorization" not in probe.headers


_MEMBER = st.sampled_from(
    ["kty", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "keys", "oth"]
)
_VALUE = st.one_of(
    st.sampled_from(["EC", "RSA", "P-384", "P-256", "AQAB", "AQ", "", "=", "\u00e9"]),
    st.integers(), st.none(), st.lists(st.integers(), max_size=2), st.text(max_size=12),
)  # fmt: skip


@pytest.mark.hypothesis
@given(
    st.dictionaries(_MEMBER, _VALUE)
    | st.lists(st.dictionaries(_MEMBER, _VALUE), max_size=2).map(lambda k: {"keys": k})
)
def test_any_json_is_a_private_key_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    place = _file(tmp_path_factory.getbasetemp() / "any.json", document)
    with pytest.raises(ChartsideError) as caught:
        SigningKey.load(place)
    assert caught.value.code == "private-key-unusable"


@pytest.mark.hypothesis
@given(st.data())
def test_a_jwk_with_one_member_changed_is_another_key_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = _private(_ANY)
    member = data.draw(st.sampled_from(sorted(whole)))
    place = _file(tmp_path_factory.getbasetemp() / "c.json", {**whole, member: data.draw(_VALUE)})
    found = None
    with contextlib.suppress(KeyUnusable):
        found = SigningKey.load(place)
    assert found is None or found.public_jwk()["x"] == whole["x"]


_ANY = Signer()
