"""Whether a diagnosis that a model proposed says something true about this patient.

Names are looked up in ICD-10-CM and MeSH; claims are checked against the chart; what cannot be
shown is flagged, and nothing is repaired.
"""

from cds_hooks.plausibility.agreement.calibration import Calibration, load_calibration, truth_set
from cds_hooks.plausibility.assessment import Judgement, assess, judge
from cds_hooks.plausibility.chart_rules.chart_judgement import ByRules, chart_findings, judge_chart
from cds_hooks.plausibility.chart_rules.contradictions import contradictions
from cds_hooks.plausibility.chart_rules.medication_concerns import medication_concerns
from cds_hooks.plausibility.chart_rules.red_flags import not_considered
from cds_hooks.plausibility.checks.discriminators import discriminates
from cds_hooks.plausibility.new_problems import check_entered
from cds_hooks.plausibility.relevance import load_tables
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import Concept, Resolution, Status
from cds_hooks.plausibility.terminology.term_store import TerminologyError

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
