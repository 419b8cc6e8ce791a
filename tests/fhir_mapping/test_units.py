"""Units in words: of doses that no unit of UCUM counts, and of UCUM's own that nobody writes."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.resources.dosage import dose_text
from fhir_mapping.units.ucum import shown_unit

UCUM = "http://unitsofmeasure.org"


@pytest.mark.parametrize(
    ("dose", "told"),
    [
        ({"value": 2, "unit": "Tabletten", "system": UCUM, "code": "{Tablette}"}, "2 Tabletten"),
        ({"value": 1, "unit": "tablet", "system": UCUM, "code": "1"}, "1 tablet"),
        ({"value": 1, "unit": "錠"}, "1 錠"),
        ({"value": 1, "unit": "1", "system": UCUM, "code": "1"}, "1"),
        ({"value": 1, "system": UCUM, "code": "1"}, "1"),
        ({"value": 2, "unit": "{Hub}", "system": UCUM, "code": "{Hub}"}, "2"),
        ({"value": 1, "unit": "anything", "system": UCUM, "code": "{tbl}"}, "1 tablet"),
        ({"value": 5, "unit": "Milligramm", "system": UCUM, "code": "mg"}, "5 mg"),
    ],
)
def test_what_a_dose_counts_is_told_in_the_senders_words(dose: dict[str, Any], told: str) -> None:
    assert dose_text([{"doseAndRate": [{"doseQuantity": dose}]}], TextCleaner()) == told


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("1/1000000{Base}", "1/1000000 Base"),
        ("10*6{cells}", "10*6 cells"),
        ("{beats}/min", "/min"),
        ("{score}", ""),
        ("mL/min/{1.73_m2}", "mL/min/1.73m2"),
    ],
)
def test_a_bare_number_is_no_unit_without_what_it_counts(code: str, shown: str) -> None:
    assert shown_unit(code) == shown


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("[drp]", "drop"),
        ("[iU]", "IU"),
        ("[iU]/kg/h", "IU/kg/h"),
        ("k[iU]/L", "kIU/L"),
        ("[odd]", "[odd]"),
    ],
)
def test_units_in_brackets_are_written_as_people_write_them(code: str, shown: str) -> None:
    assert shown_unit(code) == shown
