"""Charts of invented people with known identifiers, written into every text that is shown.

Deterministic: the same number gives the same chart. Nothing is taken from anybody's data.
"""

from __future__ import annotations

import base64
import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from fhir_mapping.tables import table

HERE = Path(__file__).parent
_LANGUAGE = {"en": "en", "de": "de", "fr": "fr", "es": "es", "it": "it", "pt": "pt"}
_DOCTORS = {
    "ja": ["佐々木", "高橋", "伊藤"],
    "zh": ["李", "赵敏", "孙"],
    "ko": ["강호동", "윤미래", "장기하"],
}
_LATIN_DOCTORS = ["Quimby", "Ferrante", "Østergaard", "Haverkamp"]


@dataclass
class Planted:
    """A text, what in it identifies somebody, and what in it is clinical."""

    text: str
    identifiers: list[str]
    clinical: list[str]


@dataclass
class Example:
    """One patient's resources and the texts among them."""

    locale: str
    resources: list[dict[str, Any]]
    texts: list[Planted] = field(default_factory=list)

    @property
    def patient(self) -> dict[str, Any]:
        return self.resources[0]


@cache
def locales() -> dict[str, Any]:
    return tomllib.loads((HERE / "locales.toml").read_text("utf-8"))


def examples(numbers: range, later: bool) -> Iterator[Example]:
    """Examples in turn from each locale; `later` writes the forms that were set aside."""
    names = sorted(locales())
    for number in numbers:
        yield _Maker(names[number % len(names)], number, later).make()


class _Maker:
    def __init__(self, locale: str, number: int, later: bool) -> None:
        self.random = random.Random(f"{locale} {number}")
        self.data, self.locale = locales()[locale], locale
        self.suffix = "_later" if later else ""
        self.family, self.given = self._one("families"), self._one("givens")
        self.born = date(
            self.random.randint(1932, 1985), self.random.randint(1, 12), self.random.randint(1, 28)
        )
        self.town, self.street, self.code = (
            self._one("towns"),
            self._one("streets"),
            self._one("codes"),
        )

    def _one(self, key: str) -> str:
        return str(self.random.choice(self.data[key]))

    def _form(self, key: str) -> str:
        return self._one(key + self.suffix)

    def _digits(self, form: str) -> str:
        return "".join(str(self.random.randint(0, 9)) if c == "#" else c for c in form)

    def _months(self) -> tuple[str, str]:
        names = table("months")["names"]
        own = names.get(_LANGUAGE.get(self.locale[:2], "en"))[self.born.month - 1]
        spellings = own or names["en"][self.born.month - 1]
        return spellings[0].capitalize() if self.locale[:2] in ("en", "de") else spellings[
            0
        ], spellings[-1].capitalize()

    def name(self) -> str:
        kana = self.data.get("kana", {})
        return self._form("names").format(
            f=self.family,
            g=self.given,
            F=self.family.upper(),
            G=self.given.upper(),
            i=self.given[0],
            kf=kana.get(self.family, ""),
            kg=kana.get(self.given, ""),
        )

    def birth(self) -> str:
        b, (month, mon) = self.born, self._months()
        return self._form("births").format(
            d=b.day,
            dd=f"{b.day:02}",
            m=b.month,
            mm=f"{b.month:02}",
            y=b.year,
            yy=f"{b.year % 100:02}",
            month=month,
            mon=mon,
            MON=mon.upper(),
            showa=b.year - 1925,
            roc=b.year - 1911,
        )

    def doctor(self) -> str:
        others = _DOCTORS.get(self.locale[:2], _LATIN_DOCTORS)
        f, f2 = self.random.sample(_LATIN_DOCTORS, 2)
        return self._form("doctors").format(f=f, f2=f2, g="Adelheid", d2=self.random.choice(others))

    def line(self, number: int) -> tuple[str, list[str]]:
        """A sentence and what in it identifies somebody."""
        parts = {
            "name": self.name(),
            "birth": self.birth(),
            "phone": self._digits(self._form("phones")),
            "doctor": self.doctor(),
            "town": self.town,
            "street": self.street,
            "id": self._digits(self._form("ids")),
        }
        sentence = self.data["lines"][number]
        used = [part for key, part in parts.items() if f"{{{key}}}" in sentence]
        return sentence.format(**parts), used

    def text(self, *numbers: int, blank: str = " ") -> Planted:
        planted = Planted("", [], [])
        pieces: list[str] = []
        for number in numbers:
            sentence, used = self.line(number)
            clinical = self._one("clinical")
            planted.identifiers += used
            planted.clinical.append(clinical)
            pieces += [sentence, f"{clinical}."]
        planted.text = blank.join(pieces)
        return planted

    def make(self) -> Example:
        texts = [
            self.text(0),
            self.text(1),
            self.text(2),
            self.text(3),
            self.text(4),
            self.text(5),
            self.text(0, 1),
            self.text(*range(6), blank="\n"),
            self.text(0, 5),
        ]
        return Example(self.locale, [self._patient(), *_resources(texts)], texts)

    def _patient(self) -> dict[str, Any]:
        names: list[dict[str, Any]] = [{"family": self.family, "given": self.given.split()}]
        if kana := self.data.get("kana"):
            names.append({"family": kana[self.family], "given": [kana[self.given]]})
        return {
            "resourceType": "Patient",
            "id": "p1",
            "birthDate": self.born.isoformat(),
            "gender": "other",
            "name": names,
            "address": [{"line": [self.street], "city": self.town, "postalCode": self.code}],
        }


_OWNER = {"reference": "Patient/p1"}


def _resources(texts: list[Planted]) -> Iterator[dict[str, Any]]:
    """One text to each place in which people type."""
    t = [planted.text for planted in texts]
    data = base64.b64encode(t[7].encode()).decode()
    attachment = {"contentType": "text/plain; charset=utf-8", "data": data}
    yield _resource("Condition", code={"text": t[0]}, note=[{"text": t[1]}])
    yield _resource("Observation", code={"text": "Remark"}, valueString=t[2], note=[{"text": t[3]}])
    yield _resource("DiagnosticReport", code={"text": "Report"}, conclusion=t[4])
    yield _resource("FamilyMemberHistory", relationship={"text": "mother"}, note=[{"text": t[5]}])
    yield _resource("Procedure", code={"text": t[6]})
    yield _resource("DocumentReference", content=[{"attachment": attachment}])
    yield _resource("AllergyIntolerance", code={"text": t[8]})


_STATUS = {
    "Observation": "final",
    "DiagnosticReport": "final",
    "FamilyMemberHistory": "completed",
    "Procedure": "completed",
    "DocumentReference": "current",
}


def _resource(kind: str, **elements: Any) -> dict[str, Any]:
    owner = "patient" if kind in ("FamilyMemberHistory", "AllergyIntolerance") else "subject"
    status = {"status": _STATUS[kind]} if kind in _STATUS else {}
    return {"resourceType": kind, "id": kind.lower(), owner: _OWNER, **status, **elements}
