"""What is wrong with the resources as FHIR, for who connects a sender."""
