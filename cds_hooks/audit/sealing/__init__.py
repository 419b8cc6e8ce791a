"""Encryption at rest: a data key per patient seals records; the site key wraps data keys."""

from cds_hooks.audit.sealing.records import Record, Sealed, Sealer
from cds_hooks.audit.sealing.source import KeySource, SealBroken

__all__ = ["KeySource", "Record", "SealBroken", "Sealed", "Sealer"]
