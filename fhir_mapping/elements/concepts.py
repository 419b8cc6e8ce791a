"""CodeableConcept, Coding, CodeableReference (R5) and the bare codes of STU3, read alike."""

from __future__ import annotations

from typing import Any

from fhir_mapping.elements.coding_marks import bare_code, is_read, marks_of
from fhir_mapping.elements.json_values import object_of, objects
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.tables import table

__all__ = [
    "code_alone",
    "codings",
    "first_code",
    "holders",
    "name_of",
    "null_of",
    "said_by",
    "unwrap",
    "wording",
]


def unwrap(value: Any) -> Any:
    """The concept inside a list or a CodeableReference; anything else as it is."""
    if isinstance(value, list):
        value = next((item for item in value if item), None)
    if isinstance(value, dict):
        inner = value.get("concept")
        if isinstance(inner, dict):
            return inner
    return value


def codings(value: Any) -> list[dict[str, Any]]:
    """The codings of a concept; a Coding is a list of itself."""
    if not isinstance(value, dict):
        return []
    found = value.get("coding")
    if isinstance(found, list):
        return [coding for coding in found if isinstance(coding, dict)]
    if isinstance(found, dict):
        return [found]
    return [value] if "code" in value else []


def wording(value: Any, words: TextCleaner) -> str:
    """What a concept says: its text, else the first display, else the first code, else ''.

    What its coding says of itself follows ("(suspected)").
    """
    value = unwrap(value)
    if isinstance(value, str):
        return words.typed(value)
    found = codings(value)
    said = said_by(value, found, words)
    return said + marks_of(holders(value, found)).words if said else ""


def holders(concept: Any, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The codings, and the concept itself where it has extensions of its own."""
    own = isinstance(concept, dict) and "coding" in concept and "extension" in concept
    return [*found, concept] if own else found


def said_by(concept: Any, found: list[dict[str, Any]], words: TextCleaner) -> str:
    """What a concept with these codings says."""
    return name_of(concept, found, words) or code_alone(found, words)


def name_of(concept: Any, found: list[dict[str, Any]], words: TextCleaner) -> str:
    """Its words: the sender's, else the terminology's at hand; '' if there is nothing but codes."""
    if not isinstance(concept, dict):
        return ""
    if not words.unread_extensions:
        note_extensions(concept, found, words)
    typed = concept.get("text")
    if typed:
        own_words = not any(typed == coding.get("display") for coding in found)
        text = words.typed(typed) if own_words else words.coded(typed)
        if text:
            return text
    for coding in found:
        text = words.coded(coding.get("display"))
        if text:
            return text
    return words.named(found) or words.coded(concept.get("display"))


def note_extensions(
    concept: dict[str, Any], found: list[dict[str, Any]], words: TextCleaner
) -> None:
    """Remembers that a concept has an extension that is not read."""
    for holder in (concept, *found):
        if "extension" in holder:
            urls = [extension.get("url") for extension in objects(holder["extension"])]
            words.unread_extensions |= not all(map(is_read, urls))


def code_alone(found: list[dict[str, Any]], words: TextCleaner) -> str:
    """ "ICD-10 C34.8": an entry without words, told as what it is."""
    systems = table("code_systems")["names"]
    for coding in found:
        text = words.coded(coding.get("code"))
        if text:
            system = coding.get("system")
            known = systems.get(system) if isinstance(system, str) else None
            return f"{known or 'code'} {bare_code(text, str(system or ''))}"
    return ""


_NULL_EXTENSION = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_NULL_SYSTEMS = ("data-absent-reason", "NullFlavor", "2.16.840.1.113883.5.1008")


def null_of(concept: Any, found: list[dict[str, Any]]) -> str:
    """The code by which a concept says why there is no value ("masked", "unk"), in lower case;
    '' if it says anything else."""
    if not isinstance(concept, dict):
        return ""
    if found and "code" in found[0]:  # nearly all: one look tells
        system = found[0].get("system")
        if system is None or (isinstance(system, str) and not system.endswith(_NULL_SYSTEMS)):
            return ""
    typed = concept.get("text")
    if typed and all(typed != coding.get("display") for coding in found):
        return ""
    for coding in found:
        system = coding.get("system")
        if not (isinstance(system, str) and system.endswith(_NULL_SYSTEMS)) and coding.get("code"):
            return ""
    return _null_extension((*found, concept)) or (first_code(found[0]) if found else "")


def _null_extension(holders: tuple[dict[str, Any], ...]) -> str:
    for holder in holders:
        for extended in (holder, object_of(holder.get("_code")), object_of(holder.get("_text"))):
            for extension in objects(extended.get("extension")):
                if extension.get("url") == _NULL_EXTENSION:
                    return first_code(extension.get("valueCode"))
    return ""


def first_code(value: Any) -> str:
    """The code of a bare code or of the first coding that has one, in lower case, or ''."""
    value = unwrap(value)
    if isinstance(value, str):
        return value.strip().lower()
    for coding in codings(value):
        code = coding.get("code")
        if isinstance(code, str) and code:
            return code.strip().lower()
    text = object_of(value).get("text")
    return text.strip().lower() if isinstance(text, str) else ""
