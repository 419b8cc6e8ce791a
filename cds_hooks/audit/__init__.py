"""Records: the store of consultations, cards and feedback, its encryption, and the audit ledger."""

from cds_hooks.audit.encryption.site_key import KeyRefused, SiteKey
from cds_hooks.audit.feedback import FeedbackReceipt
from cds_hooks.audit.store import Store
from cds_hooks.audit.store_config import StoreConfig
from cds_hooks.audit.store_errors import RecordUnreadable, StoreRefused, StoreUnavailable
from cds_hooks.audit.writer import Commit
from cds_hooks.consultation import RecordedCall

__all__ = [
    "RecordedCall",
    "Commit",
    "FeedbackReceipt",
    "KeyRefused",
    "RecordUnreadable",
    "SiteKey",
    "Store",
    "StoreConfig",
    "StoreRefused",
    "StoreUnavailable",
]
