"""Figures with their n and interval. Pure: values in, values out; randomness by seed."""

from cds_hooks.evaluation.metrics.confusion import VerdictRow, verdict_confusion
from cds_hooks.evaluation.metrics.curves import Bin, CalibrationCurve, auprc, auroc, calibration
from cds_hooks.evaluation.metrics.figures import Figure, bootstrap, mean, proportion, wilson
from cds_hooks.evaluation.metrics.paired import Paired, compare, mcnemar
from cds_hooks.evaluation.metrics.ranking import mean_reciprocal_rank, pass_at_k, rank, top
from cds_hooks.evaluation.metrics.votes import Ballot, Ties, majority, plurality

__all__ = [
    "Ballot",
    "Bin",
    "CalibrationCurve",
    "Figure",
    "Paired",
    "Ties",
    "VerdictRow",
    "auprc",
    "auroc",
    "bootstrap",
    "calibration",
    "compare",
    "majority",
    "mcnemar",
    "mean",
    "mean_reciprocal_rank",
    "pass_at_k",
    "plurality",
    "proportion",
    "rank",
    "top",
    "verdict_confusion",
    "wilson",
]
