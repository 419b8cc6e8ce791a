"""What is read of findings in sentences, and that nothing else in the project reads it."""

from __future__ import annotations

import ast
import gc
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Certainty, Experiencer, Polarity
from fhir_mapping.context import Reading, Temporality, affirms
from tests.fhir_mapping.context.scoring import Mention, mentions

ROOT = Path(__file__).resolve().parents[3]
MENTIONS = list(mentions())
TUNED = [m for m in MENTIONS if m.part == "tuned"]
KEPT = [m for m in MENTIONS if m.part in ("kept", "fresh")]


def _name(mention: Mention) -> str:
    return f"{mention.kind}-{mention.sentence[:40]}-{mention.finding}"


@pytest.mark.parametrize("mention", TUNED, ids=_name)
def test_a_sentence_that_was_looked_at_is_read_right(mention: Mention) -> None:
    assert mention.read == mention.label


def test_the_sentences_that_were_kept_aside_are_read_as_the_docs_say() -> None:
    right = sum(m.read == m.label for m in KEPT)
    assert len(KEPT) >= 250
    assert right / len(KEPT) >= _KEPT_RIGHT


_KEPT_RIGHT = 0.97

EDGES = list(mentions("edges.txt"))


@pytest.mark.parametrize("mention", EDGES, ids=_name)
def test_an_edge_of_denial_is_read_right(mention: Mention) -> None:
    assert mention.read == mention.label


def test_a_lack_is_looked_for_so_many_tokens_before_its_cue() -> None:
    """Six tokens, from below, on and above; what is farther is denied as any finding is."""
    for between, polarity in ((4, "present"), (5, "present"), (6, "absent")):
        text = f"pulses {'in ' * between}absent"
        assert Reading(text).at(0).polarity == polarity


def test_a_worry_is_a_carers_within_five_tokens() -> None:
    for fillers, certainty in ((3, "certain"), (4, "certain"), (5, "uncertain")):
        text = f"mother {'so ' * fillers}worried about fever"
        assert Reading(text).at(text.index("fever")).certainty == certainty


@pytest.mark.parametrize(
    ("text", "polarity", "certainty", "experiencer"),
    [
        ("No fever", Polarity.ABSENT, Certainty.CERTAIN, Experiencer.PATIENT),
        ("Denies chest pain, dyspnea", Polarity.ABSENT, Certainty.CERTAIN, Experiencer.PATIENT),
        ("Denies chest pain but coughs", Polarity.PRESENT, Certainty.CERTAIN, Experiencer.PATIENT),
        ("Cough without sputum", Polarity.PRESENT, Certainty.CERTAIN, Experiencer.PATIENT),
        ("Rule out stroke", Polarity.PRESENT, Certainty.UNCERTAIN, Experiencer.PATIENT),
        ("Stroke cannot be excluded", Polarity.PRESENT, Certainty.UNCERTAIN, Experiencer.PATIENT),
        ("Stroke unlikely", Polarity.ABSENT, Certainty.UNCERTAIN, Experiencer.PATIENT),
        ("Mother had a stroke", Polarity.PRESENT, Certainty.CERTAIN, Experiencer.FAMILY),
        ("No family history of stroke", Polarity.ABSENT, Certainty.CERTAIN, Experiencer.FAMILY),
        ("", Polarity.PRESENT, Certainty.CERTAIN, Experiencer.PATIENT),
        ("No", Polarity.PRESENT, Certainty.CERTAIN, Experiencer.PATIENT),
    ],
)
def test_a_short_text_is_one_statement(
    text: str, polarity: Polarity, certainty: Certainty, experiencer: Experiencer
) -> None:
    whole = Reading(text).whole()
    assert (whole.polarity, whole.certainty, whole.experiencer) == (
        polarity,
        certainty,
        experiencer,
    )


def test_a_bare_no_reaches_so_many_words_and_no_further() -> None:
    """The table's own bound of 25 words, from below, on and above."""
    for fillers, polarity in ((23, "absent"), (24, "absent"), (25, "present")):
        text = f"no {'very ' * fillers}fever"
        assert Reading(text).at(text.index("fever")).polarity == polarity


def test_not_reaches_four_words() -> None:
    for fillers, polarity in ((2, "absent"), (3, "absent"), (4, "present")):
        text = f"not {'so ' * fillers}feverish"
        assert Reading(text).at(text.index("feverish")).polarity == polarity


def test_a_pattern_counts_where_it_is_affirmed() -> None:
    stroke = re.compile("stroke")
    assert affirms(stroke, "History of stroke")
    assert affirms(stroke, "No stroke before. Stroke today")
    for text in ("No stroke", "Father had a stroke", "Possible stroke", "Return if stroke", "x"):
        assert not affirms(stroke, text)


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    reading = Reading(text)
    assert len(reading.lower) == len(text)
    assert reading.whole().polarity in Polarity
    for at in (0, len(text) // 2, len(text)):
        assert reading.at(at).temporality in Temporality
    assert "".join(text[start:end] for start, end in reading.clauses) == text


_PIECES = ["no", "denies", "not", ",", ";", ".", ":", "(-)", "(+)", "-x", "+y", "?", "mother has",
           "if", "history of", "fever", "and", "but", "3 days", "[Family history]", "in", "\n",
           "non-", "was", "ruled out", "is", "d'", "v.a."]  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=60).map(" ".join))
