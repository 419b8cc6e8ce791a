"""One patient's own names, in ten locales' ways of writing them, and the words that are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Mask = Callable[..., str]
P = "[patient]"


def named(family: str, *given: str, **more: Any) -> dict[str, Any]:
    return {"name": [{"family": family, "given": list(given)}], **more}


PARKINSON = named("Parkinson", "Small")


@pytest.mark.parametrize(
    "text",
    [
        "Parkinson disease", "Parkinson's disease", "PARKINSON DISEASE",
        "Known Parkinson's, on levodopa", "Parkinsonism",
        "Morbus Parkinson", "Parkinson-Syndrom", "maladie de Parkinson",
        "enfermedad de Parkinson", "morbo di Parkinson",
        "doença de Parkinson", "ziekte van Parkinson", "Wolff-Parkinson-White syndrome",
        "Small cell carcinoma",
        "Small bowel obstruction", "Acute Small Bowel Obstruction", "SMALL BOWEL",
        "small bowel", "Diagnosis: Small bowel",
    ],
)  # fmt: skip
def test_eponyms_and_common_words_stay(masked: Mask, text: str) -> None:
    assert masked(text, **PARKINSON) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Mr Parkinson", f"Mr {P}"),
        ("PARKINSON, Small", f"{P}, {P}"),
        ("Small Parkinson", f"{P} {P}"),
        ("Parkinson^Small", f"{P}^{P}"),
        ("Parkinson's wife called", f"{P}'s wife called"),
        ("Parkinson reports pain", f"{P} reports pain"),
        ("Mr. Small's wife", f"Mr. {P}'s wife"),
        ("Small reports pain", f"{P} reports pain"),
        ("Spoke with Small today", f"Spoke with {P} today"),
        ("Patient Small was here", f"Patient {P} was here"),
        ("Small, P.", f"{P}, P."),
        ("SmallParkinson.pdf", f"{P}.pdf"),
    ],
)
def test_the_same_names_of_a_person_go(masked: Mask, text: str, told: str) -> None:
    assert masked(text, **PARKINSON) == told


@pytest.mark.parametrize(
    ("family", "given", "text"),
    [
        ("Graves", "Ann", "Graves' disease"),
        ("Hodgkin", "Ann", "Non-Hodgkin lymphoma"),
        ("Bell", "Ann", "Bell's palsy"),
        ("Down", "Ann", "Down syndrome, lay down"),
        ("Crohn", "Ann", "Crohn's disease"),
        ("Wilson", "Ann", "Wilson disease"),
        ("Still", "Ann", "Still's disease, still febrile"),
        ("White", "Ann", "white matter; White matter"),
        ("Long", "Ann", "Long QT syndrome"),
        ("Tooth", "Marie", "Charcot-Marie-Tooth disease"),
        ("Gram", "Ann", "Gram-negative rods, Gram stain"),
        ("Klein", "Ann", "kleine Läsion, klein"),
        ("Herz", "Ann", "Herz und Lunge, am Herz"),
        ("Rossi", "Ann", "globuli rossi"),
        ("Delgado", "Dolores", "dolores, paciente delgado"),
        ("van der Berg", "Ann", "der Patient, van, Berg"),
        ("Ed", "Li", "seen in ED. Li 0.8 mmol/L, Li+"),
        ("May", "April", "in May and April"),
        ("His", "Will", "His bundle, he will, on his own"),
    ],
)
def test_words_of_notes_stay_whoever_is_named_so(
    masked: Mask, family: str, given: str, text: str
) -> None:
    assert masked(text, **named(family, given)) == text


@pytest.mark.parametrize(
    ("patient", "texts"),
    [
        (
            named("Müller", "Hans-Jörg"),
            ["MÜLLER", "Mueller", "Muller", "Hans-Joerg", "Müllers", "hmüller"],
        ),
        (named("O'Connor", "Siân"), ["O’Connor", "OConnor", "o'connor", "Sian"]),
        (named("Łukasiewicz", "Paweł"), ["Lukasiewicz", "PAWEŁ", "Pawel"]),
        (named("Nguyễn", "Hoa"), ["Nguyen", "NGUYỄN", "Hoa"]),
        (named("Vandermeulen", "Mirabelle"), ["vandermeulen", "MIRABELLE", "mvandermeulen"]),
        (named("Straße", "Øyvind"), ["Strasse", "Oyvind", "ØYVIND"]),
    ],
)  # fmt: skip
def test_other_spellings(masked: Mask, patient: dict[str, Any], texts: list[str]) -> None:
    for text in texts:
        assert masked(f"saw {text} now", **patient).replace(f"-{P}", "") == f"saw {P} now"


@pytest.mark.parametrize("text", ["Li Wei", "LI, WEI", "Wei Li"])
def test_short_names_go_beside_each_other(masked: Mask, text: str) -> None:
    assert masked(text, **named("Li", "Wei")).replace(",", "") == f"{P} {P}"


YAMADA = {
    "name": [
        {"text": "山田 太郎", "family": "山田", "given": ["太郎"]},
        {"family": "ヤマダ", "given": ["タロウ"]},
    ]
}


@pytest.mark.parametrize(
    ("patient", "text", "told"),
    [
        (YAMADA, "山田太郎様の狭心症", f"{P}様の狭心症"),
        (YAMADA, "山田　太郎", P),
        (YAMADA, "⼭⽥太郎", P),
        (YAMADA, "山田さんの家族", f"{P}さんの家族"),
        (YAMADA, "太郎君", f"{P}君"),
        (YAMADA, "ﾔﾏﾀﾞ ﾀﾛｳ", P),
        (YAMADA, "やまだたろう", P),
        (YAMADA, "ヤマダさん", f"{P}さん"),
        (YAMADA, "夫はたろうと申す", f"夫は{P}と申す"),
        (named("林", "健"), "林さん、林健", f"{P}さん、{P}"),
        (named("林", "健"), "林 健", P),
        (named("渡邊", "花子"), "渡辺花子", P),
        ({"name": [{"text": "王伟"}]}, "患者王伟，男", f"患者{P}，男"),
        (named("王", "伟"), "王先生，王女士，王某", f"{P}先生，{P}女士，{P}某"),
        (named("張", "偉"), "张伟", P),
        (named("欧阳", "秀英"), "欧阳秀英因胸痛", f"{P}因胸痛"),
        (
            named("김", "지수"),
            "김지수 님, 지수 씨, 김 씨, 김지수는",
            f"{P} 님, {P} 씨, {P} 씨, {P}는",
        ),
        (named("이", "민수"), "민수가 내원", f"{P}가 내원"),
        (named("Li", "Wei"), "患者Li Wei様", f"患者{P} {P}様"),
    ],
)
def test_names_without_borders_of_words(
    masked: Mask, patient: dict[str, Any], text: str, told: str
) -> None:
    assert masked(text, **patient) == told


@pytest.mark.parametrize(
    ("patient", "text"),
    [
        (named("林", "健"), "森林浴、健康、林野"),
        (named("高", "峰"), "血糖高峰，高血压"),
        (named("安", "静"), "安静休息"),
        (named("王", "伟"), "伟大，国王，王国"),
        (named("김", "지수"), "체질량지수 25, 김치"),
        (named("이", "영"), "이 군에서 호전, 영양"),
        (named("リン", "カイ"), "リン酸、カイロ"),
        (named("森", "さくら"), "森林、10³個、CRP 12.3"),
        ({}, "患者さん、担当医師、摂氏38度、インフルエンザ様症状、주치의 선생님"),
    ],
)
def test_words_that_hold_a_name_stay(masked: Mask, patient: dict[str, Any], text: str) -> None:
    assert masked(text, **patient) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Dr. med. Hans Müller", "[clinician]"),
        ("Prof. Dr. A. Schmidt", "[clinician]"),
        ("OA Dr. Weber", "[clinician]"),
        ("Dott.ssa Ferrante", "[clinician]"),
        ("Dra. Núñez", "[clinician]"),
        ("Pr Dupont", "[clinician]"),
        ("John Smith, MD", "[clinician]"),
        ("Dr Jones and Dr Patel", "[clinician] and [clinician]"),
        ("Herr Meier", "Herr [name]"),
        ("Frau von der Heide", "Frau [name]"),
        ("Frau Meier Husten", "Frau [name] Husten"),
        ("M. Dupont", "M. [name]"),
        ("Mme Durand", "Mme [name]"),
        ("Mlle D'Angelo", "Mlle [name]"),
        ("Sr. López", "Sr. [name]"),
        ("Sig.ra Rossi", "Sig.ra [name]"),
        ("dhr. Jansen", "dhr. [name]"),
        ("mevr. de Vries", "mevr. [name]"),
        ("Mrs Potts", "Mrs [name]"),
        ("鈴木先生", "[clinician]先生"),
        ("鈴木医師より", "[clinician]医師より"),
        ("鈴木さん", "[name]さん"),
        ("张主任", "[clinician]主任"),
        ("李医生", "[clinician]医生"),
        ("이영희 교수", "[clinician]교수"),
    ],
)
def test_titled_names_of_anybody(masked: Mask, text: str, told: str) -> None:
    assert masked(f"{text}") == told


@pytest.mark.parametrize(
    "text",
    [
        "OA Knie links", "CA Prostata", "M. Crohn", "M. biceps", "M. Tuberculosis",
        "MS diagnosed", "Hr. 72", "Pr 160", "Fr 14",
        "Mr gradient", "MR Angiography", "Dr of", "Fr. Catheter", "St. Mary", "Ms. in 2019",
        "Present", "From",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_title(masked: Mask, text: str) -> None:
    assert masked(text) == text
