"""What differs between two consultations, part by part."""

from __future__ import annotations

from dataclasses import replace

import prompts
from cds_hooks.comparison import Difference, SampleDifference, Side, Timing, compare
from cds_hooks.comparison.prompts import sections_of
from cds_hooks.consultation import (
    Basis,
    KeyArrival,
    KeyState,
    Outcome,
    PreparedConsultation,
    Sampling,
    Verdict,
)
from cds_hooks.protocol.cards import Link
from fhir_mapping.chart import Fact, Flag, Kind, PatientFacts
from prompts import Message
from tests.cards.woman import ASSESSMENTS, KEYS
from tests.comparison.sides import CARD, CHART, CHART_TEXT, DONE, FACTS, compared, prompt_of, said
from tests.consultations import with_outcome

LACTATE = Fact("L6", Kind.LAB, "Lactate 4.1 mmol/L (0.5-2.2)", flag=Flag.HIGH, days_ago=0.0)


def test_a_consultation_is_the_same_as_itself() -> None:
    found = compared(id="c-2", key="k-2", created=1.0, timings_ms={"gather": 99.0})
    assert found.same
    assert found.stages == ()
    assert found.causes == ()
    assert found.timings == (Timing("gather", 12.0, 99.0), Timing("model", 4210.0, None))


def test_facts_are_added_removed_changed_and_resolved() -> None:
    now = (
        *(f for f in FACTS if f.id not in ("P3", "L4", "L5")),
        replace(CHART.fact("P3"), status="resolved"),
        replace(CHART.fact("L5"), id="L9", text="Troponin I 90 ng/L (<16)", flag=Flag.HIGH),
        LACTATE,
    )
    found = compared(chart=replace(CHART, facts=now)).facts
    told = {(each.change, each.fact.id): each.fields for each in found}
    assert told == {
        ("added", "L6"): (),
        ("removed", "L4"): (),
        ("changed", "L9"): ("text", "flag"),
        ("resolved", "P3"): ("status",),
    }
    [changed] = [each for each in found if each.change == "changed"]
    assert changed.before is not None
    assert changed.before.id == "L5"


def test_time_and_numbers_of_facts_do_not_count() -> None:
    moved = tuple(
        replace(f, id=f"{f.id}9", days_ago=(f.days_ago or 0) + 1) for f in reversed(FACTS)
    )
    assert compared(chart=replace(CHART, facts=moved)).facts == ()


def test_omissions_are_counted_by_reason_and_the_patient_is_told() -> None:
    chart = replace(CHART, omissions=CHART.omissions[:2], patient=PatientFacts(62.0, "female"))
    assert compared(chart=chart).omissions == (
        Difference("age", "61 years old", "62 years old"),
        Difference("unsupported-type", "2", "1"),
    )


def test_the_state_of_a_part_and_what_came_instead() -> None:
    key = next(iter(KEYS))
    found = compared(
        key_states={**KEYS, key: KeyState.UNAVAILABLE, "more": KeyState.EMPTY},
        key_arrivals={key: KeyArrival("html", ("timeout",))},
    )
    assert found.parts == (
        Difference(key, KEYS[key].value, "unavailable; html; timeout"),
        Difference("more", "", "empty"),
    )


def test_the_basis_names_each_digest_that_differs() -> None:
    model = replace(DONE.model, name="other")
    found = compared(model=model, settings_sha256="cd" * 32, prompt=prompt_of(CHART_TEXT, "1"))
    assert {each.what for each in found.basis} == {"model", "settings", "template"}


SAMPLING = Sampling(samples=3, temperature=0.7, seed=1, max_tokens=800, names=True)
BASIS = Basis("1.0", "ab" * 32, "cd" * 32, SAMPLING, {"cards.profile": '"epic"', "b": "2"})


def test_a_record_tells_seed_tables_and_the_settings_that_differ() -> None:
    older = replace(DONE, basis=BASIS)
    newer = Basis("1.1", "ab" * 32, "ef" * 32, replace(SAMPLING, seed=2), {"b": "2", "c": "3"})
    found = compare(Side(older), Side(replace(DONE, basis=newer))).basis
    assert {each.what: (each.before, each.after) for each in found} == {
        "version": ("1.0", "1.1"),
        "terminology": ("cd" * 32, "ef" * 32),
        "sampling seed": ("1", "2"),
        "setting cards.profile": ('"epic"', "default"),
        "setting c": ("default", "3"),
    }


def test_a_record_of_before_tells_nothing_and_differs_in_nothing() -> None:
    assert compare(Side(replace(DONE, basis=BASIS)), Side(DONE)).basis == ()


def test_what_only_one_side_adds_to_the_basis_is_not_a_difference() -> None:
    one = Side(DONE, basis={"version": "1", "seed": "3"})
    assert compare(one, Side(DONE, basis={"version": "2"})).basis == (
        Difference("version", "1", "2"),
    )


def test_prompt_sections_show_the_lines_that_differ() -> None:
    text = CHART_TEXT.replace("1.8 mg/dL", "2.2 mg/dL").replace(
        "\n\nResults", "\n\nMedications:\nM1 | Ibuprofen\n\nResults"
    )
    assert compared(prompt=prompt_of(text)).prompt == (
        Difference(
            "Results and vital signs",
            "L2 | Creatinine 1.8 mg/dL (0.6-1.2) | high | today",
            "L2 | Creatinine 2.2 mg/dL (0.6-1.2) | high | today",
        ),
        Difference("Medications", "", "M1 | Ibuprofen"),
    )


