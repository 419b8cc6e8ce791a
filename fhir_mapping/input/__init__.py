"""What was sent: files, bundles, references, versions of FHIR, and which resources are read."""
