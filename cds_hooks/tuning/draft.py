"""A case on its way to an example, and a case that is measured on: what both are compared by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cds_hooks.consultation import Candidate
from cds_hooks.evaluation.labels import label_key
from cds_hooks.evaluation.runs.question import QuestionConfig, question
from cds_hooks.evaluation.suites.leaks import content_words
from cds_hooks.evaluation.suites.questions import shuffled
from cds_hooks.evaluation.suites.suite import EvaluationCase, Suite, Task
from cds_hooks.evaluation.trained_cases import case_digests, id_digest, text_digest
from cds_hooks.tuning.answers import compact
from cds_hooks.tuning.example import GoldDiagnosis, TrainingExample, Turn
from cds_hooks.tuning.tuning_errors import TuningDataError
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart

__all__ = ["Draft", "MeasuredCase", "drafts_of_examples", "drafts_of_suite", "measured_cases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCase:
    """A case that is measured on; `words` are what it tells, `keys` its truth in label form."""

    id: str
    suite: str
    words: tuple[str, ...]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A case that may become an example. Of a `chart` the prompt is rendered and the answer made;
    a draft that has both already brings `messages` and `answer`.

    `patient` is as the source has it and is never written where `private` says so. `names` mean
    the truth, the first is how the answer writes it; `listed` are other diagnoses that somebody
    considered, best first; `options` those of a closed list.
    """

    id: str
    patient: str
    source: str
    gold: GoldDiagnosis
    names: tuple[str, ...]
    words: tuple[str, ...]
    digests: tuple[str, ...]
    private: bool = False
    chart: Chart | None = None
    messages: tuple[Turn, ...] = ()
    answer: str = ""
    facts: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    listed: tuple[Candidate, ...] = ()
    trace: str = ""
    trace_by: str = ""

    @property
    def measured(self) -> MeasuredCase:
        """The same as a case that is measured on."""
        keys = frozenset(map(label_key, self.names))
        return MeasuredCase(id=self.id, suite=self.source, words=self.words, keys=keys)


def drafts_of_suite(suite: Suite, *, now: datetime, seed: int) -> list[Draft]:
    """Every case of a suite. Closed lists are shuffled by the seed, as a run shuffles them.

    Raises TuningDataError for a suite whose cases have no diagnosis to learn.
    """
    if suite.task is Task.JUDGING:
        raise TuningDataError("cases that judge answers teach no diagnosis", where=suite.id)
    return [_of_case(suite, case, now, seed) for case in suite.cases if case.gold.name]


def drafts_of_examples(examples: Iterable[TrainingExample]) -> list[Draft]:
    """Examples of a file: whoever wrote them, they are compared, divided and checked alike."""
    return [
        Draft(
            id=e.id,
            patient=e.patient,
            source=e.source,
            gold=e.gold,
            names=tuple(n for n in (e.gold.display, e.gold.code) if n),
            words=tuple(content_words(e.user_text)),
            digests=(text_digest(e.user_text), *_of_source(e)),
            private=True,
            messages=e.messages,
            answer=e.answer,
            facts=e.facts,
            trace=e.trace,
            trace_by=e.trace_by,
        )
        for e in examples
    ]


def _of_source(example: TrainingExample) -> tuple[str, ...]:
    """The digest by id of the case that `tune prepare` made an example of, so that a set that is
    prepared again from its own files still tells which cases it is of."""
    case = example.id.removeprefix(f"{example.source}:")
    return () if case == example.id else (id_digest(example.source, case),)


def measured_cases(suite: Suite, now: datetime) -> list[MeasuredCase]:
    """The cases of a suite as they are compared with drafts."""
    return [
        MeasuredCase(
            id=case.id,
            suite=suite.id,
            words=_words(case, _chart(case, now) if not case.text else None),
            keys=frozenset(map(label_key, case.gold.names)),
        )
        for case in suite.cases
    ]


def _of_case(suite: Suite, case: EvaluationCase, now: datetime, seed: int) -> Draft:
    chart = _chart(case, now) if suite.task is Task.OPEN else None
    options = shuffled(case, seed) if suite.task is Task.CLOSED else ()
    messages, answer = _closed(case, options) if options else ((), "")
    code = next(iter(case.gold.codes), None)
    return Draft(
        id=f"{suite.id}:{case.id}",
        patient=f"{suite.id}:{case.patient_id or case.id}",
        source=suite.id,
        gold=GoldDiagnosis(
            system=code.system if code else "",
            code=code.code if code else "",
            display=case.gold.name,
        ),
        names=tuple(dict.fromkeys((case.gold.name, *case.gold.names))),
        words=_words(case, chart),
        digests=case_digests(suite.id, case),
        private=suite.id == "own",
        chart=chart,
        messages=messages,
        answer=answer,
        options=options,
    )


def _closed(case: EvaluationCase, options: tuple[str, ...]) -> tuple[tuple[Turn, ...], str]:
    """The question that a run over a closed list asks, and its answer: the listed truth."""
    asked = question("closed")
    request = asked.request(QuestionConfig(), text=case.text, options=options)
    truths = set(map(label_key, case.gold.names))
    right = next(option for option in options if label_key(option) in truths)
    turns = tuple(Turn(role="user", content=m.content) for m in request.messages)
    return turns, compact({asked.member: right})


def _chart(case: EvaluationCase, now: datetime) -> Chart:
    return map_chart(case.resources, patient_id=case.patient_id, now=now)


def _words(case: EvaluationCase, chart: Chart | None) -> tuple[str, ...]:
    told = case.text or " ".join(fact.text for fact in (chart.facts if chart else ()))
    return tuple(content_words(told))
