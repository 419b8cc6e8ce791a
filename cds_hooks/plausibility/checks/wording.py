"""What the words of a fact say beside its fields: that it is not so, or that it is a relative's."""

from __future__ import annotations

import re

from cds_hooks.plausibility.resolution import ICD_10_CM
from fhir_mapping.chart import Fact, Kind

__all__ = ["denied_in_words", "of_a_relative"]

_DENIED = re.compile(
    r"(?:(?:patient|pt|he|she|they)\s+)?"
    r"(?:no|denies|denied|denying|negative for|absence of|without|never had)\s+"
    r"(?!(?:\w+ )?(?:relief|improvement|response|recollection|recovery|resolution|longer|benefit"
    r"|known|memory|appetite|interest|pulse|movement|reaction|prior medical|vaccin|immuniz))"
)
"""The fact begins with a denial of a finding. "No relief" and "no pulse" are findings."""
_RELATIVE = (
    r"mother|father|brother|sister|son|daughter|parent|sibling|grandmother|grandfather|grandparent"
    r"|aunt|uncle|cousin|twin"
)
_FAMILY = re.compile(
    rf"(?:(?:positive )?(?:family|familial) history\b|fhx?\b|(?:maternal|paternal) (?:{_RELATIVE})"
    rf"|(?:his |her |their )?(?:{_RELATIVE})s? (?:has|have|had|died|was diagnosed|with a history))"
)
_FAMILY_CODES = ("Z80", "Z81", "Z82", "Z83", "Z84")
"""ICD-10-CM: family history of diseases."""
_WORDED = frozenset({Kind.COMPLAINT, Kind.OBSERVATION, Kind.PROBLEM, Kind.SOCIAL})


def denied_in_words(fact: Fact) -> bool:
    """Whether a complaint or finding told in words begins by denying it ("No fever")."""
    return fact.kind in _WORDED and fact.value is None and bool(_DENIED.match(fact.text.lower()))


def of_a_relative(fact: Fact) -> bool:
    """Whether it is a family history: by its kind, its code or its first words."""
    if fact.kind is Kind.FAMILY:
        return True
    if fact.kind not in _WORDED:
        return False
    codes = (c.code for c in fact.codes if c.system == ICD_10_CM)
    return any(c.startswith(_FAMILY_CODES) for c in codes) or bool(_FAMILY.match(fact.text.lower()))
