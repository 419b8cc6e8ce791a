"""Sets polarity, certainty and experiencer of a draft from the words of its fact."""

from __future__ import annotations

from fhir_mapping.chart import Certainty, Experiencer, Kind, Polarity
from fhir_mapping.drafting.draft import Draft, MappingContext

__all__ = ["state"]


def state(draft: Draft, text: str, ctx: MappingContext) -> None:
    """Sets polarity, certainty and experiencer by a statement ("No fever", "Possible stroke").

    A problem that is denied is refuted: `absent` problems say that there are none at all. What is
    only suspected of the problem list is neither present nor absent, as an unconfirmed one is.
    """
    is_problem = draft.kind is Kind.PROBLEM
    context = ctx.statements.problem(text) if is_problem else ctx.statements.whole(text)
    if context.experiencer is Experiencer.FAMILY:  # an exposure to another's illness is one's own
        draft.experiencer = context.experiencer
    if context.certainty is Certainty.UNCERTAIN:
        draft.certainty = Certainty.UNCERTAIN
    if draft.polarity is not Polarity.PRESENT:
        return
    if context.polarity is Polarity.ABSENT:
        draft.polarity = Polarity.REFUTED if is_problem else Polarity.ABSENT
    elif is_problem and draft.certainty is Certainty.UNCERTAIN:
        draft.polarity = Polarity.UNKNOWN
