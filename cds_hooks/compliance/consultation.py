"""One consultation as a page: its cards, what the model was shown, and what it was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markupsafe import Markup

from cds_hooks.cards.phrases import fact_phrase
from cds_hooks.cards.view import basis_of
from cds_hooks.compliance.judging import Judging, lines
from cds_hooks.compliance.pages import ENVIRONMENT
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.cards import Card
from prompts import ago

__all__ = ["consultation_page"]

# Cards are Markdown in which everything that a model or a chart wrote is escaped. HTML, images and
# bare addresses are off here all the same.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["image", "autolink", "html_inline"])
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class _Shown:
    indicator: str
    summary: str
    html: Markup


@dataclass(frozen=True, slots=True)
class _Page:
    pending: bool
    age: str
    fhir: str
    model: str
    template: str
    basis: str
    cards: tuple[_Shown, ...]
    shown: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[int, str], ...]
    missing: tuple[tuple[str, str], ...]
    repaired: tuple[tuple[str, str], ...]
    took: tuple[tuple[str, str], ...]


def consultation_page(
    consultation: Consultation,
    cards: Sequence[Card],
    *,
    basis: str,
    now: float,
    judging: Judging | None = None,
) -> str:
    """A whole HTML page without scripts and without anything from elsewhere.

    `basis` is the basis page's address, `now` UTC seconds. One that is not answered yet loads
    itself again. With `judging` it has a form in which single diagnoses are judged.
    """
    rests_on = basis_of(consultation)
    page = _Page(
        pending=consultation.outcome is Outcome.PENDING,
        age=f"Asked {ago((now - consultation.created) / _DAY_S, fine=True)}",
        fhir=consultation.chart.fhir_version,
        model=consultation.model.name if consultation.model else "No model",
        template=_template(consultation),
        basis=basis,
        cards=tuple(_shown(card) for card in cards),
        shown=_facts(consultation),
        left_out=tuple((each.count, each.words) for each in rests_on.left_out),
        missing=tuple((missing.words, ", ".join(missing.keys)) for missing in rests_on.missing),
        repaired=_repaired(consultation),
        took=tuple((stage, f"{ms:,.0f} ms") for stage, ms in consultation.timings_ms.items()),
    )
    return ENVIRONMENT.get_template("consultation.html.j2").render(
        page=page, judging=judging, judged=lines(consultation, judging)
    )


def _shown(card: Card) -> _Shown:
    return _Shown(card.indicator, card.summary, Markup(_MARKDOWN.render(card.detail)))  # noqa: S704


def _template(consultation: Consultation) -> str:
    prompt = consultation.prompt
    return f"{prompt.template.id} {prompt.template.version}" if prompt else ""


def _repaired(consultation: Consultation) -> tuple[tuple[str, str], ...]:
    """Elements that were not FHIR and how they were read, by type and name: ids stay on record."""
    notes = consultation.chart.quality
    return tuple(dict.fromkeys((_element(note.path), note.message) for note in notes))


def _element(path: str) -> str:
    """ "Observation/o1.component[2].valueQuantity.value" as "value of Observation"."""
    name = path.rpartition(".")[2].partition("[")[0]
    return f"{name} of {path.partition('/')[0]}"


def _facts(consultation: Consultation) -> tuple[tuple[str, str], ...]:
    told = set(consultation.prompt.fact_ids) if consultation.prompt else set()
    return tuple(
        (fact.id, fact_phrase(fact)) for fact in consultation.chart.facts if fact.id in told
    )
