"""Which changes of a chart make an earlier answer stale, and which do not."""

from cds_hooks.staleness.changes import Changes, changes

__all__ = ["Changes", "changes"]
