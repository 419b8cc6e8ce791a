"""The values that travel through the service, from what a model said to the whole record.

Frozen and typed. The store keeps them, cards are made from them, and `--explain` prints them.
"""

from cds_hooks.consultation.assessment import (
    Assessment,
    ChartFinding,
    Ranking,
    Reason,
    Seriousness,
    TruthSet,
    Verdict,
)
from cds_hooks.consultation.basis import Basis, Sampling
from cds_hooks.consultation.differential import (
    Candidate,
    Differential,
    Evidence,
    Group,
)
from cds_hooks.consultation.origin import (
    Access,
    Caller,
    KeyArrival,
    KeyState,
    ModelIdentity,
    ModelPart,
    RecordedCall,
    is_plain_organization,
)
from cds_hooks.consultation.stages import (
    CheckedConsultation,
    Consultation,
    InferredConsultation,
    Outcome,
    PreparedConsultation,
)

__all__ = [
    "Access",
    "Assessment",
    "Basis",
    "Caller",
    "Candidate",
    "ChartFinding",
    "CheckedConsultation",
    "Consultation",
    "Differential",
    "Evidence",
    "Group",
    "InferredConsultation",
    "KeyArrival",
    "KeyState",
    "ModelIdentity",
    "ModelPart",
    "Outcome",
    "PreparedConsultation",
    "Ranking",
    "Reason",
    "RecordedCall",
    "Sampling",
    "Seriousness",
    "TruthSet",
    "Verdict",
    "is_plain_organization",
]
