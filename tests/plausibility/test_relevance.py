"""Do cited facts bear on a diagnosis, and what the verdict makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.consultation import Assessment, ChartFinding, Evidence, Seriousness, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import identity_of, index_chart
from cds_hooks.plausibility.checks import CheckedDiagnosis
from cds_hooks.plausibility.relevance import (
    DiseaseSigns,
    Sign,
    Strength,
    disease_knowledge,
    link_evidence,
    sign_table,
    system_signs,
)
from cds_hooks.plausibility.relevance.non_evidence import no_evidence, rules
from fhir_mapping.chart import (
    Chart,
    Code,
    Experiencer,
    Fact,
    Flag,
    Kind,
    PatientFacts,
    Polarity,
)

Make = Callable[..., Any]
LOINC = "http://loinc.org"


def sign(finding: str, strength: Strength, lr: float | None = None) -> dict[str, Sign]:
    return {finding: Sign(finding, strength, "a publication", lr)}


EMBOLISM = DiseaseSigns(
    name="Pulmonary embolism",
    codes=("I26",),
    mesh=frozenset(),
    signs_for=sign("hemoptysis", Strength.MODERATE)
    | sign("dyspnea", Strength.WEAK)
    | sign("tachycardia", Strength.WEAK)
    | sign("d-dimer-high", Strength.STRONG, 1.6),
    signs_against=sign("fever", Strength.WEAK) | sign("troponin-normal", Strength.STRONG, 0.1),
)
MIGRAINE = DiseaseSigns("Migraine", ("G43",), frozenset(), {}, {})


@pytest.fixture(autouse=True)
def _rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of these tests alone: what is shipped is another test's."""

    def rows(concepts: Any) -> tuple[DiseaseSigns, ...]:
        codes = [c.code for c in concepts]
        return tuple(r for r in (EMBOLISM, MIGRAINE) if any(c.startswith(r.codes) for c in codes))

    monkeypatch.setattr(sign_table, "of_concepts", rows)
    for other in ("kinds_of", "wider_than"):
        monkeypatch.setattr(disease_knowledge, other, lambda *_: ())


def complaint(text: str, fact_id: str = "S1", **rest: Any) -> Fact:
    return Fact(fact_id, Kind.COMPLAINT, text, days_ago=0.1, **rest)


def result(
    fact_id: str, name: str, loinc: str, flag: Flag | None, value: float = 1.0, unit: str = ""
) -> Fact:
    codes = (Code(LOINC, loinc),)
    kind = Kind.VITAL if fact_id.startswith("V") else Kind.LAB
    return Fact(fact_id, kind, name, codes, value, unit=unit, flag=flag, days_ago=0.1)


DIMER = result("L1", "D-dimer 3.8", "48065-7", Flag.HIGH)
HEMOGLOBIN = result("L2", "Hemoglobin 9", "718-7", Flag.LOW)
NORMAL = result("L3", "Potassium 4.1", "2823-3", Flag.NORMAL)
TROPONIN = result("L4", "Troponin T 3", "6598-7", Flag.NORMAL)


@pytest.fixture
def judged(terminology: Terminology, chart: Make, differential: Make) -> Callable[..., Assessment]:
    def make(name: str, *facts: Fact, claims: tuple[str, ...], **rest: Any) -> Assessment:
        sample = differential((name, *claims), **rest)
        return assess_candidates(chart(*facts), [sample], terminology)[0]

    return make


def said(found: Assessment, check: str) -> Mapping[str, tuple[str, ...]]:
    return {r.result: r.fact_ids for r in found.reasons if r.check == check}


def text(found: Assessment, check: str) -> str:
    return next(r.text for r in found.reasons if r.check == check)


def test_a_fact_known_to_speak_for_it_supports(judged: Make) -> None:
    found = judged("Pulmonary embolism", complaint("Coughing up blood"), claims=("S1 present",))
    assert said(found, "evidence-relevant") == {"pass": ("S1",)}
    assert text(found, "evidence-relevant") == "known to speak for it: hemoptysis (moderate)"
    assert found.verdict is Verdict.SUPPORTED


def test_a_reason_tells_strength_ratio_and_source_the_strongest_first(judged: Make) -> None:
    facts = (complaint("Shortness of breath"), DIMER)
    found = judged("Pulmonary embolism", *facts, claims=("S1 present", "L1 high"))
    assert said(found, "evidence-relevant") == {"pass": ("L1", "S1")}
    expected = "d dimer high (strong, likelihood ratio 1.6)"
    assert text(found, "evidence-relevant").startswith(f"known to speak for it: {expected}")
    sources = [r.source for r in found.reasons if r.check == "evidence-relevant"]
    assert sources[0].startswith("a publication")


