"""Loaders: what a line becomes, and what becomes of a line that is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.suite_loading import find_file
from cds_hooks.evaluation.suites.own import load_own, load_own_ndjson
from cds_hooks.evaluation.suites.questions import load_judging, load_multiple_choice, shuffled
from cds_hooks.evaluation.suites.registry import known_suites
from cds_hooks.evaluation.suites.suite import OnError, Suite, Task, age_band
from cds_hooks.evaluation.suites.vignettes import load_vignettes
from fhir_mapping import map_chart
from tests.sample.places import Data

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-03-02"}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def lines(path: Path, *rows: object) -> Path:
    raw = [row if isinstance(row, bytes) else orjson.dumps(row) for row in rows]
    path.write_bytes(b"\n".join(raw) + b"\n")
    return path


def vignette(case_id: str, answer: str = "Gout", choices: tuple[str, ...] = ("Gout", "Lupus")):
    text = "A 40-year-old man has a painful toe."
    return {"id": case_id, "vignette": text, "choices": choices, "answer": answer}


def closed(path: Path, on_error: OnError = OnError.SKIP) -> Suite:
    return load_vignettes(path, Task.CLOSED, now=NOW, on_error=on_error)


def test_every_suite_says_where_it_is_from_and_what_one_may_do_with_it() -> None:
    assert {"osce", "vignettes", "vignettes-open", "multiple-choice", "judging", "own"} <= set(
        known_suites()
    )
    assert all(s.licence and s.origin and s.title for s in known_suites().values())


def test_one_broken_line_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = lines(tmp_path / "v.jsonl", vignette("1"), b'{"id": "2", ', vignette("3"))
    suite = closed(path)
    assert [c.id for c in suite.cases] == ["1", "3"]
    assert [r.where for r in suite.rejected] == ["v.jsonl: line 2"]


def test_one_broken_line_stops_the_run_where_that_is_set(tmp_path: Path) -> None:
    path = lines(tmp_path / "v.jsonl", vignette("1"), {"id": "2"}, vignette("3"))
    with pytest.raises(SuiteError) as caught:
        closed(path, OnError.STOP)
    assert caught.value.where == "v.jsonl: line 2"
    assert "--on-error skip" in caught.value.hint


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (vignette("2", answer="  "), "no gold diagnosis"),
        (vignette("1"), "second time"),
        (vignette("2", answer="Rickets"), "not among the options"),
        ({"id": 2, "vignette": "", "choices": [], "answer": "Gout"}, "id: string type"),
        ([], "row: model type"),
    ],
)
def test_lines_that_make_no_case_say_why(tmp_path: Path, row: object, why: str) -> None:
    suite = closed(lines(tmp_path / "v.jsonl", vignette("1"), row))
    assert [c.id for c in suite.cases] == ["1"]
    assert why in suite.rejected[0].why


def test_a_rejection_never_says_what_the_line_held(tmp_path: Path) -> None:
    row = {"id": "2", "vignette": ["secret finding"], "choices": [], "answer": "secret disease"}
    suite = closed(lines(tmp_path / "v.jsonl", row))
    assert "secret" not in f"{suite.rejected}"


def test_gold_labels_with_commas_are_whole(tmp_path: Path) -> None:
    name = "Glioma, MAP kinase pathway altered"
    suite = closed(lines(tmp_path / "v.jsonl", vignette("1", name, (name, "Gout"))))
    assert suite.cases[0].gold.names == (name,)
    assert suite.cases[0].truth_listed


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot be read"):
        closed(tmp_path / "nothing.jsonl")


def test_a_changed_file_has_another_digest(tmp_path: Path) -> None:
    one = closed(lines(tmp_path / "v.jsonl", vignette("1"))).sha256
    assert closed(lines(tmp_path / "v.jsonl", vignette("1"))).sha256 == one
    assert closed(lines(tmp_path / "v.jsonl", vignette("2"))).sha256 != one


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(JSON.map(orjson.dumps) | st.binary(max_size=30), max_size=5))
@pytest.mark.parametrize("load", [closed, load_multiple_choice, load_judging, load_own])
def test_any_file_is_read_or_its_lines_are_named(
    tmp_path: Path, load: Callable[..., Suite], rows: list[bytes]
) -> None:
    path = lines(tmp_path / "any.jsonl", *rows)
    more = {"now": NOW} if load is load_own else {}
    suite = load(path, on_error=OnError.SKIP, **more)
    written = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    assert len(suite.cases) + len(suite.rejected) == len(written)
    assert all(r.where.startswith("any.jsonl: line ") for r in suite.rejected)


def test_the_order_of_options_depends_on_seed_and_case_alone(tmp_path: Path) -> None:
    names = tuple(f"Disease {i}" for i in range(8))
    first, second = (vignette(i, names[0], names) for i in ("1", "2"))
    cases = closed(lines(tmp_path / "v.jsonl", first, second)).cases
    assert shuffled(cases[0], 1) == shuffled(cases[0], 1)
    assert sorted(shuffled(cases[0], 1)) == sorted(names)
    assert shuffled(cases[0], 1) != shuffled(cases[0], 2)
    assert shuffled(cases[0], 1) != shuffled(cases[1], 1)


def even(suite: Suite) -> bool:
    """Whether the truth is about as often at each of four places."""
    cases = [c for c in suite.cases if len(set(c.options)) == 4]
    places = [shuffled(c, 0).index(c.gold.names[0]) for c in cases]
    return all(0.2 < places.count(i) / len(places) < 0.3 for i in range(4))


def test_the_place_of_the_truth_is_even_although_it_is_written_first(tmp_path: Path) -> None:
    names = ("Gout", "Lupus", "Rickets", "Scurvy")
    rows = [vignette(f"case_{i}", "Gout", names) for i in range(1000)]
    assert even(closed(lines(tmp_path / "v.jsonl", *rows), OnError.STOP))


def test_the_place_of_the_truth_is_even_in_the_published_vignettes(shared_data: Path) -> None:
    assert even(closed(shared_data / "eval" / "vignettes_mcq.jsonl", OnError.STOP))


def test_a_vignette_says_who_and_is_marked_where_it_gives_the_answer_away(sample: Data) -> None:
    cases = {c.id: c for c in load_vignettes(sample.vignettes, Task.CLOSED, now=NOW).cases}
    child = cases["vignette_5"]
    assert (child.gold.names, child.recorded_sex) == (("Croup",), "male")
    assert child.age_years == pytest.approx(14 / 12)
    assert sorted(child.options) == [
        "Bronchiolitis",
        "Croup",
        "Epiglottitis",
        "Foreign body aspiration",
    ]
    assert {i for i, c in cases.items() if "answer-in-text" in c.tags} == {"vignette_7"}


def test_vignettes_are_all_read_and_become_charts(data: Data) -> None:
    suite = load_vignettes(data.vignettes, Task.OPEN, now=NOW)
    count = {"sample": 8, "shared": 977}[data.name]
    assert (len(suite.cases), suite.rejected, suite.task) == (count, (), Task.OPEN)
    for case in suite.cases[:60]:
        chart = map_chart(list(case.resources), patient_id=case.patient_id, now=NOW)
        told = " ".join(f.text for f in chart.facts)
        assert all(word in told for word in case.text.split()[:8])
        assert not case.options
        assert chart.patient.recorded_sex == case.recorded_sex


@pytest.mark.parametrize(
    ("options", "answer", "right"),
    [
        ({"A": "Uveitis", "B": "Keratitis"}, "B", "Keratitis"),
        (["Uveitis", "Keratitis"], "b.", "Keratitis"),
        (["Uveitis", "Keratitis"], "Uveitis", "Uveitis"),
        (["B", "A"], "A", "A"),
    ],
)
def test_a_letter_stands_for_its_option(
    tmp_path: Path, options: object, answer: str, right: str
) -> None:
    row = {"id": "1", "question": "?", "options": options, "answer": answer}
    assert load_multiple_choice(lines(tmp_path / "m.jsonl", row)).cases[0].gold.names == (right,)


@pytest.mark.parametrize("score", [0.5, 5.5, "x", None])
def test_scores_are_between_1_and_5(tmp_path: Path, score: object) -> None:
    row = {"id": "1", "case": "c", "answer": "a", "disease": "d", "score": score}
    path = lines(tmp_path / "j.jsonl", row, {**row, "id": "2", "score": 4.5})
    suite = load_judging(path, on_error=OnError.SKIP)
    assert [c.score for c in suite.cases] == [4.5]
    assert len(suite.rejected) == 1


def test_a_sites_own_case_is_its_bundle_with_its_gold_code(tmp_path: Path) -> None:
    problem = {
        "resourceType": "Condition",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"code": "I10"}]},
    }
    bundle = {"resourceType": "Bundle", "entry": [{"resource": r} for r in (PATIENT, problem)]}
    rows = (
        {"id": "a", "bundle": bundle, "gold": {"code": "I26.99", "display": "Pulmonary embolism"}},
        {"id": "b", "resources": [PATIENT, problem], "gold": {"code": "I10"}},
        {"id": "c", "resources": [PATIENT], "gold": "Gout, acute"},
    )
    first, second, third = load_own(lines(tmp_path / "o.jsonl", *rows), now=NOW).cases
    assert (first.patient_id, len(first.resources), first.recorded_sex) == ("p1", 2, "female")
    assert first.age_years == pytest.approx(46, abs=0.01)
    assert [c.code for c in first.gold.codes] == ["I26.99"]
    assert "gold-recorded" not in first.tags
    assert "gold-recorded" in second.tags
    assert third.gold.names == ("Gout, acute",)


def test_an_ndjson_export_is_joined_with_its_labels(tmp_path: Path) -> None:
    fact = {"resourceType": "Observation", "subject": {"reference": "Patient/p1"}}
    other = {"resourceType": "Observation", "subject": {"reference": "Patient/p2"}}
    export = lines(tmp_path / "all.ndjson", other, fact, PATIENT)
    labels = lines(
        tmp_path / "labels.jsonl",
        {"patient": "Patient/p1", "gold": {"code": "M10.9", "display": "Gout"}},
        {"patient": "p9", "gold": {"code": "M10.9"}},
    )
    suite = load_own_ndjson(export, labels, now=NOW, on_error=OnError.SKIP)
    assert [(c.id, len(c.resources)) for c in suite.cases] == [("p1", 2)]
    assert [(r.where, r.why) for r in suite.rejected] == [
        ("labels.jsonl: line 2", "no resource of this patient")
    ]


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (None, "not recorded"),
        (0.0, "0-1"),
        (1.99, "0-1"),
        (2, "2-11"),
        (17.9, "12-17"),
        (18, "18-39"),
        (64.9, "40-64"),
        (65, "65 and over"),
        (104, "65 and over"),
    ],
)
def test_age_bands(age: float | None, band: str) -> None:
    assert age_band(age) == band


def test_a_suites_file_is_looked_for_in_a_folder_and_below(tmp_path: Path) -> None:
    deep, near = tmp_path / "a" / "b" / "c", tmp_path / "z"
    for folder in (deep, near):
        folder.mkdir(parents=True)
        (folder / "cases.jsonl").write_text("")
    assert find_file("own", tmp_path) == near / "cases.jsonl"
    assert find_file("own", tmp_path / "a") == deep / "cases.jsonl"
    assert find_file("own", near / "cases.jsonl") == near / "cases.jsonl"
    with pytest.raises(SuiteError, match=r"no file labels\.json"):
        find_file("clinosim", tmp_path)
    with pytest.raises(SuiteError, match="no suite of this name"):
        find_file("nothing", tmp_path)
