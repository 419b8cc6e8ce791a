"""An assessed differential -> cards, one profile a family of CDS clients. Pure."""

from cds_hooks.cards.build import build
from cds_hooks.cards.card_data import LISTED, override_reasons, profiles
from cds_hooks.cards.full_detail import FullDetail, full_detail
from cds_hooks.cards.speak_policy import Speak
from cds_hooks.cards.topics import TOPICS

__all__ = [
    "LISTED",
    "TOPICS",
    "FullDetail",
    "Speak",
    "build",
    "full_detail",
    "override_reasons",
    "profiles",
]