def test_one_weak_sign_leaves_it_plausible_and_two_support(judged: Make) -> None:
    breath = complaint("Shortness of breath")
    pulse = result("V1", "Heart rate 118", "8867-4", Flag.HIGH, 118.0, "/min")
    one = judged("Pulmonary embolism", breath, claims=("S1 present",))
    assert said(one, "evidence-weak") == {"abstain": ("S1",)}
    assert one.verdict is Verdict.PLAUSIBLE
    both = judged("Pulmonary embolism", breath, pulse, claims=("S1 present", "V1 high"))
    assert both.verdict is Verdict.SUPPORTED
    again = complaint("Short of breath", "S2")
    same = judged("Pulmonary embolism", breath, again, claims=("S1 present", "S2 present"))
    assert same.verdict is Verdict.PLAUSIBLE


def test_the_same_organ_system_alone_is_plausible_at_most(judged: Make) -> None:
    found = judged("Aplastic anemia", HEMOGLOBIN, claims=("L2 low",))
    other = judged("Polycythemia vera", HEMOGLOBIN, claims=("L2 low",))
    assert other.verdict is not Verdict.SUPPORTED
    assert found.verdict in (Verdict.PLAUSIBLE, Verdict.SUPPORTED)
    wide = judged("Migraine", complaint("Slurred speech"), claims=("S1 present",))
    assert said(wide, "evidence-system") == {"pass": ("S1",)}
    assert "brain" in text(wide, "evidence-system")
    assert wide.verdict is Verdict.PLAUSIBLE


@pytest.mark.parametrize(
    ("name", "fact", "claim"),
    [
        ("Aplastic anemia", result("L1", "Troponin T 890", "6598-7", Flag.HIGH), "L1 high"),
        ("Acute appendicitis", complaint("Blurred vision"), "S1 present"),
        ("Glaucoma", result("L1", "Creatinine 2", "2160-0", Flag.HIGH), "L1 high"),
        ("Schizophrenia", HEMOGLOBIN, "L2 low"),
        ("Malaria", Fact("P1", Kind.PROBLEM, "Osteoarthritis of knee", status="active"),
         "P1 present"),
        ("Otitis media", Fact("M1", Kind.MEDICATION, "Metformin 1 g", status="active"),
         "M1 present"),
        ("Psoriasis", complaint("Fever", polarity=Polarity.ABSENT), "S1 absent"),
    ],
)  # fmt: skip
def test_a_fact_of_another_organ_system_is_no_known_link(
    judged: Make, name: str, fact: Fact, claim: str
) -> None:
    found = judged(name, fact, claims=(claim,))
    assert said(found, "evidence-relevant") == {"fail": (fact.id,)}
    assert found.verdict is Verdict.UNCERTAIN


def test_nothing_known_of_the_diagnosis_or_of_the_fact_is_not_assessed(judged: Make) -> None:
    unread = judged("Migraine", complaint("Zorbling of the quux"), claims=("S1 present",))
    assert text(unread, "evidence-relevant").startswith("relevance not assessed")
    assert said(unread, "evidence-relevant") == {"abstain": ("S1",)}
    assert unread.verdict is Verdict.UNCERTAIN
    where = judged("Encounter for administrative examination", DIMER, claims=("L1 high",))
    assert text(where, "evidence-relevant").startswith("relevance not assessed")
    assert where.verdict is Verdict.UNCERTAIN


def test_a_sign_known_to_speak_against_it_is_told(judged: Make) -> None:
    fever = complaint("Fever")
    alone = judged("Pulmonary embolism", fever, claims=("S1 present",))
    assert said(alone, "evidence-opposes") == {"fail": ("S1",)}
    assert alone.verdict is Verdict.UNCERTAIN
    beside = judged("Pulmonary embolism", fever, DIMER, claims=("S1 present", "L1 high"))
    assert beside.verdict is Verdict.PLAUSIBLE


def test_a_strong_sign_against_it_anywhere_in_the_chart_is_told(judged: Make) -> None:
    found = judged("Pulmonary embolism", DIMER, TROPONIN, claims=("L1 high",))
    assert said(found, "excluding-finding") == {"fail": ("L4",)}
    assert "likelihood ratio 0.1" in text(found, "excluding-finding")
    assert found.verdict is Verdict.UNCERTAIN


def test_a_claim_that_is_not_so_is_no_link(judged: Make) -> None:
    found = judged("Pulmonary embolism", DIMER, claims=("L1 low",))
    assert said(found, "evidence-relevant") == {}
    assert found.verdict is Verdict.UNCERTAIN


