"""Records: the store of consultations, cards and feedback, its encryption, and the audit ledger."""

from typing import TYPE_CHECKING

from cds_hooks.consultation import RecordedCall
from cds_hooks.lazy_names import lazy_names

if TYPE_CHECKING:
    from cds_hooks.audit.encryption.site_key import KeyRefused, SiteKey
    from cds_hooks.audit.feedback import FeedbackReceipt
    from cds_hooks.audit.store import Store
    from cds_hooks.audit.store_config import StoreConfig
    from cds_hooks.audit.store_errors import RecordUnreadable, StoreRefused, StoreUnavailable
    from cds_hooks.audit.writer import Commit
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Commit": "writer",
            "FeedbackReceipt": "feedback",
            "KeyRefused": "encryption.site_key",
            "RecordUnreadable": "store_errors",
            "SiteKey": "encryption.site_key",
            "Store": "store",
            "StoreConfig": "store_config",
            "StoreRefused": "store_errors",
            "StoreUnavailable": "store_errors",
        },
    )

__all__ = [
    "Commit",
    "FeedbackReceipt",
    "KeyRefused",
    "RecordUnreadable",
    "RecordedCall",
    "SiteKey",
    "Store",
    "StoreConfig",
    "StoreRefused",
    "StoreUnavailable",
]
