"""The inspector of a running service: the same pipeline, with the same bounds and egress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cds_hooks.console.inspector import Inspector
from cds_hooks.consult import ConsultConfig, Dependencies
from cds_hooks.runtime.configs import app_config, services_of
from cds_hooks.runtime.egress import locked_transport
from cds_hooks.settings import Settings

__all__ = ["inspector_of"]


def inspector_of(
    settings: Settings,
    dependencies: Dependencies,
    consult: ConsultConfig,
    silent: Callable[[str], bool],
) -> Inspector:
    """An inspector that fires through these parts; `silent` says of a service by its id whether
    some of its hooks are a silent trial's."""
    made = Inspector.over(
        dependencies,
        consult,
        settings.inspector,
        services_of(settings),
        app_config(settings).limits,
        locked_transport,
    )
    return replace(made, silent=silent)
