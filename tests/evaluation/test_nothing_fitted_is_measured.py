"""Every manifest that is shipped or lies in the checkout, compared with the suites it may meet."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cds_hooks.evaluation.admission.acceptance import acceptance_suite
from cds_hooks.evaluation.trained_cases import case_digests, fitted_cases, overlap

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def manifests(*folders: Path) -> list[Path]:
    """All JSON files that name the cases something was fitted on."""
    found = [path for folder in folders for path in folder.rglob("*.json")]
    return [path for path in found if "case_digests" in path.read_text("utf-8", "ignore")]


def test_no_manifest_here_shares_a_case_with_the_acceptance_set() -> None:
    here = manifests(ROOT / "cds_hooks", ROOT / "tests", ROOT / "docs", ROOT / "deploy")
    suite = acceptance_suite(NOW)
    assert {str(p): overlap(suite, fitted_cases(p)) for p in here} == {str(p): () for p in here}


def test_a_manifest_that_shares_one_is_found(tmp_path: Path) -> None:
    suite = acceptance_suite(NOW)
    digests = case_digests(suite.id, suite.cases[3])
    (tmp_path / "planted.json").write_text(json.dumps({"fit": {"case_digests": digests}}))
    (found,) = manifests(tmp_path)
    assert overlap(suite, fitted_cases(found)) == (suite.cases[3].id,)


@pytest.mark.parametrize("days", [0, 40])
def test_the_digests_of_a_chart_do_not_move_with_the_clock(days: int) -> None:
    first = acceptance_suite(NOW)
    later = acceptance_suite(datetime(2026, 5, 1 + days % 28, tzinfo=UTC))
    told = [case_digests("acceptance", case) for case in first.cases]
    assert told == [case_digests("acceptance", case) for case in later.cases]
    assert len({d for each in told for d in each}) == 2 * len(told)