def test_sections_of_one_title_are_compared_together() -> None:
    twice = f"{CHART_TEXT}\n\nProblems:\nP3 | Gout"
    assert compared(prompt=prompt_of(twice)).prompt == (Difference("Problems", "", "P3 | Gout"),)


def test_the_sections_of_a_prompt_are_those_of_its_template() -> None:
    layout = prompts.lay_out(CHART, prompts.load("differential"))
    sections = dict(sections_of(prompts.render(layout, [1] * len(layout.texts))))
    titles = [each.title for each in layout.template.settings.sections]
    assert {"system", "patient"} <= set(sections)
    assert {name for name, lines in sections.items() if lines} <= {"system", "patient", *titles}
    assert sections["Medications"][1].startswith("M1 | Ibuprofen")


def test_instructions_and_patient_are_sections_too() -> None:
    older = prompt_of(CHART_TEXT.replace("61 years", "62 years"))
    asked = replace(older, messages=(Message("system", "Asked."), *older.messages[1:]))
    assert [each.what for each in compared(prompt=asked).prompt] == ["system", "patient"]


def test_a_number_that_moved_is_no_difference_of_the_prompt() -> None:
    assert compared(prompt=prompt_of(CHART_TEXT.replace("L2 |", "L7 |"))).prompt == ()


def test_samples_are_paired_by_place_with_what_they_listed() -> None:
    found = compared(
        samples=('{"a": 1}', "other", "third"),
        sample_models=("m", "m", "m"),
        differentials=(said("AKI", "Hyperkalemia"), said("Sepsis", sample=2)),
    )
    assert found.samples == (
        SampleDifference(1, True, ("AKI", "Hyperkalemia"), ("AKI", "Hyperkalemia")),
        SampleDifference(2, False, ("AKI",), ()),
        SampleDifference(3, False, None, ("Sepsis",)),
    )


def test_samples_of_a_panel_are_known_by_model_and_number() -> None:
    done = replace(
        DONE,
        sample_models=("m", "n"),
        differentials=(said("AKI"), replace(said("Sepsis"), model="n")),
    )
    [first, second] = compare(Side(done), Side(done)).samples
    assert (first.before, second.before) == (("AKI",), ("Sepsis",))


def test_diagnoses_change_rank_verdict_and_reasons() -> None:
    kidney, potassium, *others = ASSESSMENTS
    renamed = replace(potassium, name="High potassium", verdict=Verdict.SUPPORTED)
    found = compared(assessments=(renamed, kidney, *others[1:]))
    by_name = {each.name: each for each in found.diagnoses}
    assert len(by_name) == len(ASSESSMENTS)
    high = by_name["High potassium"]
    assert high.before is not None
    assert high.after is not None
    assert (high.before.rank, high.after.rank) == (2, 1)
    assert (high.before.verdict, high.after.verdict) == (Verdict.PLAUSIBLE, Verdict.SUPPORTED)
    assert by_name["Acute kidney injury"].rank_changed
    assert not by_name["Acute kidney injury"].verdict_changed
    gone = by_name[others[0].name]
    assert gone.after is None
    assert gone.differs


def test_reasons_are_compared_by_check() -> None:
    kidney, *others = ASSESSMENTS
    [reason] = kidney.reasons
    changed = replace(kidney, reasons=(replace(reason, result="fail", text="no"),))
    [first, *rest] = compared(assessments=(changed, *others)).diagnoses
    assert first.reasons == (Difference(reason.check, f"pass: {reason.text}", "fail: no"),)
    assert first.differs
    assert not first.verdict_changed
    assert not any(each.differs for each in rest)


def test_the_facts_behind_a_diagnosis_that_changed() -> None:
    facts = tuple(replace(f, text="Potassium 4.1") if f.id == "L3" else f for f in FACTS)
    chart = replace(CHART, facts=tuple(f for f in facts if f.id != "P2"))
    found = compared(chart=chart)
    kidney = found.diagnoses[0]
    assert [each.fact.id for each in found.facts_behind(kidney)] == ["L3"]


def test_cards_differ_in_what_is_seen_and_not_in_ids_or_addresses() -> None:
    same = replace(CARD, uuid="u-2", links=(Link("What this rests on", "https://x.example/2"),))
    assert compare(Side(DONE, (CARD,)), Side(DONE, (same,))).same
    other = replace(CARD, indicator="critical", detail=CARD.detail + "\n- Sepsis", suggestions=())
    assert compare(Side(DONE, (CARD,)), Side(DONE, (other,))).cards == (
        Difference("cards[0].indicator", "warning", "critical"),
        Difference("cards[0].suggestions", "Add Hyperkalemia (E87.5)", ""),
        Difference("cards[0].detail", "", "- Sepsis"),
    )


def test_a_card_that_only_one_side_has_differs_in_all_it_says() -> None:
    found = compare(Side(DONE, (CARD,)), Side(DONE)).cards
    assert ("cards[0].summary", "") in {(each.what, each.after) for each in found}


def test_a_question_without_an_answer_can_be_compared() -> None:
    pending = with_outcome(DONE, Outcome.PENDING)
    assert isinstance(pending, PreparedConsultation)
    found = compare(Side(pending), Side(DONE))
    assert found.outcome[0].what == "outcome"
    assert all(each.before is None for each in found.diagnoses)
    assert all(each.after is None for each in compare(Side(DONE), Side(pending)).diagnoses)
