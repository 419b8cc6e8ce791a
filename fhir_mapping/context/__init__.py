"""What a text says of the findings in it: the one place where negation and its kin are decided.

`Reading` answers for a mention in a text whether it is absent, uncertain, somebody else's, past or
hypothetical; `Statements` for short texts as a whole and for values that answer a question ("no",
SNOMED CT 2667000). All vocabulary is data: `tables/context.toml` and `tables/denials.toml`.
"""

from fhir_mapping.context.cues import denial_ends
from fhir_mapping.context.reading import Context, Reading, Readings, Temporality, affirms
from fhir_mapping.context.statements import Statements
from fhir_mapping.context.tokens import lowered
from fhir_mapping.context.values import is_uncertain, polarity_of_codes, polarity_of_text

__all__ = [
    "Context",
    "Reading",
    "Readings",
    "Statements",
    "Temporality",
    "affirms",
    "denial_ends",
    "is_uncertain",
    "lowered",
    "polarity_of_codes",
    "polarity_of_text",
]
