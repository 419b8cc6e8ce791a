"""What an admission says: which model, measured how, what it reached, who decided, and when.

Read by the service, so nothing that only measuring needs is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from cds_hooks.admission.manifest import Manifest
from cds_hooks.errors import ChartsideError

__all__ = ["AdmissionError", "AdmissionRecord", "Purpose", "Reached", "Requirement"]


class AdmissionError(ChartsideError):
    """An admission record is missing, altered, signed by somebody else, or of another model."""

    code = "not-admitted"
    status = 400


class Purpose(StrEnum):
    """What a model is admitted for. A demonstration is not for patients."""

    DEMONSTRATION = "demonstration"
    CLINICAL = "clinical"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reached(_Data):
    """A figure with its n and 95 % interval; None is not defined."""

    value: float | None
    n: int
    low: float | None
    high: float | None

    @property
    def text(self) -> str:
        """ "0.83 (0.55 to 0.95), n = 12"."""
        if self.value is None:
            return f"not defined, n = {self.n}"
        interval = "" if None in (self.low, self.high) else f" ({self.low:.3g} to {self.high:.3g})"
        return f"{self.value:.3g}{interval}, n = {self.n}"


class Requirement(_Data):
    """A bound, and whether it was met."""

    figure: str
    bound: str
    why: str
    met: bool


class AdmissionRecord(_Data):
    """The record that is signed. `admitted` is what all requirements of `purpose` say; `key_id` is
    the key by which `who` signs it. `verifier_sha256` is of the verifier's file that may rank the
    model's diagnoses, "" where none may."""

    version: int = 1
    purpose: Purpose
    admitted: bool
    demonstration: bool
    manifest: Manifest
    figures: Mapping[str, Reached]
    requirements: tuple[Requirement, ...]
    date: str
    who: str
    key_id: str = ""
    verifier_sha256: str = ""

    @property
    def model_sha256(self) -> str:
        """The digest of the model's file."""
        return self.manifest.model["sha256"]

    @property
    def told(self) -> tuple[str, ...]:
        """The record in lines for a reader, the decision first."""
        decided = "Admitted" if self.admitted else "Not admitted"
        key = f", signed with key {self.key_id}" if self.key_id else ""
        return (
            f"{decided} for {self.purpose.value} use by {self.who}, {self.date}{key}.",
            f"{self.manifest.suite.title}, {self.manifest.suite.cases} cases.",
            *(self._told(r) for r in self.requirements),
            *self._verifier,
        )

    @property
    def accuracy(self) -> str:
        """What a card says of the model: how often the right diagnosis was among the first five. ""
        where it was not admitted for clinical use, or not measured; on which cases tells `told`."""
        top5 = self.figures.get("top5")
        clinical = self.admitted and self.purpose is Purpose.CLINICAL
        if not clinical or top5 is None or top5.value is None:
            return ""
        return f"measured here: right within the first five {top5.text}"

    @property
    def _verifier(self) -> tuple[str, ...]:
        """The verifier's file; nothing where none is admitted."""
        return (f"Verifier: {self.verifier_sha256}.",) if self.verifier_sha256 else ()

    def _told(self, requirement: Requirement) -> str:
        name, met = requirement.figure, "met" if requirement.met else "not met"
        return f"{name} {self.figures[name].text}; required {requirement.bound}: {met}."
