"""An installation in which nothing is wrong, to plant faults into."""

from __future__ import annotations

import pytest

from cds_hooks.audit.ledger.record_types import RECORD_TYPES
from cds_hooks.cards.card_data import texts
from cds_hooks.compliance.checks import InstallationFacts, LedgerFacts, ServiceFacts, StoreFacts
from cds_hooks.runtime.installation_facts import settings_by_key
from cds_hooks.settings import Settings

EHR = "https://ehr.hospital.example"


@pytest.fixture
def good() -> InstallationFacts:
    """Production, registered clients, a witness, an admitted model and a whole ledger."""
    settings = {
        **dict(settings_by_key(Settings())),
        "profile": "production",
        "clients": ("the EHR",),
        "openid.issuer": "https://id.hospital.example",
        "openid.reviewers": ("reviewers",),
        "openid.administrators": ("administrators",),
        "console.emergency_people": ("p1",),
        "ledger.witness_folder": "/mnt/witness",
        "server.public_url": "https://chartside.hospital.example",
    }
    return InstallationFacts(
        at="2026-11-29T10:00:00Z",
        settings=settings,
        config_mode=0o600,
        site_key_origin="read from its file",
        destinations=(("fhir.allowed_bases[0]", f"{EHR}:443", False),),
        services=(ServiceFacts("chartside-patient-view", ("Patient", "Observation")),),
        own_texts=("Findings in the chart", "can be wrong"),
        caution=texts().blocks["caution"],
        most_diagnoses=5,
        admitted_for="clinical",
        known_types=frozenset(RECORD_TYPES),
        ledger=LedgerFacts(
            records=4,
            first_seq=0,
            first="2026-01-01T00:00:00Z",
            last="2026-11-29T09:00:00Z",
            counts={"service-started": 1, "running": 1, "hook-answered": 2},
            covered=4,
            signed_at="2026-11-29T09:01:00Z",
            answers=2,
            modelled=2,
            switched_off=1,
        ),
        store=StoreFacts(payloads=2, data_keys=1),
        risk_characteristics={"safety": 3, "privacy": 1},
    )
