"""Whether a diagnosis that a model proposed says something true about this patient.

Names are looked up in ICD-10-CM and MeSH; claims are checked against the chart; what cannot be
shown is flagged, and nothing is repaired.
"""

from cds_hooks.plausibility.assessment import Judgement, assess, judge
from cds_hooks.plausibility.by_rules import ByRules, judge_chart
from cds_hooks.plausibility.calibration import Calibration, load_calibration, truth_set
from cds_hooks.plausibility.chart_conflicts import contradictions
from cds_hooks.plausibility.chart_findings import chart_findings
from cds_hooks.plausibility.discriminators import discriminates
from cds_hooks.plausibility.entered import check_entered
from cds_hooks.plausibility.medications import medication_concerns
from cds_hooks.plausibility.red_flags import not_considered
from cds_hooks.plausibility.relevance import load_tables
from cds_hooks.plausibility.resolution import Concept, Resolution, Status
from cds_hooks.plausibility.store import TerminologyError
from cds_hooks.plausibility.terminology import Terminology

__all__ = [
    "ByRules",
    "Calibration",
    "Concept",
    "Judgement",
    "Resolution",
    "Status",
    "Terminology",
    "TerminologyError",
    "assess",
    "chart_findings",
    "check_entered",
    "contradictions",
    "discriminates",
    "judge",
    "judge_chart",
    "load_calibration",
    "load_tables",
    "medication_concerns",
    "not_considered",
    "truth_set",
]
