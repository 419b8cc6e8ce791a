"""What a chart says by an entry that names no thing: "no known allergies", "not asked", "masked".

None known is a fact of absence; that nothing is known, or that it is withheld, is an omission.
"""

from __future__ import annotations

import re
from typing import Any

from fhir_mapping.chart import Experiencer, Kind, Polarity
from fhir_mapping.drafting.absence_words import Absence, AbsenceMeaning, absence_of, none_of
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.elements.concepts import first_code
from fhir_mapping.elements.terms import Term
from fhir_mapping.tables import table

__all__ = ["absence_in", "leave_unknown", "told_as_absence", "told_as_empty"]

_DETAILS = {
    AbsenceMeaning.NOTHING: "The sender says that nothing is known of it, "
    "or that it was not asked.",
    AbsenceMeaning.MASKED: "The sender withholds what it is.",
}


def told_as_absence(
    term: Term, draft: Draft, ctx: MappingContext, *, over: bool = False, wholly: bool = True
) -> bool:
    """Whether an entry is about no thing; if so it is told or left out here.

    `draft` is the fact in the making, with its kind and reference; a statement that is `over`, or
    not `wholly` about the patient's kind of thing, is told, but contradicts no entry.
    """
    absence = absence_in(term, draft.kind, ctx)
    if absence is None:
        return False
    if absence.meaning is not AbsenceMeaning.NONE:
        leave_unknown(absence, draft.ref, draft.kind, ctx)
        return True
    wholly = wholly or absence.kind is not draft.kind
    draft.kind = absence.kind or draft.kind
    draft.text = draft.name = absence.words
    draft.key = f"none|{absence.words.lower()}{' over' if over else ''}"
    draft.codes, draft.polarity = term.codes, Polarity.ABSENT
    draft.nothing_known = wholly and absence.wholly and not over
    if draft.kind is Kind.FAMILY:
        draft.experiencer = Experiencer.FAMILY
    ctx.found.told(draft)
    return True


def absence_in(term: Term, kind: Kind, ctx: MappingContext) -> Absence | None:
    """As `absence_of`, each distinct entry of a chart once."""
    key = (kind, term.name, term.null, term.code)
    if key not in ctx.absences:
        ctx.absences[key] = absence_of(term, kind)
    found: Absence | None = ctx.absences[key]
    return found


def leave_unknown(absence: Absence, what: str, kind: Kind, ctx: MappingContext) -> None:
    """Records an entry of which nothing is known, or which is withheld; "none" where something is
    asked for, as a reason, is no information either."""
    meaning = AbsenceMeaning.NOTHING if absence.meaning is AbsenceMeaning.NONE else absence.meaning
    ctx.found.leave(what, meaning.value, _DETAILS[meaning], kind)


def told_as_empty(
    code: Term, reason: Any, draft: Draft, what: str, ctx: MappingContext, *, section: str = ""
) -> bool:
    """Tells or records why a list or section is empty; False if it does not say of what, or why.

    `code` is that of the list (LOINC), `reason` its emptyReason, `what` names it in an omission;
    `section` is its kind by its title (`sections.toml`), for one without a code.
    """
    tables = table("absence")["empty"]
    said = re.sub("[^a-z]", "", first_code(reason))
    if said in tables["none"]:
        keys = (*(c.code for c in code.codes), section)
        kind = next((k for key in keys if (k := tables["lists"].get(key))), None)
        if kind is None:
            return False
        term = Term(none_of(Kind(kind)).words, "", (), "")
        draft.kind = Kind(kind)
        return told_as_absence(term, draft, ctx)
    if said not in tables["others"]:
        return False
    ctx.found.leave(what, f"empty-{said}", tables["others"][said])
    return True
