"""An assessed differential -> cards, one profile a family of CDS clients. Pure."""

from cds_hooks.cards.build import build
from cds_hooks.cards.data import LISTED, override_reasons, profiles
from cds_hooks.cards.speaking import Speak
from cds_hooks.cards.whole import whole

__all__ = ["LISTED", "Speak", "build", "override_reasons", "profiles", "whole"]
