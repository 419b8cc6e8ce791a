"""The ICD-10-CM tabular list (CMS/NCHS XML) as concepts with every way the list names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cds_hooks.plausibility.terminology.compiler.source_concepts import IcdConcept, SourceTerm
from cds_hooks.plausibility.terminology.name_keys import key_words, strip_groups, tables
from cds_hooks.plausibility.terminology.term_ranks import DERIVED, INCLUSION, NOTE, PREFERRED

__all__ = ["chapters", "read_icd", "release"]

_PARENTHESES = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_ACRONYM = re.compile(r"[(\[]([A-Z][A-Z0-9-]{2,7})[)\]]")
_UNSPECIFIED = re.compile(
    r",? (?:of |by |due to )?unspecified (?:organism|site|cause|type|severity|stage|degree|etiology"
    r"|trimester|extent|location|whether .*)$|,? (?:site|type|organism|cause) not specified$"
)
_UNSPECIFIED_PART = re.compile(r"\bunspecified (?:part|site|lobe|portion|area) of (?:the )?")
_WITHOUT = re.compile(
    r",? without (?:complications?|complication|hemorrhage or perforation|acute exacerbation"
    r"|perforation or abscess|rupture|gangrene|obstruction or gangrene)$"
)
_IN_CONTEXT = re.compile(
    r"pregnan|childbirth|puerper|ectopic|abortion|newborn|perinat|elsewhere|poisoning|sequela"
    r"|history|screening|carrier|postproc|due to|following|complicating|oral region|jaws?\b",
    re.IGNORECASE,
)
_POINTS_TO = re.compile(r"^(.*?)\s*\(([A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?)(?:\.-|-)?\)$")


def release(root: Element) -> str:
    """The edition the list says it is."""
    return (root.findtext("version") or "").strip()


def chapters(root: Element) -> dict[str, str]:
    """Chapter numbers with their titles."""
    return {_text(c, "name"): _text(c, "desc") for c in root.findall("chapter")}


def read_icd(root: Element) -> list[IcdConcept]:
    """Every code of the tabular list in its order, with titles, inclusion terms and references."""
    pointed = _pointed_at(root)
    found: list[IcdConcept] = []
    for chapter in root.findall("chapter"):
        number = _text(chapter, "name")
        for section in chapter.findall("section"):
            for diag in section.findall("diag"):
                found.extend(_walk(diag, None, section.get("id", ""), number, pointed))
    return found


def _walk(
    diag: Element, parent: str | None, block: str, chapter: str, pointed: dict[str, list[str]]
) -> Iterator[IcdConcept]:
    code = _text(diag, "name")
    title = _text(diag, "desc")
    terms = [*_title(title), *_inclusions(diag, _IN_CONTEXT.search(title) is not None)]
    terms += [SourceTerm(text, NOTE) for text in pointed.get(code, []) if _names(text)]
    yield IcdConcept(code, title, parent, block, chapter, tuple(terms))
    for child in diag.findall("diag"):
        yield from _walk(child, code, block, chapter, pointed)


def _names(text: str) -> bool:
    """Whether a note names a condition: "vascular NOS", said of a nevus, does not, nor "acute"."""
    course = tables().qualifiers["form"].union(*(group for _, group in strip_groups()))
    return not course.issuperset(key_words(text))


def _title(title: str) -> Iterator[SourceTerm]:
    yield SourceTerm(title, PREFERRED)
    yield from _derived(title)


def _inclusions(diag: Element, in_context: bool) -> Iterator[SourceTerm]:
    """Terms listed under a code. Under a code that sets a context (pregnancy, another disease) a
    bare term ("Urinary tract infection") means the disease in that context, so it only hints."""
    for tag in ("inclusionTerm", "includes"):
        for note in diag.findall(f"{tag}/note"):
            text = (note.text or "").strip()
            if text and in_context and not _IN_CONTEXT.search(text):
                yield SourceTerm(text, NOTE)
            elif text:
                yield SourceTerm(text, INCLUSION)
                yield from _derived(text)


def _derived(text: str) -> Iterator[SourceTerm]:
    """Plainer forms that mean the same: without remarks in brackets, without "unspecified"."""
    bare = _PARENTHESES.sub("", text).strip()
    plain = _UNSPECIFIED_PART.sub("", bare)
    plain = _WITHOUT.sub("", _UNSPECIFIED.sub("", plain)).strip(" ,")
    for acronym in _ACRONYM.findall(text):
        if _abbreviates(acronym, plain):
            yield SourceTerm(acronym, DERIVED)
    for form in dict.fromkeys((bare, plain)):
        if form and form != text:
            yield SourceTerm(form, DERIVED)


def _abbreviates(acronym: str, title: str) -> bool:
    """Whether an acronym stands for the whole title, not for a part of it: "NSTEMI" names
    "Non-ST elevation myocardial infarction", not "Subsequent non-ST elevation ..."."""
    found = title.split()
    ends = found[0][:1] + found[-1][:1] if found else ""
    return ends.upper() == acronym[0] + acronym[-1]


def _pointed_at(root: Element) -> dict[str, list[str]]:
    """Excludes notes name a condition and give the code it belongs to: an index for free. A name
    that points to more than one category ("tuberculosis", said of an organ) is no index."""
    codes: dict[str, set[str]] = {}
    for tag in ("excludes1", "excludes2"):
        for note in root.iterfind(f".//{tag}/note"):
            hit = _POINTS_TO.match((note.text or "").strip())
            if hit and hit.group(1):
                codes.setdefault(hit.group(1), set()).add(hit.group(2))
    found: dict[str, list[str]] = {}
    for text, pointed in codes.items():
        if len({c[:3] for c in pointed}) == 1:
            for code in sorted(pointed):
                found.setdefault(code, []).append(text)
    return found


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
