"""One meaning a word: on the card, the pages, in the README and the clinicians' page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_hooks.cards.card_data import texts
from cds_hooks.cards.wording import metaphors, prompts_to_act
from cds_hooks.consultation import Verdict

ROOT = Path(__file__).resolve().parents[2]


def table(path: str) -> dict[str, str]:
    """The rows of the table of verdicts in a page."""
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    return {word: meaning for word, meaning in rows if word in set(Verdict)}


@pytest.mark.parametrize("path", ["README.md", "docs/clinicians/reading-a-card.md"])
def test_a_verdict_means_the_same_on_every_page(path: str) -> None:
    assert table(path) == {verdict.value: told for verdict, told in texts().verdicts.items()}


def test_a_verdict_is_one_word() -> None:
    assert all(re.fullmatch(r"[a-z]+", verdict.value) for verdict in texts().verdicts)


def our_words() -> Iterator[str]:
    """Everything of our own that a card or a consultation's page says."""
    t = texts()
    for words in (t.source, t.blocks, t.consensus, t.groups, t.states, t.keys, t.arrivals,
                  t.annotations, t.entered, t.suggestion, t.faults, t.acronyms):  # fmt: skip
        yield from words.values()
    yield from t.verdicts.values()
    yield from t.seriousness.values()
    yield from (str(v) for k, v in t.summary.model_dump().items() if k != "proper")
    for outcome in t.outcomes.values():
        yield from (outcome.summary, outcome.short, outcome.detail)


def test_our_own_words_are_plain_and_ask_for_nothing() -> None:
    words = list(our_words())
    assert len(words) > 150
    assert [text for text in words if metaphors(text)] == []
    assert [text for text in words if prompts_to_act(text)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Consider a D-dimer", True),
        ("findings to consider", True),
        ("Order an ECG", True),
        ("further workup is suggested", True),
        ("the order of the list", False),
        ("given by the sender", False),
        ("medication orders", False),
    ],
)
def test_what_prompts_a_reader_to_act_is_found(text: str, found: bool) -> None:
    assert prompts_to_act(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no diagnosis held up against the chart", True),
        ("a red flag", True),
        ("the door to the page", True),
        ("held by the FHIR server", False),
        ("models agree: 2 of 3 name the first", False),
    ],
)
def test_a_metaphor_is_found(text: str, found: bool) -> None:
    assert metaphors(text) == found
