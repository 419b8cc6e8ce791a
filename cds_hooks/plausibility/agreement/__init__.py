"""How often samples and models name a diagnosis, and sets of diagnoses calibrated on that."""
