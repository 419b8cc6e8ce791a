"""Limits of what a prompt shows: below, on and beyond each. All are our own."""

from __future__ import annotations

import pytest

from fhir_mapping.chart import Chart, Fact, Kind, PatientFacts
from prompts import Template, ago
from prompts.choice import Costs, LineSelection, Ranking, choose
from prompts.layout import Layout, lay_out
from prompts.shorter import name_of, short_phrase


@pytest.fixture(scope="module")
def layout(template: Template) -> Layout:
    """Three facts of one section."""
    texts = ("Gout", "Asthma", "Anemia")
    facts = (Fact(f"P{n}", Kind.PROBLEM, text) for n, text in enumerate(texts, 1))
    return lay_out(Chart(PatientFacts(50, "female"), tuple(facts)), template)


def chosen(layout: Layout, budget: int, must: set[int] | None = None) -> LineSelection:
    """The choice where a fact costs 10 in full and 6 in short, a name 2 and a naming line 4."""
    costs = Costs(system=0, frame=100, full=[10] * 3, brief=[6] * 3, names=[2] * 3, naming=4)
    return choose(layout, costs, budget, Ranking((0, 1, 2), frozenset(must or ()), {}))


@pytest.mark.parametrize(
    ("budget", "full", "brief", "named", "remaining"),
    [
        # All fit in full: no part of the budget is kept for names.
        (131, 3, 0, 0, 1),
        (130, 3, 0, 0, 0),
        # One short: a tenth, 12, is kept for names, so one is shown in full and one in short; what
        # the name leaves makes that one full as well.
        (129, 2, 0, 1, 3),
        (128, 2, 0, 1, 2),
        # 126 - 100 - 12 = 14: one in full, and the rest of 4 is too little for a short one.
        (126, 1, 0, 2, 8),
        (122, 1, 0, 2, 4),
        (121, 1, 0, 2, 3),
        (118, 1, 0, 2, 0),
        (117, 0, 1, 2, 3),
        (116, 0, 0, 3, 6),
        (110, 0, 0, 3, 0),
        (109, 0, 0, 2, 1),
        (106, 0, 0, 1, 0),
        (105, 0, 0, 0, 5),
    ],
)
def test_what_fits_a_budget(
    layout: Layout, budget: int, full: int, brief: int, named: int, remaining: int
) -> None:
    found = chosen(layout, budget)
    assert (len(found.full), len(found.brief), len(found.named)) == (full, brief, named)
    assert found.remaining == remaining


@pytest.mark.parametrize(
    ("budget", "full", "brief"),
    [(105, 0, 0), (106, 0, 1), (109, 0, 1), (110, 1, 0), (111, 1, 0), (112, 0, 2), (115, 0, 2),
     (116, 1, 1), (117, 1, 1), (118, 0, 3), (121, 0, 3), (122, 1, 2), (125, 1, 2), (126, 2, 1),
     (129, 2, 1), (130, 3, 0)],
)  # fmt: skip
def test_what_must_be_kept_uses_all_of_the_budget(
    layout: Layout, budget: int, full: int, brief: int
) -> None:
    found = chosen(layout, budget, {0, 1, 2})
    assert (len(found.full), len(found.brief)) == (full, brief)


@pytest.mark.parametrize(("length", "cut"), [(99, False), (100, False), (101, True)])
def test_the_longest_short_phrase(length: int, cut: bool) -> None:
    short = short_phrase(Fact("P1", Kind.PROBLEM, "x" * length))
    assert short.endswith("\u2026") is cut
    assert len(short) == min(length, 100)


@pytest.mark.parametrize(("length", "cut"), [(39, False), (40, False), (41, True)])
def test_the_longest_name(length: int, cut: bool) -> None:
    name = name_of(Fact("P1", Kind.PROBLEM, "x" * length))
    assert name.endswith("\u2026") is cut
    assert len(name) == min(length, 40)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0.99, "today"),
        (1, "1 day ago"),
        (1.99, "1 day ago"),
        (2, "2 days ago"),
        (13.99, "13 days ago"),
        (14, "2 weeks ago"),
        (20.99, "2 weeks ago"),
        (21, "3 weeks ago"),
        (55.99, "7 weeks ago"),
        (56, "1 month ago"),
        (60.87, "1 month ago"),
        (60.88, "2 months ago"),
        (730.4, "23 months ago"),
        (730.5, "2 years ago"),
        (1095.7, "2 years ago"),
        (1095.75, "3 years ago"),
    ],
)
def test_the_grain_of_time(days: float, words: str) -> None:
    assert ago(days) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0.9, "just now"), (1.01, "1 min ago"), (59.9, "59 min ago"), (60.01, "1 h ago")],
)
def test_the_fine_grain_of_time(minutes: float, words: str) -> None:
    assert ago(minutes / 1440, fine=True) == words
