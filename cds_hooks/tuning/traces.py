"""Reasoning before an answer, checked by the rules: what it cites and what it concludes.

A trace teaches a model how to read a chart, so one that tells what the chart does not tell is not
used. Reasons are stable words; what a trace says is never in one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from fhir_mapping.chart import Chart, Fact, Kind, PatientFacts
from fhir_mapping.context import Readings
from fhir_mapping.findings import findings_of

__all__ = ["REASONS", "fault_of_trace"]

REASONS = {
    "cites-unknown-fact": "it cites a fact id that the prompt does not show",
    "cites-absent-finding": "it states a finding that the chart does not tell",
    "concludes-another-diagnosis": "its last sentences name another diagnosis than the answer",
    "without-conclusion": "its last sentences do not name the answer's diagnosis",
}

_ID = re.compile(r"\b[SPLVOMAEXRNFIHDC]\d{1,3}\b")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_LAST = 2
"""Sentences at the end that tell the conclusion. Ours."""


def fault_of_trace(
    trace: str,
    *,
    asked: str,
    facts: Collection[str],
    told: Collection[str],
    names: Sequence[str],
    others: Sequence[str],
) -> str:
    """Why a trace is not used, a key of `REASONS`; "" for one that is.

    `asked` is the user's turn, `facts` the ids that it shows, `told` the findings that rules read
    in the chart; `names` mean the answer's first diagnosis, `others` are what else it could say. A
    word like "L5" is a citation unless the chart itself has it.
    """
    cited = set(_ID.findall(trace)) - set(facts)
    if any(not re.search(rf"\b{word}\b", asked) for word in cited):
        return "cites-unknown-fact"
    # A diagnosis that is weighed is no claim about the patient, though it may be a finding, too.
    weighed = findings_in(". ".join([*names, *others]))
    if findings_in(trace) - set(told) - weighed - findings_in(asked):
        return "cites-absent-finding"
    end = " ".join([s for s in _SENTENCE.split(trace.strip()) if s.strip()][-_LAST:])
    if _affirms(end, names):
        return ""
    return "concludes-another-diagnosis" if _affirms(end, others) else "without-conclusion"


def findings_in(text: str) -> set[str]:
    """The findings that a text states of the patient, by the readers of notes; each line and
    sentence is read by itself, as facts are."""
    pieces = [p for p in _SENTENCE.split(text) if p.strip()]
    notes = tuple(
        Fact(id=f"N{n}", kind=Kind.NOTE, text=piece, days_ago=0.0)
        for n, piece in enumerate(pieces, 1)
    )
    return set(findings_of(Chart(PatientFacts(), notes)).told)


def _affirms(text: str, names: Sequence[str]) -> bool:
    """Whether one of the names stands in the text and is not denied there."""
    reading = Readings()[text]
    return any(
        reading.at(found.start()).is_affirmed
        for name in names
        if name.strip()
        for found in re.finditer(rf"(?<!\w){_spelled(name)}(?!\w)", text, re.IGNORECASE)
    )


def _spelled(name: str) -> str:
    """The words of a name with whatever stands between them; what is in brackets may be missing."""
    words = re.findall(r"\w+", re.sub(r"\([^()]*\)", " ", name))
    return r"[\W_]+".join(map(re.escape, words)) or re.escape(name)
