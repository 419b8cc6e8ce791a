"""From a score to a probability along an isotonic curve that was fitted elsewhere. Pure."""

from __future__ import annotations

from bisect import bisect_right

from cds_hooks.verifier.coefficient_file import Calibration

__all__ = ["calibrated"]


def calibrated(curve: Calibration, score: float) -> float:
    """The probability (0 to 1) at a score: straight between two points, and as at the last point
    beyond it (B. Zadrozny, C. Elkan, KDD 2002)."""
    after = bisect_right(curve.x, score)
    if after == 0:
        return curve.y[0]
    if after == len(curve.x):
        return curve.y[-1]
    left, right = curve.x[after - 1], curve.x[after]
    part = (score - left) / (right - left)
    return curve.y[after - 1] + part * (curve.y[after] - curve.y[after - 1])
