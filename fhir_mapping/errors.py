"""What can go wrong before there is a chart; after that nothing in a resource raises."""

from __future__ import annotations

__all__ = ["MappingError", "UnitsUnavailable"]


class MappingError(Exception):
    """Input that cannot be read as FHIR resources of a version that is understood.

    `code` is stable and kebab-case; `where` is a path inside the input or the name of an input;
    `hint` says what to do next. No part of it holds a value from a chart.
    """

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint

    def diagnostics(self) -> str:
        """One line for a person: code, what happened, where, what to do next."""
        where = f" at {self.where}" if self.where else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.code}: {self.message}{where}.{hint}"


class UnitsUnavailable(MappingError):
    """The libraries of units cannot be used here: no fault of the input, but of the installation.

    Without them a result in another unit than its range would be called normal by silence.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            "units-unavailable",
            f"the library of units cannot be used ({why})",
            where="pint, ucumvert, labunits",
            hint="Install the versions of deploy/locks/runtime.txt: `make setup` does.",
        )
