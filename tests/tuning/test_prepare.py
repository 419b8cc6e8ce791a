"""A training set of three hand-made charts: answered with true citations, checked, counted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

import prompts
from cds_hooks.evaluation.suites.charts import ChartBuilder, quantity
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, Suite
from cds_hooks.evaluation.trained_cases import TrainedCase, case_digests, require_unseen
from cds_hooks.plausibility import Terminology
from cds_hooks.tuning.dividing import Part, Shares
from cds_hooks.tuning.draft import Draft, drafts_of_examples, drafts_of_suite
from cds_hooks.tuning.example import GoldDiagnosis, TrainingExample, Turn, read_examples
from cds_hooks.tuning.manifest import SourceFacts, read_manifest
from cds_hooks.tuning.prepare import Prepared, Preparing, prepare
from cds_hooks.tuning.teacher import Taught, read_teacher, with_teacher
from cds_hooks.tuning.tokeniser import ModelTokens
from cds_hooks.tuning.tuning_errors import TuningDataError
from cds_hooks.tuning.writing import write_set

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHORT = Path(prompts.__file__).parents[1] / "cds_hooks/evaluation/runs/templates"
TOLD = {
    "Gout": ("Painful swollen great toe", "Uric acid", 9.1),
    "Pulmonary embolism": ("Pleuritic chest pain after a long flight", "D-dimer", 4.0),
    "Hypothyroidism": ("Tiredness and weight gain in the cold", "TSH", 40.0),
    "Appendicitis": ("Pain in the right lower abdomen since breakfast", "Leukocytes", 18.0),
    "Migraine": ("One-sided throbbing headache with flickering light", "Sodium", 160.0),
}


def case(name: str) -> EvaluationCase:
    reason, result, value = TOLD[name]
    chart = ChartBuilder(name.replace(" ", "-"), NOW)
    chart.patient(50, "female")
    chart.encounter([reason])
    measured = {
        "valueQuantity": quantity(value, "mg/dL", "mg/dL"),
        "referenceRange": [{"high": quantity(value / 2, "mg/dL", "mg/dL")}],
    }
    chart.observation("laboratory", result, measured, loinc="")
    return EvaluationCase(
        id=name,
        gold=Gold((name,)),
        resources=tuple(chart.resources),
        patient_id=chart.patient_id,
        text=reason,
    )


@pytest.fixture(scope="module")
def suite() -> Suite:
    return make_suite("osce", "f" * 64, [case(name) for name in TOLD])


@pytest.fixture
def how(terminology: Terminology) -> Preparing:
    template = prompts.load("differential-brief", root=SHORT)
    return Preparing(template, terminology, key=b"key", shares=Shares(0, 0))


def made(drafts: list[Draft], how: Preparing) -> Prepared:
    return prepare(drafts, [], how)


def test_the_truth_comes_first_and_every_citation_is_so(suite: Suite, how: Preparing) -> None:
    done = made(drafts_of_suite(suite, now=NOW, seed=0), how)
    examples = done.parts[Part.TRAIN].examples
    assert len(examples) == 5
    assert done.dropped == {}
    for one in examples:
        listed = orjson.loads(one.answer)["diagnoses"]
        assert listed[0]["name"] == one.gold.display
        assert sorted(d["name"] for d in listed) == sorted(TOLD)
        lines = {line.split(" | ")[0]: line for line in one.user_text.splitlines()}
        for cited in (c for d in listed for c in d["for"]):
            line = lines[cited["fact"]]
            assert ("high" in line) is (cited["is"] == "high")
            assert cited["is"] in ("high", "present")


def test_a_chart_that_is_like_no_other_has_too_few_diagnoses(suite: Suite, how: Preparing) -> None:
    done = made(drafts_of_suite(suite.only(["Gout", "Migraine"]), now=NOW, seed=0), how)
    assert done.parts[Part.TRAIN].examples == []
    assert done.dropped == {"too-few-diagnoses": 2}


def test_a_trace_that_says_what_is_not_so_is_dropped_and_the_case_stays(
    suite: Suite, how: Preparing
) -> None:
    taught = {
        "osce:Gout": Taught(id="osce:Gout", by="teacher", trace="L1 is high. It is gout."),
        "osce:Migraine": Taught(id="osce:Migraine", by="teacher", trace="L7 tells migraine."),
    }
    done = made(with_teacher(drafts_of_suite(suite, now=NOW, seed=0), taught), how)
    traces = {e.gold.display: e.trace for e in done.parts[Part.TRAIN].examples}
    assert traces["Gout"] == "L1 is high. It is gout."
    assert traces["Migraine"] == ""
    assert done.traces_dropped == {"cites-unknown-fact": 1}


def example(answer: str, **other: Any) -> TrainingExample:
    return TrainingExample(
        id=other.pop("id", "own-1"),
        patient="MRN 12345",
        messages=(Turn(role="user", content="S1 | Painful toe"),),
        answer=answer,
        gold=GoldDiagnosis(display="Gout"),
        source="ours",
        **other,
    )


@pytest.mark.parametrize(
    ("answer", "facts", "reason"),
    [
        ('{"answer":"Gout"}', (), ""),
        ("gout", (), ""),
        ('{"answer":"Lupus"}', (), "answer-is-not-gold"),
        ('{"diagnoses":[{"name":"Lupus","group":"likely","for":[],"against":[]}]}', ("S1",),
         "answer-is-not-gold"),
        ('{"diagnoses":[{"name":"Gout","group":"likely","for":[{"fact":"S9","is":"present"}],'
         '"against":[]}]}', ("S1",), "answer-not-usable"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_right_is_dropped(
    answer: str, facts: tuple[str, ...], reason: str, how: Preparing
) -> None:
    done = made(drafts_of_examples([example(answer, facts=facts)]), how)
    assert list(done.dropped) == ([reason] if reason else [])
    assert len(done.parts[Part.TRAIN].examples) == (not reason)


def test_what_is_longer_than_the_sequence_is_counted_and_not_cut(
    suite: Suite, how: Preparing, smollm: ModelTokens
) -> None:
    drafts = drafts_of_examples([example("Gout"), example("Gout " * 60, id="own-2")])
    short = Preparing(
        how.template, how.terminology, b"key", shares=Shares(0, 0), sequence=64, tokens=smollm
    )
    done = made(drafts, short)
    assert [m.id for m in done.parts[Part.TRAIN].marked] == ["own-1"]
    assert done.dropped == {"answer-is-not-gold": 1}
    none = Preparing(
        how.template, how.terminology, b"key", shares=Shares(0, 0), sequence=8, tokens=smollm
    )
    assert made(drafts, none).dropped == {"longer-than-sequence": 1, "answer-is-not-gold": 1}


def test_the_folder_tells_what_it_is_of_and_nobody_else_reads_it(
    suite: Suite, how: Preparing, tmp_path: Path
) -> None:
    done = made(
        drafts_of_suite(suite, now=NOW, seed=0) + drafts_of_examples([example("Gout")]), how
    )
    folder = tmp_path / "set"
    source = SourceFacts(id="osce", kind="suite", sha256="f" * 64, cases=5)
    facts = {"sources": [source], "apart_from": [], "model": None, "now": NOW}
    written = write_set(folder, done, how, **facts)  # type: ignore[arg-type]
    assert read_manifest(folder) == written
    assert written.patient_text
    assert {oct(p.stat().st_mode & 0o777) for p in folder.iterdir()} == {"0o600"}
    train = read_examples(folder / "train.jsonl")
    assert len(train) == written.parts["train"].examples == 6
    assert "12345" not in (folder / "train.jsonl").read_text()
    assert set(case_digests("osce", suite.cases[0])) <= set(written.parts["train"].case_digests)
    with pytest.raises(TrainedCase, match="5 of 5"):
        require_unseen(suite, [folder / "manifest.json"])
    with pytest.raises(TuningDataError, match="holds a training set"):
        write_set(folder, done, how, **facts)  # type: ignore[arg-type]


def test_a_set_that_is_made_of_another_still_tells_its_cases(
    suite: Suite, how: Preparing, tmp_path: Path
) -> None:
    """Whoever adds traces to `train.jsonl` and prepares it again trains on the same cases."""
    first = made(drafts_of_suite(suite, now=NOW, seed=0), how).parts[Part.TRAIN]
    again = made(drafts_of_examples(first.examples), how).parts[Part.TRAIN]
    assert len(again.examples) == 5
    path = tmp_path / "manifest.json"
    path.write_bytes(orjson.dumps({"case_digests": again.digests}))
    with pytest.raises(TrainedCase, match="5 of 5 cases"):
        require_unseen(suite, [path])


def test_a_line_of_a_teacher_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    row = {"id": "a", "by": "x", "trace": "t"}
    path.write_bytes(orjson.dumps(row))
    assert read_teacher(path)["a"].trace == "t"
    for second, why in ((row, "second time"), ({"id": "b"}, "not what a teacher wrote")):
        path.write_bytes(orjson.dumps(row) + b"\n" + orjson.dumps(second))
        with pytest.raises(TuningDataError, match=why) as caught:
            read_teacher(path)
        assert caught.value.where == "t.jsonl: line 2"


def test_a_closed_list_asks_as_a_run_does_and_answers_with_the_listed_truth(how: Preparing) -> None:
    listed = EvaluationCase(
        id="1", gold=Gold(("gout",)), text="A painful toe.", options=("Lupus", "Gout", "Sepsis")
    )
    suite = make_suite("vignettes", "f" * 64, [listed])
    done = made(drafts_of_suite(suite, now=NOW, seed=3), how)
    (one,) = done.parts[Part.TRAIN].examples
    assert one.answer == '{"answer":"Gout"}'
    assert one.user_text.startswith("A painful toe.")
    assert all(f"- {option}\n" in one.user_text for option in listed.options)
    wrong = Taught(id="vignettes:1", by="t", trace="It hurts. The diagnosis is lupus.")
    taught = with_teacher(drafts_of_suite(suite, now=NOW, seed=3), {wrong.id: wrong})
    assert made(taught, how).traces_dropped == {"concludes-another-diagnosis": 1}
