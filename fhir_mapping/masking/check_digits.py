"""Check digits of the identifiers whose shape a clinical number may have too.

Sources: NHS Data Dictionary, NHS NUMBER (modulus 11); ISO 7064 (modulus 11,10); Dutch BSN,
Rijksdienst voor Identiteitsgegevens (the eleven test); Japanese My Number, ordinance 85 of 2014,
article 5; Aadhaar, UIDAI (J. Verhoeff, 1969); Austrian social security number, Dachverband.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["CHECKS"]


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _nhs(digits: str) -> bool:
    return (11 - _weighted(digits[:9], range(10, 1, -1)) % 11) % 11 == int(digits[9])


def _bsn(digits: str) -> bool:
    return (_weighted(digits[:8], range(9, 1, -1)) - int(digits[8])) % 11 == 0


def _iso7064_11_10(digits: str) -> bool:
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def _my_number(digits: str) -> bool:
    rest = _weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(digits[11])


def _at_svnr(digits: str) -> bool:
    return _weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == int(digits[3])


_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _times(a: int, b: int) -> int:
    """Multiplication in the dihedral group of order ten."""
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b - 5) % 5 + 5
    return (a - 5 - b) % 5 + 5 if b < 5 else (a - b) % 5


def _verhoeff(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _PERMUTATION[value]
        check = _times(check, value)
    return check == 0


CHECKS: dict[str, Callable[[str], bool]] = {
    "nhs": _nhs,
    "bsn": _bsn,
    "iso7064_11_10": _iso7064_11_10,
    "my_number_or_verhoeff": lambda digits: _my_number(digits) or _verhoeff(digits),
    "at_svnr": _at_svnr,
}
"""By name: whether digits, of the length of the shape, carry the right check digit."""
