"""One consultation as a page: what must not be missed first, then the list and its basis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.cards import FullDetail, full_detail
from cds_hooks.cards.answer_age import with_current_ages
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.full_detail_views import BasisView, MissingKeys, basis_of
from cds_hooks.console.consultations.judging import Judging, in_order, lines
from cds_hooks.console.consultations.rows import (
    Rows,
    facts_shown,
    model_rows,
    part_rows,
    repaired_rows,
    stage_rows,
)
from cds_hooks.console.consultations.since import SinceView
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome
from cds_hooks.protocol.cards import Card
from prompts import ago

__all__ = ["consultation_values"]

_DAY_S = 86_400.0
_NOTHING = "Rules say nothing of the problems just entered"
_OWN_LIST = frozenset({Outcome.ANSWERED, Outcome.CHECKED})


@dataclass(frozen=True, slots=True)
class _Status:
    """Why there is no new list: in words, with the stable code of what went wrong."""

    summary: str
    detail: str
    fault: str
    code: str


@dataclass(frozen=True, slots=True)
class _Page:
    """What the template shows. `list_age` is "" where the list is this consultation's own."""

    id: str
    pending: bool
    headline: str
    indicator: str
    age: str
    asked_at: float
    seen_at: float
    fhir: str
    status: _Status | None
    silent: bool
    off: bool
    list_age: str
    entered: bool
    detail: FullDetail
    since: SinceView | None
    missing: tuple[MissingKeys, ...]
    left_out: Rows
    shown_of: str
    model: Rows
    keys: Rows
    shown: Rows
    repaired: Rows
    took: Rows
    words: Mapping[str, str]
    blocks: Mapping[str, str]
    acronyms: Mapping[str, str]


def consultation_values(
    consultation: Consultation,
    cards: Sequence[Card],
    *,
    now: float,
    discriminates: Callable[[str], bool] | None = None,
    judging: Judging | None = None,
    listed: CheckedConsultation | None = None,
    since: SinceView | None = None,
    silent: bool = False,
    off: bool = False,
) -> dict[str, Any]:
    """What the template of the page is given.

    `now` is UTC seconds; `discriminates` knows the names of tests and findings, without it no
    discriminator of a model is shown. With `judging` the page has a form in which single diagnoses
    are judged. `listed` is an earlier answer whose list is shown while there is no new one,
    `since` what changed in the chart since, `silent` that the EHR was given no card,
    `off` that the service is switched off.
    """
    present = with_current_ages(consultation, now)
    earlier = listed if listed is not None and listed.id != consultation.id else None
    aged = with_current_ages(earlier, now) if earlier else None
    rests_on = basis_of(earlier or consultation)
    first = next(iter(cards), None)
    page = _Page(
        id=consultation.id,
        pending=consultation.outcome is Outcome.PENDING and not off,
        headline=first.summary if first else _NOTHING,
        indicator=first.indicator if first else "info",
        age=_age(consultation, now),
        asked_at=consultation.created,
        seen_at=now,
        fhir=consultation.chart.fhir_version,
        status=_status(consultation, earlier),
        silent=silent,
        off=off,
        list_age=_age(earlier, now) if earlier else "",
        entered=consultation.outcome is Outcome.CHECKED,
        detail=full_detail(present, discriminates, aged),
        since=since,
        missing=basis_of(consultation).missing,
        left_out=tuple((str(each.count), each.words) for each in rests_on.left_out),
        shown_of=_shown_of(rests_on),
        model=model_rows(rests_on),
        keys=part_rows(consultation),
        shown=facts_shown(aged or present),
        repaired=repaired_rows(consultation),
        took=stage_rows(consultation),
        words={verdict.value: meaning for verdict, meaning in texts().verdicts.items()},
        blocks=texts().blocks,
        acronyms=texts().acronyms,
    )
    names = [each.name for group in page.detail.groups for each in group.diagnoses]
    judged = in_order(lines(earlier or consultation, judging), names)
    return {"page": page, "judging": judging, "judged": judged}


def _status(consultation: Consultation, earlier: Consultation | None) -> _Status | None:
    """How it stands with a consultation that has no list of its own."""
    if consultation.outcome in _OWN_LIST:
        return None
    words = texts().outcomes[consultation.outcome]
    code = consultation.fault if isinstance(consultation, CheckedConsultation) else ""
    is_reused = consultation.outcome is Outcome.REUSED and earlier is not None
    return _Status(
        words.summary, "" if is_reused else words.detail, texts().faults.get(code, ""), code
    )


def _shown_of(basis: BasisView) -> str:
    """How much of the chart the model was shown; "" where it was all."""
    if not basis.asked or basis.shown == basis.read:
        return ""
    return f"The model was shown {basis.shown} of the {basis.read} facts that were read."


def _age(consultation: Consultation, now: float) -> str:
    return ago((now - consultation.created) / _DAY_S, fine=True)
