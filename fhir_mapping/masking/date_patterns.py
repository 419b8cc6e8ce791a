"""The shapes in which days are written, as regular expressions.

Each runs in linear time: no part of one can match the same text in two ways. Letters and digits
border a date only where they are Latin: Chinese, Japanese and Korean set no blanks around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fhir_mapping.masking.calendar import eras, months, months_between_signs
from fhir_mapping.masking.signs import DASHES

__all__ = ["EAST_ASIAN", "ERA", "GERMAN_DAY", "MONTH_FIRST", "NUMERIC", "WORDED"]

_BEFORE = r"(?<![0-9A-Za-z])(?<![0-9A-Za-z][.,/+])"
_AFTER = rf"(?![0-9A-Za-z]|[.,/{DASHES}][0-9])"
_YEAR = r"(?:(?:1[89]|20)[0-9]{2}|['’]?[0-9]{2})"
_YEAR4 = r"(?:1[89]|20)[0-9]{2}"
_DAY = r"[0-9]{1,2}"
_ORDINAL = r"(?:st|nd|rd|th|er|ste|de|te|[ºª°.])?"
_GAP = rf"[ \t\n\u00a0]{{0,3}}[.,/{DASHES}]?[ \t\n\u00a0]{{0,3}}(?:(?:the|of|de|del|d[’'])[ \n])?"


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=lambda n: (-len(n), n)))


_MONTH = rf"(?:{_any(months())})"
_SHORT = rf"(?:{_any(months_between_signs())})"

WORDED = re.compile(
    rf"""
    {_BEFORE}(?:
      (?P<y1>{_YEAR4})[ /.{DASHES}]?(?P<m1>{_MONTH})\.?[ /.{DASHES}]?(?P<d1>{_DAY})
    | (?P<d2>{_DAY}){_ORDINAL}{_GAP}(?P<m2>{_MONTH})(?![a-zà-ÿ])(?:{_GAP}(?P<y2>{_YEAR}))?
    | (?P<d3>{_DAY})(?P<sign>[./{DASHES}])(?P<m3>{_SHORT})(?P=sign)(?P<y3>{_YEAR})
    )(?![0-9A-Za-z])(?![.,][0-9])
    """,
    re.VERBOSE | re.IGNORECASE,
)
MONTH_FIRST = re.compile(
    rf"""
    (?<![^\W_])(?P<m>{_MONTH})\.?(?:
      [ /{DASHES}]{{0,2}}(?:de[ ]|del[ ]|of[ ])?(?P<y>{_YEAR4})
    | [ /{DASHES}]{{0,2}}(?:the[ ])?(?P<d>{_DAY})(?:st|nd|rd|th)?
        (?:(?:,?[ \n]{{1,2}}|[,/{DASHES}])(?:of[ ])?(?P<year>{_YEAR}))?
    )(?![0-9A-Za-z])(?![:.,/{DASHES}][0-9])
    """,
    re.VERBOSE | re.IGNORECASE,
)
NUMERIC = re.compile(
    rf"""
    {_BEFORE}(?:
      (?P<iso>[12][0-9]{{3}})(?P<s1>[/._{DASHES}])[ ]?(?P<iso_m>[0-9]{{1,2}})(?P=s1)[ ]?
        (?P<iso_d>{_DAY})
        (?:(?<=[.][ ][0-9])\.|(?<=[.][ ][0-9]{{2}})\.)?
        (?P<time>T[0-9:.]+(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})?)?
    | (?P<a>{_DAY})[ ]?(?P<s2>[/._{DASHES}])[ ]?(?P<b>{_DAY})[ ]?(?P=s2)[ ]?(?P<y4>{_YEAR4})
    | (?P<c>[0-9]{{1,3}})(?P<s3>[/.{DASHES}])(?P<e>{_DAY})(?P=s3)(?P<f>[0-9]{{1,2}})
    | (?P<spaced>{_DAY}[ .,]{{1,2}}{_DAY}[ .,]{{1,2}}(?:{_YEAR4}|[0-9]{{2}})
        |{_YEAR4}[ ,][0-9]{{1,2}}[ ,][0-9]{{1,2}})
    | (?P<month>0[1-9]|1[0-2])/(?P<of>{_YEAR4})
    | (?P<year_month>{_YEAR4}-(?:0[1-9]|1[0-2]))
    | (?P<compact>[0-9]{{8}}(?=T[0-9]{{4}})|[0-9]{{8}}|[0-9]{{6}})(?:T[0-9]{{4,6}}Z?)?
    ){_AFTER}
    """,
    re.VERBOSE,
)
_NUMERAL = "[0-9〇零一二三四五六七八九十元]"
EAST_ASIAN = re.compile(
    rf"""
    (?:
      (?:(?P<era>{_any(e for e in eras() if not e.isascii())}|(?<![0-9A-Za-z])[RHST])[ ]?)?
      (?<![0-9])(?P<y>{_NUMERAL}{{1,4}})[ ]?[年년][ ]?(?P<m>{_NUMERAL}{{1,3}})[ ]?[月월]
      (?:[ ]?(?P<d>{_NUMERAL}{{1,3}})[ ]?[日号號일]?(?!{_NUMERAL}))?
    | (?<![0-9〇零一二三四五六七八九十])
      (?P<m3>[0-9]{{1,2}}|[一二三四五六七八九十]{{1,3}})[ ]?[月월][ ]?
      (?P<d3>[0-9]{{1,2}}|[一二三四五六七八九十]{{1,3}})[ ]?[日号號일]
    )
    """,
    re.VERBOSE,
)
ERA = re.compile(
    rf"(?<![0-9A-Za-z])(?P<era>[RHST]|{_any(e for e in eras() if not e.isascii())})[ ]?"
    r"(?P<y>[0-9]{1,3})(?P<s>[./-])(?P<m>[0-9]{1,2})(?P=s)(?P<d>[0-9]{1,2})(?![0-9A-Za-z])"
)
GERMAN_DAY = re.compile(
    r"(?<=[ (])(?P<d>[0-9]{1,2})\. ?(?P<m>[0-9]{1,2})\.(?![0-9A-Za-z]|[ ][0-9])"
)
"""Only after a word such as "am": "12.10." may be a number at the end of a sentence."""
