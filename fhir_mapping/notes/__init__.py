"""Clinical notes: the excerpts that bear on the present complaint, and what was denied.

Notes are read newest first, as many as a prompt could show; what is said again in a later note is
told once, by the earlier one. The texts are masked before anything else is done with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fhir_mapping.chart import Code, Kind, Polarity
from fhir_mapping.drafting.absence_words import absence_of_text
from fhir_mapping.drafting.draft import Draft, MappingContext, NoteDraft
from fhir_mapping.elements.text import one_line
from fhir_mapping.notes.negation import denied
from fhir_mapping.notes.sections import DENIED, Section, cut

__all__ = ["tell_notes"]

MOST_NOTES = 16
"""How many notes are read, the newest first; older ones are recorded as left out."""

MOST_CHARACTERS = 4000
"""How long all excerpts together may be."""

LONGEST = 700
"""How long the excerpt of one note may be."""

_TOLD_BY = {"medications": Kind.MEDICATION, "allergies": Kind.ALLERGY}
"""Sections that repeat what the chart has as facts of a kind, where it has any."""

_ASSESSMENTS = frozenset({"assessment", "plan"})
_RECENT_DAYS = 30.0
_WORD = re.compile(r"[a-z]{4,}")
_STOP = frozenset(
    {"with", "from", "this", "that", "have", "been", "were", "then", "than", "into", "over", "also"}
    | {"histor", "patien", "unspec"}
)


@dataclass(slots=True)
class _Sentence:
    section: Section
    text: str
    score: float


_TOLD_HERE_ALONE = 6.0
"""What a sentence gains that no resource tells: an allergy comes before the story. Ours."""


def tell_notes(notes: list[NoteDraft], ctx: MappingContext) -> None:
    """Facts of the notes: an excerpt of each, and findings with polarity absent."""
    notes.sort(key=lambda note: (note.days_ago is None, note.days_ago or 0.0, note.what))
    for note in notes[MOST_NOTES:]:
        detail = "Only the newest notes are read."
        ctx.found.leave(note.what, "older-note", detail, note.kind)
    complaint = _complaint_words(ctx.found.drafts)
    listed = _listed(ctx.found.drafts) if notes else {}
    read = [(note, _read(note, listed, ctx)) for note in notes[:MOST_NOTES]]
    repeated = _repeated(read)
    left = MOST_CHARACTERS
    for note, sections in read:
        told = _sentences(note, sections, repeated, complaint)
        left -= _tell(note, told, min(left, LONGEST), ctx)
    for note, sections in read:
        _tell_denied(note, sections, ctx)


def _listed(drafts: list[Draft]) -> dict[Kind, set[Polarity]]:
    """What the chart's own facts of the kinds that sections list say of it."""
    found: dict[Kind, set[Polarity]] = {kind: set() for kind in _TOLD_BY.values()}
    for draft in drafts:
        if draft.kind in found:
            found[draft.kind].add(draft.polarity)
    return found


def _read(note: NoteDraft, listed: dict[Kind, set[Polarity]], ctx: MappingContext) -> list[Section]:
    sections = cut(ctx.words.masked(note.text))
    elsewhere = {s.kind.kind for s in sections if _is_told(s, note, listed)}
    for name in sorted(elsewhere):
        detail = "Such a list is told by resources of its own."
        ctx.found.leave(f"{note.what}#{name}", "told-elsewhere", detail, note.kind)
    sections = [s for s in sections if s.kind.kind not in elsewhere]
    if ctx.assessments or note.kind is Kind.REPORT:
        return sections
    kept = [section for section in sections if section.kind.kind not in _ASSESSMENTS]
    if len(kept) < len(sections):
        detail = "The clinician's own assessment is left out by a setting."
        ctx.found.leave(f"{note.what}#assessment", "assessment-left-out", detail, note.kind)
    return kept


def _is_told(section: Section, note: NoteDraft, listed: dict[Kind, set[Polarity]]) -> bool:
    """Whether the chart's own facts tell what a section lists. That none is known tells nothing of
    a section that names something."""
    kind = _TOLD_BY.get(section.kind.kind)
    if kind is None or section.kind.kind in note.alone:
        return False
    said_of_any = listed[kind]
    if said_of_any - {Polarity.ABSENT}:
        return True
    said = (absence_of_text(sentence, kind) for sentence in section.sentences)
    return bool(said_of_any) and all(one is not None for one in said)