def test_a_relatives_sign_is_no_link(judged: Make) -> None:
    of_mother = complaint("Coughing up blood", experiencer=Experiencer.FAMILY)
    found = judged("Pulmonary embolism", of_mother, claims=("S1 present",))
    assert "pass" not in said(found, "evidence-relevant")
    assert found.verdict is not Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Migraine since this morning", Verdict.SUPPORTED),
        ("No migraine", Verdict.UNCERTAIN),
        ("Possible migraine", Verdict.UNCERTAIN),
        ("Mother had migraine", Verdict.UNCERTAIN),
    ],
)
def test_a_chart_that_names_the_disease_as_so_is_a_known_link(
    judged: Make, words: str, verdict: Verdict
) -> None:
    told = Fact("O1", Kind.OBSERVATION, words, days_ago=0.1)
    found = judged("Migraine", told, claims=("O1 present",))
    names = ["the chart names it" in r.text for r in found.reasons]
    assert any(names) is (verdict is Verdict.SUPPORTED)
    assert (found.verdict is Verdict.SUPPORTED) is (verdict is Verdict.SUPPORTED)


def test_a_rule_about_the_chart_that_names_it_makes_its_facts_links(
    terminology: Terminology,
) -> None:
    facts = (complaint("Coughing up blood"), complaint("Itchy toe", "S2"))
    indexed = index_chart(Chart(PatientFacts(50, "female"), facts), terminology)
    rule = ChartFinding("wells", "Pulmonary embolism", Seriousness.SERIOUS, (), ("S2",), "Wells")
    name = terminology.resolve("Pulmonary embolism")
    is_ = identity_of(name.name, name.concepts, terminology)
    cited = (Evidence("S2", "present"),)
    case = CheckedDiagnosis(
        name.name, name, is_, cited, (), indexed, terminology, FindingIndex(indexed), (rule,)
    )
    (link,) = link_evidence(case).links
    assert (link.fact_id, link.sign.source) == ("S2", "Wells")
    assert link.sign.name == "a rule about the chart that names it"


def test_how_a_symptom_is_tells_no_disease_by_itself(judged: Make) -> None:
    sudden = complaint("Sudden onset")
    row = {**EMBOLISM.signs_for, **sign("sudden-onset", Strength.MODERATE)}
    with pytest.MonkeyPatch.context() as patched:
        rows = (replace(EMBOLISM, signs_for=row),)
        patched.setattr(sign_table, "of_concepts", lambda *_: rows)
        found = judged("Pulmonary embolism", sudden, claims=("S1 present",))
        breath = complaint("Wheezing", "S2")
        beside = judged("Pulmonary embolism", sudden, breath, claims=("S1 present", "S2 present"))
    assert said(found, "evidence-general") == {"abstain": ("S1",)}
    assert found.verdict is Verdict.UNCERTAIN
    assert said(beside, "evidence-system") == {"pass": ("S2",)}
    assert beside.verdict is Verdict.PLAUSIBLE


def test_a_definition_that_is_met_outranks_what_is_cited(judged: Make) -> None:
    low = result("L1", "Bicarbonate 9 mmol/L", "1963-8", Flag.CRITICAL_LOW, 9.0)
    for claims, verdict in (
        ((), Verdict.SUPPORTED),
        (("L1 low",), Verdict.SUPPORTED),
        (("L99 high",), Verdict.PLAUSIBLE),  # it is cited for by what is not in the chart
        (("L1 high",), Verdict.PLAUSIBLE),
    ):
        found = judged("Diabetic ketoacidosis", low, claims=claims)
        assert said(found, "definition-met") == {"pass": ("L1",)}
        assert found.verdict is verdict, claims


def test_a_result_that_must_be_there_but_makes_no_diagnosis_does_not(judged: Make) -> None:
    high = result("L1", "Lactate 5", "2524-7", Flag.HIGH, 5.0)
    found = judged("Septic shock", high, claims=("L99 high",))
    assert said(found, "defining-result") == {"pass": ("L1",)}
    assert said(found, "definition-met") == {}
    assert found.verdict is Verdict.UNCERTAIN


def test_a_result_that_a_rule_expects_is_a_known_link(judged: Make) -> None:
    high = result("L1", "Lipase 900", "3040-3", Flag.HIGH, 900.0)
    found = judged("Acute pancreatitis", high, claims=("L1 high",))
    assert said(found, "evidence-relevant") == {"pass": ("L1",)}
    assert found.verdict is Verdict.SUPPORTED


def test_facts_cited_wholly_for_and_against_are_uncertain_at_most(judged: Make) -> None:
    found = judged("Pulmonary embolism", DIMER, claims=("L1 high",), against=("L1 high",))
    assert said(found, "evidence-both-ways") == {"fail": ("L1",)}
    assert found.verdict is Verdict.UNCERTAIN
    facts = (DIMER, complaint("Coughing up blood"))
    claims = ("L1 high", "S1 present")
    part = judged("Pulmonary embolism", *facts, claims=claims, against=("L1 high",))
    assert said(part, "evidence-both-ways") == {"abstain": ("L1",)}
    assert part.verdict is Verdict.PLAUSIBLE


