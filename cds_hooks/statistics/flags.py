"""What was flagged in a consultation: by rules of the chart, and by checks of the model's list."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_hooks.consultation import CheckedConsultation, Consultation, Verdict

__all__ = ["KINDS", "flags_of"]

KINDS = {
    "rule": "rule about the chart",
    "red-flag": "pattern that no diagnosis of the list covers",
    "contradiction": "chart contradicts itself",
    "medication": "medication concern",
    "check": "check that a listed diagnosis failed",
}
"""The kinds of flags by the word they are counted under."""

_FAIL = "fail"
_ID = re.compile(r"[a-z0-9][a-z0-9:._-]{0,99}", re.ASCII)


def flags_of(consultation: Consultation) -> Iterator[str]:
    """`flag:KIND:ID`, each once; `flagged` where a rule spoke of the chart, `contradicted` where a
    listed diagnosis was."""
    by_rules = {f"flag:rule:{found.rule}" for found in consultation.chart_findings}
    by_rules |= {f"flag:contradiction:{each.check}" for each in consultation.contradictions}
    by_rules |= {f"flag:medication:{each.check}" for each in consultation.medication_concerns}
    listed = set[str]()
    if isinstance(consultation, CheckedConsultation):
        by_rules |= {f"flag:red-flag:{each.check}" for each in consultation.red_flags}
        reasons = (reason for each in consultation.assessments for reason in each.reasons)
        listed = {f"flag:check:{reason.check}" for reason in reasons if reason.result == _FAIL}
        if any(each.verdict is Verdict.CONTRADICTED for each in consultation.assessments):
            yield "contradicted"
    if by_rules:
        yield "flagged"
    yield from sorted(flag for flag in by_rules | listed if _ID.fullmatch(flag[5:]))
