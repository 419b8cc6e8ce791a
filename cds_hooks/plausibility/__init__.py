"""Whether a diagnosis that a model proposed says something true about this patient.

Names are looked up in ICD-10-CM and MeSH; claims are compared with the chart; what cannot be shown
is flagged, and nothing is repaired.

- `terminology`: looking names up, and compiling the terminologies
- `rules`: rules about diagnoses, as tables with sources
- `chart`: a chart indexed for checks
- `chart_rules`: rules about a chart by itself: patterns of findings, scores, contradictions
- `checks`: policies that compare one diagnosis with the chart
- `relevance`: whether a fact speaks for or against a diagnosis
- `agreement`: how often samples and models name a diagnosis
"""

from cds_hooks.plausibility.agreement.calibration import Calibration, load_calibration, truth_set
from cds_hooks.plausibility.assessment import (
    DifferentialAssessment,
    assess_candidates,
    assess_differentials,
)
from cds_hooks.plausibility.chart_rules.chart_assessment import ChartAssessment, assess_chart
from cds_hooks.plausibility.checks.discriminators import discriminates
from cds_hooks.plausibility.new_problems import assess_new_problems
from cds_hooks.plausibility.relevance import load_tables
from cds_hooks.plausibility.terminology import (
    Concept,
    MatchStatus,
    Resolution,
    Terminology,
    TerminologyError,
)

__all__ = [
    "Calibration",
    "ChartAssessment",
    "Concept",
    "DifferentialAssessment",
    "Resolution",
    "MatchStatus",
    "Terminology",
    "TerminologyError",
    "assess_candidates",
    "assess_chart",
    "assess_differentials",
    "assess_new_problems",
    "discriminates",
    "load_calibration",
    "load_tables",
    "truth_set",
]
