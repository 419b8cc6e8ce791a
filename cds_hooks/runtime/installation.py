"""From settings to the value that documents are made of; nothing is loaded or started."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import prompts
from cds_hooks.consult.rule_tables import rule_tables, tables_digest
from cds_hooks.documents.installation import (
    EvaluatedRun,
    Installation,
    LocalFigures,
    TemplateFacts,
)
from cds_hooks.documents.operator_answers import AnswersInvalid, OperatorAnswers, parse_answers
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.admission import admission
from cds_hooks.runtime.configs import services_of
from cds_hooks.runtime.engines import model_entry, names_by_construction, samples_of
from cds_hooks.runtime.model_facts import Told, model_facts
from cds_hooks.runtime.protections import protections
from cds_hooks.runtime.verifying import verifier_digest
from cds_hooks.settings import Settings, settings_digest

__all__ = ["installation", "operator_answers"]


def installation(
    settings: Settings,
    made_at: str,
    *,
    runs: tuple[EvaluatedRun, ...] = (),
    local: LocalFigures | None = None,
    switched_off: tuple[str, ...] = (),
    told: Told | None = None,
) -> Installation:
    """The installation that these settings describe.

    Raises what the start of a service would: SettingsError, ModelFileError, TerminologyError,
    AdmissionError; and AnswersInvalid.
    """
    template, entry = prompts.load("differential"), model_entry(settings)
    model, *more = model_facts(settings, template, told)
    services = services_of(settings)
    speaks = settings.services.speak_by_service
    return Installation(
        made_at=made_at,
        version=version("chartside"),
        profile=settings.profile,
        subject=settings.server.public_url,
        services=services,
        model=model,
        more_models=tuple(more),
        template=_template(template),
        settings_sha256=settings_digest(settings),
        switched_off=switched_off,
        protections=tuple(protections(settings)),
        rule_tables=tuple(rule_tables()),
        tables_sha256=tables_digest(rule_tables()),
        verifier_sha256=verifier_digest(settings),
        samples=samples_of(settings, entry, template),
        names_by_construction=names_by_construction(settings, entry),
        answer_within_s=settings.services.answer_within_s,
        speaks={each.id: speaks.get(each.id, settings.services.speak) for each in services},
        terminology=Terminology(settings.terminology.path).versions,
        admission=admission(settings, model.sha256),
        runs=runs,
        local=local,
        operator=operator_answers(settings.documents.operator_file),
    )


def operator_answers(file: Path | None) -> OperatorAnswers:
    """The site's answers; none without a file. Raises AnswersInvalid."""
    if file is None:
        return OperatorAnswers()
    try:
        return parse_answers(file.read_text("utf-8"), str(file))
    except OSError as error:
        message = f"the operator's file cannot be read ({error.strerror})"
        hint = "Correct documents.operator_file, or make it with `chartside export describe`."
        raise AnswersInvalid(message, where=str(file), hint=hint) from None
    except UnicodeDecodeError:
        raise AnswersInvalid("the operator's file is not UTF-8", where=str(file)) from None


def _template(template: prompts.Template) -> TemplateFacts:
    settings = template.settings
    return TemplateFacts(
        id=template.ref.id,
        version=template.ref.version,
        sha256=template.ref.sha256,
        chart_tokens=settings.chart_tokens,
        samples=settings.samples,
        changes=tuple(f"version {each.version}: {each.change}" for each in settings.history),
    )
