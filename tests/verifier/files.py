"""A small file of coefficients, of which every number below was chosen by hand."""

from __future__ import annotations

from typing import Any

from cds_hooks.verifier import CoefficientFile

__all__ = ["content", "small_file"]


def content(**changed: Any) -> dict[str, Any]:
    """The file's content. Two features, of which the second may be missing."""
    made: dict[str, Any] = {
        "version": 1,
        "source": {
            "data": [{"title": "by hand", "sha256": "a" * 64}],
            "task": "open-ended",
            "match": "exact",
            "models": ["small"],
            "samples": 3,
            "cases": 40,
            "patients": 30,
            "diagnoses": 90,
            "right": 25,
            "regularisation": 1.0,
        },
        "features": ["vote_share", "p_true", "missing:p_true"],
        "coefficients": [2.0, 1.0, -0.5],
        "intercept": -1.0,
        "standardisation": {"mean": [0.5, 0.0, 0.0], "scale": [0.25, 2.0, 1.0]},
        "calibration": {"x": [0.2, 0.6], "y": [0.1, 0.9], "n": 20},
        "conformal": {"0.1": 0.25, "0.01": None},
        "parts": {name: _part(digit) for name, digit in (("fit", "1"), ("calibrate", "2"))},
    }
    return made | changed


def _part(digit: str) -> dict[str, list[str]]:
    return {"case_digests": [digit * 64], "patient_digests": [digit * 64]}


def small_file(**changed: Any) -> CoefficientFile:
    return CoefficientFile.model_validate(content(**changed))
