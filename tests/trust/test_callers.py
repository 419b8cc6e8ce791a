"""Clients of the running service: their FHIR servers, and refusals in the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.app import Call, RequestInfo
from cds_hooks.audit import tables
from cds_hooks.consultation import Access, Caller
from cds_hooks.gather import GatherConfig
from cds_hooks.runtime.callers import fed_back_by
from cds_hooks.settings import SettingsError
from tests.trust.conftest import PATH, Signer, client_entry, good_claims

SITE = ("https://fhir.one.example", "https://fhir.two.example/r4")


async def test_a_client_may_name_only_its_own_servers(make_edge: Any, signer: Signer) -> None:
    own = client_entry(signer, fhir_bases=[f"{SITE[1]}/north"])
    free = client_entry(Signer(kid="f"), name="free", issuer="https://free.example")
    async with make_edge(own, free, fhir={"allowed_bases": SITE}) as edge:
        site = GatherConfig(allowed_bases=SITE, max_pages=3)
        bounds = edge.callers.bounds(Caller("ehr"), site)
        assert bounds.allowed_bases == (f"{SITE[1]}/north",)
        assert bounds.max_pages == 3
        assert edge.callers.bounds(Caller("free"), site).allowed_bases == SITE
        assert edge.callers.bounds(Caller(), site) is site
        assert edge.callers.bounds(None, site) is site


async def test_what_a_client_says_of_its_organization_comes_with_the_call(
    make_edge: Any, signer: Signer
) -> None:
    """To the hook's caller and to the record of feedback alike."""
    told = {"hl7-b2b": {"organization_id": "urn:oid:1.2.3.4", "purpose_of_use": ["TREAT"]}}
    async with make_edge(client_entry(signer)) as edge:
        token = signer.sign(good_claims(extensions=told))
        found = await edge.callers.identify(Call((f"Bearer {token}",), PATH, "r-1"))
    assert found.access == Access("urn:oid:1.2.3.4", "token", ("TREAT",))
    assert fed_back_by(RequestInfo("r-1", 0.0, caller=found)).access == found.access


async def test_refusals_are_recorded_by_kind_and_not_one_by_one(
    make_edge: Any, signer: Signer, store: Any
) -> None:
    async with make_edge(client_entry(signer)) as edge:
        for _ in range(25):
            await edge.call()
        await edge.call(f"Bearer {signer.sign(None, kid='other')}")
        await edge.call(f"Bearer {signer.sign()}")
    records = await store._transactions.read(
        lambda connection: [row.record for row in connection.execute(tables.ledger.select())]
    )
    told = b"\n".join(record for record in records if b"call-refused" in record).decode()
    assert told.count("call-refused") == 2
    assert '"count":25' in told
    assert '"reason_code":"token-missing"' in told
    assert '"reason_code":"token-key-unknown"' in told
    assert '"client":"ehr"' in told
    assert signer.sign().partition(".")[0] not in told


async def test_what_an_unauthenticated_caller_writes_is_in_no_log(
    edge: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the path nor the token: both may hold anything."""
    await edge.call("Bearer secret.secret.secret", path="/cds-services/Jane-Doe-1970")
    said = "".join((*capsys.readouterr(), caplog.text))
    assert "Jane" not in said
    assert "secret" not in said
    assert "token-" in said


async def test_a_key_file_that_is_not_there_is_told_by_its_path(make_edge: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        async with make_edge(client_entry(jwks="", jwks_file="/nowhere/keys.json")):
            pass
    assert caught.value.where == "/nowhere/keys.json"
