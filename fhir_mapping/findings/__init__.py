"""Findings in words: symptoms, signs, findings of imaging, exposures and history, by stable ids."""

from fhir_mapping.findings.vocabulary import Definition, vocabulary

__all__ = ["Definition", "vocabulary"]
