"""A trained verifier as a file that a person can read: coefficients, their units, and their data.

JSON with sorted keys and two spaces of indentation, written in one way only, so that its SHA-256
stands for what it says. That digest is part of the signed admission record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds_hooks.verifier.feature_catalogue import MISSING, is_feature
from cds_hooks.verifier.verifier_errors import VerifierError

__all__ = [
    "Calibration",
    "CoefficientFile",
    "Dataset",
    "Part",
    "Parts",
    "Source",
    "Standardisation",
    "digest",
    "read_coefficients",
    "write_coefficients",
]

_MAX_BYTES = 1 << 24
_MOST, _LEAST_SCALE = 1e9, 1e-12
_MOST_LOG_ODDS = 500.0
"""Far beyond what is ever fitted, and what can be added up and raised without an overflow."""
_Finite = Annotated[float, Field(ge=-_MOST, le=_MOST, allow_inf_nan=False, strict=True)]
_LogOdds = Annotated[
    float, Field(ge=-_MOST_LOG_ODDS, le=_MOST_LOG_ODDS, allow_inf_nan=False, strict=True)
]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataset(_Data):
    """A run or a trial: its title (never a path), and the SHA-256 of its manifest."""

    title: str = Field(min_length=1, max_length=200)
    sha256: _Sha256


class Source(_Data):
    """What was learnt from: `cases`, of so many `patients`, with `diagnoses` proposed, of which
    `right` were right by the rule `match`. `models` gave the samples, `samples` in all."""

    data: tuple[Dataset, ...] = Field(min_length=1)
    task: Literal["open-ended", "closed-list"]
    match: str = Field(min_length=1)
    models: tuple[str, ...] = Field(min_length=1)
    samples: int = Field(ge=1)
    cases: int = Field(ge=1)
    patients: int = Field(ge=1)
    diagnoses: int = Field(ge=1)
    right: int = Field(ge=0)
    regularisation: _Finite = Field(gt=0)


class Standardisation(_Data):
    """A value counts as (value - mean) / scale; one each for every feature, in their order."""

    mean: tuple[_Finite, ...]
    scale: tuple[_Finite, ...]


class Calibration(_Data):
    """The isotonic curve from score to probability: points, straight between them. `n` are
    the diagnoses that it was made of; `Parts.calibrate` has their cases."""

    x: tuple[_Probability, ...] = Field(min_length=1)
    y: tuple[_Probability, ...] = Field(min_length=1)
    n: int = Field(ge=1)

    @model_validator(mode="after")
    def _rises(self) -> Calibration:
        if len(self.x) != len(self.y):
            raise ValueError("each x has one y")
        if any(a >= b for a, b in pairwise(self.x)) or any(a > b for a, b in pairwise(self.y)):
            raise ValueError("x rises, and y does not fall")
        return self


class Part(_Data):
    """SHA-256 of the ids of cases and of their patients (of the cases again where there are no
    patients): whoever measures this verifier later can tell whether it has seen a case."""

    case_digests: tuple[_Sha256, ...] = ()
    patient_digests: tuple[_Sha256, ...] = ()


class Parts(_Data):
    """What coefficients were fitted on, what the curve and the thresholds were made on, and what
    was kept `unseen` to measure both. No case and no patient is in two of them."""

    fit: Part
    calibrate: Part = Part()
    unseen: Part = Part()

    @model_validator(mode="after")
    def _disjoint(self) -> Parts:
        parts = (self.fit, self.calibrate, self.unseen)
        if not self.fit.case_digests:
            raise ValueError("nothing was fitted on")
        for members in ([p.case_digests for p in parts], [p.patient_digests for p in parts]):
            every = [digest for member in members for digest in member]
            if len(every) != len(set(every)):
                raise ValueError("a case or a patient is in two parts, or in one twice")
        return self


class CoefficientFile(_Data):
    """The whole file. `conformal` maps a risk ("0.1") to the least score in a set, or to null where
    no threshold reaches that risk on the cases it was calibrated on."""

    version: Literal[1]
    source: Source
    features: tuple[str, ...] = Field(min_length=1)
    coefficients: tuple[_LogOdds, ...]
    intercept: _LogOdds
    standardisation: Standardisation
    calibration: Calibration | None = None
    conformal: dict[str, _Probability | None] = Field(default_factory=dict)
    parts: Parts

    @model_validator(mode="after")
    def _fits(self) -> CoefficientFile:
        _check_features(self.features)
        lengths = {len(self.coefficients), len(self.standardisation.mean)}
        if lengths | {len(self.standardisation.scale)} != {len(self.features)}:
            raise ValueError("each feature has one coefficient, one mean and one scale")
        if any(scale < _LEAST_SCALE for scale in self.standardisation.scale):
            raise ValueError(f"a scale is {_LEAST_SCALE:g} or more")
        promised = self.calibration is not None or any(self.conformal.values())
        if promised and not self.parts.calibrate.case_digests:
            raise ValueError("a curve or a threshold that was made on no case")
        if any(not _is_risk(risk) for risk in self.conformal):
            raise ValueError("a risk is written as a decimal between 0 and 1, such as 0.1")
        if any(threshold == 0 for threshold in self.conformal.values()):
            raise ValueError("a threshold of 0 holds every diagnosis: null says so")
        return self


def read_coefficients(raw: bytes) -> CoefficientFile:
    """The file, if it is one and is written as `write_coefficients` writes it.

    Raises VerifierError, which names members of the file and no values.
    """
    if len(raw) > _MAX_BYTES:
        raise VerifierError(f"larger than {_MAX_BYTES} bytes")
    try:
        found = CoefficientFile.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise VerifierError(
            f"not a file of coefficients ({first['type']})",
            where=where,
            hint="`chartside verifier fit` writes one.",
        ) from None
    if write_coefficients(found) != raw:
        raise VerifierError(
            "not in the one form that its digest stands for",
            hint="Files are used as `chartside verifier fit` wrote them; they are not edited.",
        )
    return found


def write_coefficients(file: CoefficientFile) -> bytes:
    """The file's bytes, the same for the same content."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(file.model_dump(mode="json"), option=options)


def digest(file: CoefficientFile) -> str:
    """The SHA-256 of the file's bytes."""
    return hashlib.sha256(write_coefficients(file)).hexdigest()


def _check_features(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise ValueError("a feature for the second time")
    if any(not is_feature(name) for name in names):
        raise ValueError("a name that is no feature")
    known = set(names)
    if any(n.startswith(MISSING) and n.removeprefix(MISSING) not in known for n in names):
        raise ValueError("an indicator without its feature")


def _is_risk(written: str) -> bool:
    try:
        return 0 < float(written) < 1 and written == f"{float(written):g}"
    except ValueError:
        return False
