"""Today's rules on a recorded chart and on what a model wrote about it. Pure."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cds_hooks import cards, plausibility
from cds_hooks.comparison import Side
from cds_hooks.consult.model_answers import names_of, parse_samples, with_probabilities
from cds_hooks.consult.verifying import ranked
from cds_hooks.consultation import (
    Assessment,
    CheckedConsultation,
    Consultation,
    Differential,
    Outcome,
)
from cds_hooks.inference.answer_parser import InvalidOutput, parse_differential
from cds_hooks.inference.engine import Generation
from cds_hooks.inference.panel import by_model
from cds_hooks.replay.today import CardTerms, Today

__all__ = ["judged", "side_of", "with_generation"]

# A replayed card is shown to nobody: its links lead nowhere.
_NOWHERE = "http://127.0.0.1"
# Without an id nothing is suggested; whose it is the record does not tell.
_SOMEBODY = "replayed"


def judged(done: Consultation, today: Today) -> Consultation:
    """The same chart and samples, with all that today's rules say of them."""
    by_rules = plausibility.assess_chart(done.chart, today.terminology)
    done = replace(
        done,
        chart_findings=by_rules.chart_findings,
        contradictions=by_rules.contradictions,
        medication_concerns=by_rules.medication_concerns,
    )
    if not isinstance(done, CheckedConsultation) or not done.samples:
        return done
    said = tuple(_differentials(done))
    found = plausibility.assess_differentials(done.chart, said, today.terminology)
    outcome = Outcome.ANSWERED if found.assessments else Outcome.EMPTY
    models = {each.model for each in said}
    asked = {each.name: each for each in done.assessments}
    judged_today = replace(
        done,
        differentials=said,
        samples_failed=len(done.samples) - len(said),
        outcome=outcome if said else Outcome.INVALID_OUTPUT,
        assessments=tuple(_as_asked(each, asked) for each in found.assessments),
        ranking=None,
        red_flags=found.red_flags,
        unexplained=found.unexplained,
        truth_set=plausibility.truth_set(found.assessments, models, today.error, today.calibration),
    )
    return ranked(judged_today, today.verifier)


def _as_asked(assessed: Assessment, asked: Mapping[str, Assessment]) -> Assessment:
    """With what the models said of it when they were asked; they are not asked again."""
    before = asked.get(assessed.name, assessed)
    return replace(assessed, p_true=before.p_true, second_view=before.second_view)


def with_generation(done: Consultation, generation: Generation, today: Today) -> Consultation:
    """The same question with what a model just answered, judged by today's rules."""
    models = [part.model.name for part in by_model(generation) for _ in part.samples]
    if not isinstance(done, CheckedConsultation):
        done = CheckedConsultation.of(done, outcome=Outcome.ANSWERED)
    answered = replace(
        done,
        samples=tuple(sample.text for sample in generation.samples),
        sample_models=tuple(models),
        differentials=parse_samples(
            by_model(generation), done.prompt.fact_ids if done.prompt else ()
        ),
        assessments=done.assessments if generation.model == done.model else (),
        model=generation.model,
        outcome=Outcome.ANSWERED,
    )
    return judged(answered, today)


def side_of(done: Consultation, terms: CardTerms) -> Side:
    """A consultation with the cards that show it, as of its own time."""
    numbers = iter(range(10_000))
    response = cards.build(
        done,
        base_url=_NOWHERE,
        make_uuid=lambda: f"replayed-{next(numbers)}",
        profile=terms.profile,
        patient_id=_SOMEBODY,
        silent=terms.silent,
        speak=terms.speak,
        accuracy=terms.accuracy,
    )
    return Side(done, response.cards)


def _differentials(done: CheckedConsultation) -> Iterator[Differential]:
    """What each sample says, as the pipeline reads it; one that is none of this chart is left
    out."""
    fact_ids = done.prompt.fact_ids if done.prompt else ()
    name = done.model.name if done.model else ""
    models = done.sample_models or (name,) * len(done.samples)
    known = {(d.model, d.sample): names_of(d) for d in done.differentials}
    seen: Counter[str] = Counter()
    for text, model in zip(done.samples, models, strict=True):
        number = seen[model]
        seen[model] += 1
        with contextlib.suppress(InvalidOutput):
            said = parse_differential(text, fact_ids, model=model, sample=number)
            yield with_probabilities(said, known.get((model, number), ()))
