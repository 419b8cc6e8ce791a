"""How the pages are made: escaped by default, nothing undefined passed over."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["ENVIRONMENT"]

ENVIRONMENT = Environment(
    loader=PackageLoader("cds_hooks.compliance", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
