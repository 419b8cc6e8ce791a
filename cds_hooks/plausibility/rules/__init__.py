"""Rules about diagnoses, as tables with sources: results, organs, ages, acute events."""
