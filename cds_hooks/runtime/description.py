"""What runs here, in words: for `/version`, for the ledger, and for the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version

import prompts
from cds_hooks.app import Readiness
from cds_hooks.console import BasisContent, Site
from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.engine import Engine
from cds_hooks.runtime.configs import services_of
from cds_hooks.runtime.silent_services import silent_state
from cds_hooks.runtime.verifying import verifier_digest
from cds_hooks.services import ServiceDefinition
from cds_hooks.settings import Settings, settings_digest
from cds_hooks.verifier import fixed_rules

__all__ = ["basis_of", "site_of", "version_of"]


def version_of(
    settings: Settings, model: ModelIdentity, template: prompts.TemplateRef
) -> dict[str, str]:
    """Versions and digests of the program, the model, the template and the settings."""
    return {
        "version": version("chartside"),
        "profile": settings.profile,
        "model": model.name,
        "model_sha256": model.sha256,
        "engine": model.engine,
        "template": f"{template.id}/{template.version}",
        "template_sha256": template.sha256,
        "settings_sha256": settings_digest(settings),
    }


def basis_of(
    settings: Settings,
    model: ModelIdentity,
    template: prompts.Template,
    *,
    services: tuple[ServiceDefinition, ...],
    terminology: Mapping[str, str],
    samples: int,
    names_by_construction: bool,
    admission: tuple[str, ...],
) -> BasisContent:
    """What the basis page tells. `terminology` has the versions that were compiled."""
    return BasisContent(
        version=version("chartside"),
        model=model,
        template=template.ref,
        services=services,
        terminology=_sources(terminology),
        chart_tokens=template.settings.chart_tokens,
        samples=samples,
        names_by_construction=names_by_construction,
        answer_within_s=settings.services.answer_within_s,
        admission=admission,
        verifier=_verifier(settings),
    )


def _verifier(settings: Settings) -> str:
    if settings.verifier.fixed_rules:
        return f"fixed rules, version {fixed_rules().version}"
    digest = verifier_digest(settings)
    return f"coefficients, SHA-256 {digest}" if digest else ""


def site_of(
    settings: Settings,
    base_url: str,
    engine: Engine,
    ready: Callable[[], Readiness],
    switched_off: Callable[[str], bool],
) -> Site:
    """What the console's pages tell of this service."""
    return Site(
        version=version("chartside"),
        profile=settings.profile,
        base_url=base_url,
        services=services_of(settings),
        model=lambda: engine.model,
        ready=ready,
        tokens=bool(settings.clients),
        link_s=settings.cards.link_s,
        switched_off=switched_off,
        silent=partial(silent_state, settings),
    )


def _sources(compiled: Mapping[str, str]) -> dict[str, str]:
    """Terminology sources by name, for a reader."""
    edition, origin = (compiled.get(f"icd-10-cm.{key}", "") for key in ("edition", "origin"))
    return {
        "ICD-10-CM": f"{edition}, {origin}",
        "MeSH": compiled.get("mesh.origin", ""),
        "Disease Ontology": compiled.get("disease-ontology.origin", ""),
        "MONDO": compiled.get("mondo.origin", ""),
    }
