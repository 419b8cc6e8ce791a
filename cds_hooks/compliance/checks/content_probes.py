"""What goes into a model and what is said on a card: inputs, wording, options, basis."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from cds_hooks.cards.wording import is_directive
from cds_hooks.compliance.checks.finding import Evidence, Finding, Result, decide, setting
from cds_hooks.compliance.checks.installation_facts import InstallationFacts

__all__ = [
    "answers_traceable",
    "basis_reachable",
    "caution_given",
    "informs_only",
    "inputs_discrete",
    "model_admitted",
    "no_images",
    "risks_covered",
    "services_offered",
    "several_options",
    "urgency_stated",
]


@cache
def _types(kind: str) -> frozenset[str]:
    text = files("cds_hooks.compliance.checks").joinpath("data/resource_types.toml").read_text()
    return frozenset(tomllib.loads(text)[kind]["types"])


def _resource_types(installation: InstallationFacts) -> Evidence:
    asked = sorted({each for service in installation.services for each in service.resource_types})
    return Evidence("program", "resource types that services ask for", ", ".join(asked) or "none")


def no_images(installation: InstallationFacts) -> Finding:
    """No service asks for images, waveforms or signals."""
    faults = [
        f"{service.id} asks for {', '.join(found)}"
        for service in installation.services
        if (found := sorted(_types("signals").intersection(service.resource_types)))
    ]
    said = "no service asks for images, waveforms or signals; such values are left out when sent"
    return decide(faults, said, _resource_types(installation))


def inputs_discrete(installation: InstallationFacts) -> Finding:
    """Services ask for entries of the chart alone."""
    known = _types("chart")
    faults = [
        f"{service.id} asks for {', '.join(other)}"
        for service in installation.services
        if (other := sorted(set(service.resource_types) - known))
    ]
    return decide(faults, "inputs are entries of the chart, each cited by its resource",
                  _resource_types(installation))  # fmt: skip


def informs_only(installation: InstallationFacts) -> Finding:
    """Our words instruct nobody; a model's words that do are withheld by the same reading."""
    orders = sum(map(is_directive, installation.own_texts))
    faults = [f"{orders} of our texts tell the reader what to do"] if orders else []
    lint = Evidence("program", "texts of cards", f"{len(installation.own_texts)} read for orders")
    said = "cards inform: no order in our words, and nothing is done without the reader"
    return decide(faults, said, lint)


def urgency_stated(installation: InstallationFacts) -> Finding:
    """Cards say that they are not for time-critical decisions; critical ones come from rules."""
    faults = list(_missing(installation, "physician", "not for time-critical"))
    ledger = installation.ledger
    critical = ledger.critical if ledger is not None else 0
    shown = (
        Evidence("program", "words on each card with diagnoses", installation.caution),
        Evidence("ledger", "cards with the indicator critical", str(critical)),
    )
    if critical and not faults:
        said = (
            f"{critical} cards were critical: a rule about the chart, never a model, makes a card "
            "so. Whether what they tell is time-critical is not for this program to say"
        )
        return Finding(Result.NOT_ASSESSED, said, shown)
    return decide(faults, "cards say for whom they are, and not for what is time-critical", *shown)


def _missing(installation: InstallationFacts, *wanted: str) -> Iterator[str]:
    caution = installation.caution.lower()
    return (f'cards do not say "{words}"' for words in wanted if words not in caution)


def several_options(installation: InstallationFacts) -> Finding:
    """The model may list several diagnoses; how often it listed one alone is told."""
    most, ledger = installation.most_diagnoses, installation.ledger
    told = f"{ledger.single} of {ledger.modelled} name one alone" if ledger else "no ledger"
    faults = ["the template lets a model name one diagnosis only"] if most < 2 else []
    shown = Evidence("program", "prompt template", f"up to {most} diagnoses")
    said = f"a list of up to {most} diagnoses is asked for, each with facts for and against"
    return decide(faults, said, shown, Evidence("ledger", "answers of a model", told))


def caution_given(installation: InstallationFacts) -> Finding:
    """Cards with diagnoses say that they can be wrong, and warn of relying on them."""
    faults = _missing(installation, "can be wrong", "not ruled out", "own review")
    shown = Evidence("program", "words on each card with diagnoses", installation.caution)
    return decide(
        faults, "each card says that it can be wrong and is for the reader's own review", shown
    )


def basis_reachable(installation: InstallationFacts) -> Finding:
    """A card's link leads to the basis and the consultation, from where the EHR is."""
    faults = list(_broken_links(installation))
    keys = ("server.public_url", "server.host", "cards.link_s")
    said = "each card links to its consultation and to the basis page, served by this service"
    return decide(faults, said, *(setting(installation, key) for key in keys))


def _broken_links(installation: InstallationFacts) -> Iterator[str]:
    if not installation.settings["server.public_url"] and (
        installation.settings["clients"] or not installation.is_local
    ):
        yield "links of cards name no address that EHRs know (server.public_url)"
    if not installation.settings["cards.link_s"]:
        yield "cards have no link (cards.link_s)"


def model_admitted(installation: InstallationFacts) -> Finding:
    """A signed record of this site's own evaluation admits the model for clinical use."""
    purpose = installation.admitted_for
    faults = [] if purpose == "clinical" else [
        f"the model is admitted for {purpose}" if purpose else "no signed record admits the model"
    ]  # fmt: skip
    keys = ("admission.folder", "admission.required", "model.sha256", "model_server.bases")
    said = "a signed record of an evaluation admits this model for clinical use"
    return decide(faults, said, *(setting(installation, key) for key in keys))


def answers_traceable(installation: InstallationFacts) -> Finding:
    """Each answer of a model names the digests of model and template that it came from."""
    ledger = installation.ledger
    if ledger is None or not ledger.modelled:
        why = installation.unread or "no answer of a model is on record"
        return Finding(Result.NOT_ASSESSED, why, (setting(installation, "store.path"),))
    faults = [f"{ledger.untraceable} answers name no model or template"] * bool(ledger.untraceable)
    shown = Evidence("ledger", "answers of a model", str(ledger.modelled))
    return decide(faults, "each answer names its model, template and settings by digest", shown)


def services_offered(installation: InstallationFacts) -> Finding:
    """At least one service is offered to EHRs."""
    ids = [service.id for service in installation.services]
    faults = [] if ids else ["no service is offered"]
    said = "cards are shown in the EHR's own workflow, when a chart is opened or changed"
    return decide(faults, said, Evidence("setting", "services.enabled", ", ".join(ids) or "none"))


def risks_covered(installation: InstallationFacts) -> Finding:
    """The risk file has a hazard with a control and a test for each characteristic."""
    wanted = installation.risk_characteristics
    if not wanted:
        return Finding(Result.NOT_ASSESSED, "there is no risk file to look at")
    faults = [f"no hazard concerns {name}" for name, count in wanted.items() if not count]
    told = ", ".join(f"{name} {count}" for name, count in wanted.items())
    said = (
        "the risk file has hazards with controls and tests for each of the eight; it estimates "
        "neither severity nor probability, which is the site's to do"
    )
    return decide(faults, said, Evidence("program", "hazards by characteristic", told))
