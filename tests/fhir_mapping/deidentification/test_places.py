"""One patient's town, street and postal code, and the diseases that towns gave their names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Mask = Callable[..., str]


@pytest.mark.parametrize(
    ("town", "text"),
    [
        ("Lyme", "Lyme disease, Lyme serology"),
        ("Ebola", "Ebola virus"),
        ("Marburg", "Marburg virus disease"),
        ("Norwalk", "Norwalk virus"),
        ("Glasgow", "Glasgow Coma Scale 15"),
        ("Boston", "Boston criteria"),
        ("Montreal", "Montreal Cognitive Assessment 26"),
        ("Bath", "bath seat, Bath index"),
        ("Reading", "difficulty reading. Reading is slow"),
        ("Nice", "a nice walk. Nice walk"),
        ("Essen", "nach dem Mittag gegessen, Essen gut"),
        ("Como", "como siempre. Como antes"),
    ],
)
def test_what_is_called_as_the_town_stays(masked: Mask, town: str, text: str) -> None:
    assert masked(text, address=[{"city": town}]) == text


@pytest.mark.parametrize(
    ("town", "text", "told"),
    [
        ("Elmsford", "Lives in ELMSFORD", "Lives in [address]"),
        ("Köln", "wohnt in Koeln", "wohnt in [address]"),
        ("Bath", "lives in Bath alone", "lives in [address] alone"),
        ("Reading", "came from Reading", "came from [address]"),
        ("São Paulo", "mora em Sao Paulo", "mora em [address]"),
        ("Castrop-Rauxel", "aus Castrop Rauxel", "aus [address]"),
        ("横浜市", "横浜在住", "[address]在住"),
        ("수원시", "수원시 거주", "[address] 거주"),
    ],
)
def test_the_town_goes(masked: Mask, town: str, text: str, told: str) -> None:
    assert masked(text, address=[{"city": town}]) == told
    assert masked(text, address=[{"district": town}]) == told


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("17 Quarrystone Lane", "17 quarrystone ln"),
        ("17 Quarrystone Lane", "Quarrystone Lane"),
        ("4021 Maplecrest Ave", "4021 Maplecrest Avenue"),
        ("Hauptstr. 12", "Hauptstraße 12"),
        ("Hauptstraße 12", "Hauptstr. 12"),
        ("8 rue des Lilas", "8, rue des Lilas"),
        ("Calle Azucena 14", "C Azucena 14"),
        ("丸の内1-2-3", "丸の内1-2-3"),
    ],
)
def test_the_street_goes(masked: Mask, line: str, text: str) -> None:
    told = masked(f"at {text} now", address=[{"line": [line]}])
    assert told.replace("8, ", "") == "at [address] now"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2720 Minjary", "[address] [address]"),
        ("Minjary 2720", "[address] [address]"),
        ("NSW 2720", "NSW [address]"),
        ("platelets 2720", "platelets 2720"),
    ],
)
def test_a_postal_code_of_four_digits_goes_beside_its_town(
    masked: Mask, text: str, told: str
) -> None:
    address = {"city": "Minjary", "state": "NSW", "postalCode": "2720"}
    assert masked(text, address=[address]) == told


@pytest.mark.parametrize(
    ("code", "text"), [("90412", "90412"), ("BA1 5LP", "ba15lp"), ("223-0061", "2230061")]
)
def test_longer_postal_codes_go(masked: Mask, code: str, text: str) -> None:
    assert masked(f"at {text} now", address=[{"postalCode": code}]) == "at [address] now"


def test_a_family_called_as_its_town(masked: Mask) -> None:
    patient = {"name": [{"family": "架空", "given": ["花子"]}], "address": [{"city": "架空区"}]}
    assert masked("架空花子様、架空区在住", **patient) == "[patient]様、[address]在住"
