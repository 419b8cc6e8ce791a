"""One thing after another exchanged for today's, and what each of them changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace

from cds_hooks.comparison import Side, compare
from cds_hooks.consult.rule_tables import table_of
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome, Sampling
from cds_hooks.inference.engine import Engine
from cds_hooks.replay.asking import ask, rendered, same_question
from cds_hooks.replay.changes import Change, RecordedTables, changes_since
from cds_hooks.replay.facts import exchanged
from cds_hooks.replay.judging import judged, side_of, with_generation
from cds_hooks.replay.result import Replayed, Step
from cds_hooks.replay.today import CardTerms, Today
from fhir_mapping.chart import Chart

__all__ = ["replay"]

_RULES = ("unrecorded", "program", "rules", "terminology")
_MODEL = ("model", "engine", "decoding", "panel")
_OPEN = ("template", "model", "engine", "sampling", "panel")
_NEVER_ASKED = "No model answered then, so none is asked."
_ENTERED = "Problems just entered are not on record, so the rules cannot judge them again."
_NO_SAMPLING = "Seed and samples were not recorded then; today's are used."

Progress = Callable[[str], None]


async def replay(
    done: Consultation,
    today: Today,
    recorded: RecordedTables,
    *,
    chart: Chart | None = None,
    progress: Progress = lambda _: None,
) -> Replayed:
    """A recorded consultation, made today's step by step.

    `chart` is the same patient's as it is mapped now; without it the recorded one stays. `progress`
    hears the code of each step before it begins. Raises EngineError where the engine that was
    given cannot be asked.
    """
    changes = changes_since(done, today, recorded)
    terms = CardTerms.recorded(done.basis.settings, done.service, today.cards)
    chain = _Chain(today, changes, side_of(done, terms), terms)
    first = chain.side
    if done.outcome is Outcome.CHECKED:
        return Replayed(first, first, (), notes=(_ENTERED,))
    steps = [step async for step in chain.steps(chart, progress)]
    asked = today.engine is not None and _was_answered(done)
    left = () if asked or not _was_answered(done) else _OPEN
    return Replayed(
        first,
        chain.side,
        tuple(steps),
        tuple(each for each in changes if each.code in left),
        tuple(chain.notes),
    )


def _was_answered(done: Consultation) -> bool:
    return isinstance(done, CheckedConsultation) and bool(done.samples)


@dataclass(slots=True)
class _Chain:
    """`side` is what was reached so far."""

    today: Today
    changes: tuple[Change, ...]
    side: Side
    terms: CardTerms
    notes: list[str] = field(default_factory=list)

    async def steps(self, chart: Chart | None, progress: Progress) -> AsyncIterator[Step]:
        """Each step that there is something to exchange for."""
        progress("rules")
        step = self._moved("rules", judged(self._now, self.today), self._of(*_RULES))
        yield replace(step, notes=tuple(_tables(step)))
        if chart is not None:
            progress("facts")
            for causes, changed in exchanged(self._now.chart, chart):
                after = judged(replace(self._now, chart=changed), self.today)
                yield self._moved("facts", after, (*causes, *self._of("mapping")))
        if causes := self._of("cards"):
            progress("cards")
            self.terms = self.today.cards
            yield self._moved("cards", self._now, causes)
        if self.today.engine is None:
            return
        if not _was_answered(self._now):
            self.notes.append(_NEVER_ASKED)
            return
        async for step in self._model_steps(self.today.engine, chart, progress):
            yield step

    async def _model_steps(
        self, engine: Engine, chart: Chart | None, progress: Progress
    ) -> AsyncIterator[Step]:
        sampling = self._now.basis.sampling
        if sampling is None:
            self.notes.append(_NO_SAMPLING)
            sampling = self.today.sampling
        progress("model")
        yield await self._again(engine, "model", sampling, self._of(*_MODEL))
        if causes := self._of("sampling"):
            progress("sampling")
            sampling = self.today.sampling
            yield await self._again(engine, "sampling", sampling, causes)
        progress("template")
        now = self._now if chart is None else replace(self._now, chart=chart)
        prompt = await rendered(now, self.today, engine)
        if not same_question(now.prompt, prompt):
            causes = self._of("template") or self._of("program", "model", "sampling")
            if chart is not None and not causes:
                causes = (Change("fact", "numbers and order of facts", "", ""),)
            asked = replace(now, prompt=prompt)
            yield await self._again(engine, "template", self.today.sampling, causes, asked)

    async def _again(
        self,
        engine: Engine,
        code: str,
        sampling: Sampling,
        causes: tuple[Change, ...],
        asked: Consultation | None = None,
    ) -> Step:
        """The question that was reached, or another one, asked of the model."""
        before = asked or self._now
        prompt = before.prompt
        if prompt is None:
            raise ValueError("what was answered had a prompt")
        generation = await ask(engine, prompt, sampling, self.today.deadline_s)
        after = with_generation(before, generation, self.today)
        step = self._moved(code, after, causes)
        return replace(step, notes=_equality(step) if code == "model" else ())

    def _moved(self, code: str, after: Consultation, causes: tuple[Change, ...]) -> Step:
        before, self.side = self.side, side_of(after, self.terms)
        return Step(code, causes, compare(before, self.side))

    def _of(self, *codes: str) -> tuple[Change, ...]:
        return tuple(each for each in self.changes if each.code in codes)

    @property
    def _now(self) -> Consultation:
        return self.side.consultation


def _tables(step: Step) -> Iterator[str]:
    """Which table each rule is of that says something else now."""
    for each in step.comparison.rules:
        rule = each.what.partition(" ")[0]
        if table := table_of(rule):
            yield f"The rule {rule} is of the table {table}."


def _equality(step: Step) -> tuple[str, ...]:
    """Whether the model wrote the same bytes, and on what that depends."""
    differing = [each.number for each in step.comparison.samples if not each.same]
    total = len(step.comparison.samples)
    if not differing:
        return (f"All {total} samples are the same, byte for byte.",)
    told = f"{len(differing)} of {total} samples are not the same, byte for byte."
    if step.causes:
        return (told,)
    return (
        told,
        "Model, build and settings are those recorded. Samples are the same only on the same "
        "processor with the same threads, and where nothing was decoded beside them; the record "
        "does not tell what was.",
    )
