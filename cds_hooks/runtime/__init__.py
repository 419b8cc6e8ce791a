"""A running service put together from its settings."""

from cds_hooks.runtime.service import Runtime

__all__ = ["Runtime"]
