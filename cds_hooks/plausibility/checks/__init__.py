"""Small policies, each with a stable id and a source, that check a diagnosis against a chart."""

from cds_hooks.plausibility.checks.check import Check, CheckedDiagnosis, all_reasons
from cds_hooks.plausibility.checks.demographics import RecordedAge, RecordedSex, UnusualAge
from cds_hooks.plausibility.checks.diagnosis_name import NameRecognised
from cds_hooks.plausibility.checks.evidence import (
    CounterEvidence,
    EvidenceAbout,
    EvidenceBothWays,
    EvidenceCurrent,
    EvidenceDirection,
    EvidenceExists,
)
from cds_hooks.plausibility.checks.evidence_age import EvidenceRecent, EvidenceSuperseded
from cds_hooks.plausibility.checks.organs import AbsentOrgan
from cds_hooks.plausibility.checks.problem_list import (
    AlreadyRecorded,
    KnownChronicForm,
    RefutedInChart,
)
from cds_hooks.plausibility.checks.results import DefiningResult, ExpectedResult, NegativeTest

__all__ = ["CHECKS", "CheckedDiagnosis", "Check", "all_reasons"]

CHECKS: tuple[Check, ...] = (
    NameRecognised(),
    EvidenceExists(),
    EvidenceDirection(),
    EvidenceCurrent(),
    EvidenceRecent(),
    EvidenceSuperseded(),
    EvidenceAbout(),
    EvidenceBothWays(),
    CounterEvidence(),
    RecordedSex(),
    RecordedAge(),
    UnusualAge(),
    DefiningResult(),
    ExpectedResult(),
    NegativeTest(),
    AbsentOrgan(),
    RefutedInChart(),
    AlreadyRecorded(),
    KnownChronicForm(),
)
"""Every check, in the order in which reasons are told."""
