"""What may be asked after a list is made, so that it can be seen whether it earns its time.

A run with a second look, or with a judge, is compared with one without: accuracy and seconds.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from cds_hooks.consultation import Assessment, Consultation
from cds_hooks.evaluation.runs.question import QuestionConfig
from cds_hooks.inference.engine import (
    Engine,
    EngineError,
    Generation,
    GenerationRequest,
    Priority,
)
from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.second_look import (
    Answered,
    Question,
    SecondLookInvalid,
    expectation_question,
    judge_question,
    look_again,
    read_choice,
    read_expectation,
    reordered,
)

__all__ = ["Again", "judge", "second_look"]

Again = Callable[[Consultation], Awaitable[Consultation]]
"""A consultation with its diagnoses in another order, and what that cost."""


def second_look(
    engine: Engine,
    terminology: Terminology,
    config: QuestionConfig,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Again:
    """Which findings each diagnosis would show, checked against the chart; best borne out first.

    What a disease shows does not depend on the patient, so each diagnosis is asked about once.
    """
    known: dict[str, Answered | None] = {}

    async def again(done: Consultation) -> Consultation:
        began, spent = clock(), _Spent()
        for name in (a.name for a in done.assessments):
            if name not in known:
                try:
                    known[name] = await _expectation(engine, config, name, spent)
                except EngineError:  # asked again with the next case that has it
                    spent.failed += 1
        answers = [found for a in done.assessments if (found := known.get(a.name))]
        looks = look_again(done.chart, answers, terminology) if answers else ()
        return spent.on(done, reordered(done.assessments, looks), clock() - began)

    return again


def judge(
    engine: Engine, config: QuestionConfig, *, clock: Callable[[], float] = time.monotonic
) -> Again:
    """Which of the diagnoses explains the chart best; that one first."""

    async def again(done: Consultation) -> Consultation:
        names = list(dict.fromkeys(a.name for a in done.assessments))
        if done.prompt is None or len(names) < 2:
            return done
        began, spent = clock(), _Spent()
        question = judge_question(done.prompt.messages[-1].content, names)
        best = ""
        try:
            best = read_choice(names, spent.of(await engine.generate(_request(question, config))))
        except (EngineError, SecondLookInvalid):
            spent.failed += 1
        return spent.on(done, reordered(done.assessments, best=best), clock() - began)

    return again


class _Spent:
    """Tokens of the second questions, and how many of them gave no usable answer."""

    def __init__(self) -> None:
        self.failed = 0
        self.tokens: Mapping[str, int] = {"after.prompt": 0, "after.answer": 0}

    def of(self, generation: Generation) -> str:
        """The text of the only sample, whose tokens are counted."""
        sample = generation.samples[0]
        self.tokens = {
            "after.prompt": self.tokens["after.prompt"] + generation.tokens_prompt,
            "after.answer": self.tokens["after.answer"] + sample.tokens,
        }
        return sample.text

    def on(
        self, done: Consultation, assessments: tuple[Assessment, ...], seconds: float
    ) -> Consultation:
        return replace(
            done,
            assessments=assessments,
            samples_failed=done.samples_failed + self.failed,
            timings_ms={**done.timings_ms, "after": 1000 * seconds},
            tokens={**done.tokens, **self.tokens},
        )


async def _expectation(
    engine: Engine, config: QuestionConfig, name: str, spent: _Spent
) -> Answered | None:
    """None when nothing usable was said: the diagnosis keeps its place. Raises EngineError."""
    said = spent.of(await engine.generate(_request(expectation_question(name), config)))
    try:
        return read_expectation(name, said)
    except SecondLookInvalid:
        spent.failed += 1
        return None


def _request(question: Question, config: QuestionConfig) -> GenerationRequest:
    return GenerationRequest(
        messages=question.messages,
        schema=question.schema,
        samples=1,
        max_tokens=config.max_tokens,
        temperature=0.0,
        seed=config.seed,
        deadline_s=config.deadline_s,
        priority=Priority.BACKGROUND,
    )
