"""Names by construction against free text, as a pair of runs over the same cases."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cds_hooks.cli.application import app
from cds_hooks.cli.evaluation_pair import pair, pair_table, pair_told
from cds_hooks.consultation import Verdict
from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, Said
from cds_hooks.evaluation.suites.suite import Suite
from tests.sample.places import Data


def result(case: int, *, known: bool, seconds: float, right: bool = False) -> CaseResult:
    verdict = Verdict.PLAUSIBLE if known else Verdict.UNRECOGNISED
    matches = tuple(MatchRule) if right else ()
    return CaseResult(
        case=f"{case}",
        outcome="answered",
        answers=(ListedDiagnosis(name="x", verdict=verdict, matches=matches),),
        samples=((Said(name="x"),),) if known else (),
        samples_failed=0 if known else 1,
        seconds=seconds,
    )


def test_accuracy_names_and_time_are_told_with_intervals(small_suite: Suite) -> None:
    names = [result(i, known=True, seconds=2.0, right=i < 4) for i in range(6)]
    free = [result(i, known=False, seconds=4.0) for i in range(6)]
    found = pair(names, free)
    table, notes = pair_table(found, small_suite)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["the truth is the first diagnosis"][:2] == (
        "66.7 % (30.0 to 90.3), n = 6",
        "0.0 % (0.0 to 39.0), n = 6",
    )
    assert rows["the truth is among the first 5"][3] == "p = 0.125"
    assert rows["diagnoses not recognised"][1].startswith("100.0 % (61.0 to 100.0)")
    assert rows["samples that are no valid answer"][0].startswith("0.0 % (0.0 to 39.0)")
    assert rows["seconds a case"][3].startswith("x 2.00")
    assert len(notes) == 2
    told = json.loads(json.dumps(pair_told(found)))
    assert told["unrecognised"]["free"]["value"] == 1.0


def test_only_what_is_written_has_names(sample: Data) -> None:
    words = ["eval", "pair", "--suite", "vignettes", "--data", str(sample.folder)]
    with pytest.raises(SuiteError, match="open-ended"):
        CliRunner().invoke(app, words, catch_exceptions=False)
