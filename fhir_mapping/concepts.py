"""CodeableConcept, Coding, CodeableReference (R5) and the bare codes of STU3, read alike."""

from __future__ import annotations

from typing import Any

from fhir_mapping.reading import object_of
from fhir_mapping.words import Words

__all__ = ["codings", "first_code", "said_by", "unwrap", "wording"]


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


def wording(value: Any, words: Words) -> str:
    """What a concept says: its text, else the first display, else the first code, else ''."""
    value = unwrap(value)
    if isinstance(value, str):
        return words.typed(value)
    return said_by(value, codings(value), words)


def said_by(concept: Any, found: list[dict[str, Any]], words: Words) -> str:
    """What a concept with these codings says."""
    if not isinstance(concept, dict):
        return ""
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
    for coding in found:
        text = words.coded(coding.get("code"))
        if text:
            return f"code {text}"
    return words.coded(concept.get("display"))


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
