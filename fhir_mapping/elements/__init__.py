"""FHIR data types read tolerantly: concepts, times, quantities, text."""
