"""What the pages know of the running service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cds_hooks.app import Readiness
from cds_hooks.consultation import ModelIdentity
from cds_hooks.services import ServiceDefinition

__all__ = ["Site"]


@dataclass(frozen=True, slots=True)
class Site:
    """`base_url` is the service's address as clients see it, without a slash at its end; `tokens`
    says whether callers must show one, `link_s` for how many seconds a card's link opens,
    `switched_off` whether the service with an id is off now, `silent` in words whether it is silent
    for a trial, "" where it is not."""

    version: str
    profile: str
    base_url: str
    services: tuple[ServiceDefinition, ...]
    model: Callable[[], ModelIdentity]
    ready: Callable[[], Readiness]
    tokens: bool = False
    link_s: float = 86_400.0
    switched_off: Callable[[str], bool] = lambda _: False
    silent: Callable[[str], str] = lambda _: ""

    @property
    def demo(self) -> bool:
        """Whether this is the demo profile, which has pages that production has not."""
        return self.profile == "demo"
