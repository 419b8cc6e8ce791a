"""From drafts to a training set: divided, apart from what is measured, answered, checked, marked.

The model's tokens and the terminology are handed in; nothing is written here.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

import prompts
from cds_hooks.consultation import Candidate
from cds_hooks.evaluation.labels import label_key
from cds_hooks.evaluation.suites.similarity import vectors
from cds_hooks.inference.answer_parser import InvalidOutput, parse_differential
from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.tuning.answers import AnswerMaker, Unanswerable
from cds_hooks.tuning.dividing import Part, Shares, divide, without_near_duplicates
from cds_hooks.tuning.draft import Draft, MeasuredCase
from cds_hooks.tuning.example import MarkedTokens, TrainingExample, Turn
from cds_hooks.tuning.manifest import RemovedCase, TokenFacts
from cds_hooks.tuning.traces import fault_of_trace, findings_in
from fhir_mapping.chart import Chart

__all__ = ["Prepared", "PreparedPart", "Preparing", "Tokens", "prepare"]

_CHARACTERS_PER_TOKEN = 2
"""Tokens are longer on average in every tokenizer that we know of: without a model the chart part
is estimated, and never overfills its budget."""
_SIMILAR = 12
"""How many similar cases are asked for diagnoses of the ranks below the first. Ours."""


class Tokens(Protocol):
    """A model's tokens: `tokeniser.ModelTokens`."""

    @property
    def thinks(self) -> bool: ...

    def counts(self, texts: Sequence[str]) -> list[int]: ...

    def mark(self, example: TrainingExample, *, trace: bool) -> MarkedTokens | str: ...


@dataclass(frozen=True, slots=True)
class Preparing:
    """How a set is made. `sequence` is the longest example in tokens, `with_traces` whether a loss
    is computed on traces too, `key` what private patients are hashed with."""

    template: prompts.Template
    terminology: Terminology
    key: bytes
    seed: int = 0
    shares: Shares = field(default_factory=Shares)
    sequence: int = 2048
    with_traces: bool = True
    tokens: Tokens | None = None
    told: Callable[[int], None] = lambda _: None


