"""Organization and purpose of use: what a token or the settings say, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from rich.console import Console

from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.feedback import FeedbackReceipt
from cds_hooks.audit.ledger.entries import feedback_entry
from cds_hooks.audit.ledger.record import Record
from cds_hooks.cli import audit_query, show
from cds_hooks.compliance.audit_events import Site
from cds_hooks.compliance.exports import export_lines
from cds_hooks.consultation import Access, RecordedCall
from cds_hooks.trust.client import Client
from cds_hooks.trust.key_set import KeySet
from cds_hooks.trust.token_checks import verify
from tests.trust.conftest import ISSUER
from tests.trust.test_token_limits import CLIENT, KEYS, NOW, SIGNER, URL

OID = "2.16.840.1.113883.3.333"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TREAT = {"system": ACT_REASON, "code": "TREAT"}
IUA = {"subject_organization_id": OID, "subject_organization": "North"}
SITE = Site("https://cds.example.org")


def access(client: Client = CLIENT, **claims: Any) -> Access:
    """What a signed token with these claims says."""

    def keys_of(_: Client) -> KeySet:
        return KEYS

    told = {"iss": ISSUER, "aud": URL, "iat": NOW, "exp": NOW + 300, "jti": "1", **claims}
    return verify(SIGNER.sign(told), {ISSUER: client}, keys_of, URL, NOW).access


def client(**changes: Any) -> Client:
    return Client(**(CLIENT.model_dump() | changes))


@pytest.mark.parametrize(
    ("claims", "organization", "purposes"),
    [
        ({}, "", ()),
        # IHE IUA: JWT extensions.
        (
            {"extensions": {"ihe_iua": {**IUA, "purpose_of_use": [TREAT]}}},
            OID,
            (f"{ACT_REASON}|TREAT",),
        ),
        # HL7 UDAP Security: B2B Authorization Extension Object.
        (
            {
                "extensions": {
                    "hl7-b2b": {
                        "organization_id": "https://north.example/Organization/1",
                        "organization_name": "Praxis Dr. Jane Doe",
                        "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#ETREAT", "HOPERAT"],
                    }
                }
            },
            "https://north.example/Organization/1",
            ("urn:oid:2.16.840.1.113883.5.8|ETREAT", "HOPERAT"),
        ),
        # What is of another form says nothing, and harms nothing.
        ({"extensions": {"ihe_iua": {"subject_organization_id": 7, "purpose_of_use": "to see"}}},
         "", ()),
        ({"extensions": {"ihe_iua": [], "hl7-b2b": {"purpose_of_use": [{"code": ["TREAT"]}, 1]}}},
         "", ()),
        ({"extensions": "TREAT", "purpose_of_use": "TREAT", "organization": OID}, "", ()),
        ({"extensions": {"hl7-b2b": {"purpose_of_use": ["no system#TREAT"]}}}, "", ()),
        ({"extensions": {"hl7-b2b": {"purpose_of_use": ["TREAT"] * 9}}}, "", ("TREAT",) * 8),
    ],
)  # fmt: skip
def test_published_claims(
    claims: dict[str, Any], organization: str, purposes: tuple[str, ...]
) -> None:
    assert access(**claims) == Access(organization, "token" if organization else "", purposes)


def test_a_site_names_claims_of_a_client_and_its_organization() -> None:
    named = client(organization=OID, organization_claim="org", purpose_claim="why")
    assert access(named) == Access(OID, "settings")
    told = access(named, org="https://south.example/o/2", why="TREAT")
    assert told == Access("https://south.example/o/2", "token", ("TREAT",))
    assert access(named, org=["a"], why={"code": "x y"}) == Access(OID, "settings")
    for wrong in ("Praxis Dr. Doe", "1234567890", "https://north.example/Practitioner/7"):
        with pytest.raises(ValidationError, match="OID"):
            client(organization=wrong)


@pytest.fixture
def key(tmp_path: Path) -> SiteKey:
    return SiteKey.load(tmp_path / "keys" / "site.key", create=True)


def recorded(key: SiteKey, told: Access) -> dict[str, Any]:
    """What the ledger holds of a feedback call, as its own code writes it."""
    call = RecordedCall(client_iss=ISSUER, user_id="Practitioner/1", access=told)
    written = feedback_entry("s", (), FeedbackReceipt(), call, key).written()
    found: dict[str, Any] = orjson.loads(orjson.dumps(written))
    return found | {"event_id": "0b8fd0c2-9a0f-4a35-8f0f-0f4b8a1c2d3e", "seq": 3,
                    "recorded": "2026-11-22T21:00:00.125Z"}  # fmt: skip


def test_what_may_name_a_person_is_a_keyed_hash(key: SiteKey) -> None:
    plain = recorded(key, Access(OID, "token", ("TREAT",)))
    assert (plain["organization"], plain["organization_from"]) == (OID, "token")
    assert plain["purposes_of_use"] == ["TREAT"]
    for named in ("Praxis Dr. Doe", "1234567890", "https://north.example/Practitioner/7"):
        hashed = recorded(key, Access(named, "token"))
        assert named not in json.dumps(hashed)
        assert hashed["organization_hmac"] == key.digest("ledger-organization", named)
    assert not {name for name in recorded(key, Access()) if name.startswith(("org", "purpose"))}


def exported(record: dict[str, Any]) -> dict[str, Any]:
    """The AuditEvent, which is validated as R4B on the way."""
    [line] = export_lines([record], "auditevents", SITE)
    found: dict[str, Any] = json.loads(line)
    return found


def test_an_audit_event_names_organization_and_purpose(key: SiteKey) -> None:
    told = Access(OID, "settings", ("urn:oid:2.16.840.1.113883.5.8|TREAT", "HOPERAT"))
    agents = exported(recorded(key, told))["agent"]
    [organization] = [each for each in agents if each["type"]["coding"][0]["code"] == "PROV"]
    assert organization["who"] == {
        "type": "Organization",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{OID}"},
        "display": "as the settings of this service say of the client",
    }
    assert organization["requestor"] is False
    [asking] = [each for each in agents if each["requestor"]]
    assert asking["type"]["coding"][0]["code"] == "IRCP"
    assert asking["purposeOfUse"] == [{"coding": [TREAT]}, {"text": "HOPERAT"}]


def test_an_audit_event_without_them_claims_none(key: SiteKey) -> None:
    event = json.dumps(exported(recorded(key, Access())))
    assert "PROV" not in event
    assert "purposeOfUse" not in event
    hashed = exported(recorded(key, Access("Praxis Dr. Doe", "token")))
    [organization] = [a for a in hashed["agent"] if a["type"]["coding"][0]["code"] == "PROV"]
    assert organization["who"]["identifier"]["system"] == f"{SITE.base}/identifiers/organization"


def test_the_query_shows_them(key: SiteKey, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(width=220, record=True)
    monkeypatch.setattr(show, "screen", lambda: screen)
    fields = recorded(key, Access(OID, "settings", (f"{ACT_REASON}|TREAT",)))
    audit_query._print_table([Record(3, "", fields)])
    assert f"{OID} (settings), TREAT" in screen.export_text()
