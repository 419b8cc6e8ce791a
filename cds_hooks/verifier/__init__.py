"""From several samples, models and the rules to one ranked list of diagnoses.

- `evidence`: what is known of each proposed diagnosis, as plain values
- `features`: the same as numbers; `data/features.toml` says what each means
- `coefficient_file`: a trained verifier as a readable file
- `fixed_rules`: the combination without training
- `combination`, `isotonic`, `ranking`: score, calibrated probability, ranked list and sets

Pure: nothing is read, asked or fitted here (fitting: `cds_hooks.evaluation.verifier`).
"""

from cds_hooks.verifier.coefficient_file import (
    CoefficientFile,
    digest,
    read_coefficients,
    write_coefficients,
)
from cds_hooks.verifier.evidence import (
    ConsultationEvidence,
    NameEvidence,
    ProposedDiagnosis,
    evidence_of,
    places_in,
)
from cds_hooks.verifier.features import Features, features_of
from cds_hooks.verifier.fixed_rules import FixedRules, fixed_rules
from cds_hooks.verifier.ranking import (
    RankedDiagnosis,
    RankedList,
    rank_by_coefficients,
    rank_by_rules,
)
from cds_hooks.verifier.verifier_errors import VerifierError

__all__ = [
    "CoefficientFile",
    "ConsultationEvidence",
    "Features",
    "FixedRules",
    "NameEvidence",
    "ProposedDiagnosis",
    "RankedDiagnosis",
    "RankedList",
    "VerifierError",
    "digest",
    "evidence_of",
    "features_of",
    "fixed_rules",
    "places_in",
    "rank_by_coefficients",
    "rank_by_rules",
    "read_coefficients",
    "write_coefficients",
]
