"""Whether this site has admitted the model that is to be served."""

from __future__ import annotations

from cds_hooks.evaluation.admission.finding import admission_of, require_admission
from cds_hooks.evaluation.admission.record import AdmissionRecord, Purpose
from cds_hooks.settings import Settings, SettingsError

__all__ = ["admission"]


def admission(settings: Settings, sha256: str) -> AdmissionRecord | None:
    """The record about the model with this digest, if there is any.

    Raises AdmissionError when the settings require one that admits it, SettingsError when they do
    and no digest says which file is meant.
    """
    wanted = settings.admission
    required = wanted.required or ("clinical" if settings.profile == "production" else "")
    if wanted.folder is None or wanted.public_key is None:
        if required:
            raise SettingsError("a model must be admitted here", where="admission.folder")
        return None
    if not required:
        return admission_of(sha256, wanted.folder, wanted.public_key)
    if not sha256:
        hint = "The engine then refuses any other file."
        raise SettingsError(
            "an admitted model is named by its digest", where="model.sha256", hint=hint
        )
    purpose = Purpose(required)
    return require_admission(sha256, wanted.folder, wanted.public_key, purpose=purpose)
