"""Override reasons that say which diagnosis of a card's list is wrong for this patient."""

from __future__ import annotations

from cds_hooks.cards import phrases
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.differential_list import accepted_by_verdict
from cds_hooks.cards.escape import capped, plain
from cds_hooks.cards.speak_policy import is_demonstration
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.protocol.cards import Coding
from cds_hooks.protocol.judgements import MOST, wrong

__all__ = ["diagnosis_reasons"]

_NAME = 60
_SHOWN = 3
"""As many as a card's list shows at most; of the others the consultation's page asks."""


def diagnosis_reasons(listed: CheckedConsultation) -> tuple[Coding, ...]:
    """One reason for each of the first diagnoses of a list; none of a demonstration model's."""
    if is_demonstration(listed):
        return ()
    places = {id(each): place for place, each in enumerate(listed.assessments, 1)}
    words = texts().blocks["wrong"]
    return tuple(
        wrong(places[id(each)], words.format(name=capped(plain(phrases.name(each.name)), _NAME)))
        for each in accepted_by_verdict(listed.assessments)[:_SHOWN]
        if places[id(each)] <= MOST
    )