@pytest.mark.parametrize(
    ("fact", "rule"),
    [
        (Fact("E1", Kind.ENCOUNTER, "Emergency encounter"), "visit"),
        (Fact("C1", Kind.CARE, "Discharge letter"), "care-context"),
        (Fact("I1", Kind.IMMUNIZATION, "Influenza vaccine"), "immunization"),
        (Fact("M1", Kind.MEDICATION, "Normal saline 20 mL"), "routine-fluid"),
        (Fact("M1", Kind.MEDICATION, "Sodium chloride 0.9 % 500 mL infusion"), "routine-fluid"),
        (Fact("M1", Kind.MEDICATION, "Hepatitis B vaccine 20 mcg"), "vaccine-as-drug"),
        (Fact("M1", Kind.MEDICATION, "Insulin syringe"), "supply"),
        (Fact("X1", Kind.PROCEDURE, "Annual physical examination"), "routine-examination"),
        (Fact("X1", Kind.PROCEDURE, "Medication reconciliation"), "administrative"),
        (Fact("P1", Kind.PROBLEM, "Full-time employment (finding)"), "administrative"),
        (Fact("V1", Kind.VITAL, "Body height 170 cm", value=170.0), "height"),
        (Fact("V1", Kind.VITAL, "Body weight 80 kg", value=80.0), "weight"),
        (NORMAL, "normal-result"),
        (Fact("H1", Kind.SOCIAL, "Never smoker"), "smoking-never"),
        (Fact("M1", Kind.MEDICATION, "Sodium chloride 3 % hypertonic"), None),
        (Fact("M1", Kind.MEDICATION, "Metformin 1 g"), None),
        (Fact("V1", Kind.VITAL, "Body weight 40 kg low", value=40.0, flag=Flag.LOW), None),
        (Fact("X1", Kind.PROCEDURE, "Total knee replacement"), None),
        (HEMOGLOBIN, None),
        (complaint("Weight loss"), None),
    ],
)
def test_kinds_of_facts_that_are_no_evidence(fact: Fact, rule: str | None) -> None:
    found = no_evidence(fact)
    assert (found.id if found else None) == rule
    assert found is None or found.reason


def test_a_fact_that_is_no_evidence_does_not_support(judged: Make) -> None:
    visit = Fact("E1", Kind.ENCOUNTER, "Annual physical examination")
    found = judged("Malaria", visit, claims=("E1 present",))
    assert said(found, "evidence-no-evidence") == {"fail": ("E1",)}
    assert said(found, "evidence-relevant") == {"fail": ()}
    assert found.verdict is Verdict.UNCERTAIN
    beside = judged("Pulmonary embolism", visit, DIMER, claims=("E1 present", "L1 high"))
    assert said(beside, "evidence-no-evidence") == {"fail": ("E1",)}
    assert beside.verdict is Verdict.SUPPORTED


def test_every_rule_has_an_id_of_its_own() -> None:
    assert len({r.id for r in rules()}) == len(rules())


@pytest.mark.parametrize(
    ("words", "expected", "other"),
    [
        ("Fever", {"infection", "inflammation"}, {"eye", "urinary", "circulatory"}),
        ("Fatigue", {"blood", "endocrine", "cancer"}, {"eye", "skin", "ear-nose-throat"}),
        ("Weight loss", {"cancer", "endocrine", "infection"}, {"eye", "skin"}),
        ("Chest pain", {"circulatory", "respiratory"}, {"eye", "urinary"}),
        ("Dysuria", {"urinary"}, {"circulatory", "nervous"}),
        ("Cholecystectomy", {"liver"}, {"nervous"}),
    ],
)
def test_words_speak_for_organ_systems_or_whole_classes(
    words: str, expected: set[str], other: set[str]
) -> None:
    found = system_signs.of_words(words) or frozenset()
    assert expected <= found
    assert not other & found


def test_a_result_speaks_by_its_side() -> None:
    high = result("L1", "Leukocytes 22", "6690-2", Flag.HIGH)
    assert system_signs.of_result(high) == frozenset({"infection", "inflammation", "blood"})
    few = system_signs.of_result(result("L1", "Platelets 20", "777-3", Flag.LOW))
    assert few is not None
    assert few >= {"blood", "liver"}
    assert system_signs.of_result(NORMAL) is None
    unknown = Fact("L1", Kind.LAB, "Quuxate 4", value=4.0, flag=Flag.HIGH)
    assert system_signs.of_result(unknown) is None


def test_a_drug_speaks_for_what_it_is_given_for() -> None:
    assert system_signs.of_drug("Lisinopril 20 mg daily") == frozenset({"circulatory"})
    assert "infection" in (system_signs.of_drug("Amoxicillin 500 mg") or ())
    assert system_signs.of_drug("Quuxomab 5 mg") is None
