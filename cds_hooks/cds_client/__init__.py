"""A CDS client, to try services with: hook requests made from resources or a FHIR server."""
