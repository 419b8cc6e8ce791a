"""Admitting a model: a fixed set of cases through the whole service, and a signed record of it."""
