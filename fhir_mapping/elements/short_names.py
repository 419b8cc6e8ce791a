"""Shorter names for results: what a clinician says, not what LOINC's long names spell out."""

from __future__ import annotations

import re

__all__ = ["short_name", "without_tag"]

_MASKS = (
    "patient|name|address|link|identifier|clinician|phone|date|today|in \\d+ \\w+|\\d+ \\w+ ago"
)
_PROPERTY = re.compile(rf"\s*\[(?!(?:{_MASKS})\])[^\][]*\]")
"""What stands in brackets, but for what masking put there."""
_USUAL_SPECIMEN = re.compile(
    r"\s*(?:(?:in|of|-)\s+)?(?:Serum or Plasma or Blood|Serum, Plasma or Blood|Serum or Plasma"
    r"|Serum or Blood|Serum|Plasma|Blood|Venous blood)(?=$|\s+by\b)",
)
_METHOD = re.compile(r"\s+by (?:Automated count|automated count|calculation|Oscillometry.*)$")
_USUAL_PROPERTY = re.compile(r"\s(?:SerPl|Ser|Plas|Bld)-[a-z]{1,2}[A-Z][A-Za-z]+$")
_KIND = re.compile(
    r"\s+\((?:procedure|disorder|finding|situation|physical object|observable entity|product"
    r"|qualifier value|substance|organism|regime/therapy|event|medicinal product|body structure"
    r"|morphologic abnormality|occupation|person|record artifact)\)$"
)


def short_name(name: str) -> str:
    """A LOINC long common name without its property, its usual specimen and its usual method.

    "Creatinine [Mass/volume] in Serum or Plasma" -> "Creatinine"; a specimen other than blood stays
    ("Glucose in Urine"); its short names lose the same ("Creat SerPl-mCnc" -> "Creat"). SNOMED CT's
    semantic tags go too. Names that people typed pass unchanged.
    """
    if "[" in name or name.endswith(" in Blood"):
        short = _METHOD.sub("", _PROPERTY.sub("", name))
        return _USUAL_SPECIMEN.sub("", short).strip() or name
    if name.endswith(")"):
        return _KIND.sub("", name)
    return _USUAL_PROPERTY.sub("", name) if "-" in name else name


def without_tag(name: str) -> str:
    """A name of SNOMED CT without its semantic tag: "Lung structure (body structure)"."""
    return _KIND.sub("", name) if name.endswith(")") else name
