"""The page behind a card's link: everything that the card leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cds_hooks.app import Readiness
from cds_hooks.cards import build
from cds_hooks.cards.card_data import texts
from cds_hooks.console.consultations.judging import JudgedLine, in_order
from cds_hooks.console.consultations.rows import _arrived
from cds_hooks.console.rendering import make_page
from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    CheckedConsultation,
    Consultation,
    Differential,
    Evidence,
    Group,
    KeyState,
    ModelIdentity,
    Outcome,
    Reason,
    Seriousness,
    TruthSet,
    Verdict,
)
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, Omission, PatientFacts
from prompts import Prompt, TemplateRef
from tests.console.conftest import MODEL, make_site
from tests.console.hostile import HOSTILE
from tests.page_text import page_html, words_of

NOTHING: dict[str, Any] = {
    "model": MODEL,
    "ready": Readiness(ready=True),
    "services": (),
    "tries": False,
}
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
FACTS = tuple(
    Fact(f"L{n}", Kind.LAB, f"Analyte {n} 1{n} mmol/L (2-5)", flag=Flag.HIGH, days_ago=n + 2.0)
    for n in range(9)
)


@pytest.fixture
def crowded() -> Consultation:
    """More than a card can hold: nine findings, conflicts, eight diagnoses."""
    ids = tuple(f.id for f in FACTS)
    findings = tuple(
        ChartFinding(
            f"rule-{n}",
            f"Finding {n}",
            Seriousness.SERIOUS,
            (f"told {n}",),
            (ids[n],),
            f"Published source {n}",
            score=f"Score {n}",
            missing=(f"missing {n}",),
            own=f"limit {n}",
        )
        for n in range(9)
    )
    assessments = tuple(
        Assessment(
            f"Diagnosis {n}",
            Group.LIKELY,
            Verdict.CONTRADICTED if n == 7 else Verdict.SUPPORTED,
            (Code(ICD, f"A0{n}", ""),),
            (Reason("recorded-sex", "fail", f"reason {n}", (), f"Edits {n}"),),
            tuple(Evidence(i, "high") for i in ids),
            model_share=0.5,
        )
        for n in range(8)
    )
    return CheckedConsultation(
        id="c",
        key="k",
        service="s",
        created=0.0,
        patient_key="p",
        chart=Chart(PatientFacts(), FACTS, omissions=(Omission("Media/m", "unsupported-type"),)),
        model=ModelIdentity("gemma", "ab" * 32, "llama.cpp"),
        differentials=(Differential((), "a"), Differential((), "b")),
        samples_failed=1,
        assessments=assessments,
        contradictions=(Reason("clash", "fail", "conflict of entries", ids[:2], "FHIR"),),
        medication_concerns=(Reason("drug-and-problem", "fail", "named by Beers", ids[:2], "AGS"),),
        red_flags=(Reason("red-flag", "fail", "Unnamed: x", ids[:3], "Atlas 2020"),),
        unexplained=(Reason("unexplained-result", "abstain", "", ids[8:]),),
        truth_set=TruthSet(("Diagnosis 0",), 0.5, 0.1, 120, "cases of this site"),
        outcome=Outcome.ANSWERED,
        chart_findings=findings,
        key_states={"allergies": KeyState.UNAVAILABLE, "vitals": KeyState.PREFETCHED},
    )


def page_of(done: Consultation, **more: object) -> str:
    return page_html(done, **more)


def test_it_has_all_that_the_card_leaves_out(crowded: Consultation) -> None:
    [card] = build(crowded, base_url="http://localhost", make_uuid=lambda: "u").cards
    page = words_of(page_of(crowded))
    assert "more behind the link" in card.detail
    for n in range(9):
        assert f"Finding {n}" in page
        assert f"Source: Published source {n}" in page
        assert f"Score: Score {n}" in page
        assert f"not in the chart: missing {n}" in page
        assert f"Ours, not published: limit {n}" in page
        assert f"Analyte {n} 1{n} mmol/L (2-5), high, {n + 2} days ago" in page
    for n in range(8):
        assert f"Diagnosis {n}" in page
        assert f"reason {n} (rule: Edits {n})" in page
    for text in ("conflict of entries", "named by Beers", "(source: AGS)", "Atlas 2020"):
        assert text.lower() in page.lower()


def test_rejected_diagnoses_stand_by_themselves_with_their_reasons(crowded: Consultation) -> None:
    page = page_of(crowded)
    _, _, rejected = page.partition(texts().groups["rejected"])
    assert "Diagnosis 7" in rejected
    assert "Diagnosis 6" not in rejected.partition("<h3>")[0]


def test_agreement_models_and_what_was_left_out(crowded: Consultation) -> None:
    page = page_of(crowded)
    assert "models disagree: 1 of 2 names the first" in page
    assert "cases of this site" in page
    assert "2 of 3 could be used" in page
    assert "ababababab" in page
    assert "of a type that is not read" in page


def test_each_part_of_the_chart_has_its_state(crowded: Consultation) -> None:
    page = page_of(crowded)
    assert "<td>allergies</td><td>could not be read</td>" in page
    assert "<td>vital signs</td><td>sent with the call</td>" in page


@pytest.mark.parametrize(
    ("sent", "noted", "told"),
    [
        ("html", (), "came as HTML"),
        ("text", (), "came as text"),
        ("not-sent", ("fhir-server-missing",), "not sent; no FHIR server to read from"),
        ("object-without-resource-type", (), "an object without resourceType"),
        ("operation-outcome forbidden", (), "OperationOutcome forbidden"),
        ("", ("timeout", "page-limit"), "the FHIR server did not answer in time; more pages than are read"),  # noqa: E501
        ("", ("some-new-code",), "some new code"),
    ],
)  # fmt: skip
def test_what_came_for_a_part_is_told_in_words(
    sent: str, noted: tuple[str, ...], told: str
) -> None:
    assert _arrived(SimpleNamespace(sent=sent, noted=noted)) == told
    assert _arrived(None) == ""


def test_words_and_short_forms_are_explained(crowded: Consultation) -> None:
    page = page_of(crowded)
    for verdict, meaning in texts().verdicts.items():
        assert f"<dt>{verdict}</dt><dd>{meaning}</dd>" in page
    for short in texts().acronyms:
        assert f"<dt>{short}</dt>" in page


def test_short_forms_of_our_own_words_are_all_explained(crowded: Consultation) -> None:
    """Capitals that stand on a card because we wrote them."""
    words = " ".join(
        [*texts().blocks.values(), *texts().consensus.values(), *texts().verdicts.values(),
         *texts().source.values(), *texts().arrivals.values(), *texts().keys.values()]
    )  # fmt: skip
    short = set(re.findall(r"\b[A-Z][A-Za-z]*[A-Z][A-Za-z0-9-]*\b", words))
    plain = {"OperationOutcome", "HTML", "resourceType"}
    assert short - plain <= set(texts().acronyms)


def test_a_model_that_did_not_answer_leaves_the_rules(crowded: Consultation) -> None:
    failed = replace(crowded, outcome=Outcome.ENGINE_FAILED, assessments=(), differentials=())
    page = page_of(failed)
    assert "Published source 3" in page
    assert "No differential: the model failed while it was answering" in page


def test_nothing_of_it_is_live(crowded: Consultation) -> None:
    evil = "<img src=x onerror=y> ![x](http://evil.example/a.png) [y](http://evil.example)"
    done = replace(
        crowded,
        chart_findings=(replace(crowded.chart_findings[0], source=evil, told=(evil,)),),
        assessments=(replace(crowded.assessments[0], name=evil, discriminator=evil),),
    )
    page = page_of(done, discriminates=lambda _: True)
    assert "<img src=x" not in page
    assert "evil.example" not in page


def _full_of(crowded: Consultation, text: str) -> Consultation:
    """The consultation with one text in every field that the page shows."""
    finding = ChartFinding(
        "r", text, Seriousness.SERIOUS, (text,), ("L0",), text, text, (text,), text
    )
    fact = Fact("L0", Kind.LAB, text, flag=Flag.HIGH, days_ago=2.0)
    reason = Reason("clash", "fail", text, ("L0",), text)
    assessment = replace(
        crowded.assessments[0], name=text, discriminator=text, reasons=(reason,), written_as=(text,)
    )
    return replace(
        crowded,
        chart=replace(crowded.chart, facts=(fact, *FACTS[1:]), fhir_version=text),
        prompt=Prompt((), TemplateRef(text, text, text), {}, ("L0",), (), 1),
        model=ModelIdentity(text, text, text, text),
        assessments=(assessment,),
        chart_findings=(finding,),
        contradictions=(reason,),
        medication_concerns=(reason,),
        outcome_detail=text,
        key_states={text: KeyState.UNAVAILABLE},
        timings_ms={text: 1.0},
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_markup(
    crowded: Consultation, elements_of: Callable[[str], Any], text: str
) -> None:
    plain = elements_of(page_of(_full_of(crowded, "plain"), discriminates=lambda _: True))
    page = elements_of(page_of(_full_of(crowded, text), discriminates=lambda _: True))
    made = {tag for tag, _ in page.found} - {tag for tag, _ in plain.found}
    assert made <= {"strong", "em"}, made
    assert {name for _, a in page.found for name in a} <= {n for _, a in plain.found for n in a}


def test_the_page_with_the_form_may_send_it_and_the_basis_may_not() -> None:
    page = make_page(make_site(), "landing.html.j2", here="", **NOTHING)
    assert "form-action 'none'" in page.headers["content-security-policy"]
    page = make_page(make_site(), "landing.html.j2", here="", sends=True, **NOTHING)
    assert "form-action 'self'" in page.headers["content-security-policy"]


def test_diagnoses_are_judged_in_the_order_in_which_the_page_names_them() -> None:
    judged = [JudgedLine(place, name, "", "") for place, name in enumerate("abcd", 1)]
    found = in_order(judged, ["c", "a", "c"])
    assert [(line.place, line.name) for line in found] == [(3, "c"), (1, "a"), (2, "b"), (4, "d")]
