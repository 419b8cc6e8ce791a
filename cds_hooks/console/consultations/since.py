"""What changed in a patient's chart since a consultation was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cds_hooks import staleness
from cds_hooks.cards.answer_age import with_current_ages
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.phrases import fact_phrase, remark
from cds_hooks.consultation import Consultation, KeyState, Outcome
from fhir_mapping.chart import Chart, Fact
from fhir_mapping.diff import Change, diff
from prompts import ago

__all__ = ["ChangedLine", "SinceView", "since"]

_DAY_S = 86_400.0
_NOT_WHOLE = (KeyState.UNAVAILABLE, KeyState.PARTIAL)
_STATE = {Outcome.PENDING: "the model has not answered it yet", Outcome.ANSWERED: "answered"}


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """One fact that bears on a differential: "new", "changed", "resolved" or "gone"; `before` is
    what the chart said of it then."""

    word: str
    text: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class SinceView:
    """A later consultation of the patient (`age`, `state`, `link`: "" where the reader may not
    have one), and what its chart says otherwise.

    `aside` counts changes that do not bear on a differential. `unread_now` and `unread_then` are
    parts of the chart that one of the two could not read whole.
    """

    age: str
    state: str
    link: str
    lines: tuple[ChangedLine, ...]
    aside: int
    patient: bool
    unread_now: tuple[str, ...]
    unread_then: tuple[str, ...]

    @property
    def matter(self) -> bool:
        """Whether anything is known to have changed that bears on a differential."""
        return self.patient or bool(self.lines)


def since(before: Consultation, later: Consultation, *, now: float, link: str = "") -> SinceView:
    """What the chart of `later` says otherwise than that of `before`; ages are as of `now`.

    What the later one could not read is not told as gone.
    """
    unread_now, unread_then = _unread(later), _unread(before)
    then = with_current_ages(before, now).chart
    today = with_current_ages(later, now).chart
    found = staleness.changes(then, today)
    lines = _lines(found, then, today, whole=not unread_now)
    return SinceView(
        age=ago((now - later.created) / _DAY_S, fine=True),
        state=_STATE.get(later.outcome, "the model gave no new list"),
        link=link,
        lines=lines,
        aside=sum(count for _, count in found.aside),
        patient=found.patient,
        unread_now=unread_now,
        unread_then=unread_then,
    )


def _lines(
    found: staleness.Changes, then: Chart, today: Chart, *, whole: bool
) -> tuple[ChangedLine, ...]:
    words = diff(then, today)
    resolved = {id(change.now): change for change in words.resolved}
    changed = {id(change.now): change for change in words.changed}
    told = {id(c.before) for c in (*words.resolved, *words.changed)}
    came = [_line(fact, resolved, changed) for fact in found.new]
    went = [ChangedLine("gone", fact_phrase(f)) for f in found.gone if id(f) not in told]
    return (*came, *(went if whole else ()))


def _line(fact: Fact, resolved: Mapping[int, Change], changed: Mapping[int, Change]) -> ChangedLine:
    for word, changes in (("resolved", resolved), ("changed", changed)):
        if change := changes.get(id(fact)):
            return ChangedLine(word, fact_phrase(change.now), fact_phrase(change.before))
    return ChangedLine("new", fact_phrase(fact))


def _unread(consultation: Consultation) -> tuple[str, ...]:
    names = texts().keys
    return tuple(
        names.get(key) or remark(key)
        for key, state in consultation.key_states.items()
        if state in _NOT_WHOLE
    )
