"""`chartside verifier fit --trial`: from a store with a trial in it to a file, whole."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cds_hooks.audit import Store
from cds_hooks.cli import verifier_trial
from cds_hooks.cli.application import app
from cds_hooks.cli.audit import audit_app
from cds_hooks.cli.mapping import UsageError
from cds_hooks.consultation import Candidate, Differential, Group, RecordedCall, Verdict
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings
from cds_hooks.verifier import read_coefficients
from tests.trial.stored_trial import (
    DAY_S,
    assessment,
    consultation,
    follow_up,
    settings_file,
    waiting,
)

pytest.importorskip("sklearn")

_CASES = 44
_LISTS = (("I21.4", "K35.80"), ("I21.4",))


async def _fill(config: Path) -> None:
    """Both samples name a myocardial infarction, one appendicitis, too: the first is right in all
    cases but each fourth. Each second hook was answered before the model was done."""
    settings, begun = load_settings(config), time.time() - 10 * DAY_S
    store = Store(store_config(settings), site_key(settings, create=True), clock=lambda: begun)
    await store.open()
    try:
        for number in range(_CASES):
            listed = tuple(
                replace(assessment(code, Verdict.PLAUSIBLE), written_as=(code,))
                for code in _LISTS[0]
            )
            differentials = tuple(
                Differential(tuple(Candidate(n, Group.LIKELY) for n in names), model="m")
                for names in _LISTS
            )
            done = replace(consultation(number, begun, listed), differentials=differentials)
            call = RecordedCall(hook="patient-view", encounter_id=f"e{number}")
            hook = waiting(done) if number % 2 else done
            await store.silent.save_consultation(hook, call=call)
            if hook is not done:
                await store.silent.save_consultation(done)
            await store.outcomes.save(follow_up(hook, _LISTS[0][number % 4 == 0]))
    finally:
        await store.close()


def test_from_a_trial_to_a_file(
    tmp_path: Path, terminology: Terminology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier_trial, "Terminology", lambda _: nullcontext(terminology))
    config, out = settings_file(tmp_path), tmp_path / "verifier.json"
    asyncio.run(_fill(config))
    until = (datetime.now(UTC) - timedelta(days=9)).date().isoformat()
    words = ["verifier", "fit", "--trial", "--config", str(config), "--output", str(out)]
    result = CliRunner().invoke(
        app, [*words, "--until", until, "--reason", "better order", "--json"]
    )
    assert result.exit_code == 0, result.output
    file = read_coefficients(out.read_bytes())
    source = file.source
    assert (source.models, source.samples, source.task) == (("m",), 2, "open-ended")
    assert (source.cases, source.diagnoses, source.right) == (_CASES, 2 * _CASES, _CASES)
    assert dict(zip(file.features, file.coefficients, strict=True))["vote_share"] > 0
    told = json.loads(result.stdout)["measured"]
    assert told["cases"] == 11
    assert told["best"]["value"] == 1.0
    query = ["query", "--type", "trial-collected", "--config", str(config), "--json"]
    (line,) = CliRunner().invoke(audit_app, query).stdout.splitlines()
    assert json.loads(line)["details"]["reason"] == "better order"


def test_either_runs_or_a_trial(tmp_path: Path) -> None:
    for words in (["--trial", str(tmp_path)], []):
        result = CliRunner().invoke(app, ["verifier", "fit", *words])
        assert isinstance(result.exception, UsageError)
