"""What a consultation rests on besides the chart: template, model, settings; and its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from cds_hooks.comparison.differences import Difference, Side, differing
from cds_hooks.consultation import Basis, CheckedConsultation, Consultation, ModelIdentity

__all__ = [
    "basis_differences",
    "basis_of",
    "outcome_differences",
    "part_differences",
    "rule_differences",
]


_SETTING = "setting "


def basis_of(side: Side) -> dict[str, str]:
    """Every name with its value, "" where there is none; `Side.basis` comes last."""
    return {**dict(_of(side.consultation)), **side.basis}


def basis_differences(before: Side, after: Side) -> tuple[Difference, ...]:
    """What differs. A name that only one side adds is unknown of the other, not different; a
    setting that only one tells has its default on the other, where that tells any at all."""
    one, two = basis_of(before), basis_of(after)
    if all(_tells_settings(side) for side in (before, after)):
        settings = [name for name in (*one, *two) if name.startswith(_SETTING)]
        one, two = (dict.fromkeys(settings, "default") | each for each in (one, two))
    both = one.keys() & two.keys()
    shared = ({k: v for k, v in side.items() if k in both} for side in (one, two))
    return tuple(differing(*shared))


def _tells_settings(side: Side) -> bool:
    """Whether its record is of a version that names the settings it rests on."""
    return bool(side.consultation.basis.version)


def _of(done: Consultation) -> Iterator[tuple[str, str]]:
    template = done.prompt.template if done.prompt else None
    yield "service", done.service
    yield "FHIR version", done.chart.fhir_version
    yield "settings", done.settings_sha256
    yield "template", f"{template.id}/{template.version}" if template else ""
    yield "template SHA-256", template.sha256 if template else ""
    yield from _model(done.model or ModelIdentity("", "", ""))
    yield from _made_with(done.basis)


def _made_with(basis: Basis) -> Iterator[tuple[str, str]]:
    """What the record tells of the program; nothing where it is of before it told any."""
    told = (
        ("version", basis.version),
        ("rule tables", basis.tables_sha256),
        ("terminology", basis.terminology_sha256),
        ("verifier", basis.verifier_sha256),
    )
    yield from ((name, value) for name, value in told if value)
    if basis.sampling:
        for field in fields(basis.sampling):
            yield f"sampling {field.name}", str(getattr(basis.sampling, field.name))
    for key, value in sorted(basis.settings.items()):
        yield f"{_SETTING}{key}", value


def _model(model: ModelIdentity) -> Iterator[tuple[str, str]]:
    yield "model", model.name
    yield "model SHA-256", model.sha256
    yield "engine", model.engine
    yield "model parts", ", ".join(f"{part.name} x {part.scale:g}" for part in model.parts)


def part_differences(before: Consultation, after: Consultation) -> tuple[Difference, ...]:
    """The state of each prefetch key, with what came instead of one that is not whole."""
    return tuple(differing(dict(_parts(before)), dict(_parts(after))))


def _parts(done: Consultation) -> Iterator[tuple[str, str]]:
    for key, state in done.key_states.items():
        came = done.key_arrivals.get(key)
        told = (came.sent, *came.noted) if came else ()
        yield key, "; ".join((state.value, *(each for each in told if each)))


def outcome_differences(before: Consultation, after: Consultation) -> tuple[Difference, ...]:
    """How each ended, with the code of what kept a model from answering."""
    return tuple(differing(dict(_outcome(before)), dict(_outcome(after))))


def _outcome(done: Consultation) -> Iterator[tuple[str, str]]:
    yield "outcome", done.outcome.value
    if isinstance(done, CheckedConsultation):
        yield "fault", done.fault
        yield "samples that could not be used", str(done.samples_failed)


def rule_differences(before: Consultation, after: Consultation) -> tuple[Difference, ...]:
    """What rules say of the chart by itself, by the rule's id."""
    return tuple(differing(dict(_rules(before)), dict(_rules(after))))


def _rules(done: Consultation) -> Iterator[tuple[str, str]]:
    for found in done.chart_findings:
        told = "; ".join((found.diagnosis, *found.told, *((found.score,) if found.score else ())))
        yield f"{found.rule} ({found.diagnosis})", f"{found.seriousness.value}: {told}"
    for reason in (*done.contradictions, *done.medication_concerns):
        yield f"{reason.check} {reason.text}", f"{reason.result}: {reason.text}"
