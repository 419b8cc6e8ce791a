"""Takes out of what people typed whatever says who the patient is or where he can be reached.

Two ways: the patient's own names, identifiers, numbers, addresses and birthday, known from the
Patient resource, in the forms in which they are typed in ten countries; and shapes of telephone
numbers, e-mail addresses, links, national identifiers, titled names and calendar dates of anybody.
A date that can be read in one way only is told relative to now, as all are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fhir_mapping.elements.compatibility_characters import unfolded
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking.dates import Dates
from fhir_mapping.masking.east_asian_names import EastAsianNames
from fhir_mapping.masking.identity import identity_of
from fhir_mapping.masking.latin_names import LatinNames
from fhir_mapping.masking.numbers import mask_numbers
from fhir_mapping.masking.places import Contacts, Places
from fhir_mapping.masking.titles import mask_titled

__all__ = ["masker"]

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_LINK = re.compile(r"(?:https?|ftp)://\S+|\bwww\.\S+", re.IGNORECASE)
_DIGIT = re.compile("[0-9]")


def masker(patient: Mapping[str, Any], times: RelativeTimes) -> Callable[[str], str]:
    """A function that masks this patient's identifiers, and anybody's contact details."""
    identity = identity_of(patient)
    contacts, places = Contacts(identity), Places(identity)
    east_asian, latin = EastAsianNames(identity.names, identity.pairs), LatinNames(identity.names)
    dates = Dates(times, identity.born)

    def mask(text: str) -> str:
        if not text.isascii():  # whole names first: a family may be called as its town
            text = east_asian.mask_whole(unfolded(text))
        text = places.mask(contacts.mask(text))
        if "@" in text:
            text = _MAIL.sub("[address]", text)
        if "://" in text or "www." in text.lower():
            text = _LINK.sub("[link]", text)
        if _DIGIT.search(text):
            text = mask_numbers(dates.mask(text))
        elif not text.isascii():
            text = dates.mask(text)
        if not text.isascii():
            text = east_asian.mask(text)
        # After the dates, or a patient named April would lose the month.
        return mask_titled(latin.mask(text))

    return mask
