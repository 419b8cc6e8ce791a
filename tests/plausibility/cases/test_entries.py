"""What models said is kept, gone on with, and cites the same facts when they are renumbered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import prompts
from cds_hooks.consultation import Evidence, Group
from cds_hooks.inference.engine import EngineUnavailable
from fhir_mapping import Chart
from tests.fake_engine import FakeEngine, FakeReply
from tests.plausibility.cases.build import chart_of
from tests.plausibility.cases.entries import BRIEF, Asking, ask, in_turn, left
from tests.plausibility.cases.load import Case, load
from tests.plausibility.cases.said import (
    Answered,
    Cited,
    EntriesError,
    RunSettings,
    Said,
    append,
    differentials,
    read,
)

CASES = Path(__file__).with_name("data") / "danger"
ASKED = RunSettings(
    model="m", sha256="0" * 64, engine="e", template="t/1", names=True, samples=1, seed=0
)
ANSWER = """{"diagnoses":[{"name":"Appendicitis","group":"likely",
 "for":[{"fact":"%s","is":"%s"}],"against":[]}]}"""


@pytest.fixture(scope="module")
def case() -> Case:
    return load(CASES / "abdominal-pain.toml")[0]


def asking(*replies: FakeReply, samples: int = 1) -> Asking:
    template = prompts.load("differential-brief", root=BRIEF)
    return Asking(FakeEngine(replies), template, names=True, samples=samples)


def abnormal(case: Case) -> str:
    return next(fact.id for fact in chart_of(case).facts if fact.flag and fact.is_abnormal)


async def test_an_answer_is_kept_with_what_it_cites(case: Case) -> None:
    fact = abnormal(case)
    found = await ask(case, asking(FakeReply((ANSWER % (fact, "high"),))))
    assert (found.outcome, found.failed) == ("answered", 0)
    ((said,),) = found.samples
    assert (said.name, said.group) == ("Appendicitis", Group.LIKELY)
    assert said.cites[0].of == chart_of(case).fact(fact).sources
    made, lost = differentials(found, chart_of(case))
    assert made[0].candidates[0].evidence_for == (Evidence(fact, "high"),)
    assert lost == 0


async def test_a_sample_that_is_none_is_counted_with_its_fault(case: Case) -> None:
    good = ANSWER % (abnormal(case), "high")
    found = await ask(case, asking(FakeReply((good, ANSWER % ("L99", "high"))), samples=2))
    assert (found.outcome, len(found.samples), found.failed) == ("answered", 1, 1)
    assert found.faults[0].startswith("$.diagnoses[0].for[0]")
    found = await ask(case, asking(FakeReply(("no JSON",))))
    assert (found.outcome, found.samples, found.failed) == ("invalid-output", (), 1)


async def test_a_fault_of_the_engine_is_an_outcome_and_is_asked_again(
    case: Case, tmp_path: Path
) -> None:
    how = asking(FakeReply(fault=EngineUnavailable("gone")), FakeReply(("no JSON",)))
    out = tmp_path / "entries.jsonl"
    append(out, await ask(case, how))
    assert read(out)[0].outcome == "engine-unavailable"
    assert left([case], out, how.run_settings) == [case]
    append(out, await ask(case, how))
    assert left([case], out, how.run_settings) == []
    assert [a.outcome for a in read(out)] == ["invalid-output"]
    other = replace(how, samples=3)
    assert left([case], out, other.run_settings) == [case]


def test_a_line_that_was_cut_off_is_asked_again(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "entries.jsonl"
    append(out, Answered(case=case.id, asked=ASKED, outcome="answered"))
    whole = out.read_bytes()
    out.write_bytes(whole + whole[:40])
    assert len(read(out)) == 1
    assert left([case], out, ASKED) == []
    assert out.read_bytes() == whole
    out.write_bytes(b"{}\n" + whole)
    with pytest.raises(EntriesError, match="line 1"):
        read(out)
    with pytest.raises(EntriesError, match="Make it with"):
        read(tmp_path / "missing.jsonl")


def test_folders_take_turns() -> None:
    cases = load(CASES)
    one, two = cases[:3], cases[3:5]
    assert in_turn([one, two]) == [one[0], two[0], one[1], two[1], one[2]]


async def _renumbered(case: Case, change: Callable[[Chart], Chart]) -> tuple[tuple[str, ...], int]:
    """The facts cited of a changed chart by an answer that cited an abnormal one."""
    found = await ask(case, asking(FakeReply((ANSWER % (abnormal(case), "high"),))))
    made, lost = differentials(found, change(chart_of(case)))
    return tuple(e.fact_id for e in made[0].candidates[0].evidence_for), lost


async def test_a_citation_follows_its_fact(case: Case) -> None:
    fact = abnormal(case)

    def other_id(chart: Chart) -> Chart:
        return replace(chart, facts=tuple(replace(f, id=f"{f.id}0") for f in chart.facts))

    def other_words(chart: Chart) -> Chart:
        facts = (replace(f, text=f.text.upper()) if f.id == fact else f for f in chart.facts)
        return replace(chart, facts=tuple(facts))

    def gone(chart: Chart) -> Chart:
        return replace(chart, facts=tuple(f for f in chart.facts if f.id != fact))

    assert await _renumbered(case, other_id) == ((f"{fact}0",), 0)
    assert await _renumbered(case, other_words) == ((fact,), 0)
    assert await _renumbered(case, gone) == ((), 1)


def test_nothing_of_the_chart_is_kept_in_words(case: Case) -> None:
    chart = chart_of(case)
    cited = Cited(fact="L1", claim="high", of=("Observation/r9",), words="0" * 12)
    line = Answered(
        case=case.id,
        asked=ASKED,
        outcome="answered",
        samples=((Said(name="Appendicitis", group=Group.LIKELY, cites=(cited,)),),),
    ).model_dump_json()
    assert not any(fact.text in line for fact in chart.facts)