@dataclass(slots=True)
class PreparedPart:
    """One part: examples with the digests of their cases, and their tokens where there is a
    model."""

    examples: list[TrainingExample] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    marked: list[MarkedTokens] = field(default_factory=list)
    too_long: int = 0

    @property
    def tokens(self) -> TokenFacts | None:
        """Lengths of what is marked."""
        lengths = sorted(len(m.input_ids) for m in self.marked)
        if not lengths:
            return None
        return TokenFacts(
            longest=lengths[-1],
            median=lengths[len(lengths) // 2],
            marked=sum(len(m.marked) for m in self.marked),
            too_long=self.too_long,
        )


@dataclass(slots=True)
class Prepared:
    """A training set: parts, and what was left out with the reason."""

    parts: dict[Part, PreparedPart]
    removed: list[RemovedCase]
    dropped: Counter[str] = field(default_factory=Counter)
    traces_dropped: Counter[str] = field(default_factory=Counter)
    private: bool = False


def prepare(drafts: Sequence[Draft], measured: Sequence[MeasuredCase], how: Preparing) -> Prepared:
    """A training set of drafts, apart from the cases that are measured on.

    An example that cannot be answered, is longer than the sequence or cannot be marked is dropped
    and counted: nothing is cut.
    """
    parts, removed = without_near_duplicates(divide(drafts, how.seed, how.shares), measured)
    done = Prepared({part: PreparedPart() for part in Part}, removed)
    done.private = any(draft.private for draft in drafts)
    similar = _Similar.of(parts)
    maker = _Maker(how, done, similar)
    for part, kept in parts.items():
        for draft in kept:
            maker.add(draft, done.parts[part])
            how.told(1)
    how.told(len(removed))
    return done


@dataclass(slots=True)
class _Similar:
    """Truths of the cases that are trained on, by how like their words are to a draft's."""

    names: Sequence[str]
    patients: Sequence[str]
    cosines: dict[str, NDArray[np.float32]]

    @classmethod
    def of(cls, parts: Mapping[Part, Sequence[Draft]]) -> _Similar:
        """Cosines of every draft with a chart to each that is trained on."""
        trained = [d for d in parts[Part.TRAIN] if d.chart is not None]
        others = [d for p in Part if p is not Part.TRAIN for d in parts[p] if d.chart is not None]
        table = vectors([d.words for d in (*trained, *others)])
        cosines = table @ table[: len(trained)].T
        by_id = {d.id: cosines[row] for row, d in enumerate((*trained, *others))}
        return cls([d.names[0] for d in trained], [d.patient for d in trained], by_id)

    def truths(self, draft: Draft) -> list[str]:
        """The different truths of the most similar cases of other patients, nearest first."""
        ranked = np.argsort(-self.cosines[draft.id], kind="stable").tolist()
        others = [n for n in ranked if self.patients[n] != draft.patient][:_SIMILAR]
        return list(dict.fromkeys(self.names[n] for n in others))


@dataclass(slots=True)
class _Maker:
    how: Preparing
    done: Prepared
    similar: _Similar

    def add(self, draft: Draft, part: PreparedPart) -> None:
        """Make the example of a draft; what keeps it out is counted."""
        try:
            example = self._checked(self._example(draft), draft)
        except Unanswerable as error:
            self.done.dropped[error.reason] += 1
            return
        # What is never seen is not marked either.
        wanted = self.how.tokens is not None and part is not self.done.parts[Part.UNSEEN]
        marked = self._marked(example, part) if wanted else None
        if wanted and marked is None:
            return
        part.examples.append(example)
        part.digests += draft.digests
        if marked is not None:
            part.marked.append(marked)

    def _example(self, draft: Draft) -> TrainingExample:
        messages, facts, answer = draft.messages, draft.facts, draft.answer
        if draft.chart is not None and not messages:
            prompt = self._prompt(draft.chart)
            messages = tuple(_turn(m) for m in prompt.messages)
            facts = prompt.fact_ids
            answer = answer or self._answer(draft, draft.chart, facts)
        return TrainingExample(
            id=draft.id,
            patient=self._patient(draft),
            messages=messages,
            answer=answer,
            trace=draft.trace,
            trace_by=draft.trace_by,
            gold=draft.gold,
            facts=facts,
            source=draft.source,
        )

    def _prompt(self, chart: Chart) -> prompts.Prompt:
        layout = prompts.lay_out(chart, self.how.template)
        tokens = self.how.tokens
        texts = list(layout.texts)
        costs = (
            tokens.counts(texts)
            if tokens is not None
            else [-(-len(text) // _CHARACTERS_PER_TOKEN) for text in texts]
        )
        return prompts.render(layout, costs)

    def _answer(self, draft: Draft, chart: Chart, facts: Sequence[str]) -> str:
        others: list[Candidate | str] = [*draft.listed, *self.similar.truths(draft)]
        maker = AnswerMaker(self.how.template.schema, self.how.terminology)
        return maker.answer(chart, facts, draft.names[0], others)

    def _patient(self, draft: Draft) -> str:
        if not draft.private:
            return draft.patient
        return hmac.new(self.how.key, draft.patient.encode(), hashlib.sha256).hexdigest()[:32]

    def _checked(self, example: TrainingExample, draft: Draft) -> TrainingExample:
        """The example with its answer known to be right, and its trace, or without one that says
        what is not so. Raises Unanswerable."""
        names, others = self._names_in(example, draft)
        if example.trace:
            fault = fault_of_trace(
                example.trace,
                asked=example.user_text,
                facts=example.facts,
                told=self._told(draft),
                names=names,
                others=others,
            )
            if fault:
                self.done.traces_dropped[fault] += 1
                return example.model_copy(update={"trace": "", "trace_by": ""})
        return example

    def _names_in(self, example: TrainingExample, draft: Draft) -> tuple[list[str], list[str]]:
        """Names of the truth, and the other diagnoses of the answer. Raises Unanswerable for an
        answer whose first diagnosis is not the truth, or that is no differential of its chart."""
        truths = set(map(label_key, draft.names))
        if not example.facts:
            said = [draft.names[0]] if _says(example.answer, truths) else []
            if not said:
                raise Unanswerable("answer-is-not-gold")
            others = [o for o in draft.options if label_key(o) not in truths]
            return list(draft.names), others
        try:
            listed = parse_differential(example.answer, example.facts).candidates
        except InvalidOutput:
            raise Unanswerable("answer-not-usable") from None
        if not listed or label_key(listed[0].diagnosis) not in truths:
            raise Unanswerable("answer-is-not-gold")
        return list(draft.names), [c.diagnosis for c in listed[1:]]

    def _told(self, draft: Draft) -> frozenset[str]:
        if draft.chart is None:
            return frozenset()
        index = FindingIndex(index_chart(draft.chart, self.how.terminology))
        stated = findings_in(draft.trace)
        return frozenset(name for name in stated if index.facts(name))

    def _marked(self, example: TrainingExample, part: PreparedPart) -> MarkedTokens | None:
        tokens = self.how.tokens
        if tokens is None:
            return None
        if example.trace and self.how.with_traces and not tokens.thinks:
            self.done.traces_dropped["model-does-not-think"] += 1
        marked = tokens.mark(example, trace=self.how.with_traces)
        if isinstance(marked, str):
            self.done.dropped[marked] += 1
            return None
        if len(marked.input_ids) > self.how.sequence:
            self.done.dropped["longer-than-sequence"] += 1
            part.too_long += 1
            return None
        return marked


def _turn(message: prompts.Message) -> Turn:
    return Turn.model_validate({"role": message.role, "content": message.content})


def _says(answer: str, truths: set[str]) -> bool:
    """Whether an answer without citations says the truth: as text, or as the only string of JSON
    that is one object."""
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return label_key(answer) in truths
    values = document.values() if isinstance(document, dict) else ()
    return any(isinstance(v, str) and label_key(v) in truths for v in values)
