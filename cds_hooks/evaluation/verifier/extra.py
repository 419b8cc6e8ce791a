"""scikit-learn, imported when something is fitted: an installation that only serves has none."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

from cds_hooks.errors import ChartsideError

__all__ = ["VerifierExtraMissing", "one_thread", "sklearn"]


class VerifierExtraMissing(ChartsideError):
    """Something shall be fitted, and scikit-learn is not installed."""

    code = "verifier-extra-missing"
    status = 501


def sklearn(module: str) -> Any:
    """A module of scikit-learn. Raises VerifierExtraMissing."""
    return _imported(f"sklearn.{module}")


def one_thread() -> AbstractContextManager[Any]:
    """Within it linear algebra uses one thread: for matrices this small more only wait for each
    other. Raises VerifierExtraMissing."""
    limits: AbstractContextManager[Any] = _imported("threadpoolctl").threadpool_limits(1)
    return limits


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise VerifierExtraMissing(
            "scikit-learn is not installed", hint="Install chartside[verifier]."
        ) from None
