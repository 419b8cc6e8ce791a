"""One consultation as a page: its card, and all that the card has no space for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from cds_hooks.cards import full_detail
from cds_hooks.cards.answer_age import with_current_ages
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.full_detail_views import BasisView, basis_of
from cds_hooks.cards.phrases import fact_phrase, remark
from cds_hooks.console.consultations.judging import Judging, lines
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.cards import Card
from prompts import ago

__all__ = ["consultation_values"]

# Cards are Markdown in which everything that a model or a chart wrote is escaped. HTML, images and
# bare addresses are off here all the same.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["image", "autolink", "html_inline"])
_DAY_S = 86_400.0
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class _RenderedCard:
    indicator: str
    summary: str
    html: Markup


@dataclass(frozen=True, slots=True)
class _Page:
    pending: bool
    age: str
    fhir: str
    cards: tuple[_RenderedCard, ...]
    full_detail: Markup
    model: Rows
    keys: Rows
    shown: Rows
    left_out: Rows
    repaired: Rows
    took: Rows
    words: Mapping[str, str]
    acronyms: Mapping[str, str]


def consultation_values(
    consultation: Consultation,
    cards: Sequence[Card],
    *,
    now: float,
    discriminates: Callable[[str], bool] | None = None,
    judging: Judging | None = None,
) -> dict[str, Any]:
    """What the template of the page is given.

    `now` is UTC seconds; `discriminates` knows the names of tests and findings, without it no
    discriminator of a model is shown. With `judging` the page has a form in which single diagnoses
    are judged.
    """
    rests_on = basis_of(consultation)
    present = with_current_ages(consultation, now)
    page = _Page(
        pending=consultation.outcome is Outcome.PENDING,
        age=f"Asked {ago((now - consultation.created) / _DAY_S, fine=True)}",
        fhir=consultation.chart.fhir_version,
        cards=tuple(_shown(card) for card in cards),
        full_detail=_html(full_detail(present, discriminates)),
        model=_model(rests_on),
        keys=_keys(consultation),
        shown=_facts(present),
        left_out=tuple((str(each.count), each.words) for each in rests_on.left_out),
        repaired=_repaired(consultation),
        took=tuple((stage, f"{ms:,.0f} ms") for stage, ms in consultation.timings_ms.items()),
        words={verdict.value: meaning for verdict, meaning in texts().verdicts.items()},
        acronyms=texts().acronyms,
    )
    return {"page": page, "judging": judging, "judged": lines(consultation, judging)}


def _html(markdown: str) -> Markup:
    return Markup(_MARKDOWN.render(markdown))  # noqa: S704


def _shown(card: Card) -> _RenderedCard:
    return _RenderedCard(card.indicator, card.summary, _html(card.detail))


def _model(basis: BasisView) -> Rows:
    """Which model by which template, its digest, and how many of its answers could be used."""
    answers = f"{basis.answers} of {basis.answers + basis.unusable} could be used"
    facts = f"{basis.shown} of {basis.read}" if basis.asked else f"0 of {basis.read}"
    rows = (
        ("Model", f"{basis.model} {basis.model_digest}".strip() or "none"),
        ("Template", f"{basis.template} {basis.template_digest}".strip()),
        ("Answers", answers if basis.answers + basis.unusable else ""),
        ("Facts of the chart shown to the model", facts),
        ("Remark", basis.remark),
        ("Remarks on how the record was sent", str(basis.quality or "")),
        ("Seconds", basis.seconds),
    )
    return tuple(row for row in rows if row[1])


def _keys(consultation: Consultation) -> Rows:
    """What came of each part of the chart, and what came instead of one that is not whole."""
    words = texts()
    arrivals = consultation.key_arrivals
    return tuple(
        (words.keys.get(key) or remark(key), words.states[state], _arrived(arrivals.get(key)))
        for key, state in consultation.key_states.items()
    )


def _arrived(arrival: Any) -> str:
    """ "came as HTML; no FHIR server to read from", from stable codes; "" where nothing is told."""
    if arrival is None:
        return ""
    words = texts().arrivals
    kind, _, codes = arrival.sent.partition(" ")
    sent = f"{words.get(kind, kind)} {codes}".strip()
    noted = (words.get(code, code.replace("-", " ")) for code in arrival.noted)
    return "; ".join(dict.fromkeys(part for part in (sent, *noted) if part))


def _repaired(consultation: Consultation) -> Rows:
    """Elements that were not FHIR and how they were read, by type and name: ids stay on record."""
    notes = consultation.chart.quality
    return tuple(dict.fromkeys((_element(note.path), note.message) for note in notes))


def _element(path: str) -> str:
    """ "Observation/o1.component[2].valueQuantity.value" as "value of Observation"."""
    name = path.rpartition(".")[2].partition("[")[0]
    return f"{name} of {path.partition('/')[0]}"


def _facts(consultation: Consultation) -> Rows:
    told = set(consultation.prompt.fact_ids) if consultation.prompt else set()
    return tuple(
        (fact.id, fact_phrase(fact)) for fact in consultation.chart.facts if fact.id in told
    )
