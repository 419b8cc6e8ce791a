"""What a fact, a reason and a model's words look like on a card: bounded, and never a directive."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable

from cds_hooks.cards.card_data import texts
from cds_hooks.cards.escape import capped
from cds_hooks.cards.wording import finding, is_directive, orders
from cds_hooks.consultation import Evidence
from fhir_mapping.chart import Chart, Fact, Kind
from prompts import ago, state_words, visible

__all__ = [
    "ICD_10_CM",
    "discriminator",
    "evidence",
    "fact_phrase",
    "fact_text",
    "name",
    "remark",
    "short_phrase",
    "short_text",
]

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"

_NAME, _FACT, _REMARK = 100, 140, 200
_SHORT = 60
_FLAGGED = ("high", "low", "abnormal", "normal")
_RANGE = re.compile(r" \((?:usual )?(?:[<>]=?|to |from )?\s?[\d.]+(?:[-–/](?:to )?[\d.]+)*\)")  # noqa: RUF001
_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SHORTER: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # LOINC's long names: the specimen that everybody expects, the method.
    (re.compile(r" in (?:Platelet poor plasma|Serum(?: or Plasma)?|Plasma|Blood)\b"), ""),
    (re.compile(r"(?<=saturation) in Arterial blood\b"), ""),
    (re.compile(r" by [A-Za-z][\w-]*(?: [a-z]+)*(?= [<>]?\d)"), ""),
    (re.compile(r"/Hemoglobin\.total\b"), ""),
    (re.compile(r"(?<=\w)\.(?=cardiac\b|total\b)"), " "),
    (re.compile(r"\b10[*^](\d)/uL"), lambda m: f"x10{m[1].translate(_POWERS)}/µL"),
    (re.compile(r"\b10[*^](\d)/L"), lambda m: f"x10{m[1].translate(_POWERS)}/L"),
    (re.compile(r"(?<=\d )/uL"), "/µL"),
    # Of a series the first and the last value stay, of one that did not change one value.
    (re.compile(r"([\d.]+) -> \1 ([^ ,]+) over ([^,(]+?), unchanged"), r"\1 \2, unchanged over \3"),
    (re.compile(r", (?:rising|falling|steady)\b|, (?:lowest|highest) [\d.]+"), ""),
    (re.compile(r" -> "), " → "),
    # An answered question tells what was found.
    (re.compile(r": (?:present|yes)$", re.IGNORECASE), ""),
    (re.compile(r"(?<!,)(?<!tolic) (?=(?:systolic |diastolic )?(?:high|low|abnormal)$)"), ", "),
)


def name(text: str) -> str:
    """A diagnosis's name, or that it was withheld."""
    withheld = texts().withheld
    return (
        withheld["model"]
        if orders(visible(text))
        else _told(text, _NAME, "model") or withheld["nameless"]
    )


def remark(text: str) -> str:
    """A sentence of a check, which may quote the chart."""
    return _told(text, _REMARK, "chart")


def discriminator(text: str) -> str:
    """What a model says would discriminate, as a finding or test and not as an order for it."""
    return _told(finding(visible(text)), _REMARK, "model")


def evidence(
    cited: Iterable[Evidence], chart: Chart, wrong: Container[str] = ()
) -> tuple[str, ...]:
    """The cited facts in the chart's own words, each once, in the order they were cited.

    Of the facts in `wrong` it is said what the model claimed, because the chart says otherwise.
    """
    claims = {item.fact_id: item.claim for item in cited}
    told = []
    for fact_id, claim in claims.items():
        fact = chart.fact(fact_id)
        phrase = texts().withheld["missing"] if fact is None else fact_phrase(fact)
        claimed = f" ({texts().checks.claimed} {remark(claim)})" if fact_id in wrong else ""
        told.append(phrase + claimed)
    return tuple(told)


def fact_phrase(fact: Fact) -> str:
    """Value, flag or status, and how long ago: "Creatinine 1.8 mg/dL (0.6-1.2), high, 2 h ago"."""
    words = (capped(visible(word), 40) for word in _state_and_age(fact))
    parts = (fact_text(fact), *words)
    return ", ".join(part for part in parts if part)


def short_phrase(fact: Fact) -> str:
    """As `fact_phrase`, in the length of a card's line and with its age uncut."""
    words = (capped(visible(word), 20) for word in _state_and_age(fact))
    parts = (capped(short_text(fact), _SHORT), *words)
    return ", ".join(part for part in parts if part)


def _state_and_age(fact: Fact) -> tuple[str, ...]:
    """ "low", "2 h ago"; what is active is so for a time. A complaint has no state of its own: the
    one it comes with is the encounter's."""
    age = ago(fact.days_ago, fine=True)
    words = state_words(fact, texts().status)
    if fact.kind is Kind.COMPLAINT:
        words = tuple(word for word in words if word != fact.status)
    if fact.status == "active" and "active" in words and age.endswith(" ago"):
        rest = (word for word in words if word != "active")
        return (*rest, f"active for {age.removesuffix(' ago')}")
    return (*words, age)


def short_text(fact: Fact) -> str:
    """A fact without the reference range where a flag tells how the value lies to it, without a
    laboratory's method, and of a series only the first and the last value."""
    text = fact_text(fact)
    for pattern, instead in _SHORTER:
        text = pattern.sub(instead, text)
    flagged = fact.flag is not None or text.endswith(_FLAGGED)
    return _RANGE.sub("", text, count=1) if flagged else text


def fact_text(fact: Fact) -> str:
    """The fact's text; where that instructs ("Insulin: inject 10 units"), its code's display."""
    displays = (code.display for code in fact.codes if code.display)
    told = (text for text in (fact.text, *displays) if not is_directive(visible(text)))
    return _told(next(told, fact.text), _FACT, "chart") or texts().withheld["textless"]


def _told(text: str, limit: int, whose: str) -> str:
    line = visible(text)
    if is_directive(line):
        return texts().withheld["model" if whose == "model" else "chart"]
    return capped(line, limit)