def test_any_pile_of_cues_is_read(text: str) -> None:
    reading = Reading(text)
    for at in range(0, len(text), 7):
        assert reading.at(at).polarity in (Polarity.PRESENT, Polarity.ABSENT)


@pytest.mark.parametrize("piece", [*_PIECES, " ", "x", "0", "(", "[a", "a:", "no fever, "])
def test_the_work_grows_with_the_text_and_no_faster(piece: str) -> None:
    """100 kB of it are read in about ten times the time of 10 kB."""
    text = (piece + " ") * (100_000 // (len(piece) + 1))
    small, large = _seconds(text[:10_000]), _seconds(text)
    assert large < 100 * max(small, 0.002)


def _seconds(text: str) -> float:
    """Without the garbage of other tests being collected meanwhile."""
    gc.disable()
    try:
        started = time.thread_time()
        Reading(text).whole()
        return time.thread_time() - started
    finally:
        gc.enable()


# --- one place ---

CODE = [p for d in ("cds_hooks", "fhir_mapping", "prompts") for p in (ROOT / d).rglob("*.py")]
DATA = [p for d in ("cds_hooks", "fhir_mapping", "prompts") for p in (ROOT / d).rglob("*.toml")]
_CUE = re.compile(
    r"(?<![a-z])(?:no|not|denie[sd]|denying|without|negative|never|absent|absence of|ruled out"
    r"|kein|keine|ohne|verneint|pas de|sans|aucun)(?![a-z])"
)
_PATTERN_CALLS = {"compile", "search", "match", "fullmatch", "split", "sub", "finditer", "findall"}
_OTHER_MEANING = {
    "cds_hooks/plausibility/chart/indexed_chart.py": "titles of ICD-10-CM: 'without complications'",
    "cds_hooks/plausibility/terminology/compiler/icd.py": "titles, when ICD-10-CM is compiled",
    "cds_hooks/plausibility/terminology/compiler/word_kinds.py": "titles, when words are compiled",
    "fhir_mapping/notes/sections.py": "'no.' abbreviates 'number' and ends no sentence",
}
_OF_DATA = {
    "context.toml",
    "denials.toml",
    "elements.toml",
    "lacks.toml",
    "sections.toml",
    "words.toml",
}
"""`elements.toml` lists codes that FHIR defines, which redaction keeps; `sections.toml` names the
headings of a list that is denied; `words.toml` lists the words that names of diagnoses are compared
without; `lacks.toml` is of the module."""


_ANSWERS_TOO = ("ja ko", "zh")
"""Languages of which a word that denies a finding is also the answer to a question."""


def _patterns(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _PATTERN_CALLS:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner.value


def test_no_pattern_outside_the_module_reads_negation() -> None:
    found = {}
    for path in CODE:
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(("fhir_mapping/context/", "cds_hooks/evaluation/")):
            continue
        hits = [p for p in _patterns(ast.parse(path.read_text("utf-8"))) if _CUE.search(p)]
        if hits:
            found[name] = hits
    assert set(found) == set(_OTHER_MEANING)


def _lists(value: Any) -> Iterator[list[str]]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _lists(inner)
    elif isinstance(value, list):
        if value and all(isinstance(one, str) for one in value):
            yield value
        for inner in value:
            yield from _lists(inner)


def test_no_table_outside_the_module_lists_cues() -> None:
    context = tomllib.loads((ROOT / "fhir_mapping/tables/context.toml").read_text("utf-8"))
    cues = {
        phrase
        for row in context["cues"]
        if row["effect"] == "absent" and row["language"] not in _ANSWERS_TOO
        for phrase in row["phrases"]
    }
    for path in DATA:
        if path.name not in _OF_DATA:
            for words in _lists(tomllib.loads(path.read_text("utf-8"))):
                assert len(cues.intersection(words)) < 2, (path.name, words)


def test_every_cue_has_a_reason_and_every_effect_is_known() -> None:
    context = tomllib.loads((ROOT / "fhir_mapping/tables/context.toml").read_text("utf-8"))
    effects = {"absent", "unlikely", "uncertain", "hypothetical", "historical", "resolved"}
    assert context["version"]
    assert context["source"]
    for row in context["cues"]:
        assert row["why"]
        assert row["effect"] in effects | {"family", "other"}
        assert row["reach"] in ("after", "before")
        assert len(set(row["phrases"])) == len(row["phrases"]), row["why"]
