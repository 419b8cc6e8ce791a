"""Signs that several patterns share."""

from __future__ import annotations

__all__ = ["DASHES", "LETTERS", "UNIT"]

DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212\u30fc\\-"
"""Hyphens, dashes, the minus and the long vowel mark that stands for one, to be
written within a character class."""

LETTERS = "A-Za-z\u00aa-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0300-\u052f\u0590-\u06ff\u1e00-\u1fff"
"""Letters of scripts that set blanks between words: no Chinese, Japanese or Korean one borders a
name. Written as ranges, since larger classes take long to compile."""

_UNITS = (
    r"[mkµμunpc]?(?:[IU]{1,2}|IE|U|UI|E|mol|g|cg|cp|copies)|mg|mcg|mL|ml|dL|L|l|mm|cm|kg|kcal|kJ|ng"
    r"|%|°|units?|Einh\.?|Kopien|copie|copias|kopieën|cells|platelets|leuco\w*|leuko\w*|thrombo\w*"
    r"|erythro\w*|plaquettes|plaquetas|piastrine|white|red|x|×|bpm|mmHg|steps|CFU|KBE|UFC"
)
UNIT = (
    rf"(?:[ \u00a0]?(?:(?:{_UNITS})(?![A-Za-z'’])"
    r"|/(?:[mµμunp]?[Ll]|mm|HPF|hpf)(?![A-Za-z])"
    r"|[单單]位|拷贝|拷貝|コピー|単位|歩|個|个|개|단위))"
)
"""What follows a number that is no date, no telephone number and no identifier."""
