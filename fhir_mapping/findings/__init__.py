"""Findings in a chart: symptoms, signs, findings of imaging, exposures and history, by stable ids.

`findings_of` reads each text of a chart once, with polarity, certainty, experiencer and time by
`fhir_mapping.context`; nothing downstream looks for words again. All vocabulary is data:
`tables/findings/*.toml` and `tables/finding_words/*.toml`.
"""

from fhir_mapping.findings.index import FindingIndex, Mention, Told, findings_of
from fhir_mapping.findings.vocabulary import Definition, vocabulary

__all__ = ["Definition", "FindingIndex", "Mention", "Told", "findings_of", "vocabulary"]
