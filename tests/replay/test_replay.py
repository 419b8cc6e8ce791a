"""Each planted change is named as the cause of what differs, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

import prompts
from cds_hooks.consult.rule_tables import RuleTable, tables_digest
from cds_hooks.consultation import CheckedConsultation, Outcome, PreparedConsultation
from cds_hooks.inference.engine import DeadlinePassed
from cds_hooks.replay import (
    CardTerms,
    RecordedTables,
    Replayed,
    Today,
    Verdict,
    changes_since,
    replay,
)  # fmt: skip
from cds_hooks.replay.changes import in_words
from fhir_mapping import map_chart
from tests.fake_engine import FakeEngine, FakeReply
from tests.replay.conftest import NOW, SAMPLING, said

NONE = RecordedTables()


def engine_with(replies: list[FakeReply]) -> FakeEngine:
    return FakeEngine(replies, demonstration=False)


def codes(found: Replayed) -> dict[str, list[str]]:
    """The codes of causes by the step that differs."""
    return {step.code: [c.code for c in step.causes] for step in found.steps if step.differs}


async def test_nothing_changed_is_the_same(today: Today, recorded: CheckedConsultation) -> None:
    engine = engine_with([FakeReply(recorded.samples)])
    found = await replay(recorded, replace(today, engine=engine), NONE)
    assert found.verdict is Verdict.SAME
    assert [step.code for step in found.steps] == ["rules", "model"]
    assert "All 1 samples are the same" in found.steps[1].notes[0]
    [asked] = engine.requests
    assert (asked.seed, asked.samples, asked.exclusive) == (7, 1, True)
    assert asked.messages == recorded.prompt.messages  # type: ignore[union-attr]


async def test_a_record_that_says_otherwise_than_its_rules_is_unexplained(
    today: Today, recorded: CheckedConsultation
) -> None:
    altered = replace(recorded, chart_findings=recorded.chart_findings[1:])
    found = await replay(altered, today, NONE)
    assert found.verdict is Verdict.UNEXPLAINED
    assert codes(found) == {"rules": []}


async def test_a_changed_rule_table_is_named(
    today: Today, recorded: CheckedConsultation, with_basis: Callable[..., CheckedConsultation]
) -> None:
    name = "plausibility.chart_rules.lung"
    before = {**today.tables, name: RuleTable("1", "e" * 64)}
    digest = tables_digest(before)
    old = replace(with_basis(tables_sha256=digest), chart_findings=recorded.chart_findings[1:])
    record = {
        "tables_sha256": digest,
        "terminology_sha256": "c" * 64,
        "tables": {n: f"{t.version} {t.sha256[:16]}" for n, t in before.items()},
    }
    tables = RecordedTables.find([orjson.dumps({"details": record})], old)
    found = await replay(old, today, tables)
    assert found.verdict is Verdict.EXPLAINED
    [step] = [step for step in found.steps if step.differs]
    assert [(c.code, c.what) for c in step.causes] == [("rules", name)]
    assert step.causes[0].before == "1 " + "e" * 16
    rule = recorded.chart_findings[0].rule
    assert any(
        note.startswith(f"The rule {rule} is of the table plausibility.") for note in step.notes
    )
    assert in_words(step.causes[0]).startswith(f"rules {name}: 1 eeee")


async def test_a_record_of_before_says_that_versions_were_not_recorded(
    today: Today, recorded: CheckedConsultation, with_basis: Callable[..., CheckedConsultation]
) -> None:
    old = replace(with_basis(tables_sha256=""), chart_findings=())
    found = await replay(old, today, NONE)
    assert codes(found) == {"rules": ["unrecorded"]}
    assert found.verdict is Verdict.EXPLAINED


@pytest.mark.parametrize(
    ("changed", "code", "what"),
    [
        ({"terminology_sha256": "d" * 64}, "terminology", "compiled from"),
        ({"version": "0.9"}, "program", "version"),
        ({"sampling": replace(SAMPLING, seed=8)}, "sampling", "seed"),
        ({"settings": {"model.threads": "3"}}, "decoding", "model.threads"),
        ({"settings": {"cards.profile": '"epic"'}}, "cards", "cards.profile"),
        ({"settings": {"services.assessments": "false"}}, "mapping", "services.assessments"),
        ({"settings": {"panel.asked": '"at-once"'}}, "panel", "panel.asked"),
        ({"settings": {"services.recall_s": "1.0"}}, "setting", "services.recall_s"),
    ],
)
def test_every_change_of_the_basis_has_a_code(
    today: Today, with_basis: Callable[..., CheckedConsultation], changed: Mapping[str, Any],
    code: str, what: str,
) -> None:  # fmt: skip
    found = changes_since(with_basis(**changed), today, NONE)
    assert [(c.code, c.what) for c in found] == [(code, what)]


async def test_another_model_is_named_and_open_until_it_is_asked(
    today: Today, recorded: CheckedConsultation, d_dimer: str
) -> None:
    model = replace(recorded.model, sha256="f" * 64, engine="older build")  # type: ignore[type-var]
    old = replace(recorded, model=model)
    not_asked = await replay(old, today, NONE)
    assert not_asked.verdict is Verdict.EXPLAINED
    assert [(c.code, c.before) for c in not_asked.open_changes] == [("model", "f" * 16)]
    engine = engine_with([FakeReply((said("Asthma", fact=d_dimer),))])
    asked = await replay(old, replace(today, engine=engine), NONE)
    assert codes(asked) == {"model": ["model", "engine"]}
    assert asked.verdict is Verdict.EXPLAINED
    assert asked.open_changes == ()


async def test_the_same_model_that_writes_something_else_is_unexplained(
    today: Today, recorded: CheckedConsultation, d_dimer: str
) -> None:
    engine = engine_with([FakeReply((said("Asthma", fact=d_dimer),))])
    found = await replay(recorded, replace(today, engine=engine), NONE)
    assert found.verdict is Verdict.UNEXPLAINED
    [step] = [step for step in found.steps if step.differs]
    assert step.notes[0].startswith("1 of 1 samples")
    assert "same processor" in step.notes[1]


async def test_a_changed_seed_is_the_cause_of_another_list(
    today: Today, recorded: CheckedConsultation, d_dimer: str
) -> None:
    engine = engine_with([
        FakeReply(recorded.samples), FakeReply((said("Asthma", fact=d_dimer),)),
    ])  # fmt: skip
    later = replace(today, engine=engine, sampling=replace(SAMPLING, seed=8))
    found = await replay(recorded, later, NONE)
    assert codes(found) == {"sampling": ["sampling"]}
    assert [request.seed for request in engine.requests] == [7, 8]


async def test_another_template_is_the_cause_of_another_list(
    today: Today, recorded: CheckedConsultation, d_dimer: str
) -> None:
    engine = engine_with([
        FakeReply(recorded.samples), FakeReply((said("Asthma", fact=d_dimer),)),
    ])  # fmt: skip
    older = replace(today, engine=engine, template=prompts.load("differential", "1"))
    found = await replay(recorded, older, NONE)
    assert codes(found) == {"template": ["template"]}
    [step] = [step for step in found.steps if step.differs]
    assert step.causes[0].after.startswith("differential/1 ")
    assert step.comparison.prompt


async def test_each_removed_fact_is_a_cause_of_its_own(
    today: Today, recorded: CheckedConsultation, resources: list[dict[str, Any]], d_dimer: str
) -> None:
    fact = recorded.chart.fact(d_dimer)
    assert fact is not None
    gone = set(fact.sources) | {"Condition/c2"}
    left = [r for r in resources if f"{r['resourceType']}/{r['id']}" not in gone]
    chart = map_chart(left, patient_id="demo-1", now=NOW)
    found = await replay(recorded, today, NONE, chart=chart)
    assert found.verdict is Verdict.EXPLAINED
    causes = {step.causes[0].what: step for step in found.steps if step.code == "facts"}
    assert f"removed {d_dimer}" in causes
    assert causes[f"removed {d_dimer}"].differs
    assert len(causes) == 2
    cards = causes[f"removed {d_dimer}"].comparison.cards
    assert any("dimer" in each.before.lower() for each in cards)


async def test_cards_are_made_by_the_recorded_settings_and_then_by_todays(
    today: Today, with_basis: Callable[..., CheckedConsultation]
) -> None:
    quiet = {"services.speak_by_service": '{"chartside-patient-view":"when-it-matters"}'}
    plain = replace(with_basis(settings=quiet), chart_findings=(), contradictions=())
    told = CardTerms.recorded(quiet, "chartside-patient-view", today.cards)
    assert told.speak == "when-it-matters"
    assert CardTerms.recorded(quiet, "chartside-encounter-start", today.cards).speak == "always"
    found = await replay(plain, today, NONE)
    [step] = [step for step in found.steps if step.code == "cards"]
    assert [cause.what for cause in step.causes] == ["services.speak_by_service"]


def test_settings_of_another_version_count_as_the_defaults(today: Today) -> None:
    odd = {"cards.profile": '"of-tomorrow"', "services.speak": '"always"', "services.new": "1"}
    assert CardTerms.recorded(odd, "chartside-patient-view", today.cards) == CardTerms()


async def test_what_nobody_answered_is_judged_and_not_asked(
    today: Today, recorded: CheckedConsultation
) -> None:
    pending = PreparedConsultation(
        **{name: getattr(recorded, name) for name in PreparedConsultation.__dataclass_fields__}
    )
    engine = engine_with([])
    found = await replay(pending, replace(today, engine=engine), NONE)
    assert found.verdict is Verdict.SAME
    assert engine.requests == []
    assert found.notes == ("No model answered then, so none is asked.",)


async def test_problems_just_entered_cannot_be_judged_again(
    today: Today, recorded: CheckedConsultation
) -> None:
    found = await replay(replace(recorded, outcome=Outcome.CHECKED, samples=()), today, NONE)
    assert found.steps == ()
    assert found.notes[0].startswith("Problems just entered are not on record")


async def test_an_engine_that_cannot_answer_is_an_error(
    today: Today, recorded: CheckedConsultation
) -> None:
    engine = engine_with([FakeReply(fault=DeadlinePassed("too late"))])
    with pytest.raises(DeadlinePassed):
        await replay(recorded, replace(today, engine=engine), NONE)
