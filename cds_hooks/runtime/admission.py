"""Whether this site has admitted the model that is to be served."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cds_hooks.admission.lookup import admission_of, require_admission, require_verifier
from cds_hooks.admission.record import AdmissionError, AdmissionRecord, Purpose
from cds_hooks.runtime.verifying import verifier_digest
from cds_hooks.settings import Settings, SettingsError

__all__ = ["admission"]

_Found = TypeVar("_Found")
_SEE = "See admission.folder, admission.public_key, model.sha256, verifier.file."


def admission(settings: Settings, sha256: str) -> AdmissionRecord | None:
    """The record about the model with this digest, if there is any.

    Raises AdmissionError when the settings require one that admits it, SettingsError when they do
    and no digest says which file is meant.
    """
    wanted = settings.admission
    required = wanted.required or ("clinical" if settings.profile == "production" else "")
    folder, public_key = wanted.folder, wanted.public_key
    if folder is None or public_key is None:
        if required:
            raise SettingsError("a model must be admitted here", where="admission.folder")
        return None
    if not required:
        return _or_refuse(lambda: admission_of(sha256, folder, public_key))
    if not sha256:
        served = bool(settings.model_server.bases)
        where = "model_server.sha256" if served else "model.sha256"
        hint = "" if served else "The engine then refuses any other file."
        raise SettingsError("an admitted model is named by its digest", where=where, hint=hint)
    purpose = Purpose(required)
    record = _or_refuse(lambda: require_admission(sha256, folder, public_key, purpose=purpose))
    if digest := verifier_digest(settings):
        _or_refuse(lambda: require_verifier(record, digest))
    return record


def _or_refuse(ask: Callable[[], _Found]) -> _Found:
    """What is found; a refusal also names the settings that led there."""
    try:
        return ask()
    except AdmissionError as error:
        hint = f"{error.hint} {_SEE}".strip()
        raise AdmissionError(error.message, where=error.where, hint=hint) from None
