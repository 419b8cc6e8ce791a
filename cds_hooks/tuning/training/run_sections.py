"""A run as parts of a report: the loss, the check, and what it was of."""

from __future__ import annotations

from cds_hooks.evaluation.metrics import proportion
from cds_hooks.evaluation.report.page import Page, PageSection, PageTable, percent
from cds_hooks.tuning.training.loss_course import best_point
from cds_hooks.tuning.training.loss_plot import loss_plot
from cds_hooks.tuning.training.run_record import CheckFacts, RunRecord

__all__ = ["CHECKS", "run_page", "run_sections"]

CHECKS = {
    "base": "base alone, weights of 32 bits",
    "adapted": "with the adapter, weights of 32 bits",
    "served_base": "base alone, the file that is served",
    "served": "with the adapter, the file that is served",
    "effect": "transformers with the adapter against without it",
}
"""What each comparison of a record is, in words."""


def run_page(record: RunRecord) -> Page:
    """The report of one run. It says nothing about diagnoses: for that `eval run` and `compare`."""
    lead = (
        f"{record.base}, {record.examples} examples, {record.held_out} held out, "
        f"{record.processor_s:.0f} s of processor time.",
        "A smaller loss is not a better diagnosis: measure the adapter on cases never trained on.",
    )
    return Page("An adapter was trained", lead, run_sections(record))


def run_sections(record: RunRecord) -> tuple[PageSection, ...]:
    """Sections for the loss, for the check and for what was used."""
    return (_loss(record), _check(record), _used(record))


def _loss(record: RunRecord) -> PageSection:
    first, best = record.course[0], best_point(record.course)
    ended = "Held-out loss ended it early" if record.stopped_early else "It ran to its end"
    text = (
        f"{record.steps} steps. {ended}. The adapter is that of step {best.step}: held-out loss "
        f"{best.held_out:.3f} a token, {first.held_out:.3f} before training.",
    )
    rows = tuple(
        (str(p.step), "" if p.trained is None else f"{p.trained:.3f}", f"{p.held_out:.3f}")
        for p in record.course
    )
    table = PageTable(("step", "trained", "held out"), rows)
    plot = loss_plot(record.course, title="Loss by step")
    return PageSection("Loss on answers", text, (plot,), (table,))


def _check(record: RunRecord) -> PageSection:
    text = (
        "llama.cpp loads the base and the adapter's file, transformers the base and the trained "
        "weights; both compute the same held-out tokens. With weights of 32 bits both must agree; "
        "in the file that is served the engine also rounds, which the base alone shows.",
        "Differences are of log-probabilities, over the five likeliest tokens of either program.",
    )
    rows = tuple((told, *_row(record.checks[name])) for name, told in CHECKS.items())
    headings = ("llama.cpp against transformers", "same likeliest token", "largest", "mean")
    return PageSection("Is it what was trained?", text, (), (PageTable(headings, rows),))


def _row(check: CheckFacts) -> tuple[str, str, str]:
    agreed = percent(proportion(check.agreed, check.positions))
    return agreed, f"{check.largest:.3f}", f"{check.mean:.4f}"


def _used(record: RunRecord) -> PageSection:
    recipe = record.recipe
    rows = (
        ("base", f"{record.base}, SHA-256 {record.base_sha256}"),
        ("adapter", f"SHA-256 {record.adapter_sha256}"),
        ("training set", f"manifest SHA-256 {record.training_set_sha256}"),
        ("answers", record.answers.value),
        ("LoRA", f"rank {recipe.rank}, alpha {recipe.alpha:g}, {_blocks(recipe.last_layers)}"),
        ("learning rate", f"{recipe.learning_rate:g}, seed {recipe.seed}"),
        ("computed in", record.precision),
        ("programs", ", ".join(f"{name} {found}" for name, found in record.packages.items())),
        ("processor", record.processor),
    )
    return PageSection("What was used", (), (), (PageTable(("what", "value"), rows),))


def _blocks(last: int) -> str:
    return f"last {last} blocks" if last else "all blocks"
