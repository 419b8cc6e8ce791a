"""A genetic result keeps its gene and its change, and an implication its drug."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fhir_mapping import Fact, Polarity, map_chart

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1964-06-15"}
LOINC = "http://loinc.org"


def facts_of(*resources: dict[str, Any]) -> tuple[Fact, ...]:
    return map_chart([PATIENT, *resources], patient_id="p1", now=NOW).facts


def only(*resources: dict[str, Any]) -> Fact:
    (fact,) = facts_of(*resources)
    return fact


def texts(*resources: dict[str, Any]) -> list[str]:
    return sorted(fact.text for fact in facts_of(*resources))


def coded(code: str, display: str = "", system: str = LOINC) -> dict[str, Any]:
    coding = {"system": system, "code": code, **({"display": display} if display else {})}
    return {"coding": [coding]}


def observation(name: str, code: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": name, "status": "final", "code": code,
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2024-06-14", **more}  # fmt: skip


def answer(code: str, said: str) -> dict[str, Any]:
    return {"code": coded(code, f"Asked {code}"), "valueCodeableConcept": {"text": said}}


def variant(name: str, gene: str, change: str, said: str = "Present") -> dict[str, Any]:
    parts = [answer("48018-6", gene), answer("48005-3", change)]
    frequency = {"code": coded("81258-6", "Allelic frequency"), "valueQuantity": {"value": 0.3}}
    return observation(
        name,
        coded("69548-6", "Genetic variant assessment"),
        valueCodeableConcept={"text": said},
        component=[*parts, frequency],
    )


def test_two_variants_keep_their_genes_and_changes() -> None:
    assert texts(variant("a", "EGFR", "p.Leu858Arg"), variant("b", "TP53", "p.Arg175His")) == [
        "Allelic frequency (EGFR p.Leu858Arg) 0.3",
        "Allelic frequency (TP53 p.Arg175His) 0.3",
        "Genetic variant assessment (EGFR p.Leu858Arg): Present",
        "Genetic variant assessment (TP53 p.Arg175His): Present",
    ]


def test_an_absent_variant_says_of_which_gene() -> None:
    code = coded("69548-6", "Genetic variant assessment")
    absent = observation("o", code, valueCodeableConcept=coded("LA9634-2", "Absent"),
                         component=[answer("48018-6", "KRAS")])  # fmt: skip
    fact = only(absent)
    assert (fact.text, fact.polarity) == (
        "Genetic variant assessment (KRAS): Absent",
        Polarity.ABSENT,
    )


def implication(name: str, drug: str, effect: str) -> dict[str, Any]:
    return observation(name, coded("ti", "Therapeutic Implication", "local"),
                       derivedFrom=[{"reference": "Observation/v"}],
                       component=[answer("51963-7", drug), answer("93044-6", effect)])  # fmt: skip


def test_implications_of_one_variant_are_told_for_each_drug() -> None:
    told = texts(variant("v", "EGFR", "p.Thr790Met"), implication("a", "osimertinib", "responsive"),
                 implication("b", "erlotinib", "resistant"))  # fmt: skip
    asked = "Therapeutic Implication: Asked 93044-6 (EGFR p.Thr790Met)"
    assert f"{asked} (osimertinib): responsive" in told
    assert f"{asked} (erlotinib): resistant" in told


def test_that_a_variant_is_present_is_not_its_name() -> None:
    holder = observation("v", coded("69548-6", "Genetic variant assessment"),
                         valueCodeableConcept=coded("LA9633-4", "Present"))  # fmt: skip
    member = observation("m", coded("53037-8", "Significance"), valueString="Pathogenic",
                         derivedFrom=[{"reference": "Observation/v"}])  # fmt: skip
    assert "Significance: Pathogenic" in texts(holder, member)


def test_a_variant_of_which_nothing_else_is_said_is_still_told() -> None:
    bare = observation("o", coded("69548-6", "Genetic variant assessment"),
                       component=[answer("48018-6", "BRAF")])  # fmt: skip
    assert "BRAF" in only(bare).text


def test_a_subject_too_long_for_a_name_is_told_as_a_result() -> None:
    long = "p." + "Leu858Arg" * 12
    assert any(long in text for text in texts(variant("a", "EGFR", long)))