def _repeated(read: list[tuple[NoteDraft, list[Section]]]) -> set[tuple[str, str]]:
    """(note, sentence) of sentences that an earlier note said already."""
    first: dict[str, str] = {}
    again = set()
    for note, sections in reversed(read):
        for section in sections:
            for sentence in section.sentences:
                plain = " ".join(re.findall(r"\w+", sentence.lower()))
                if first.setdefault(plain, note.what) != note.what and len(plain) > 12:
                    again.add((note.what, sentence))
    return again


def _complaint_words(drafts: Iterable[Draft]) -> set[str]:
    texts = (draft.text for draft in drafts if draft.kind is Kind.COMPLAINT)
    return {word[:6] for text in texts for word in _WORD.findall(text.lower())} - _STOP


def _sentences(
    note: NoteDraft, sections: list[Section], repeated: set[tuple[str, str]], complaint: set[str]
) -> list[_Sentence]:
    found = []
    said: set[str] = set()
    for section in sections:
        for sentence in section.sentences:
            if (note.what, sentence) not in repeated and sentence not in said:
                said.add(sentence)
                words = {word[:6] for word in _WORD.findall(sentence.lower())}
                score = section.kind.weight + 2.0 * len(words & complaint)
                if section.kind.kind in _TOLD_BY:
                    score += _TOLD_HERE_ALONE
                found.append(_Sentence(section, sentence, score))
    return found


def _tell(note: NoteDraft, told: list[_Sentence], budget: int, ctx: MappingContext) -> int:
    """Writes the fact of one note; returns how many characters it took."""
    found = ctx.found
    if not told:
        detail = "It says nothing that another note or resource does not say."
        found.leave(note.what, "nothing-new", detail, note.kind)
        return 0
    chosen = _chosen(told, budget - len(note.name) - 2)
    if not chosen:
        detail = "The excerpts of newer notes fill the space for notes."
        found.leave(note.what, "notes-budget", detail, note.kind)
        return 0
    text = f"{note.name}: {_joined(chosen)}"
    key = f"{note.kind}|{text}"
    draft = Draft(note.kind, key, text, note.ref, note.days_ago, note.codes, note.status)
    draft.also = note.also
    draft.paths = (note.what,) if "#" in note.what else ()
    found.told(draft)
    if len(chosen) < len(told):
        detail = "Only the sentences that bear most on the complaint are shown."
        found.leave(f"{note.what}#text", "excerpt", detail, note.kind)
    return len(text)


def _chosen(told: list[_Sentence], budget: int) -> list[_Sentence]:
    """The best sentences that fit, in their order; the very best is cut rather than lost."""
    ranked = sorted(range(len(told)), key=lambda n: (-told[n].score, n))
    taken: set[int] = set()
    for n in ranked:
        cost = len(told[n].text) + 2
        if cost <= budget:
            taken.add(n)
            budget -= cost
    if not taken and budget > 80:
        best = told[ranked[0]]
        best.text = one_line(best.text, budget)
        taken.add(ranked[0])
    return [sentence for n, sentence in enumerate(told) if n in taken]


def _joined(chosen: list[_Sentence]) -> str:
    parts: list[str] = []
    title = ""
    for sentence in chosen:
        if sentence.section.title and sentence.section.title != title:
            title = sentence.section.title
            parts.append(f"[{title}]")
        parts.append(sentence.text)
    return " ".join(parts)


def _tell_denied(note: NoteDraft, sections: list[Section], ctx: MappingContext) -> None:
    """Findings denied in a note of the last weeks, as facts with polarity absent."""
    if note.days_ago is None or note.days_ago > _RECENT_DAYS:
        return
    for section in sections:
        if section.kind.findings:
            for sentence in section.sentences:
                listed = f"[{section.title}] " if section.kind.kind == DENIED else ""
                for name in denied(listed + sentence):
                    _tell_absent(name, note, ctx)


_NO_CODES: tuple[Code, ...] = ()


def _tell_absent(name: str, note: NoteDraft, ctx: MappingContext) -> None:
    draft = Draft(Kind.OBSERVATION, f"denied|{name}", name, note.ref, note.days_ago, _NO_CODES)
    draft.polarity = Polarity.ABSENT
    draft.status = "documented"
    draft.paths = (note.what,) if "#" in note.what else ()
    draft.also = note.also
    ctx.found.told(draft)
