"""One mapper for each type of FHIR resource: the resource in, drafts of facts out."""
