"""`make tune-demo`: from charts to a decision, and one page that says what it shows."""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from cds_hooks.evaluation.matching import TruthMatcher
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.evaluation.runs.results import CaseResult, read_results
from cds_hooks.evaluation.runs.runner import RESULTS
from cds_hooks.plausibility import Terminology
from cds_hooks.settings import load_settings
from cds_hooks.tuning.example import TrainingExample, read_examples
from cds_hooks.tuning.training.run_record import read_run
from tests.tune_demo.result_page import Demonstration, demonstration_page
from tests.tune_demo.steps import Recipe
from tests.tune_demo.trained_look_up import look_up_ranks


def gathered(recipe: Recipe) -> Demonstration:
    """What the steps left in the folder."""
    trained, unseen = (_part(recipe, name) for name in ("train", "unseen"))
    tuned = _results(recipe.folder / "tuned")
    with Terminology(load_settings(None).terminology.path) as terminology:
        ids = {_case_id(example) for example in trained}
        ranks = look_up_ranks(recipe.cases, ids, tuned.keys(), TruthMatcher(terminology))
    diseases = {_category(example) for example in trained}
    return Demonstration(
        record=read_run(recipe.folder / "run"),
        untuned=_results(recipe.folder / "untuned"),
        tuned=tuned,
        look_up=ranks,
        taught=frozenset(_case_id(e) for e in unseen if _category(e) in diseases),
        comparison=orjson.loads((recipe.folder / "comparison.json").read_bytes()),
        admission=orjson.loads((recipe.folder / "admission.json").read_bytes())["record"],
        own_data=recipe.data is not None,
        spent=recipe.spent,
    )


def _part(recipe: Recipe, name: str) -> list[TrainingExample]:
    return read_examples(recipe.manifest.parent / f"{name}.jsonl")


def _results(folder: Path) -> dict[str, CaseResult]:
    return {result.case: result for result in read_results(folder / RESULTS)}


def _case_id(example: TrainingExample) -> str:
    return example.id.partition(":")[2]


def _category(example: TrainingExample) -> str:
    return example.gold.code[:3] or example.gold.display


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/tune-demo"))
    parser.add_argument("--data", type=Path, help="a site's own file of cases (JSONL)")
    parser.add_argument("--charts", type=int, default=0, help="the first so many charts; 0: all")
    asked = parser.parse_args()
    recipe = Recipe(asked.output, asked.data, asked.charts)
    recipe.run()
    page = demonstration_page(gathered(recipe))
    (asked.output / "results.html").write_text(to_html(page), "utf-8")
    (asked.output / "results.md").write_text(to_markdown(page), "utf-8")
    print(f"{page.lead[1]}\n{asked.output}/results.html")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
