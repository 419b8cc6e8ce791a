"""Why two consultations differ: the first part that does, with all before it the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.comparison import Side, compare
from cds_hooks.comparison.causes import causes_of
from cds_hooks.consultation import Outcome, Verdict
from tests.cards.woman import ASSESSMENTS, EMBOLISM
from tests.comparison.sides import CARD, CHART, CHART_TEXT, DONE, FACTS, compared, prompt_of, said

PARTS = (
    "basis", "parts", "facts", "rules", "prompt", "outcome", "samples", "diagnoses", "cards",
)  # fmt: skip
KIDNEY, *OTHERS = ASSESSMENTS
LOWER = (replace(KIDNEY, verdict=Verdict.UNCERTAIN), *OTHERS)
FEWER = replace(CHART, facts=FACTS[1:])


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"settings_sha256": "other"}, ["basis-changed"]),
        ({"key_states": {}}, ["parts-changed"]),
        ({"chart": FEWER}, ["facts-changed"]),
        ({"chart_findings": (EMBOLISM,)}, ["rules-changed"]),
        ({"prompt": prompt_of(CHART_TEXT.replace("8 years", "9 years"))}, ["prompt-changed"]),
        ({"outcome": Outcome.DEADLINE}, ["outcome-changed"]),
        ({"samples": ("x", "y"), "differentials": (said("Gout"),)}, ["sampling"]),
        ({"assessments": LOWER}, ["checks-changed"]),
        # What an earlier cause explains is told no second time.
        ({"chart": FEWER, "assessments": LOWER, "chart_findings": (EMBOLISM,)}, ["facts-changed"]),
        ({"samples": ("x", "y"), "assessments": LOWER}, ["sampling"]),
    ],
)
def test_each_cause(changes: dict[str, object], codes: list[str]) -> None:
    assert [cause.code for cause in compared(**changes).causes] == codes


def test_a_card_alone_differs_by_how_it_is_made() -> None:
    other = replace(CARD, summary="Something else")
    [cause] = compare(Side(DONE, (CARD,)), Side(DONE, (other,))).causes
    assert (cause.code, cause.what) == ("cards-changed", ("cards[0].summary",))
    assert "cards[0].summary" in cause.words


def test_no_cause_tells_the_words_of_a_fact() -> None:
    [cause] = compared(chart=replace(CHART, facts=FACTS[:-1])).causes
    assert cause.what == ("removed S1",)
    assert FACTS[-1].text not in cause.words


def test_many_names_are_cut() -> None:
    [cause] = causes_of({"facts": [f"added L{n}" for n in range(15)]})
    assert "added L11 and 3 more" in cause.words
    assert len(cause.what) == 15


@given(st.dictionaries(st.sampled_from(PARTS), st.lists(st.text(), min_size=1), min_size=1))
def test_whatever_differs_has_a_cause(found: dict[str, list[str]]) -> None:
    causes = causes_of(found)
    assert causes
    assert all(cause.words and cause.what for cause in causes)


def test_nothing_has_none() -> None:
    assert causes_of(dict.fromkeys(PARTS, ())) == ()
