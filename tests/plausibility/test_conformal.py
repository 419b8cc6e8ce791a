"""Sets that hold the truth: what is promised, for whom, and that the stored numbers are right."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.consultation import Assessment, Group, Verdict
from cds_hooks.evaluation.research.catalogue import catalogue
from cds_hooks.evaluation.research.flags import score_panel
from cds_hooks.evaluation.research.recording import read_recording
from cds_hooks.plausibility.agreement.calibration import (
    CalibrationError,
    load_calibration,
    truth_set,
)
from cds_hooks.plausibility.agreement.conformal import calibrate
from tests.sample.places import Data

PANEL = ("gemma-4-31b", "qwen3.5-35b", "gpt-oss-20b-high")
SITE = """
version = "1"
source = "this site"
[data.own]
title = "120 discharges"
origin = "this site"
sha256 = "{digest}"
task = "open-ended"
n = 120
[[threshold]]
data = "{data}"
panel = ["small"]
error = 0.1
share = 0.5
"""


def listed(**shares: float) -> list[Assessment]:
    return [Assessment(n, Group.LIKELY, Verdict.SUPPORTED, agreement=s) for n, s in shares.items()]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.floats(0.01, 0.5))
def test_a_threshold_misses_at_most_the_chosen_share_of_the_calibration_cases(
    found: list[float], error: float
) -> None:
    least = calibrate(found, error)
    if least is not None:
        assert sum(a < least for a in found) <= error * (len(found) + 1) + 1e-6


def test_a_threshold_keeps_its_promise_on_new_cases() -> None:
    random_ = random.Random(3)
    missed = 0
    for _ in range(300):
        cases = [random_.betavariate(4, 2) for _ in range(101)]
        missed += cases[100] < (calibrate(cases[:100], 0.1) or 0)
    assert missed / 300 <= 0.15


def test_too_few_cases_promise_nothing() -> None:
    assert calibrate([0.9, 0.8], 0.1) is None
    assert calibrate([], 0.1) is None
    assert calibrate([0.0] * 100, 0.1) is None


@pytest.mark.parametrize("error", [0, 1, -0.1, 2])
def test_an_error_that_is_no_share_is_refused(error: float) -> None:
    with pytest.raises(ValueError):
        calibrate([0.5], error)


def test_the_set_is_of_the_panel_the_task_and_the_error_it_was_calibrated_for() -> None:
    known, found = load_calibration(), listed(Gout=2 / 3, Sepsis=1 / 3, Fever=1 / 9)
    told = truth_set(found, PANEL, 0.1, known, task="closed-list")
    assert told is not None
    assert told.names == ("Gout", "Sepsis")
    assert (told.n, told.error) == (207, 0.1)
    assert "radiology" in told.source
    assert truth_set(found, PANEL, 0.1, known) is None, "a closed list says nothing of an open one"
    assert truth_set(found, PANEL[:2], 0.1, known, task="closed-list") is None
    assert truth_set(found, PANEL, 0.11, known, task="closed-list") is None
    assert truth_set(found, PANEL, 0.05, known, task="closed-list") is None, "no threshold holds"


def test_a_site_brings_its_own(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(SITE.format(digest="0" * 64, data="own"))
    told = truth_set(listed(Gout=1.0, Fever=0.4), ["small"], 0.1, load_calibration(path))
    assert told is not None
    assert told.names == ("Gout",)


@pytest.mark.parametrize(
    "text", ["", "not = toml = at all", SITE.format(digest="0", data="own"),
             SITE.format(digest="0" * 64, data="other")],
)  # fmt: skip
def test_a_broken_file_of_thresholds_says_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(CalibrationError) as caught:
        load_calibration(path)
    assert caught.value.code == "calibration-invalid"
    assert "docs/design/plausibility.md" in caught.value.diagnostics()


def test_a_threshold_of_a_recording_is_what_was_counted_by_hand(sample: Data) -> None:
    """The truth has 9, 9, 9, 8, 8, 5, 1 and 2 of nine votes in ten cases each."""
    models = {m.id: m for m in catalogue().model}
    read = read_recording(sample.recording, [c for m in models.values() for c in m.columns])
    shares = score_panel(read, [models[i] for i in PANEL]).truth_share.tolist()
    assert calibrate(shares, 0.2) == pytest.approx(2 / 9)  # the 65th of 80, from high to low
    assert calibrate(shares, 0.5) == pytest.approx(8 / 9)  # the 41st
    assert calibrate(shares[:10], 0.1) == 1.0  # the tenth of ten


def test_the_stored_thresholds_are_those_of_the_data_they_name(shared_data: Path) -> None:
    path, known, models = (
        shared_data / "eval" / "eurorad_predictions.csv",
        load_calibration(),
        {m.id: m for m in catalogue().model},
    )
    assert known.data["eurorad"].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    read = read_recording(path, [c for m in models.values() for c in m.columns])
    assert known.data["eurorad"].n == len(read.cases)
    for threshold in known.threshold:
        scored = score_panel(read, [models[i] for i in threshold.panel])
        assert all(models[i].on_device for i in threshold.panel)
        found = calibrate(scored.truth_share.tolist(), threshold.error)
        assert found == (threshold.share and pytest.approx(threshold.share)), threshold
