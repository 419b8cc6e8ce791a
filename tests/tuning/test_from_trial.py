"""Cases of a trial as examples: the truth, what is dropped, and what the ledger has of it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cds_hooks.cli.application import app
from cds_hooks.cli.mapping import UsageError
from cds_hooks.consultation import Verdict
from cds_hooks.plausibility import Terminology
from cds_hooks.trial.cases import Outcome, TrialCase
from cds_hooks.tuning.from_trial import TrialDrafts
from tests.trial.stored_trial import assessment, consultation, fill, settings_file
from tests.trial.trial_cases import ICD

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LISTED = (assessment("K35.80", Verdict.SUPPORTED), assessment("I21.4", Verdict.PLAUSIBLE))


def drafted(
    terminology: Terminology, *codes: str, visible: tuple[str, ...] = (), closed: bool = True
) -> TrialDrafts:
    """One consultation with these outcomes, charted one hour after the other."""
    outcomes = tuple(
        Outcome(ICD, code, "encounter-diagnosis", NOW + timedelta(hours=n))
        for n, code in enumerate(codes, 1)
    )
    case = TrialCase(
        consultation="00000000-0000-4000-8000-000000000001",
        patient="p1:hash",
        service="chartside-patient-view",
        asked=NOW,
        hour=0,
        age_band="40-64",
        sex="female",
        visible_codes=frozenset((ICD, code) for code in visible),
        outcomes=outcomes if closed else None,
    )
    made = TrialDrafts(terminology)
    made.add(case, consultation(1, NOW.timestamp(), LISTED))
    return made


def test_what_was_charted_first_is_the_truth_in_the_models_words(terminology: Terminology) -> None:
    (draft,) = drafted(terminology, "I21.4", "J18.9").drafts
    assert draft.gold.code == "I21.4"
    assert draft.names == ("I21.4", "Non-ST elevation (NSTEMI) myocardial infarction")
    written = [c.diagnosis for c in draft.listed]
    assert written == ["I21.4", "Pneumonia, unspecified organism", "K35.80"]
    assert (draft.patient, draft.private) == ("p1:hash", True)


@pytest.mark.parametrize(
    ("codes", "more", "reason"),
    [
        ((), {}, "no-outcome"),
        (("I21.4",), {"closed": False}, "window-open"),
        (("I21.4", "J18.9"), {"visible": ("J18.9",)}, "outcome-in-prompt"),
        (("E11.9",), {"visible": ("E11",)}, "outcome-in-prompt"),  # without complications
        (("ZZZ",), {}, "outcome-without-name"),
    ],
)
def test_a_case_that_teaches_nothing_is_counted(
    terminology: Terminology, codes: tuple[str, ...], more: dict[str, Any], reason: str
) -> None:
    made = drafted(terminology, *codes, **more)
    assert made.drafts == []
    assert made.dropped == {reason: 1}


def run(*words: str | Path) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_reading_a_trial_is_on_record_before_and_the_set_after(tmp_path: Path) -> None:
    config, out = settings_file(tmp_path), tmp_path / "set"
    asyncio.run(fill(config, right=2, wrong=1, days_ago=10))
    words = ("tune", "prepare", "--trial", "--output", out, "--config", config)
    with pytest.raises(UsageError, match="needs --reason"):
        run(*words)
    manifest = run(*words, "--reason", "to teach our model")
    assert [s["kind"] for s in manifest["sources"]] == ["trial"]
    assert manifest["sources"][0]["cases"] == 3
    assert manifest["patient_text"]
    # Three charts that are the same: two like a third, or too few different diagnoses for a list.
    assert sum(manifest["dropped"].values()) + len(manifest["removed"]) == 3
    read, set_made = (
        json.loads(
            CliRunner()
            .invoke(app, ["audit", "query", "--type", t, "--config", str(config), "--json"])
            .stdout.splitlines()[0]
        )
        for t in ("training-cases-read", "training-set-made")
    )
    assert read["seq"] < set_made["seq"]
    assert read["details"]["reason"] == "to teach our model"
    assert len(set_made["details"]["manifest_sha256"]) == 64
