"""A store with a small silent trial in it, and the settings file of its service."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path

from cds_hooks.audit import Store
from cds_hooks.audit.trial_outcomes import READ, FollowUp, StoredOutcome
from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    CheckedConsultation,
    Group,
    Outcome,
    PreparedConsultation,
    Reason,
    RecordedCall,
    Seriousness,
    Verdict,
)
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings
from fhir_mapping.chart import Chart, Code, Fact, Kind, PatientFacts, Polarity
from prompts.prompt import Message, Prompt, TemplateRef
from tests.trial.trial_cases import ICD

ROOT = Path(__file__).resolve().parents[2]
DAY_S = 86_400.0
KNOWN = Fact("P1", Kind.PROBLEM, "Type 2 diabetes", (Code(ICD, "E11.9", "Type 2 diabetes"),))
DENIED = Fact(
    "P2", Kind.PROBLEM, "No sepsis", (Code(ICD, "A41.9", "Sepsis"),), polarity=Polarity.ABSENT
)
NOT_SHOWN = Fact("P3", Kind.PROBLEM, "Gout", (Code(ICD, "M10.9", "Gout"),))
FINDING = ChartFinding(
    "acs", "Non-ST elevation myocardial infarction", Seriousness.CRITICAL, ("troponin",), (), "ours"
)


def assessment(code: str, verdict: Verdict, *, agreement: float = 1.0) -> Assessment:
    failed = Reason("evidence-relevant", "fail") if verdict is Verdict.UNCERTAIN else None
    return Assessment(
        code,
        Group.LIKELY,
        verdict,
        (Code(ICD, code, code),),
        (failed,) if failed else (),
        agreement=agreement,
    )


def consultation(
    number: int, created: float, listed: tuple[Assessment, ...], *, silent: bool = True
) -> CheckedConsultation:
    template = TemplateRef("differential", "1", "0" * 64)
    return CheckedConsultation(
        id=f"00000000-0000-4000-8000-{number:012}",
        key=f"k{number}",
        service="chartside-patient-view",
        created=created,
        patient_key=f"p1:{number}",
        chart=Chart(PatientFacts(61.5, "female"), (KNOWN, DENIED, NOT_SHOWN)),
        prompt=Prompt((Message("user", "chart"),), template, {}, ("P1", "P2")),
        outcome=Outcome.ANSWERED,
        assessments=listed,
        chart_findings=(FINDING,),
        timings_ms={"gather": 500.0, "model": 3500.0, "model.decode": 3000.0},
        settings_sha256="2" * 64,
        silent=silent,
    )


def waiting(done: CheckedConsultation) -> PreparedConsultation:
    """The record that the hook was answered with before the model was done: of its own id."""
    kept = {each.name: getattr(done, each.name) for each in fields(PreparedConsultation)}
    return PreparedConsultation(**kept | {"id": f"1{done.id[1:]}"})


def follow_up(done: PreparedConsultation, code: str, *, final: bool = True) -> FollowUp:
    found = StoredOutcome(ICD, code, "condition-problem-list", done.created + 6 * 3600)
    return FollowUp(done.id, READ, final, "rules-1", done.created + DAY_S, (found,))


def settings_file(folder: Path) -> Path:
    place = folder / "chartside.toml"
    place.write_text(
        f'[store]\npath = "{folder}/r.sqlite"\nsite_key = "{folder}/site.key"\n'
        f'[terminology]\npath = "{ROOT}/build/terminology.sqlite"\n'
        "[statistics]\nsmallest_count = 1\n"
    )
    return place


async def fill(config: Path, *, right: int, wrong: int, days_ago: float, first: int = 0) -> None:
    """Record silent consultations of one day with their outcomes: so many right, so many wrong."""
    settings, begun = load_settings(config), time.time() - days_ago * DAY_S
    key = site_key(settings, create=True)
    store = Store(store_config(settings), key, clock=lambda: begun)
    await store.open()
    try:
        for number in range(first, first + right + wrong):
            listed = (assessment("I21.4", Verdict.SUPPORTED, agreement=0.8),)
            done = consultation(number, begun, listed)
            call = RecordedCall(hook="patient-view", encounter_id=f"e{number}")
            await store.silent.save_consultation(done, call=call)
            code = "I21.4" if number < first + right else "K35.80"
            await store.outcomes.save(follow_up(done, code))
    finally:
        await store.close()
