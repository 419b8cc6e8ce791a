"""Dates in text: the birthday in every usual form, others relative to now, numbers kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Mask = Callable[..., str]

BIRTHDAYS = [
    "25-Aug-1983", "25AUG1983", "25-08-1983", "08/25/1983", "25/08/1983", "25.08.83",
    "25 Aug 83", "25 Aug '83",
    "25th of August 1983", "25th August, 1983", "August 25 1983", "August 25th, 1983",
    "Aug. 25, 1983", "08251983",
    "25081983", "19830825", "19830825T101010", "1983-08-25", "1983/8/25", "1983.08.25",
    "1983-Aug-25", "8/25/83", "8-25-83",
    "83-08-25", "83/08/25", "25 08 1983", "1983 08 25", "25,08,1983", "25. 8. 83",
    "25 / 08 / 1983", "25–08–1983",
    "25.VIII.1983", "25_08_1983", "25. August 1983", "25 août 1983", "25 aout 1983",
    "25 de agosto de 1983",
    "25 agosto 1983", "25/ago/1983", "25 augustus 1983", "1983年8月25日", "1983年08月25号",
    "昭和58年8月25日",
    "昭和五十八年八月二十五日", "S58.8.25", "S58/08/25", "昭58.8.25", "民國72年8月25日",
    "72年8月25日", "72/08/25", "1983년 8월 25일",
    "1983년8월25일", "83년 8월 25일", "1983. 8. 25.", "２５／０８／１９８３",
    "１９８３年８月２５日", "25 August", "Aug 25", "8月25日",
]  # fmt: skip


@pytest.mark.parametrize("written", BIRTHDAYS)
@pytest.mark.parametrize(
    "around", ["{}", "seen {} again", "({})", "DOB:{}", "geb. {}, Köln", "né(e) le {}"]
)
def test_the_birthday_in_every_form(masked: Mask, written: str, around: str) -> None:
    assert masked(around.format(written), birthDate="1983-08-25") == around.format("[patient]")


@pytest.mark.parametrize("written", ["1983-08-25", "1983年8月25日", "昭和58年8月25日", "S58.8.25"])
def test_the_birthday_without_blanks_around_it(masked: Mask, written: str) -> None:
    assert masked(f"生年月日{written}生", birthDate="1983-08-25") == "生年月日[patient]生"


@pytest.mark.parametrize(
    "label", ["DOB ", "geb. ", "Date of birth: ", "né le ", "生年月日", "nato il "]
)
@pytest.mark.parametrize("digits", ["250883", "830825", "082583"])
def test_six_digits_are_a_birthday_after_a_label_only(
    masked: Mask, label: str, digits: str
) -> None:
    assert masked(label + digits, birthDate="1983-08-25").endswith(("[patient]", "[identifier]"))
    assert masked(f"platelets {digits}", birthDate="1983-08-25") == f"platelets {digits}"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("18-Jan-23", "[17 months ago]"),
        ("18JAN2023", "[17 months ago]"),
        ("18.01.2023", "[17 months ago]"),
        ("18/01/2023", "[17 months ago]"),
        ("01/18/2023", "[17 months ago]"),
        ("20230118", "[17 months ago]"),
        ("18. Januar 2023", "[17 months ago]"),
        ("18 janvier 2023", "[17 months ago]"),
        ("1er mars 2022", "[2 years ago]"),
        ("3 de março de 2021", "[3 years ago]"),
        ("5 ottobre 2021", "[3 years ago]"),
        ("18 januari 2023", "[17 months ago]"),
        ("2023年1月18日", "[17 months ago]"),
        ("令和5年1月18日", "[17 months ago]"),
        ("R5.1.18", "[17 months ago]"),
        ("112年1月18日", "[17 months ago]"),
        ("112/01/18", "[17 months ago]"),
        ("2023년 1월 18일", "[17 months ago]"),
        ("January 2023", "[17 months ago]"),
        ("01/2023", "[17 months ago]"),
        ("June 3, 2024", "[12 days ago]"),
        ("2024-06-01T10:00:00Z", "[14 days ago]"),
        ("15.06.2024", "[today]"),
        # More than one reading.
        ("03/04/2023", "[date]"),
        ("12-06-2024", "[date]"),
        ("18.01.23", "[date]"),
        ("2023-01", "[date]"),
        ("3 March", "[date]"),
        ("1月18日", "[date]"),
    ],
)
def test_other_dates_are_told_relative_to_now(masked: Mask, written: str, told: str) -> None:
    assert (
        masked(f"Fever since {written}, cough", birthDate="1983-08-25")
        == f"Fever since {told}, cough"
    )


@pytest.mark.parametrize(
    "text",
    [
        "12.5 mg", "120/80", "BP 120/80/60", "1.2.3", "10-12", "1:1280", "v1.2.34",
        "version 2.10.12", "§ 3.1.12", "12.345.678",
        "10-8-12 IE", "12/10/08 units", "1-0-1-0", "138 4.1 102 24", "2.5-3.5", "0.5 mg 1-1-1",
        "platelets 250884", "20231301",
        "in 2019", "2010-2012", "3/6 murmur", "G3P2", "ANA 1/320", "5 out of 10",
        "5 out of 2000 cells", "3 days ago",
        "may 10 mg", "may 5 times", "5 mar 20 mg", "mar 10", "sep 3 mg", "FEV1 48%",
        "FEV1/FVC 62%", "OCT 4 weeks", "Oct4", "T2.1.0",
        "2/3 dec", "1,000,000", "5-IV-10", "Hb 12.10. Good", "10³/µL", "周期28月", "3个月5日",
        "decreased 10 mmHg", "pH 7.35", "31.12",
        "32.01.2023", "00/00/2000", "29.02.2023",
    ],
)  # fmt: skip
def test_numbers_that_are_no_dates_stay(masked: Mask, text: str) -> None:
    assert masked(text, birthDate="1983-08-25") == text


@pytest.mark.parametrize("born", [None, "", "1983", "1983-08", "1983-02-30", "soon", 5])
def test_a_birth_date_that_is_no_day(masked: Mask, born: object) -> None:
    assert masked("Born 25.08.1983, in 1983", birthDate=born) == "Born [41 years ago], in 1983"


def test_a_name_that_is_a_month_does_not_break_a_date(masked: Mask) -> None:
    patient = {"name": [{"family": "Abril", "given": ["April"]}]}
    assert masked("3 de abril de 2021 y 3 April 2021", **patient) == "[3 years ago] y [3 years ago]"
