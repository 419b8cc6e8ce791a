"""DocumentReference, Composition, DiagnosticReport and ClinicalImpression: what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fhir_mapping.chart import Kind
from fhir_mapping.drafting.absence import told_as_empty
from fhir_mapping.drafting.draft import Draft, MappingContext, NoteDraft
from fhir_mapping.drafting.remarks import remark_of
from fhir_mapping.elements.concepts import wording
from fhir_mapping.elements.json_values import first, object_of, objects, string
from fhir_mapping.input.attachments import NoText, text_of, text_of_html
from fhir_mapping.notes.sections import heading_of_code, section_kind
from fhir_mapping.resources.observations import map_contained

__all__ = ["map_composition", "map_document", "map_impression", "map_report"]

Resource = Mapping[str, Any]

_REPORT_TIMES = ("effectiveDateTime", "effectivePeriod", "issued")


def map_document(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """The text of each attachment; attachments without text are recorded as left out."""
    term = ctx.term(resource.get("type"))
    name = term.name or "Document"
    when = ctx.times.first_of(resource, ctx.dialect.document_time)
    status = string(resource.get("docStatus")) or string(resource.get("status"))
    contents = objects(resource.get("content"))
    for n, content in enumerate(contents, 1):
        what = ref if len(contents) == 1 else f"{ref}#content-{n}"
        note = NoteDraft(what, ref, name, Kind.NOTE, when, term.codes, status, "")
        _take(object_of(content.get("attachment")), note, ctx)
    description = string(resource.get("description"))
    if not contents and description:
        ctx.found.noted(NoteDraft(ref, ref, name, Kind.NOTE, when, term.codes, status, description))
    elif not contents:
        ctx.found.leave(ref, "attachment-empty", "The document has no content.", Kind.NOTE)


def map_composition(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """The sections of a clinical document, each under its title."""
    term = ctx.term(resource.get("type"))
    name = term.name or "Document"
    when = ctx.times.days_ago(resource.get("date"))
    status = string(resource.get("status"))
    written, alone, drafts = [], set(), len(ctx.found.drafts)
    for n, section in enumerate(_sections(resource), 1):
        heading = _heading(section, ctx)
        text = _section_text(section, f"{ref}#section-{n}", ref, when, ctx)
        if text:
            written.append(f"# {heading}\n{text}" if heading else text)
        if not _entries_are_here(section, resource, ctx):
            alone.add(section_kind(heading))
    if written:
        note = NoteDraft(ref, ref, name, Kind.NOTE, when, term.codes, status, "\n".join(written))
        ctx.found.noted(replace(note, alone=frozenset(alone)))
    elif len(ctx.found.drafts) == drafts:
        ctx.found.leave(ref, "no-text", "No section of the document has text.", Kind.NOTE)


def _heading(section: Resource, ctx: MappingContext) -> str:
    """The English heading of a section known by its code, so that a German one is found; else its
    title."""
    known = heading_of_code(ctx.term(section.get("code")))
    title = string(section.get("title")) or wording(section.get("code"), ctx.words)
    return title if not known or section_kind(title) == section_kind(known) else known


def _section_text(
    section: Resource, what: str, ref: str, when: float | None, ctx: MappingContext
) -> str:
    """The narrative of a section; why it is empty is told or recorded beside."""
    text = _narrative(section)
    if section.get("emptyReason"):
        draft = Draft(Kind.CARE, "", "", ref, when, paths=(what,))
        code = ctx.term(section.get("code"))
        kind = section_kind(string(section.get("title")))
        if told_as_empty(code, section["emptyReason"], draft, what, ctx, section=kind):
            return text
    if not text and not section.get("section") and not _entries_are_here(section, section, ctx):
        detail = "The section has no text, and its entries are not among the resources."
        ctx.found.leave(what, "entries-missing", detail, Kind.NOTE)
    return text


def _entries_are_here(section: Resource, holder: Resource, ctx: MappingContext) -> bool:
    """Whether every entry of a section is among the resources; so if it has none."""
    return all(
        ctx.index.resolve(entry, holder) is not None for entry in objects(section.get("entry"))
    )


def map_report(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """What a report concludes; a report that only gathers results is told by its results."""
    if "contained" in resource:
        map_contained(resource, "result", ref, ctx)
    term = ctx.term(resource.get("code"))
    name = term.name or "Report"
    when = ctx.times.first_of(resource, _REPORT_TIMES)
    said = _conclusion(resource, ctx)
    status = string(resource.get("status")).lower()
    if said:
        preliminary = " (preliminary)" if status == "preliminary" else ""
        draft = Draft(
            Kind.REPORT, ref, f"{name}: {said}{preliminary}", ref, when, term.codes, status
        )
        ctx.found.told(draft)
    forms = objects(resource.get("presentedForm"))
    for n, form in enumerate(forms, 1):
        what = ref if len(forms) == 1 and not said else f"{ref}#presentedForm-{n}"
        _take(form, NoteDraft(what, ref, name, Kind.REPORT, when, term.codes, status, ""), ctx)
    if said or forms:
        return
    if resource.get("result"):
        ctx.found.leave(ref, "results-shown", "Its results are facts of their own.", Kind.REPORT)
    else:
        ctx.found.leave(ref, "no-value", "The report says nothing that can be read.", Kind.REPORT)


def map_impression(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """What a clinician made of it, unless a setting leaves that out."""
    if not ctx.assessments:
        detail = "The clinician's own assessment is left out by a setting."
        ctx.found.leave(ref, "assessment-left-out", detail, Kind.NOTE)
        return
    words = ctx.words
    said = [words.typed(first(resource, ("summary", "description")))]
    for finding in objects(resource.get("finding")):
        item = finding.get("item") or finding.get("itemCodeableConcept")
        said.append(wording(item, words))
    said.append(remark_of(resource, ctx))
    text = "; ".join(filter(None, said))
    if not text:
        ctx.found.leave(ref, "no-text", "The impression has no text.", Kind.NOTE)
        return
    when = ctx.times.first_of(resource, ("effectiveDateTime", "effectivePeriod", "date"))
    ctx.found.told(Draft(Kind.NOTE, ref, f"Clinical impression: {text}", ref, when))


def _conclusion(resource: Resource, ctx: MappingContext) -> str:
    said = [ctx.words.typed(resource.get("conclusion")), remark_of(resource, ctx)]
    for element in ctx.dialect.report_conclusion:
        said += [wording(c, ctx.words) for c in objects(resource.get(element))]
    return "; ".join(dict.fromkeys(filter(None, said)))


def _sections(holder: Resource, depth: int = 0) -> list[dict[str, Any]]:
    found = []
    for section in objects(holder.get("section")):
        found.append(section)
        if depth < 4:
            found += _sections(section, depth + 1)
    return found


def _narrative(section: Resource) -> str:
    div = object_of(section.get("text")).get("div")
    return text_of_html(div).strip() if isinstance(div, str) else ""


def _take(attachment: Resource, note: NoteDraft, ctx: MappingContext) -> None:
    """Keeps the text of an attachment to be told, or records why there is none."""
    try:
        text, binary = text_of(attachment, ctx.index)
    except NoText as none:
        ctx.found.leave(note.what, none.reason, none.detail, note.kind)
        return
    if not text.strip():
        ctx.found.leave(note.what, "attachment-empty", "The attachment is empty.", note.kind)
        return
    also = (binary,) if binary else ()
    ctx.found.noted(replace(note, text=text, also=also))
