"""Cards as a client gets them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from cds_hooks.cards import build, override_reasons, profiles
from cds_hooks.cards.card_data import texts
from cds_hooks.consultation import (
    Assessment,
    Consultation,
    Evidence,
    Group,
    KeyState,
    Outcome,
    Reason,
    Seriousness,
    Verdict,
)
from cds_hooks.inference.local.lifecycle import CRASHES, LIBRARY_UNUSABLE, PROOF_FAILED
from cds_hooks.inference.local.process_exits import CODES
from cds_hooks.inference.remote.misbehaviour import misbehaviours
from cds_hooks.protocol.cards import Card, Coding, Response
from cds_hooks.protocol.json_output import to_document
from fhir_mapping.chart import Code, Fact, Kind
from tests.consultations import with_outcome
from tests.page_text import page_text

GOLDEN = Path(__file__).parent / "golden"
BASE = "https://cds.hospital.example/chartside/"
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

Uuids = Callable[[], str]


def as_text(response: Response) -> str:
    """Everything of a response that a person reads."""
    parts = []
    for card in response.cards:
        parts += [f"[{card.indicator}] {card.summary}", "", card.detail, ""]
        parts += [f"( {s.label} )\n    {s.actions[0].description}" for s in card.suggestions]
        parts += [f"-> {link.label}: {link.url}" for link in card.links]
        parts += [f"-- {card.source.label}, {card.source.url}", "", ""]
    return "\n".join(parts).rstrip() + "\n"


def compare(name: str, response: Response) -> None:
    """Against the golden file; UPDATE_GOLDEN=1 writes it again."""
    path = GOLDEN / f"{name}.md"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(as_text(response), "utf-8")
    assert as_text(response) == path.read_text("utf-8")
    to_document(response)


def diagnoses(*names: str, verdict: Verdict = Verdict.PLAUSIBLE) -> tuple[Assessment, ...]:
    return tuple(Assessment(name, Group.LIKELY, verdict) for name in names)


def test_golden_differential_and_conflicts(contradictory: Consultation, make_uuid: Uuids) -> None:
    response = build(contradictory, base_url=BASE, make_uuid=make_uuid, patient_id="p1")
    compare("differential-and-conflicts", response)


def test_golden_demonstration(demonstration: Consultation, make_uuid: Uuids) -> None:
    response = build(demonstration, base_url=BASE, make_uuid=make_uuid, patient_id="p1")
    compare("demonstration", response)


def test_golden_pending(pending: Consultation, make_uuid: Uuids) -> None:
    compare("pending", build(pending, base_url=BASE, make_uuid=make_uuid))


def test_golden_last_answer(
    pending: Consultation, answered: Consultation, make_uuid: Uuids
) -> None:
    response = build(pending, base_url=BASE, make_uuid=make_uuid, last=answered, patient_id="p1")
    compare("last-answer", response)


def test_golden_reviewed(reviewed: Consultation, make_uuid: Uuids) -> None:
    compare("reviewed", build(reviewed, base_url=BASE, make_uuid=make_uuid, patient_id="p1"))


def test_golden_critical(critical: Consultation, make_uuid: Uuids) -> None:
    compare("critical", build(critical, base_url=BASE, make_uuid=make_uuid, patient_id="p1"))


def test_golden_rules_while_the_model_works(
    pending: Consultation, critical: Consultation, make_uuid: Uuids
) -> None:
    done = replace(pending, chart_findings=critical.chart_findings)
    compare("rules-alone", build(done, base_url=BASE, make_uuid=make_uuid, patient_id="p1"))


def test_golden_checked(answered: Consultation, make_uuid: Uuids) -> None:
    """Of what was entered only what a rule speaks of, the worst first, and nothing of a model."""
    entered = tuple(a for a in answered.assessments if a.name in ("Ectopic pregnancy", "Gout"))
    (ectopic,) = entered
    doubt = Reason(
        "expected-result", "fail", "raised urate is expected; the chart shows otherwise", ("L4",),
        "Bardin T, Richette P. 2014",
    )  # fmt: skip
    gout = replace(
        ectopic, name="Gout", codes=(), verdict=Verdict.UNCERTAIN, reasons=(doubt,), agreement=1.0
    )
    asthma = replace(gout, name="Asthma", verdict=Verdict.PLAUSIBLE, reasons=())
    done = replace(answered, outcome=Outcome.CHECKED, assessments=(asthma, gout, ectopic))
    response = build(done, base_url=BASE, make_uuid=make_uuid, patient_id="p1")
    compare("checked", response)
    (one,) = build(replace(done, assessments=(gout,)), base_url=BASE, make_uuid=make_uuid).cards
    assert one.summary == (
        "Just entered, Gout: Raised urate is expected; the chart shows otherwise"
    )
    assert (
        build(replace(done, assessments=(asthma,)), base_url=BASE, make_uuid=make_uuid).cards == ()
    )


@pytest.mark.parametrize("outcome", sorted(texts().outcomes))
def test_every_other_outcome_has_a_card_of_its_own_or_none_by_setting(
    answered: Consultation, make_uuid: Uuids, outcome: Outcome
) -> None:
    done = with_outcome(answered, outcome, assessments=(), differentials=())
    (card,) = build(done, base_url=BASE, make_uuid=make_uuid).cards
    assert card.summary == texts().outcomes[outcome].summary
    assert len({t.summary for t in texts().outcomes.values()}) == len(texts().outcomes)
    assert card.suggestions == ()
    assert build(done, base_url=BASE, make_uuid=make_uuid, silent={outcome}).cards == ()
    to_document(Response((card,)))


def test_every_verdict_and_state_has_words() -> None:
    assert set(texts().verdicts) == set(Verdict)
    assert set(texts().states) == set(KeyState)
    assert set(texts().seriousness) == set(Seriousness)
    assert set(texts().outcomes) == set(Outcome) - {Outcome.ANSWERED, Outcome.CHECKED}


# These two stand beside an answer, in the log alone.
REMARKS = {"server-did-not-think", "server-refused-priority"}
OF_SERVERS = sorted({m.code for m in misbehaviours().misbehaviour} - REMARKS)


@pytest.mark.parametrize(
    "code", [*CODES.values(), CRASHES, LIBRARY_UNUSABLE, PROOF_FAILED, *OF_SERVERS]
)
def test_why_the_model_is_away_is_told_in_plain_words_and_by_its_code(
    answered: Consultation, make_uuid: Uuids, code: str
) -> None:
    done = replace(
        answered, outcome=Outcome.ENGINE_UNAVAILABLE, fault=code, assessments=(), differentials=()
    )
    (card,) = build(done, base_url=BASE, make_uuid=make_uuid).cards
    assert f" {texts().faults[code]} Code: {code}." in card.detail


def test_a_code_without_words_stands_alone(answered: Consultation, make_uuid: Uuids) -> None:
    done = replace(
        answered, outcome=Outcome.ENGINE_UNAVAILABLE, fault="model-split", assessments=()
    )
    (card,) = build(done, base_url=BASE, make_uuid=make_uuid).cards
    assert "concluded about this patient. Code: model-split." in card.detail


def test_nothing_named_is_not_the_same_as_not_answered(
    pending: Consultation, answered: Consultation, make_uuid: Uuids
) -> None:
    """And an earlier answer does not stand in for a new one that named nothing."""
    empty = with_outcome(pending, Outcome.EMPTY)
    (card,) = build(empty, base_url=BASE, make_uuid=make_uuid, last=answered).cards
    assert "named no diagnosis" in card.summary


@pytest.mark.parametrize("last", [Outcome.PENDING, Outcome.ENGINE_FAILED, Outcome.EMPTY])
def test_only_an_answer_stands_in(
    pending: Consultation, answered: Consultation, make_uuid: Uuids, last: Outcome
) -> None:
    before = replace(answered, outcome=last)
    (card,) = build(pending, base_url=BASE, make_uuid=make_uuid, last=before).cards
    assert card.summary == texts().outcomes[Outcome.PENDING].summary


def test_an_earlier_answer_suggests_nothing(
    pending: Consultation, answered: Consultation, make_uuid: Uuids
) -> None:
    response = build(pending, base_url=BASE, make_uuid=make_uuid, last=answered, patient_id="p1")
    assert response.cards[0].suggestions == ()
    assert response.cards[0].selection_behavior is None


def test_a_stored_answer_says_how_old_it_is(answered: Consultation, make_uuid: Uuids) -> None:
    later = answered.created + 40 * 60
    (card,) = build(answered, base_url=BASE, make_uuid=make_uuid, now=later).cards
    assert card.summary.startswith("Differential (AI), 40 min ago: ")
    assert "**The model's list (AI)**: 40 min ago; " in card.detail
    assert "critical high, 3 h ago" in card.detail
    (fresh,) = build(answered, base_url=BASE, make_uuid=make_uuid, now=answered.created + 5).cards
    assert "ago:" not in fresh.summary


def test_the_same_values_give_the_same_cards(contradictory: Consultation) -> None:
    def numbered() -> Uuids:
        numbers = iter(range(100))
        return lambda: f"u{next(numbers)}"

    one, two = (
        build(contradictory, base_url=BASE, make_uuid=numbered(), patient_id="p1") for _ in "ab"
    )
    assert one == two
    uuids = [u for card in one.cards for u in (card.uuid, *(s.uuid for s in card.suggestions))]
    assert uuids == ["u0", "u1", "u2"]


def test_links_are_absolute_and_lead_to_the_basis(answered: Consultation, make_uuid: Uuids) -> None:
    (card,) = build(answered, base_url=BASE, make_uuid=make_uuid).cards
    assert [link.url for link in card.links] == ["https://cds.hospital.example/chartside/basis"]
    assert card.source.url == card.links[0].url


@pytest.mark.parametrize("base_url", ["", "/basis", "javascript:x", "https://", "https://a?b=c"])
def test_a_base_url_that_is_not_absolute_is_refused(
    answered: Consultation, make_uuid: Uuids, base_url: str
) -> None:
    with pytest.raises(ValueError, match="base_url"):
        build(answered, base_url=base_url, make_uuid=make_uuid)


@pytest.mark.parametrize("profile", sorted(profiles()))
def test_every_profile_makes_cards_that_conform(
    contradictory: Consultation, make_uuid: Uuids, profile: str
) -> None:
    response = build(
        contradictory, base_url=BASE, make_uuid=make_uuid, profile=profile, patient_id="p1"
    )
    to_document(response)
    for card in response.cards:
        assert card.source.topic is not None
        assert card.source.topic.code.isalnum()
        assert len(card.source.topic.code) <= 100


def test_epic_gets_its_oid_and_its_content_type(answered: Consultation, make_uuid: Uuids) -> None:
    (card,) = build(
        answered, base_url=BASE, make_uuid=make_uuid, profile="epic", patient_id="p1"
    ).cards
    assert card.selection_behavior == "any"
    assert card.extension == {"com.epic.cdshooks.card.detail.content-type": "text/markdown"}
    resource = card.suggestions[0].actions[0].resource
    assert resource is not None
    assert resource["code"]["coding"][0]["system"] == "urn:oid:2.16.840.1.113883.6.90"


def test_an_unknown_profile_is_refused(answered: Consultation, make_uuid: Uuids) -> None:
    with pytest.raises(ValueError, match="generic"):
        build(answered, base_url=BASE, make_uuid=make_uuid, profile="epix")


def test_override_reasons_have_displays_and_can_be_replaced(
    answered: Consultation, make_uuid: Uuids
) -> None:
    (card,) = build(answered, base_url=BASE, make_uuid=make_uuid).cards
    ours = len(override_reasons())
    assert card.override_reasons[:ours] == override_reasons()
    assert all("Wrong for this patient" in r.display for r in card.override_reasons[ours:])
    assert all(reason.display for reason in card.override_reasons)
    own = (Coding("x", "urn:site", "FindingIndex"),)
    (card,) = build(answered, base_url=BASE, make_uuid=make_uuid, override_reasons=own).cards
    assert card.override_reasons[: len(own)] == own


def test_evidence_is_told_by_the_chart_and_not_by_the_model(
    answered: Consultation, make_uuid: Uuids
) -> None:
    """The model calls a normal troponin high; the card shows what the chart says."""
    wrong = replace(answered.assessments[3], evidence_for=(Evidence("L5", "high"),))
    (card,) = build(
        replace(answered, assessments=(wrong,)), base_url=BASE, make_uuid=make_uuid
    ).cards
    assert "Troponin" not in card.detail
    said = "For: Troponin I <5 ng/L (<16), normal, 1 h ago (which the model called high)"
    assert said in page_text(replace(answered, assessments=(wrong,)))


def detail_of(card: Card) -> str:
    return " ".join(card.detail.split())


def test_an_instruction_in_a_medication_falls_back_to_its_code(
    answered: Consultation, make_uuid: Uuids
) -> None:
    sig = Fact(
        "M1",
        Kind.MEDICATION,
        "Insulin glargine: inject 10 units at night",
        codes=(Code("http://www.nlm.nih.gov/research/umls/rxnorm", "1", "insulin glargine"),),
    )
    chart = replace(answered.chart, facts=(sig, *answered.chart.facts[3:]))
    told = page_text(replace(answered, chart=chart))
    assert "insulin glargine" in told
    assert "inject" not in told
