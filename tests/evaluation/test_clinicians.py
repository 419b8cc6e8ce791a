"""Clinicians' judgements are counted by verdict; the last one of a diagnosis counts."""

from __future__ import annotations

from dataclasses import replace

from cds_hooks.consultation import Assessment, CheckedConsultation, Group, Outcome, Verdict
from cds_hooks.evaluation.clinicians import judged
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement, wrong
from fhir_mapping.chart import Chart, PatientFacts

VERDICTS = (Verdict.SUPPORTED, Verdict.UNCERTAIN, Verdict.SUPPORTED)
DONE = CheckedConsultation(
    id="c",
    key="k",
    service="s",
    created=0.0,
    patient_key="p",
    chart=Chart(PatientFacts(60, "male"), ()),
    outcome=Outcome.ANSWERED,
    assessments=tuple(Assessment(f"D{i}", Group.LIKELY, v) for i, v in enumerate(VERDICTS)),
)


def page(*said: Judgement) -> FeedbackEntry:
    return FeedbackEntry("", "judged", consultation="c", judgements=said)


def test_counts_go_to_the_verdict_of_the_diagnosis() -> None:
    said = page(
        Judgement(1, "useful"), Judgement(2, "wrong", "need-more-info"), Judgement(3, "wrong")
    )
    found = judged([(DONE, (said,))])
    rows = {row.verdict: (row.useful, row.wrong, row.why) for row in found.verdicts}
    assert rows == {
        Verdict.SUPPORTED: (1, 1, ()),
        Verdict.UNCERTAIN: (0, 1, (("need-more-info", 1),)),
    }
    assert found.verdicts[0].share_wrong.n == 2


def test_what_was_said_last_counts_wherever_it_was_said() -> None:
    card = FeedbackEntry("card", "overridden", override_reason=wrong(1, "Wrong: D0"))
    for entries, useful in (((card, page(Judgement(1, "useful"))), 1), ((page(Judgement(1, "useful")), card), 0)):  # fmt: skip # noqa: E501
        [row] = judged([(DONE, entries)]).verdicts
        assert (row.useful, row.wrong) == (useful, 1 - useful)


def test_other_feedback_and_places_that_are_not_there_count_for_nothing() -> None:
    plain = FeedbackEntry("card", "overridden")
    assert judged([(DONE, (plain, page(Judgement(4, "wrong"))))]).verdicts == ()
    assert (
        judged([(replace(DONE, assessments=()), (page(Judgement(1, "wrong")),))]).consultations == 0
    )
