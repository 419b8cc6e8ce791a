"""An assessed differential -> cards, one profile a family of CDS clients. Pure."""

from cds_hooks.cards.build import build
from cds_hooks.cards.data import override_reasons, profiles

__all__ = ["build", "override_reasons", "profiles"]
