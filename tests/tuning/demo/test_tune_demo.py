"""The demonstration: its charts, and (with the extra) the whole recipe on a few of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from cds_hooks.evaluation.suites.own import load_own
from cds_hooks.tuning.training.tuning_extra import missing_packages
from tests.tune_demo.__main__ import gathered
from tests.tune_demo.demonstration_charts import write_charts
from tests.tune_demo.result_page import demonstration_page
from tests.tune_demo.steps import Recipe

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_each_chart_is_of_its_own_patient_and_as_old_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "charts.jsonl"
    assert write_charts(path, NOW, limit=12) == 12
    suite = load_own(path, now=NOW)
    assert len({case.patient_id for case in suite.cases}) == len(suite.cases) == 12
    assert not suite.rejected
    text = path.read_text()
    assert '"Patient/p1"' not in text
    assert "2026-05-01" in text
    assert all("gold-recorded" not in case.tags for case in suite.cases)


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.skipif(
    bool(missing_packages()), reason="the extra `tune` is not installed: make tune-setup"
)
@pytest.mark.timeout(1800)
def test_the_whole_recipe_on_a_few_charts(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path, charts=12)
    recipe.run()
    made = gathered(recipe)
    assert made.record.fault == ""
    assert made.tuned.keys() == made.untuned.keys()
    assert len(made.tuned) == 3
    manifest = orjson.loads(recipe.manifest.read_bytes())
    trained = {e["id"] for e in map(orjson.loads, (recipe.manifest.parent / "train.jsonl").open())}
    assert not {f"own:{case}" for case in made.tuned} & trained
    assert manifest["parts"]["train"]["examples"] == made.record.examples
    # Three cases prove nothing, and admission says so.
    assert not made.admission["admitted"]
    told = demonstration_page(made)
    assert "better_than_base" in told.lead[1]
    assert any(section.plots for section in told.sections)
