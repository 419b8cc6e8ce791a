"""Who the patient of a stored consultation is: its encrypted chart says so, the keyed hash proves
it. The id stays in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cds_hooks.consultation import Consultation

__all__ = ["FoundPatient", "find_patient"]

_KIND = "Patient/"
_TOLD = "told-as-patient"


@dataclass(frozen=True, slots=True)
class FoundPatient:
    """The id on the server that is read; or in `why_not` the code of why it is not known."""

    id: str = field(default="", repr=False)
    why_not: str = ""


def find_patient(
    consultation: Consultation, keys_of: Callable[[str], Iterable[str]]
) -> FoundPatient:
    """The patient of a consultation. `keys_of` gives the pseudonyms of an id on the server that is
    read: an id of another server may be another person's, and is none of them."""
    named = [
        omission.what.removeprefix(_KIND)
        for omission in consultation.chart.omissions
        if omission.reason == _TOLD and omission.what.startswith(_KIND)
    ]
    if not named:
        return FoundPatient(why_not="patient-not-named")
    for id_ in named:
        if consultation.patient_key in keys_of(id_):
            return FoundPatient(id_)
    return FoundPatient(why_not="patient-of-another-server")
