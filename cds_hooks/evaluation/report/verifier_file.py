"""A verifier's file as a page that a person can judge: what it learnt, of what, and how well."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from cds_hooks.evaluation.report.page import Page, PageSection, PageTable, number, percent
from cds_hooks.evaluation.report.svg import calibration_plot, interval_plot
from cds_hooks.evaluation.report.verifier_plots import coefficient_plot, curve_plot
from cds_hooks.evaluation.verifier.measuring import Measured
from cds_hooks.verifier import CoefficientFile, digest
from cds_hooks.verifier.feature_catalogue import MISSING, meaning

__all__ = ["file_page", "measured_section"]

_NONE = "no threshold reaches this"


def file_page(file: CoefficientFile, measured: Measured | None = None) -> Page:
    """The file's coefficients with odds ratios, its curve and its sets."""
    source = file.source
    lead = (
        f"SHA-256 of the file: {digest(file)}. It stands in the admission record.",
        f"{source.task}; right by the rule “{source.match}”; {source.samples} samples of "
        f"{', '.join(source.models)}. {source.cases} cases of {source.patients} patients, "
        f"{source.diagnoses} diagnoses proposed, {source.right} of them right.",
        f"Data: {'; '.join(f'{d.title} ({d.sha256[:12]})' for d in source.data)}.",
        _parts(file),
        "It orders diagnoses that were proposed. It cannot name one that nobody proposed, and what "
        "it says holds for patients and models like those it was fitted on.",
    )
    sections = [_coefficients(file), _curve(file), _sets(file)]
    if measured is not None:
        sections.append(measured_section(measured, file.conformal))
    return Page("Verifier", lead, tuple(sections))


def measured_section(measured: Measured, thresholds: Mapping[str, float | None]) -> PageSection:
    """What it reaches on cases it has not seen, beside what needs no verifier. `thresholds` are
    those of the file: with one, sets are missing only where nothing but the order is told."""
    rows = [
        ("verifier", measured.verifier),
        ("fixed rules", measured.rules),
        ("vote", measured.vote),
        ("bound: any proposed is right", measured.best),
    ]
    paired = measured.against_vote
    told = (
        f"{measured.cases} cases, first diagnosis right. Against the vote: right alone in "
        f"{len(paired.only_first)}, the vote in {len(paired.only_second)} (exact McNemar p = "
        f"{paired.p:.2g}). AUROC of its score for a right first diagnosis: "
        f"{number(measured.area)}. "
        f"In {measured.unpromised} cases only an order could be told.",
    )
    plots = [interval_plot(rows, title="First diagnosis right, on unseen cases")]
    if measured.curve is not None:
        stated = "probability stated by the verifier"
        plots.append(calibration_plot(measured.curve, title="Calibration, unseen", stated=stated))
    table = PageTable(
        ("stated risk", "sets that hold the truth", "diagnoses in a set"),
        tuple(
            (
                s.risk,
                _no_sets(thresholds[s.risk]) if s.coverage is None else percent(s.coverage),
                "" if s.size is None else number(s.size),
            )
            for s in measured.sets
        ),
    )
    return PageSection("On unseen cases", told, tuple(plots), (table,))


def _no_sets(threshold: float | None) -> str:
    return _NONE if threshold is None else "no set in any of these cases"


def _parts(file: CoefficientFile) -> str:
    parts = file.parts
    counts = [len(p.case_digests) for p in (parts.fit, parts.calibrate, parts.unseen)]
    return (
        f"Fitted on {counts[0]} cases, calibrated on {counts[1]}, {counts[2]} kept unseen; no "
        f"patient is in two of them. Regularisation C = {file.source.regularisation:g} "
        "(smaller is stronger), chosen on the fitted cases alone."
    )


def _coefficients(file: CoefficientFile) -> PageSection:
    rows = tuple(_rows(file))
    told = (
        "Odds ratio: by how much the odds of being right are multiplied when the feature grows by "
        "its unit, all others the same; above 1 speaks for a diagnosis. Features that say nearly "
        "the same share their effect, so a single ratio is no cause.",
        f"Intercept {file.intercept:.3f} (all features at their mean): "
        f"{100 / (1 + math.exp(-file.intercept)):.1f} %.",
    )
    table = PageTable(("feature", "unit", "coefficient", "odds ratio", "meaning"), rows)
    named = list(zip(file.features, file.coefficients, strict=True))
    plot = coefficient_plot(named, title="Odds ratio of each feature, a unit more")
    return PageSection("Coefficients", told, (plot,), (table,))


def _rows(file: CoefficientFile) -> Iterator[tuple[str, ...]]:
    for name, weight, scale in zip(
        file.features, file.coefficients, file.standardisation.scale, strict=True
    ):
        unit = "1" if name.startswith(MISSING) else f"{scale:.3g}"
        yield name, unit, f"{weight:+.3f}", f"{math.exp(weight):.2f}", meaning(name)


def _curve(file: CoefficientFile) -> PageSection:
    if file.calibration is None:
        return PageSection("Calibration", ("Nothing was calibrated: no probability is told.",))
    told = (
        f"An isotonic curve over {file.calibration.n} diagnoses, straight between its points and "
        "flat beyond them.",
    )
    points = list(zip(file.calibration.x, file.calibration.y, strict=True))
    plot = curve_plot(points, title="From score to probability")
    return PageSection("Calibration", told, (plot,))


def _sets(file: CoefficientFile) -> PageSection:
    told = (
        "A set holds every diagnosis whose score reaches the threshold. For new cases drawn as the "
        "calibrated ones were it misses the truth no more often than the stated risk (split "
        "conformal prediction, arXiv 2107.07511). Where too few cases were calibrated, or nobody "
        f"names the truth often enough, {_NONE}.",
    )
    rows = tuple(
        (risk, _NONE if least is None else f"{least:.4f}")
        for risk, least in sorted(file.conformal.items(), key=lambda item: float(item[0]))
    )
    return PageSection("Sets", told, tables=(PageTable(("stated risk", "least score"), rows),))
