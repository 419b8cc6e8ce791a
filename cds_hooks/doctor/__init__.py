"""`chartside doctor`: what is wrong with an installation, finding by finding, with what mends it.

Each part has a probe, which looks and gives values, and pure functions from those values to
findings. Texts are data (`findings.toml`), rules about families of EHRs too (`client_rules.toml`).
"""
