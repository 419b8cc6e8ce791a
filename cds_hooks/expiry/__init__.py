"""Which changes of a chart make an earlier answer stale, and which do not."""

from cds_hooks.expiry.changes import Changes, changes

__all__ = ["Changes", "changes"]
