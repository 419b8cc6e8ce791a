"""Runs: every case once, whatever breaks off in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cds_hooks.admission.manifest import Manifest
from cds_hooks.consultation import Consultation, Outcome, Verdict
from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.matching import MatchRule, TruthMatcher
from cds_hooks.evaluation.runs.closed import judging, picking
from cds_hooks.evaluation.runs.question import QuestionConfig, question
from cds_hooks.evaluation.runs.results import CaseResult, ResultsFile, read_results
from cds_hooks.evaluation.runs.run_folder import claim_folder, read_manifest
from cds_hooks.evaluation.runs.runner import RESULTS, by_consultation, run_suite
from cds_hooks.evaluation.runs.summary import summarise
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, Suite
from cds_hooks.inference.engine import EngineUnavailable
from tests.fake_engine import FakeEngine, FakeReply

Make = Callable[..., Consultation]


class CountingConsultant:
    """A service that answers right for some cases, and fails or crashes where told."""

    def __init__(self, make: Make, *, crash_at: str = "", away: str = "") -> None:
        self._make, self._crash_at, self._away = make, crash_at, away
        self.asked: list[str] = []

    async def __call__(self, case: EvaluationCase) -> Consultation:
        self.asked.append(case.id)
        if case.id == self._crash_at:
            raise KeyboardInterrupt
        if case.id == self._away:
            raise EngineUnavailable("down")
        wrong = ("Zorblatt syndrome", Verdict.UNRECOGNISED, 0.5)
        right = (case.gold.name, Verdict.SUPPORTED, 1.0)
        return self._make(right, wrong) if case.id < "case-3" else self._make(wrong, right)


async def run(
    suite: Suite, asked: CountingConsultant, matcher: TruthMatcher, manifest: Manifest, folder: Path
) -> tuple[CaseResult, ...]:
    clock = iter(range(1000))
    answer = by_consultation(asked, matcher, clock=lambda: float(next(clock)))
    return await run_suite(suite, answer, manifest, folder)


async def test_every_case_is_asked_and_compared_with_its_truth(
    small_suite: Suite,
    matcher: TruthMatcher,
    manifest: Manifest,
    consultation: Make,
    tmp_path: Path,
) -> None:
    results = await run(small_suite, CountingConsultant(consultation), matcher, manifest, tmp_path)
    assert [r.rank(MatchRule.EXACT) for r in results] == [1, 1, 1, 2, 2, 2]
    assert all(r.seconds == 1 and r.tokens["answer"] == 50 for r in results)
    assert read_results(tmp_path / RESULTS) == results
    assert read_manifest(tmp_path) == manifest


def test_a_manifest_of_a_run_with_a_second_question_is_refused_and_without_is_read(
    manifest: Manifest,
) -> None:
    said = manifest.model_dump(mode="json")
    assert Manifest.model_validate({**said, "after": "none"}) == manifest
    with pytest.raises(ValidationError):
        Manifest.model_validate({**said, "after": "judge"})


async def test_a_run_that_broke_off_goes_on_and_equals_one_that_did_not(
    small_suite: Suite,
    matcher: TruthMatcher,
    manifest: Manifest,
    consultation: Make,
    tmp_path: Path,
) -> None:
    whole = await run(
        small_suite, CountingConsultant(consultation), matcher, manifest, tmp_path / "whole"
    )
    broken = CountingConsultant(consultation, crash_at="case-3")
    with pytest.raises(KeyboardInterrupt):
        await run(small_suite, broken, matcher, manifest, tmp_path / "broken")
    again = CountingConsultant(consultation)
    resumed = await run(small_suite, again, matcher, manifest, tmp_path / "broken")
    assert again.asked == ["case-3", "case-4", "case-5"]
    assert resumed == whole
    folders = ("whole", "broken")
    one, two = ((tmp_path / f / RESULTS).read_bytes() for f in folders)
    assert one == two


@pytest.mark.parametrize("cut", [1, 20, 60])
async def test_a_line_that_a_crash_cut_off_is_asked_again_and_counted_once(
    small_suite: Suite, matcher: TruthMatcher, manifest: Manifest, consultation: Make,
    tmp_path: Path, cut: int,
) -> None:  # fmt: skip
    whole = await run(small_suite, CountingConsultant(consultation), matcher, manifest, tmp_path)
    path = tmp_path / RESULTS
    path.write_bytes(path.read_bytes()[:-cut])
    again = CountingConsultant(consultation)
    assert await run(small_suite, again, matcher, manifest, tmp_path) == whole
    assert again.asked == ["case-5"]
    assert path.read_bytes().count(b"\n") == 6


async def test_lines_that_stand_there_twice_or_are_broken_count_once_or_not(
    small_suite: Suite,
    matcher: TruthMatcher,
    manifest: Manifest,
    consultation: Make,
    tmp_path: Path,
) -> None:
    whole = await run(small_suite, CountingConsultant(consultation), matcher, manifest, tmp_path)
    path = tmp_path / RESULTS
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(rows[0] + rows[0] + b"\x00{]\n" + rows[2] + b'{"case": "case-1"}\n' + rows[2])
    again = CountingConsultant(consultation)
    assert await run(small_suite, again, matcher, manifest, tmp_path) == whole
    assert again.asked == ["case-1", "case-3", "case-4", "case-5"]
    cases = [orjson.loads(line)["case"] for line in path.read_bytes().splitlines()]
    assert sorted(cases) == sorted(set(cases))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_results_file_is_mended(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(content)
    with ResultsFile(path) as results:
        results.add(CaseResult(case="x", outcome="answered"))
        results.add(CaseResult(case="x", outcome="deadline"))
    assert [r.outcome for r in read_results(path)] == ["answered"]


async def test_several_cases_at_once_are_each_asked_once_and_told_in_the_suites_order(
    small_suite: Suite,
    matcher: TruthMatcher,
    manifest: Manifest,
    consultation: Make,
    tmp_path: Path,
) -> None:
    whole = await run(
        small_suite, CountingConsultant(consultation), matcher, manifest, tmp_path / "alone"
    )
    asked, together, most = CountingConsultant(consultation), 0, 0

    async def slow(case: EvaluationCase) -> Consultation:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.01 if case.id == "case-0" else 0)
        together -= 1
        return await asked(case)

    answer = by_consultation(slow, matcher, clock=lambda: 0.0)
    found = await run_suite(small_suite, answer, manifest, tmp_path / "beside", concurrency=3)
    assert [r.model_copy(update={"seconds": 1.0}) for r in found] == list(whole)
    assert sorted(asked.asked) == [c.id for c in small_suite.cases]
    assert asked.asked[-1] == "case-0"
    assert most == 3


@pytest.mark.parametrize("concurrency", [1, 2, 6])
async def test_a_results_file_that_cannot_be_written_ends_the_run(
    small_suite: Suite, matcher: TruthMatcher, manifest: Manifest, consultation: Make,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, concurrency: int,
) -> None:  # fmt: skip
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cds_hooks.evaluation.runs.results.os.fsync", full)
    answer = by_consultation(CountingConsultant(consultation), matcher)
    with pytest.raises(RunError, match="cannot be written"):
        await run_suite(small_suite, answer, manifest, tmp_path, concurrency=concurrency)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [t for t in others if "work" in repr(t.get_coro())]


async def test_a_folder_never_holds_two_runs(
    small_suite: Suite,
    matcher: TruthMatcher,
    manifest: Manifest,
    consultation: Make,
    tmp_path: Path,
) -> None:
    await run(small_suite, CountingConsultant(consultation), matcher, manifest, tmp_path)
    other = manifest.model_copy(update={"seed": 7, "model": {"name": "other"}})
    asked = CountingConsultant(consultation)
    with pytest.raises(RunError, match="other model, seed") as caught:
        await run(small_suite, asked, matcher, other, tmp_path)
    assert asked.asked == []
    assert "--output" in caught.value.hint


def test_the_same_run_started_later_goes_on(manifest: Manifest, tmp_path: Path) -> None:
    claim_folder(tmp_path, manifest)
    later = manifest.model_copy(update={"started": "2027-01-01T00:00:00+00:00"})
    assert claim_folder(tmp_path, later).started == manifest.started


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"seed": 1}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(RunError, match="not a manifest"):
        read_manifest(tmp_path)
    with pytest.raises(RunError, match="no run in this folder"):
        read_manifest(tmp_path / "elsewhere")


async def test_an_engine_that_is_away_is_a_result_and_the_run_goes_on(
    small_suite: Suite,
    matcher: TruthMatcher,
    manifest: Manifest,
    consultation: Make,
    tmp_path: Path,
) -> None:
    asked = CountingConsultant(consultation, away="case-2")
    results = await run(small_suite, asked, matcher, manifest, tmp_path)
    assert results[2].outcome == "engine-unavailable"
    assert len(asked.asked) == 6
    summary = summarise(results)
    assert dict(summary.outcomes) == {"answered": 5, "engine-unavailable": 1}
    assert summary.accuracy[0].top1.value == pytest.approx(2 / 6)


async def test_figures_of_a_run(
    small_suite: Suite,
    matcher: TruthMatcher,
    manifest: Manifest,
    consultation: Make,
    tmp_path: Path,
) -> None:
    summary = summarise(
        await run(small_suite, CountingConsultant(consultation), matcher, manifest, tmp_path)
    )
    exact = summary.accuracy[0]
    assert (exact.match, exact.top1.value, exact.top3.value) == (MatchRule.EXACT, 0.5, 1.0)
    assert exact.reciprocal_rank.value == 0.75
    assert (exact.top1.n, exact.top1.low < 0.5 < exact.top1.high) == (6, True)
    assert summary.list_size.value == 2
    verdicts = {v.verdict: v for v in summary.listed.verdicts}
    assert verdicts[Verdict.SUPPORTED].true.value == 1.0
    assert verdicts[Verdict.UNRECOGNISED].true.value == 0.0
    scores = {s.what: s for s in summary.flags.scores}
    assert scores["verdict"].auroc.value == summary.listed.agreement_auroc.value == 1.0
    assert summary.listed.unrecognised.value == 0.5
    groups = {(g.kind, g.name): g.top1 for g in summary.groups}
    assert groups["age", "18-39"].n == groups["age", "65 and over"].n == 3
    assert groups["tag", "answer-in-text"].n == 1
    assert groups["tag", "not answer-in-text"].n == 5
    costs = {c.what: c.median.value for c in summary.costs}
    assert costs == {"seconds a case": 1.0, "tokens of the prompt": 100, "tokens of the answer": 50}


def test_flags_are_checked_against_what_they_flag(
    consultation: Make, matcher: TruthMatcher
) -> None:
    asked = CountingConsultant(consultation)
    del asked
    case = EvaluationCase(id="1", gold=Gold(("Gout",)))
    done = consultation(
        ("Gout", Verdict.SUPPORTED, 1.0),
        ("Sepsis", Verdict.CONTRADICTED, 0.5),
        ("Asthma", Verdict.PLAUSIBLE, 0.5),
    )

    async def ask(_: EvaluationCase) -> Consultation:
        return done

    result = asyncio.run(by_consultation(ask, matcher)(case))  # type: ignore[arg-type]
    flags = {f.check: f for f in summarise([result]).flags.rows}
    flag = flags["direction"]
    assert (flag.precision.value, flag.precision.n) == (1.0, 1)
    assert (flag.recall.value, flag.recall.n) == (0.5, 2)
    assert (flag.false_alarms.value, flag.false_alarms.n) == (0.0, 1)
    assert not flag.enough


def test_a_run_without_results_has_figures_that_say_so() -> None:
    summary = summarise([])
    assert summary.cases == 0
    assert not summary.accuracy[0].top1.known
    assert not summary.listed.agreement_auroc.known


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_kept(consultation: Make, matcher: TruthMatcher, outcome: Outcome) -> None:
    async def ask(_: EvaluationCase) -> Consultation:
        return replace(consultation(), outcome=outcome)

    case = EvaluationCase(id="1", gold=Gold(("Gout",)))
    result = asyncio.run(by_consultation(ask, matcher)(case))  # type: ignore[arg-type]
    assert result.outcome == outcome.value
    assert result.rank(MatchRule.CATEGORY) is None


CLOSED = EvaluationCase(
    id="q", gold=Gold(("Gout",)), text="A painful toe.", options=("Lupus", "Gout", "PE")
)


def replies(*answers: str) -> FakeEngine:
    return FakeEngine([FakeReply(tuple(orjson.dumps({"answer": a}).decode() for a in answers))])


async def test_a_pick_from_a_list_is_matched_by_its_rule() -> None:
    engine = replies("gout.", "Gout", "Lupus")
    result = await picking(engine, QuestionConfig(seed=3))(CLOSED)
    assert [(a.name, round(a.agreement, 2)) for a in result.answers] == [
        ("gout.", 0.67),
        ("Lupus", 0.33),
    ]
    assert result.rank(MatchRule.EXACT) == 1
    assert result.off_list == 0
    (request,) = engine.requests
    assert request.seed == 3
    assert all(option in request.messages[0].content for option in CLOSED.options)
    assert "gold" not in request.messages[0].content.lower()


async def test_an_answer_that_is_not_on_the_list_is_counted_before_any_mapping() -> None:
    result = await picking(replies("Gouty arthritis", "Gout", "Gout"), QuestionConfig())(CLOSED)
    assert result.off_list == 1
    figures = summarise([result])
    assert (figures.off_list.value, figures.off_list.n) == (pytest.approx(1 / 3), 3)
    assert figures.accuracy[0].majority.value == 1.0


async def test_what_is_no_answer_is_wrong_and_told() -> None:
    engine = FakeEngine([FakeReply(("not JSON", '{"other": 1}', '["Gout"]'))])
    result = await picking(engine, QuestionConfig())(CLOSED)
    assert (result.outcome, result.samples_failed, result.answers) == ("invalid-output", 3, ())
    away = FakeEngine(status="restarting")
    assert (await picking(away, QuestionConfig())(CLOSED)).outcome == "engine-unavailable"


async def test_judging_is_measured_by_its_distance_from_people() -> None:
    case = EvaluationCase(id="j", gold=Gold(("Gout",)), text="...", score=4.5)
    scores = tuple(orjson.dumps({"score": s}).decode() for s in (3, 4, 9))
    result = await judging(FakeEngine([FakeReply(scores)]), QuestionConfig())(case)
    assert (result.stated, result.samples_failed) == (3.5, 1)
    assert summarise([result]).judged_error.value == 1.0


def test_the_digest_of_a_question_covers_wording_and_schema() -> None:
    assert len({question(name).sha256 for name in ("closed", "judge")}) == 2
