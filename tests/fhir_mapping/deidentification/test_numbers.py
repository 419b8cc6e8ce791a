"""Telephone numbers and national identifiers of anybody, and the numbers that are neither.

Telephone numbers are of ranges kept for fiction where there are some (Ofcom, NANPA), else invented.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fhir_mapping.masking.check_digits import CHECKS

Mask = Callable[..., str]


@pytest.mark.parametrize(
    "number",
    [
        "030 1234567", "0171/1234567", "0171-1234567", "(0561) 4455667", "020 7946 0958",
        "07700 900123", "07700900123",
        "01 23 45 67 89", "01.23.45.67.89", "06-12-34-56-78", "03-1234-5678", "090-1234-5678",
        "090ー1234ー5678",
        "０９０－１２３４－５６７８", "138 0013 8000", "0512-65432100", "010-1234-5678",
        "02-1234-5678", "612 345 678", "612 34 56 78",
        "91 123 45 67", "347 1234567", "347 123 4567", "06 1234 5678", "051/1234567",
        "(11) 91234-5678", "11 91234-5678",
        "91234-5678", "(34) 3234-5678", "0412 345 678", "02 9876 5432", "0912-345-678",
        "06-12345678", "555-123-4567",
        "(555) 123-4567", "555.123.4567", "1-555-123-4567", "98765 43210", "+49 171 2345678",
        "+33 (0)1 23 45 67 89",
        "0033 1 23 45 67 89", "+44 20 7946 0958", "+81-3-1234-5678", "+8613800138000",
        "(409)613-9099x60308", "555-123-4567 ext. 12", "030 1234567 DW 12", "11-4710-4974",
        "（0512）65432100",
        "+55 11 91234-5678",
    ],
)  # fmt: skip
def test_telephone_numbers(masked: Mask, number: str) -> None:
    assert masked(f"ring {number}, then wait") == "ring [phone], then wait"


@pytest.mark.parametrize(
    "identifier",
    [
        "943 476 5919", "943-476-5919", "9434765919", "123-45-6789", "A123456789",
        "65 929 970 489", "1 84 12 76 451 089 46",
        "184127645108946", "756.1234.5678.97", "7561234567897", "123.456.789-09", "12345678Z",
        "12.345.678-Z", "X1234567L",
        "RSSMRA85T10A562S", "820701-1234567", "11010519491231002X", "AB 12 34 56 C",
        "2123 45670 1", "111222333",
        "1237 010180", "85.07.30-033.28", "DE89 3704 0044 0532 0130 00", "1234567890123",
    ],
)  # fmt: skip
def test_national_identifiers(masked: Mask, identifier: str) -> None:
    assert masked(f"holder {identifier}, then") == "holder [identifier], then"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("MRN: A12345", "MRN: [identifier]"),
        ("Pat.-Nr. 12345", "Pat.-Nr. [identifier]"),
        ("Fallnummer: 4711008", "Fallnummer: [identifier]"),
        ("NHC 123456", "NHC [identifier]"),
        ("患者番号 12345", "患者番号 [identifier]"),
        ("病历号：0012345", "病历号：[identifier]"),
        ("등록번호 12345", "등록번호 [identifier]"),
        ("Tel. 555-0199", "Tel. [phone]"),
        ("電話:1234567", "電話:[phone]"),
        ("call 5550199 2 days before", "call [phone] 2 days before"),
    ],
)
def test_numbers_after_a_label(masked: Mask, text: str, told: str) -> None:
    assert masked(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "12 345 678 platelets", "HBV DNA 1700000000 IU/mL", "1000000000 copies/ml",
        "612 345 678 UI/mL", "病毒载量1700000000拷贝",
        "250-1000", "0.12345678901", "138 4.1 102 24", "120 80 72 98", "1,000,000",
        "BP 120/80 HR 72 RR 16 T 36.8",
        "WBC 4500 platelets 250000 Hb 12.5", "08:30 12:45 16:00", "0800-1600",
        "10 20 30 40 50", "160244002", "T1 N0 M0 G2 R0 L0",
        "1200 1400 1600", "4 x 10^9/L 123456", "100-200-300", "ECG 100 150 400 420",
        "12 345 678", "5 000 000 copies/mL",
        "J45.901 M54.50 K21.9", "cell count 123456", "call 911", "cells 10000/uL 20000/uL",
        "K+ 4.5 Na+ 140 Cl- 102",
        "mobile 2 weeks, 10 days, 20 days", "10⁶ 10³ 12345", "1.2.840.10008.1",
    ],
)  # fmt: skip
def test_clinical_numbers_stay(masked: Mask, text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        # Samples that the authorities and the python-stdnum manual publish.
        ("nhs", "9434765919", "9434765918"),
        ("nhs", "4010232137", "4010232138"),
        ("bsn", "111222333", "111222334"),
        ("iso7064_11_10", "65929970489", "65929970488"),
        ("iso7064_11_10", "36574261809", "36574261890"),
        ("my_number_or_verhoeff", "123456789018", "123456789012"),
        ("my_number_or_verhoeff", "234123412346", "234123412348"),
        ("at_svnr", "1237010180", "1238010180"),
    ],
)
def test_check_digits(check: str, right: str, wrong: str) -> None:
    assert CHECKS[check](right)
    assert not CHECKS[check](wrong)


def test_ten_digits_with_a_wrong_check_digit_are_masked_as_a_telephone_number(masked: Mask) -> None:
    assert masked("holder 943 476 5918, then") == "holder [phone], then"
    assert masked("12 345 678 902 and 65 929 970 488") == "12 345 678 902 and 65 929 970 488"
