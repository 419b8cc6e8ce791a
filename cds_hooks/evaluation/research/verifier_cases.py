"""Recorded answers as cases for the verifier: what was answered, never where it stood on the list.

The lists of options are not shuffled (the first option is right in 31.9 % of cases): the place of
an answer there would be a feature of how the test was made, and is left out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.evaluation.research.catalogue import RecordedModel
from cds_hooks.evaluation.research.recording import Recorded, Recording, votes_of
from cds_hooks.evaluation.trained_cases import id_digest
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.verifier import ConsultationEvidence, ProposedDiagnosis

__all__ = ["VerifierPanel", "labelled", "proposed_in", "verifier_panels"]

_SUITE = "eurorad-replay"
_OFF_LIST = "off-list"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VerifierPanel(_Data):
    """Who proposes and who votes."""

    id: str
    title: str
    models: tuple[str, ...] = Field(min_length=1)
    generator: str = ""

    @property
    def base(self) -> str:
        """The model whose single answer is compared with."""
        return self.generator or self.models[0]


class _Panels(_Data):
    version: str
    reason: str
    panel: tuple[VerifierPanel, ...]


@cache
def verifier_panels() -> tuple[VerifierPanel, ...]:
    """The shipped panels, read once."""
    text = files(__package__).joinpath("verifier_panels.toml").read_text("utf-8")
    return _Panels.model_validate(tomllib.loads(text)).panel


def labelled(
    recording: Recording, panel: VerifierPanel, models: Sequence[RecordedModel]
) -> tuple[LabelledCase, ...]:
    """One case each, in the recording's order. That an answer is not on the list is a check that it
    failed: whoever asks knows the list."""
    by_id = {m.id: m for m in models}
    voters = [by_id[i] for i in panel.models]
    return tuple(_labelled(case, panel, voters) for case in recording.cases)


def proposed_in(
    case: Recorded, panel: VerifierPanel, voters: Sequence[RecordedModel]
) -> tuple[str, ...]:
    """The answers that may be chosen, in the order in which they were first given."""
    own = [m for m in voters if not panel.generator or m.id == panel.generator]
    return tuple(dict.fromkeys(v for m in own for v in votes_of(case, m) if v))


def _labelled(
    case: Recorded, panel: VerifierPanel, voters: Sequence[RecordedModel]
) -> LabelledCase:
    names = proposed_in(case, panel, voters)
    digest = id_digest(_SUITE, case.id)
    runs = list(_runs(case, voters))
    return LabelledCase(
        case=digest,
        patient=digest,
        evidence=ConsultationEvidence(
            models=tuple(model for model, _ in runs),
            proposed=tuple(
                ProposedDiagnosis(
                    places=tuple(1 if vote == name else None for _, vote in runs),
                    failed=frozenset(() if name in case.listed else (_OFF_LIST,)),
                )
                for name in names
            ),
        ),
        right=tuple(name == case.truth for name in names),
    )


def _runs(case: Recorded, voters: Sequence[RecordedModel]) -> Iterator[tuple[str, str]]:
    for model in voters:
        for vote in votes_of(case, model):
            yield model.id, vote
