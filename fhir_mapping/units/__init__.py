"""Units in UCUM and conversions between them."""
