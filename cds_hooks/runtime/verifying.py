"""The verifier that the settings name, read once."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cds_hooks.consult.verifying import Verifier
from cds_hooks.settings import Settings, SettingsError
from cds_hooks.verifier import VerifierError, fixed_rules, read_coefficients

__all__ = ["verifier_digest", "verifier_of"]

_WHERE = "verifier.file"


def verifier_of(settings: Settings) -> Verifier | None:
    """What ranks diagnoses; None where nothing does. Raises SettingsError, VerifierError."""
    file = settings.verifier.file
    if file is None:
        return Verifier(fixed_rules()) if settings.verifier.fixed_rules else None
    raw = _read(file)
    try:
        return Verifier(read_coefficients(raw), hashlib.sha256(raw).hexdigest())
    except VerifierError as error:
        at = f"{_WHERE} ({error.where})" if error.where else _WHERE
        raise VerifierError(error.message, where=at, hint=error.hint) from None


def verifier_digest(settings: Settings) -> str:
    """The SHA-256 of the file of coefficients, "" without one. Raises SettingsError."""
    file = settings.verifier.file
    return "" if file is None else hashlib.sha256(_read(file)).hexdigest()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        hint = "Name the file that `chartside verifier fit` wrote, or none."
        message = f"the verifier's file cannot be read ({error.strerror})"
        raise SettingsError(message, where=_WHERE, hint=hint) from None
