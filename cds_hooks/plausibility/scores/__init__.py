"""Published scores, computed from a chart as far as it tells their items."""

from cds_hooks.plausibility.scores.score import Band, Item, Score, Scored, compute, scores

__all__ = ["Band", "Item", "Score", "Scored", "compute", "scores"]
