"""A chart indexed for checks: facts by id, problems by code, results by analyte, findings."""
