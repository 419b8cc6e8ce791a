"""The admission of a model file among the records in a folder.

What the service asks before it serves, and what its basis page quotes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cds_hooks.admission.record import AdmissionError, AdmissionRecord, Purpose
from cds_hooks.admission.signing import load_public_key, verify

__all__ = ["SUFFIX", "admission_of", "require_admission", "require_verifier"]

SUFFIX = ".admission.json"
"""How the files of records end; `models admit` puts them beside the model."""

_HINT = "`chartside models admit` makes a record; `models verify` reads one."


def admission_of(model_sha256: str, folder: Path, public_key: Path) -> AdmissionRecord | None:
    """The newest trusted record about this very file, whatever it decided; None without any.

    Records that were altered or that somebody else signed say nothing. Raises AdmissionError when
    the key cannot be used.
    """
    found = [
        record
        for record in _trusted(folder, load_public_key(public_key))
        if record.model_sha256 == model_sha256
    ]
    return max(found, key=lambda record: record.manifest.started, default=None)


def require_admission(
    model_sha256: str, folder: Path, public_key: Path, *, purpose: Purpose = Purpose.CLINICAL
) -> AdmissionRecord:
    """The record that admits this file for this purpose. Raises AdmissionError without one.

    The newest record decides: a later refusal takes an admission back. An admission for clinical
    use is one for demonstration, too; never the other way round.
    """
    record = admission_of(model_sha256, folder, public_key)
    if record is None:
        raise AdmissionError("no trusted record admits the model", where=str(folder), hint=_HINT)
    if not record.admitted:
        raise AdmissionError(f"the model was not admitted ({record.date})", where=str(folder))
    if purpose is Purpose.CLINICAL and record.purpose is not Purpose.CLINICAL:
        raise AdmissionError("the model is admitted for demonstration only", where=str(folder))
    return record


def require_verifier(record: AdmissionRecord, sha256: str) -> None:
    """Raises AdmissionError unless the record admits a verifier's file of this digest."""
    if record.verifier_sha256 != sha256:
        raise AdmissionError(
            "the admission record admits another verifier, or none",
            where=f"verifier {sha256[:12]}",
            hint="`chartside models admit --verifier FILE` signs its digest into the record.",
        )


def _trusted(folder: Path, key: Ed25519PublicKey) -> Iterator[AdmissionRecord]:
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            yield verify(path.read_bytes(), [key])
        except (OSError, AdmissionError):
            continue
