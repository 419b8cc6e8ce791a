"""A consultation -> the cards that answer a hook. Pure: the same values give the same cards."""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from cds_hooks.cards import card_data
from cds_hooks.cards.card_maker import CardMaker
from cds_hooks.cards.detail_blocks import LIMIT
from cds_hooks.cards.new_problem import new_problem_views
from cds_hooks.cards.rule_lines import rule_lines
from cds_hooks.cards.speak_policy import Speak, matters
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome
from cds_hooks.protocol.cards import Card, Coding, Response

__all__ = ["build"]


def build(
    consultation: Consultation,
    *,
    base_url: str,
    make_uuid: Callable[[], str],
    profile: str = "generic",
    patient_id: str = "",
    encounter_id: str = "",
    last: CheckedConsultation | None = None,
    now: float | None = None,
    silent: Collection[Outcome] = (),
    speak: Speak = "always",
    accuracy: str = "",
    override_reasons: tuple[Coding, ...] | None = None,
    limit: int = LIMIT,
) -> Response:
    """One card for a hook, or none.

    What rules found in the chart comes first, in every outcome, then the model's list; a status
    card only where there is neither. About problems just entered one card when a rule speaks of
    any, else none.

    `base_url` is the service's own address as clients see it; `patient_id` and `encounter_id` are
    the hook's, without which no Condition is suggested; `last` is an earlier answer about the same
    patient, whose list is shown with its age while there is no new one; `now` is UTC seconds, by
    default the time of `consultation`; `silent` are outcomes that give no status card; `speak`
    "when-it-matters" gives no card unless `speaking.matters`; `accuracy` is what the site measured
    of this model, in words; `limit` bounds the detail, in characters. Raises ValueError for a
    `base_url` that is not absolute and for a profile that there is none of.
    """
    maker = CardMaker(
        base=_absolute(base_url),
        profile=card_data.profile(profile),
        make_uuid=make_uuid,
        patient_id=patient_id,
        encounter_id=encounter_id,
        now=consultation.created if now is None else now,
        reasons=card_data.override_reasons() if override_reasons is None else override_reasons,
        accuracy=accuracy,
        limit=limit,
    )
    if isinstance(consultation, CheckedConsultation) and consultation.outcome is Outcome.CHECKED:
        found = new_problem_views(consultation.assessments, consultation.chart)
        return Response((maker.entered(found),) if found else ())
    listed = _listed(consultation, last)
    if speak == "when-it-matters" and not _any_matters(consultation, listed):
        return Response()
    card = _card(maker, consultation, listed, silent)
    return Response((card,) if card else ())


def _card(
    maker: CardMaker,
    done: Consultation,
    listed: CheckedConsultation | None,
    silent: Collection[Outcome],
) -> Card | None:
    lines = rule_lines(done, listed)
    if lines or listed is not None:
        return maker.findings(done, lines, listed)
    return None if done.outcome in silent else maker.status(done)


def _listed(present: Consultation, last: CheckedConsultation | None) -> CheckedConsultation | None:
    """Whose list is shown: this answer's, or an earlier one's while there is no new one."""
    if isinstance(present, CheckedConsultation) and present.outcome is Outcome.ANSWERED:
        return present
    stands_in = last is not None and last.outcome is Outcome.ANSWERED
    return last if stands_in and present.outcome is not Outcome.EMPTY else None


def _any_matters(done: Consultation, listed: CheckedConsultation | None) -> bool:
    return matters(done) or (listed is not None and matters(listed))


def _absolute(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("base_url is an absolute http or https address without query or fragment")
    return base_url.rstrip("/")
