"""What an installation's own facts say of an attribute; nothing is said that was not gathered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from cds_hooks.documents.attributes import Derived
from cds_hooks.documents.document import FilledBy
from cds_hooks.documents.evaluation_derivations import EVALUATED
from cds_hooks.documents.input_variables import VARIABLES, input_variables, variable
from cds_hooks.documents.installation import Installation

__all__ = ["DERIVATIONS"]

_MOST_AUTHORS = ("organization", "author", "url", "repo_url", "source.url")


def _publisher(of: Installation) -> Derived:
    told = [of.model.metadata[name] for name in _MOST_AUTHORS if of.model.metadata.get(name)]
    if not told:
        return Derived("")
    return Derived(f"Publisher of the model, by its file: {', '.join(told)}.", FilledBy.MODEL)


def _output_value(of: Installation) -> Derived:
    listing = [s.id for s in of.services if not (s.checks_new_problems or s.only_starts)]
    checking = [each.id for each in of.services if each.checks_new_problems]
    lines = []
    if listing:
        lines.append(
            f"{_names(listing)}: one card with what rules find in the chart, and a list of "
            " diagnoses that a language model considers, each with the facts of the chart that "
            "it cites for and against, and a verdict of fixed rules."
        )
    if checking:
        lines.append(
            f"{_names(checking)}: one card, only where a rule speaks, on a problem that was just "
            "entered; no model is asked."
        )
    silent = [each.id for each in of.services if each.only_starts]
    if silent:
        lines.append(f"{_names(silent)}: no card; the work is only begun.")
    return Derived("\n".join(lines))


def _services(of: Installation) -> Derived:
    return Derived("\n".join(f"{s.id} (hook {s.hook}): {s.description}" for s in of.services))


def _demonstration(of: Installation) -> Derived:
    if not of.model.demonstration:
        return Derived("")
    return Derived(
        f"Care of any patient: {of.model.name} is a demonstration model. It shows that the service "
        "runs; nothing on its cards is fit for care."
    )


def _model_cautions(of: Installation) -> Derived:
    return Derived("\n".join(of.model.cautions), FilledBy.SERVICE)


def _datasets(of: Installation) -> Derived:
    told = {k: v for k, v in of.model.metadata.items() if k.startswith("dataset")}
    if not told:
        return Derived("")
    lines = "; ".join(f"general.{name}: {text}" for name, text in sorted(told.items()))
    return Derived(f"Data sets that the model's file names: {lines}.", FilledBy.MODEL)


def _languages(of: Installation) -> Derived:
    told = of.model.metadata.get("languages", "")
    return Derived(
        f"Languages that the model's file names: {told}." if told else "", FilledBy.MODEL
    )


def _model_type(of: Installation) -> Derived:
    model = of.model
    facts = [f"Generative language model ({model.name})"]
    if model.architecture:
        facts.append(f"architecture {model.architecture}")
    if model.parameters:
        facts.append(f"{model.parameters / 1e9:.3g} billion parameters")
    if model.quantisation:
        facts.append(f"quantisation {model.quantisation}")
    where = "on a model server of the site" if model.on_server else f"run by {model.engine}"
    rules = "Beside it: fixed rules for findings, verdicts and limits, which are no model."
    return Derived(f"{', '.join(facts)}, {where}. {_untouched(of).text} {rules}")


def _untouched(of: Installation) -> Derived:
    if of.model.on_server:
        return Derived("What its server does to the model is not known to this service.")
    if of.model.adapters:
        return Derived(
            f"LoRA adapters are applied to the model: {', '.join(of.model.adapters)}. On what they "
            "were trained is for the site to say."
        )
    return Derived("The model's file is used as it is; nothing was trained here.")


def _foundation(of: Installation) -> Derived:
    told = {k: v for k, v in of.model.metadata.items() if k.startswith(("base_model", "basename"))}
    named = "; ".join(f"general.{name}: {text}" for name, text in sorted(told.items()))
    return Derived(f"{of.model.name}. {named}".strip().rstrip("."), FilledBy.MODEL)


def _input_source(of: Installation) -> Derived:
    lines = ["The EHR that calls: FHIR resources of the prefetch, or read from its FHIR server."]
    for service in of.services:
        asked = "; ".join(template.gives for template in service.templates)
        lines.append(f"{service.id} asks for: {asked}.")
    return Derived("\n".join(lines))


def _data_types(of: Installation) -> Derived:
    return Derived(
        "In: coded entries, numbers with units, dates as how long ago, and text of notes, as "
        f"numbered facts within {of.template.chart_tokens} tokens; names, addresses and numbers of "
        "persons are masked as far as they are recognised, dates of birth are not shown; no "
        "images, waveforms or signals.\n"
        "Out: CDS Hooks cards (text), with codes of ICD-10-CM where a name has one."
    )


def _stage(of: Installation) -> Derived:
    if not of.model.demonstration:
        return Derived("")
    return Derived(f"{of.model.name} is a demonstration model, not for care.")


def _protections(of: Installation) -> Derived:
    return Derived("\n".join(of.protections))


def _rule_sources(of: Installation) -> Derived:
    folders = sorted({name.rpartition(".")[0] or name for name in of.rule_tables})
    return Derived(
        "Each rule names its source beside it: published criteria, scores and reference ranges. "
        f"They are among {len(of.rule_tables)} tables of rules and words ({', '.join(folders)}), "
        "which the bill of materials lists with their digests; `chartside explain` prints the "
        "source of each rule that spoke."
        if of.rule_tables
        else ""
    )


def _rule_version(of: Installation) -> Derived:
    digest = f", tables with SHA-256 {of.tables_sha256} over all" if of.tables_sha256 else ""
    return Derived(
        f"Chartside {of.version}{digest}. Revisions are in the changelog and, as they came into "
        "use here, in the ledger (records `tables-loaded`)."
    )


def _version(of: Installation) -> Derived:
    template = f"template {of.template.id} version {of.template.version}"
    return Derived(f"Chartside {of.version}; {template}; model {of.model.name}{_digest(of)}")


def _digest(of: Installation) -> str:
    return f" (SHA-256 {of.model.sha256})" if of.model.sha256 else ""


def _name(of: Installation) -> Derived:
    return Derived(f"Chartside {of.version} with {of.model.name}")


def _summary(of: Installation) -> Derived:
    return Derived(
        f"{len(of.services)} CDS Hooks services of one program. It reads a chart when the EHR "
        "calls, and answers with a card: what rules find in it, and diagnoses that a language "
        "model on the site's own hardware considers, each checked against the chart by rules."
    )


def _names(ids: list[str]) -> str:
    return ", ".join(ids)


DERIVATIONS: Mapping[str, Callable[[Installation], Derived]] = MappingProxyType(
    {
        "publisher": _publisher,
        "output_value": _output_value,
        "services": _services,
        "demonstration": _demonstration,
        "model_cautions": _model_cautions,
        "datasets": _datasets,
        "languages": _languages,
        "input_variables": input_variables,
        "model_type": _model_type,
        "foundation": _foundation,
        "input_source": _input_source,
        "data_types": _data_types,
        "version": _version,
        "stage": _stage,
        "untouched": _untouched,
        "protections": _protections,
        "rule_sources": _rule_sources,
        "rule_version": _rule_version,
        "name": _name,
        "summary": _summary,
        **{f"variable:{name}": partial(variable, name) for name in VARIABLES},
        **EVALUATED,
    }
)
"""What the tables of attributes name under `derive`."""
