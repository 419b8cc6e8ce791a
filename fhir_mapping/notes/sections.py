"""A note cut into sections by its headings, and sections into sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from fhir_mapping.elements.terms import Term
from fhir_mapping.tables import table

__all__ = [
    "DENIED",
    "Section",
    "SectionKind",
    "cut",
    "heading_of_code",
    "section_kind",
    "sentences",
]


@dataclass(frozen=True, slots=True)
class SectionKind:
    """What a section is; `findings`: what is denied in it is the patient's own."""

    kind: str
    title: str
    weight: int
    findings: bool


@dataclass(frozen=True, slots=True)
class Section:
    """`title` as the table names it, else as it was written; the sentences in their order."""

    kind: SectionKind
    title: str
    sentences: tuple[str, ...]


_UNTITLED = SectionKind("text", "", 3, True)
_OTHER = SectionKind("other", "", 2, True)
_AFTER_LIST = SectionKind("text", "Text", 3, True)
DENIED = "denied"
_ITEM_WORDS = 4
_HEADING = re.compile(
    r"^\s*(?:#{1,6}\s*(?P<marked>[^\n:]{1,60}?)\s*:?\s*$"
    r"|\[(?P<boxed>[^\]\n]{1,60})\]\s*$"
    r"|\**(?P<titled>[A-Za-z][A-Za-z\u00c0-\u017f /&-]{0,48}?)\**\s*:\**(?=\s|$)(?P<rest>.*)$"
    r"|(?P<capitals>[A-Z][A-Z /&-]{2,48})\s*$)"
)
_INLINE = re.compile(r"(?<=[.;])[ \t]+(?=([A-Z][A-Za-z /&-]{2,48}):\s)")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[\"'(\[]?[A-Z0-9])|\n+")
_ABBREVIATED = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|vs|approx|e\.g|i\.e|no|No|St|b\.i\.d|q)\.)$")
_BULLET = re.compile(r"^\s*(?:[-*\u2022\u00b7]|\d{1,2}[.)])\s+")
_MOST_SENTENCES = 400


@cache
def _kinds() -> dict[str, SectionKind]:
    found = {}
    for row in table("sections")["sections"]:
        kind = SectionKind(row["kind"], row["title"], row["weight"], row["findings"])
        found.update(dict.fromkeys(row["headings"], kind))
    return found


@cache
def _examinations() -> frozenset[str]:
    return frozenset(table("sections")["examinations"])


@cache
def _boilerplate() -> re.Pattern[str]:
    return re.compile("|".join(table("boilerplate")["patterns"]), re.IGNORECASE)


@cache
def _by_code() -> dict[str, str]:
    return {
        code: row["headings"][0]
        for row in table("sections")["sections"]
        for code in row.get("loinc", ())
    }


def heading_of_code(term: Term) -> str:
    """The heading of the section with this LOINC code, or ''."""
    return next(filter(None, (_by_code().get(code.code) for code in term.codes)), "")


def section_kind(heading: str) -> str:
    """What kind of section this heading begins, '' if it is not known."""
    kind = _kinds().get(" ".join(heading.lower().split()).rstrip(":"))
    return kind.kind if kind else ""


def cut(text: str) -> list[Section]:
    """The sections of a note in their order, without boilerplate and without empty ones.

    A heading is a known one, or a line that is marked, boxed or in capitals.
    """
    found: list[tuple[SectionKind, str, list[str]]] = [(_UNTITLED, "", [])]
    for line in _INLINE.sub(_on_its_own_line, text).splitlines():
        heading = _heading(line)
        if heading is None:
            if found[-1][0].kind == DENIED and not _is_item(line):
                found.append((_AFTER_LIST, _AFTER_LIST.title, []))
            found[-1][2].append(line)
        else:
            kind, title, rest = heading
            found.append((kind, title, [rest] if rest.strip() else []))
    sections = (
        Section(kind, title, tuple(sentences("\n".join(lines)))) for kind, title, lines in found
    )
    return [section for section in sections if section.sentences]


def _is_item(line: str) -> bool:
    """Whether a line may stand in a list of findings: a bullet, or a few words."""
    return _BULLET.match(line) is not None or 0 < len(line.split()) <= _ITEM_WORDS


def _on_its_own_line(match: re.Match[str]) -> str:
    """A heading that is known, or in capitals, begins a line also after a sentence."""
    written = match[1]
    known = written.isupper() or " ".join(written.lower().split()) in _kinds()
    return "\n" if known else match[0]


def _heading(line: str) -> tuple[SectionKind, str, str] | None:
    if len(line) > 2000 or not line.strip():
        return None
    match = _HEADING.match(line)
    if match is None:
        return None
    written = next(filter(None, (match[g] for g in ("marked", "boxed", "titled", "capitals"))), "")
    kind = _kinds().get(" ".join(written.lower().split()))
    if kind is not None and kind.kind == DENIED and (match["rest"] or "").strip():
        return None  # a sentence
    if kind is not None:
        return kind, _examination(written) or kind.title, match["rest"] or ""
    if match["titled"] is not None:
        return None
    return _OTHER, _titled(written), ""


def _examination(written: str) -> str:
    """The heading in capitals, where it is an abbreviated examination ("ECG"), else ''."""
    name = written.strip().lower()
    return name.upper() if name in _examinations() else ""


def _titled(written: str) -> str:
    """An unknown heading as a title, examinations in capitals: "CT head"."""
    words = written.strip().capitalize().split(" ")
    return " ".join(_examination(word) or word for word in words)


def sentences(text: str) -> Iterator[str]:
    """The sentences and list items of a text, each on one line, without boilerplate."""
    n = 0
    held = ""
    for part in _SENTENCE.split(text):
        piece = _BULLET.sub("", part).strip()
        if not piece:
            continue
        held = f"{held} {piece}" if held else piece
        if _ABBREVIATED.search(held):
            continue
        if not _boilerplate().fullmatch(held):
            n += 1
            yield " ".join(held.split())
        held = ""
        if n >= _MOST_SENTENCES:
            return
    if held and not _boilerplate().fullmatch(held):
        yield " ".join(held.split())
