"""The basis page: what a card rests on, for a clinician who wants to review it independently.

Its headings follow the fourth criterion of section 520(o)(1)(E) of the U.S. Federal Food, Drug, and
Cosmetic Act as FDA's guidance "Clinical Decision Support Software" reads it: purpose and user,
inputs, logic, data behind it, limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import HTMLResponse

from cds_hooks.cards.card_data import texts
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site
from cds_hooks.consultation import ModelIdentity
from cds_hooks.services import ServiceDefinition
from prompts import TemplateRef

__all__ = ["BasisContent", "basis_page"]


@dataclass(frozen=True, slots=True)
class BasisContent:
    """What the page is made from; `terminology` maps a source to its version, as compiled;
    `admission` is the model's admission record in lines, empty without one; `verifier` what ranks
    the diagnoses, empty where nothing does."""

    version: str
    model: ModelIdentity
    template: TemplateRef
    services: tuple[ServiceDefinition, ...]
    terminology: Mapping[str, str]
    chart_tokens: int
    samples: int
    names_by_construction: bool
    answer_within_s: float
    admission: tuple[str, ...] = ()
    verifier: str = ""


def basis_page(site: Site, basis: BasisContent) -> HTMLResponse:
    """The page with its policy."""
    verdicts = {verdict.value: meaning for verdict, meaning in texts().verdicts.items()}
    return make_page(site, "basis.html.j2", here="basis", basis=basis, verdicts=verdicts)
