"""`cases.toml`, written by hand, as the lines of the two files that the loaders read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson

__all__ = ["osce_lines", "vignette_lines"]


def osce_lines() -> bytes:
    """A structured examination a line."""
    return b"".join(orjson.dumps(_examination(c)) + b"\n" for c in _cases()["examination"])


def vignette_lines() -> bytes:
    """A vignette with four options a line."""
    return b"".join(orjson.dumps(line) + b"\n" for line in _vignettes())


@cache
def _cases() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("cases.toml").read_text("utf-8"))


def _examination(case: dict[str, Any]) -> dict[str, Any]:
    actor = {
        "Demographics": case["who"],
        "History": case["history"],
        "Symptoms": {
            "Primary_Symptom": case["primary"],
            "Secondary_Symptoms": case.get("secondary", []),
        },
        "Past_Medical_History": case.get("past", "Not provided"),
        "Social_History": case.get("social", "Non-smoker."),
        "Review_of_Systems": case.get("review", "Nothing else is told."),
    }
    told = {
        "Objective_for_Doctor": "Find the diagnosis.",
        "Patient_Actor": actor,
        "Physical_Examination_Findings": {"Vital_Signs": case["vitals"], **case.get("exam", {})},
        "Test_Results": case["tests"],
        "Correct_Diagnosis": case["diagnosis"],
    }
    return {"OSCE_Examination": told}


def _vignettes() -> Iterator[dict[str, Any]]:
    for number, case in enumerate(_cases()["vignette"], start=1):
        yield {
            "id": f"vignette_{number}",
            "category": case["category"],
            "vignette": case["text"],
            "choices": case["choices"],
            "answer": case["answer"],
        }
