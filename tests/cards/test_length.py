"""However much there is to tell, a card stays one that is read within ten seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cds_hooks.cards import build
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.detail_blocks import Block, composed, escaped, joined
from cds_hooks.cards.escape import escape
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
from cds_hooks.protocol.json_output import to_document
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts
from tests.consultations import with_outcome

LIMIT = 900
# What fails is big; to shrink it takes minutes and tells little.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
FACTS = [f"F{n}" for n in range(12)]
WORDS = st.text(max_size=300) | st.sampled_from(
    ["", "Pulmonary embolism", "x" * 300, "<&>" * 90, "*_`[]" * 60, "a. b " * 60, "\n\n# x\n- y\n"]
)
SYSTEMS = ["http://hl7.org/fhir/sid/icd-10-cm", "http://id.nlm.nih.gov/mesh", "urn:x"]
CODES = st.builds(Code, st.sampled_from(SYSTEMS), st.sampled_from(["A41.9", "C84.ZA", "D011655"]))
EVIDENCE = st.builds(Evidence, st.sampled_from([*FACTS, "none"]), st.just("high"))


def many(what: st.SearchStrategy[object], most: int) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(what, max_size=most).map(tuple)


def reasons(*checks: str) -> st.SearchStrategy[Reason]:
    ids = many(st.sampled_from(FACTS), 8)
    results = st.sampled_from(["fail", "abstain", "pass"])
    return st.builds(Reason, st.sampled_from(checks), results, WORDS, ids, WORDS)


FINDINGS = st.builds(
    ChartFinding,
    rule=st.just("r"),
    diagnosis=WORDS,
    seriousness=st.sampled_from(list(Seriousness)),
    told=many(WORDS, 8),
    fact_ids=many(st.sampled_from(FACTS), 8),
    source=WORDS,
    score=WORDS,
    missing=many(WORDS, 6),
    own=WORDS,
)
ASSESSMENTS = st.builds(
    Assessment,
    name=WORDS,
    group=st.sampled_from(list(Group)),
    verdict=st.sampled_from(list(Verdict)),
    codes=many(CODES, 2),
    reasons=many(reasons("evidence-direction", "drug-may-cause", "recorded-sex"), 4),
    evidence_for=many(EVIDENCE, 5),
    evidence_against=many(EVIDENCE, 5),
    discriminator=WORDS,
    model_share=st.sampled_from([1.0, 0.5]),
)
CHARTS = st.lists(
    st.builds(
        Fact,
        st.just(""),
        st.sampled_from(list(Kind)),
        WORDS,
        flag=st.sampled_from([None, *Flag]),
        days_ago=st.sampled_from([None, 0.0, 3.5, 4000.0]),
        status=WORDS,
    ),
    min_size=len(FACTS),
    max_size=len(FACTS),
).map(lambda facts: Chart(PatientFacts(), tuple(named(facts))))


def named(facts: Sequence[Fact]) -> list[Fact]:
    return [Fact(i, f.kind, f.text, flag=f.flag, days_ago=f.days_ago, status=f.status)
            for i, f in zip(FACTS, facts, strict=True)]  # fmt: skip


ANSWERED = st.builds(
    CheckedConsultation,
    id=st.sampled_from(["c-1", "c-2"]),
    key=st.just("k"),
    service=st.just("s"),
    created=st.sampled_from([0.0, 90_000.0]),
    patient_key=st.just("p"),
    chart=CHARTS,
    model=st.none()
    | st.builds(ModelIdentity, WORDS, st.just("0" * 64), st.just("e"), demonstration=st.booleans()),
    key_states=st.dictionaries(WORDS, st.sampled_from(list(KeyState)), max_size=14),
    samples_failed=st.integers(0, 3),
    differentials=many(st.builds(Differential, st.just(()), st.sampled_from("abc")), 6),
    assessments=many(ASSESSMENTS, 8),
    contradictions=many(reasons("clash"), 9),
    outcome=st.sampled_from(list(Outcome)),
    outcome_detail=WORDS,
    fault=st.sampled_from(["", *texts().faults]),
    medication_concerns=many(reasons("drug-and-problem", "drug-and-result"), 6),
    red_flags=many(reasons("red-flag"), 4),
    unexplained=many(reasons("unexplained-result"), 8),
    truth_set=st.none() | st.just(TruthSet(("Gout",), 0.5, 0.1, 120, "cases")),
    chart_findings=many(FINDINGS, 6),
)
CONSULTATIONS = ANSWERED.map(lambda done: with_outcome(done, done.outcome))


@settings(max_examples=120, deadline=None, phases=PHASES)
@given(CONSULTATIONS, st.none() | ANSWERED, WORDS)
def test_summary_and_detail_are_within_their_limits(
    done: Consultation, last: CheckedConsultation | None, accuracy: str
) -> None:
    response = build(
        done,
        base_url="http://localhost",
        make_uuid=lambda: "u",
        last=last,
        now=100_000.0,
        accuracy=accuracy,
        patient_id="p",
    )
    to_document(response)
    assert len(response.cards) <= 1
    for card in response.cards:
        assert 0 < len(card.summary) < 140
        assert len(card.detail) <= LIMIT, card.detail


@settings(max_examples=40, deadline=None, phases=PHASES)
@given(CONSULTATIONS)
def test_what_rules_found_is_on_the_card_or_counted(done: Consultation) -> None:
    if done.outcome is Outcome.CHECKED or not done.chart_findings:
        return
    [card] = build(done, base_url="http://localhost", make_uuid=lambda: "u").cards
    title, _, rest = card.detail.partition("\n\n")
    assert title.startswith("**From the chart, by rules (no AI)**")
    lines = rest.partition("\n\n")[0].splitlines()
    assert 1 <= len(lines) <= 5
    counted = re.fullmatch(r"- and (\d+) more behind the link", lines[-1])
    told = len(lines) - 1 + int(counted[1]) if counted else len(lines)
    if also := [line for line in lines if line.startswith("- **Also**: ")]:
        # Each name is told with one of these; the line itself was counted above.
        states = r"\((critical|serious|recorded in this encounter)\)(?=; |$)"
        told += len(re.findall(states, also[0])) - 1
    assert told >= len(done.chart_findings) + len(done.contradictions)


def test_what_is_critical_is_named_where_its_line_does_not_fit(
    answered: Consultation, make_uuid: Callable[[], str]
) -> None:
    told = tuple(f"finding {n} " + 40 * "x" for n in range(3))
    found = tuple(
        ChartFinding(name.lower(), name, kind, told, (f"L{at}",), "a source")
        for at, (name, kind) in enumerate(
            {
                "Pulmonary embolism": Seriousness.CRITICAL,
                "Acute coronary syndrome": Seriousness.CRITICAL,
                "Deep vein thrombosis": Seriousness.SERIOUS,
                "Anemia": Seriousness.NOTABLE,
            }.items()
        )
    )
    done = replace(answered, chart_findings=found)
    for limit in (700, 800, 900):
        [card] = build(done, base_url="http://localhost", make_uuid=make_uuid, limit=limit).cards
        for name in ("Pulmonary embolism", "Acute coronary syndrome", "Deep vein thrombosis"):
            assert name in card.detail, (limit, card.detail)
    [card] = build(done, base_url="http://localhost", make_uuid=make_uuid, limit=700).cards
    assert "- **Also**: Acute coronary syndrome (critical); Deep vein thrombosis" in card.detail
    assert "- and 1 more behind the link" in card.detail


@pytest.mark.parametrize(("limit", "more"), [(127, 0), (126, 0), (125, 1)])
def test_a_part_loses_lines_just_when_it_has_to(limit: int, more: int) -> None:
    block = Block("**T**", ("a" * 60, "b" * 54))
    text = composed("", [block], "", 10_000)
    assert len(text) == 126
    shorter = composed("", [block], "", limit)
    assert shorter.endswith(f"- and {more} more behind the link" if more else "b" * 54)


def test_the_last_part_gives_way_first() -> None:
    blocks = [Block("**A**", ("a" * 40, "b" * 40)), Block("**C**", ("c" * 40, "d" * 40))]
    text = composed("", blocks, "foot", 180)
    assert "b" * 40 in text
    assert "and 1 more" in text
    assert len(text) <= 180


@given(WORDS, st.integers(1, 200))
def test_escaped_text_is_bounded_as_markdown(text: str, limit: int) -> None:
    shown = escaped(text, limit)
    assert len(shown) <= limit
    assert shown == escape(text) or len(escape(text)) > limit or len(text) > limit


def test_the_first_of_several_is_always_there() -> None:
    assert joined("x: ", ["a" * 50, "b"], 10) == "x: " + "a" * 50
    assert joined("x: ", ["a", "b", "c" * 50], 10) == "x: a; b"


@pytest.mark.parametrize("outcome", sorted(Outcome))
@pytest.mark.parametrize("text", ["<&>" * 100, "*_`[]" * 60, "x" * 300, "a. b! " * 50])
def test_the_worst_of_everything_is_within_the_limits(text: str, outcome: Outcome) -> None:
    ids = tuple(FACTS)
    reason = Reason("evidence-direction", "fail", text, ids, text)
    done = CheckedConsultation(
        id="c-1",
        key="k",
        service="s",
        created=0.0,
        patient_key="p",
        chart=Chart(
            PatientFacts(),
            tuple(Fact(i, Kind.LAB, f"{i} {text}", days_ago=3.0, status=text) for i in FACTS),
        ),
        model=ModelIdentity(text, "0" * 64, "e"),
        key_states={f"{n}{text}": state for n in range(9) for state in KeyState},
        samples_failed=3,
        differentials=tuple(Differential((), model) for model in "abc"),
        assessments=tuple(
            Assessment(
                f"{n}{text}",
                Group.LIKELY,
                verdict,
                codes=(Code(SYSTEMS[0], "A41.9"),),
                reasons=(reason,),
                evidence_for=tuple(Evidence(i, "high") for i in ids),
                evidence_against=tuple(Evidence(i, "high") for i in ids),
            )
            for n in range(5)
            for verdict in Verdict
        ),
        contradictions=(reason,) * 9,
        outcome=outcome,
        outcome_detail=text,
        fault="engine-died-first-decode",
        medication_concerns=(Reason("drug-and-problem", "fail", text, ids, text),) * 9,
        unexplained=(Reason("unexplained-result", "abstain", text, ids),) * 9,
        chart_findings=tuple(
            ChartFinding(
                "r", f"{n}{text}", seriousness, (text,) * 9, ids, text, text, (text,) * 9, text
            )
            for n in range(5)
            for seriousness in Seriousness
        ),
    )  # fmt: skip
    for last in (None, replace(done, id="c-0", outcome=Outcome.ANSWERED)):
        [card] = build(
            with_outcome(done, outcome), base_url="http://localhost", make_uuid=lambda: "u",
            last=last, now=9e5, accuracy=text,
        ).cards  # fmt: skip
        assert 0 < len(card.summary) < 140
        assert len(card.detail) <= LIMIT, card.detail
