"""Errors of a ledger, an export, a checkpoint or a signing key."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = [
    "CheckpointInvalid",
    "EpochDiffers",
    "EpochInvalid",
    "ExportUnreadable",
    "LedgerForked",
    "ProofInvalid",
    "RecordRefused",
    "SigningKeyRefused",
    "WitnessDiffers",
    "WitnessFailed",
    "WitnessRefused",
]


class RecordRefused(ChartsideError):
    """A field of a ledger record has a name, type or size that cannot be written."""

    code = "ledger-record-refused"


class CheckpointInvalid(ChartsideError):
    """A checkpoint is malformed or not signed by the expected key."""

    code = "checkpoint-invalid"


class EpochInvalid(ChartsideError):
    """A record of a restore is malformed, or does not fit where it is."""

    code = "epoch-invalid"


class EpochDiffers(ChartsideError):
    """A signed checkpoint is of no epoch of this ledger, and no restore gives it up."""

    def __init__(self, code: str, text: str, order: tuple[int, int]) -> None:
        """`order` is the checkpoint's epoch and size."""
        super().__init__(text, where=f"epoch {order[0]}, size {order[1]}")
        self.code = code


class ProofInvalid(ChartsideError):
    """A proof is malformed or does not prove what it says."""

    code = "proof-invalid"


class ExportUnreadable(ChartsideError):
    """An export lacks a file, or has content that is no export's."""

    code = "export-unreadable"


class SigningKeyRefused(ChartsideError):
    """The key that signs checkpoints is missing, readable by others, or no Ed25519 key."""

    code = "signing-key-refused"


class LedgerForked(ChartsideError):
    """The ledger does not continue what was signed before: nothing new is signed."""

    code = "ledger-forked"


class WitnessFailed(ChartsideError):
    """A checkpoint could not be copied to the witness."""

    code = "witness-failed"
    status = 503


class WitnessRefused(WitnessFailed):
    """A witness lets the service neither write nor read: a token or a permission is missing."""

    code = "witness-refused"


class WitnessDiffers(WitnessFailed):
    """A witness returns something else than it was given."""

    code = "witness-differs"
