"""What a reader of a report has to know of its terms."""

from __future__ import annotations

from cds_hooks.trial.cases import MatchLevel

__all__ = ["RULES_OF_LEVELS"]

RULES_OF_LEVELS = {
    MatchLevel.SAME: "the same code, or one that is listed as the same disease.",
    MatchLevel.CATEGORY: "as same, or both in the same three-character category of ICD-10.",
    MatchLevel.RELATED: "as category, or listed as related.",
}
