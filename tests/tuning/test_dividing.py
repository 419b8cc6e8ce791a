"""Patients stay together, and what is like a measured case leaves."""

from __future__ import annotations

import pytest

from cds_hooks.evaluation.labels import label_key
from cds_hooks.tuning.dividing import Part, Shares, divide, part_of, without_near_duplicates
from cds_hooks.tuning.draft import Draft, MeasuredCase
from cds_hooks.tuning.example import GoldDiagnosis

TOE = ("painful", "swollen", "toe", "uric", "acid", "raised", "night", "allopurinol", "feast")
CHEST = ("pleuritic", "chest", "pain", "breathless", "flight", "calf", "dimer")


def draft(name: str, words: tuple[str, ...] = TOE, patient: str = "", gold: str = "Gout") -> Draft:
    return Draft(
        id=name,
        patient=patient or name,
        source="own",
        gold=GoldDiagnosis(display=gold),
        names=(gold,),
        words=words,
        digests=(),
    )


def measured(words: tuple[str, ...], gold: str = "Gout") -> MeasuredCase:
    return MeasuredCase(id="m1", suite="osce", words=words, keys=frozenset({label_key(gold)}))


def test_all_cases_of_a_patient_go_to_one_part_whatever_else_there_is() -> None:
    drafts = [draft(f"{n}-{visit}", patient=f"p{n}") for n in range(200) for visit in range(2)]
    parts = divide(drafts, 0, Shares(0.1, 0.2))
    patients = {part: {d.patient for d in found} for part, found in parts.items()}
    assert sum(map(len, patients.values())) == 200
    assert all(
        40 * share <= len(patients[p]) for p, share in ((Part.UNSEEN, 0.5), (Part.HELDOUT, 0.25))
    )
    assert divide(drafts[:50], 0, Shares(0.1, 0.2))[Part.UNSEEN] == [
        d for d in drafts[:50] if d.patient in patients[Part.UNSEEN]
    ]
    assert part_of("p1", 0, Shares(0, 0)) is Part.TRAIN


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.2), (float("nan"), 0.2)])
def test_shares_leave_something_to_train_on(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="leave something"):
        Shares(*shares)


def test_what_is_like_a_measured_case_leaves_and_is_told_by_id() -> None:
    parts = {Part.TRAIN: [draft("a"), draft("b", CHEST)], Part.HELDOUT: [], Part.UNSEEN: []}
    kept, removed = without_near_duplicates(parts, [measured((*TOE[:-1], "party"), "Lupus")])
    assert [d.id for d in kept[Part.TRAIN]] == ["b"]
    assert [(r.id, r.like, r.suite, r.same_answer) for r in removed] == [("a", "m1", "osce", False)]
    assert 0.5 <= removed[0].cosine < 1


def test_what_is_like_a_case_that_is_kept_for_measuring_leaves() -> None:
    parts = {Part.TRAIN: [draft("a")], Part.HELDOUT: [draft("b")], Part.UNSEEN: [draft("c")]}
    kept, removed = without_near_duplicates(parts, [])
    assert [len(kept[p]) for p in (Part.TRAIN, Part.HELDOUT, Part.UNSEEN)] == [0, 0, 1]
    assert [(r.id, r.like, r.same_answer) for r in removed] == [("b", "c", True), ("a", "c", True)]
