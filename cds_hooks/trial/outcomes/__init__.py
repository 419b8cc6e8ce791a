"""What patients of recorded consultations turned out to have, read from a FHIR server afterwards.

- `rules`: what counts, as data (`outcomes.toml`, or a site's own file)
- `moments`, `sightings`: the times and shapes in which FHIR resources tell of a diagnosis
- `meaning`, `known`: which code a diagnosis has, and whether it was known at the hook
- `decide`: what of all that is an outcome, and why the rest is none
- `patients`: who the patient of a stored consultation is
- `reading`, `run`: reading a server page by page, and following consultations up one by one
"""
