"""What is kept: consultations, their cards and the feedback on them, behind one door, `Store`."""

from cds_hooks.audit.errors import RecordUnreadable, StoreRefused, StoreUnavailable
from cds_hooks.audit.feedback import FeedbackReceipt
from cds_hooks.audit.keys import KeyRefused, SiteKey
from cds_hooks.audit.ledger.record import Call
from cds_hooks.audit.links import LinkUnknown, consultation_of, link_to
from cds_hooks.audit.store import Store, StoreConfig
from cds_hooks.audit.writer import Commit

__all__ = [
    "Call",
    "Commit",
    "FeedbackReceipt",
    "KeyRefused",
    "LinkUnknown",
    "RecordUnreadable",
    "SiteKey",
    "Store",
    "StoreConfig",
    "StoreRefused",
    "StoreUnavailable",
    "consultation_of",
    "link_to",
]
