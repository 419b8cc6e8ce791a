"""What rules find in a chart by itself: told at the first opening, whatever the model does."""

from __future__ import annotations

from cds_hooks.consultation import ChartFinding, Seriousness
from cds_hooks.plausibility.findings import Seen, findings
from cds_hooks.plausibility.record import record
from cds_hooks.plausibility.red_flags import patterns
from cds_hooks.plausibility.terminology import Terminology
from fhir_mapping.chart import Chart

__all__ = ["chart_findings", "found_in"]

_ORDER = tuple(Seriousness)


def chart_findings(chart: Chart, terminology: Terminology | None) -> tuple[ChartFinding, ...]:
    """One finding a rule that the chart completes, the most serious first.

    It says that findings fit a diagnosis, with the facts; it does not say that it is so.
    """
    return found_in(Seen(record(chart, terminology)))


def found_in(seen: Seen) -> tuple[ChartFinding, ...]:
    """As `chart_findings`, of a chart already prepared."""
    told: dict[str, ChartFinding] = {}
    for pattern in patterns():
        if not pattern.fits(seen.record.chart.patient):
            continue
        found = pattern.found(seen)
        earlier = told.get(pattern.diagnosis)
        if found and (earlier is None or len(found) > len(earlier.told)):
            told[pattern.diagnosis] = ChartFinding(
                rule=pattern.id,
                diagnosis=pattern.diagnosis,
                seriousness=Seriousness.SERIOUS,
                told=tuple(findings()[n].name for n in found),
                fact_ids=tuple(dict.fromkeys(i for n in found for i in seen.facts(n))),
                source=pattern.source,
            )
    return tuple(sorted(told.values(), key=lambda f: _ORDER.index(f.seriousness)))
