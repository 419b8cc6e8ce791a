"""From facts to the short answer of each question, and what is missing for a full one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_hooks.compliance.questions.facts import QuestionFacts
from cds_hooks.compliance.questions.questions import Question, questions

__all__ = ["Answer", "answers"]

_CHANGES = ("settings-changed", "clients-changed", "model-changed", "template-changed",
            "key-changed", "version-changed", "store-restored")  # fmt: skip
_READINGS = ("consultation-opened", "consultation-read")
# EU AI Act, articles 19(1) and 26(6): logs are kept for at least six months.
# Six months have 184 days at most.
_SIX_MONTHS_DAYS = 184


@dataclass(frozen=True, slots=True)
class Answer:
    """`says` are sentences of what is there now; `lacks` of what is not, and what would help."""

    question: Question
    says: tuple[str, ...]
    lacks: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.lacks

    def document(self) -> dict[str, Any]:
        """JSON values."""
        asked = self.question.model_dump(mode="json")
        return {**asked, "says": list(self.says), "not_available": list(self.lacks)}


def answers(facts: QuestionFacts) -> tuple[Answer, ...]:
    """The answer to each question for an installation, in the order of the questions."""
    return tuple(
        Answer(each, tuple(_SAYS[each.id](facts)), tuple(_LACKS.get(each.id, _nothing)(facts)))
        for each in questions()
    )


def _nothing(_: QuestionFacts) -> Iterator[str]:
    yield from ()


def _who_saw(facts: QuestionFacts) -> Iterator[str]:
    if facts.records:
        yield f"{_n(facts.records, 'record')} from {facts.first} to {facts.last}."
        readings = sum(facts.counts.get(each, 0) for each in _READINGS)
        yield (
            f"{_n(facts.counts.get('hook-answered', 0), 'answer')} shown to users and "
            f"{_n(readings, 'reading')} of stored consultations, each with time, service, client, "
            "user, patient and outcome."
        )
    named = "by their id" if facts.users == "plain" else "by a keyed hash"
    yield f"Patients stand there by a keyed hash, users {named}; the site key finds both."


def _no_store(facts: QuestionFacts) -> Iterator[str]:
    if facts.unread:
        yield f"The ledger was not read: {facts.unread}."


def _unchanged(facts: QuestionFacts) -> Iterator[str]:
    if facts.verified:
        yield facts.verified
    if facts.signed_at:
        yield (
            f"The newest signed checkpoint covers {facts.covered:,} of {facts.records:,} records "
            f"(signed {facts.signed_at})."
        )
    if facts.witnesses:
        yield f"Copies of checkpoints are kept at {', '.join(facts.witnesses)}."


def _unchanged_lacks(facts: QuestionFacts) -> Iterator[str]:
    yield from _no_store(facts)
    if facts.trouble:
        yield f"The ledger is NOT whole: {facts.trouble}."
    if not (facts.verified or facts.trouble):
        yield "It has not been verified yet: run the command, or verify in the page."
    if not facts.witnesses:
        yield (
            "No witness keeps copies of checkpoints, so records cut off at the end of the store "
            "would not be seen: set ledger.witness_folder or witness.fhir_server."
        )


def _stays_here(facts: QuestionFacts) -> Iterator[str]:
    away = [f"{address} ({setting})" for address, setting, here in facts.destinations if not here]
    here = len(facts.destinations) - len(away)
    rest = "; every other connection is refused and recorded" if facts.locked else ""
    yield (
        f"The settings let it connect to {_n(len(away), 'other machine')} and "
        f"{_n(here, 'place')} on this machine{rest}."
    )
    if away:
        yield f"Other machines: {', '.join(away)}."
    refused = facts.counts.get("egress-refused", 0)
    yield f"Connections refused so far: {refused:,}. Pages load nothing from elsewhere."


def _saw_and_said(facts: QuestionFacts) -> Iterator[str]:
    yield (
        f"{_n(facts.consultations, 'consultation')} can be opened whole: facts with sources, "
        "what was left out, prompt, raw output, checks with rule versions, card."
    )
    yield f"They are kept {_days(facts.kept, 'consultations')}; who opens one is on record first."


def _same_today(facts: QuestionFacts) -> Iterator[str]:
    yield f"Answers rest now on {facts.model}, template {facts.template}, {facts.program}."
    yield (
        "Each consultation keeps the digests of its own; a replay asks the same model with the "
        "same seed and names the cause of every line that differs."
    )


def _stays_here_lacks(facts: QuestionFacts) -> Iterator[str]:
    if not facts.locked:
        yield "The lock is off (egress.lock): the service does not refuse other connections."


def _same_today_lacks(facts: QuestionFacts) -> Iterator[str]:
    if not facts.consultations:
        yield "No consultation is stored that could be replayed."


def _purpose(facts: QuestionFacts) -> Iterator[str]:
    yield (
        "It lists diagnoses to consider, checked against the chart, in "
        f"{_n(len(facts.services), 'service')}: {', '.join(facts.services)}. It informs a "
        "clinician, and orders nothing; it is not for time-critical decisions, images, "
        "waveforms or signals."
    )
    admitted = f"is admitted here for: {facts.admitted_for}" if facts.admitted_for else ""
    if admitted:
        yield f"The model {admitted}."


def _purpose_lacks(facts: QuestionFacts) -> Iterator[str]:
    if not facts.admitted_for:
        yield "No signed admission of the model is set (admission.folder): cards say so."


def _how_good(facts: QuestionFacts) -> Iterator[str]:
    yield (
        f"{_n(facts.counts.get('hook-answered', 0), 'answered hook')} and "
        f"{_n(facts.counts.get('feedback', 0), 'call')} of feedback are on record; rates of "
        "flags, feedback and overrides by service, model, age and sex have counts and intervals."
    )
    if facts.evaluations:
        yield f"{_n(facts.evaluations, 'evaluation run')} of this site go into the documents."


def _how_good_lacks(facts: QuestionFacts) -> Iterator[str]:
    if not facts.evaluations:
        yield (
            "No local evaluation is named (documents.evaluations): accuracy here is not measured. "
            "Public benchmarks are in docs/evaluation.md."
        )
    if not facts.counts.get("feedback"):
        yield "No feedback has come yet."


def _inside(facts: QuestionFacts) -> Iterator[str]:
    yield f"{facts.program}; {facts.model}; template {facts.template}."
    yield "Every package, rule table and terminology is listed with version, digest and licence."


def _changes(facts: QuestionFacts) -> Iterator[str]:
    found = [f"{facts.counts[each]:,} {each}" for each in _CHANGES if facts.counts.get(each)]
    yield f"Changes on record: {', '.join(found) or 'none since the first start'}."
    yield (
        "Settings are changed in a file, by users of this machine who may write it, and only a "
        "start takes them: who started it is in the record. No page changes a setting."
    )
    if facts.editors:
        yield f"What pages may do goes by role: {', '.join(facts.editors)}."


def _kept(facts: QuestionFacts) -> Iterator[str]:
    kept = ", ".join(f"{name} {_days(facts.kept, name)}" for name in facts.kept)
    yield f"Kept: {kept}; the ledger without end."
    dropped = facts.counts.get("records-dropped", 0)
    yield (
        f"Retention deleted {_n(dropped, 'time')}; {_n(facts.erased_keys, 'data key')} "
        f"were destroyed, which makes what they sealed unreadable; {_n(facts.holds, 'legal hold')}."
    )


def _kept_lacks(facts: QuestionFacts) -> Iterator[str]:
    short = [name for name, days in facts.kept.items() if days < _SIX_MONTHS_DAYS]
    if short:
        yield (
            f"Content of {', '.join(short)} is kept for less than six months. The ledger has no "
            "content and is never deleted; whether content belongs to the logs of articles 19 and "
            "26(6) is the site's to say. Set retention.* for more."
        )


def _switch_off(facts: QuestionFacts) -> Iterator[str]:
    if facts.off is not None:
        off = [f"{each.scope} since {each.since} ({each.reason})" for each in facts.off]
        yield f"Off now: {', '.join(off)}." if off else "Every service is on."
    yield (
        "Each service, or all, by one command without a restart: discovery hides it, hooks "
        "are answered without cards and with the reason, and who did it and why is a record."
    )


def _switch_off_lacks(facts: QuestionFacts) -> Iterator[str]:
    if facts.off is None:
        yield "What is off now cannot be told without the store."


def _days(kept: Mapping[str, float], name: str) -> str:
    return f"{kept.get(name, 0):g} days"


def _n(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


Say = Callable[[QuestionFacts], Iterator[str]]
_SAYS: Mapping[str, Say] = {
    "who-saw": _who_saw, "unchanged": _unchanged, "stays-here": _stays_here,
    "saw-and-said": _saw_and_said, "same-today": _same_today, "purpose": _purpose,
    "how-good": _how_good, "inside": _inside, "changes": _changes, "kept": _kept,
    "switch-off": _switch_off,
}  # fmt: skip
_LACKS: Mapping[str, Say] = {
    "stays-here": _stays_here_lacks,
    "who-saw": _no_store, "unchanged": _unchanged_lacks, "saw-and-said": _no_store,
    "same-today": _same_today_lacks, "purpose": _purpose_lacks, "how-good": _how_good_lacks,
    "changes": _no_store, "kept": _kept_lacks, "switch-off": _switch_off_lacks,
}  # fmt: skip
