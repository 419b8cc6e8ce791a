"""Who wants to see which request's samples while they are decoded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.engine import SampleProgress
from cds_hooks.inference.local.messages import progress_of

__all__ = ["Observe", "Observers"]

_log = logging.getLogger(__name__)
Observe = Callable[[SampleProgress], None]


class Observers:
    """Observers by the number of their request. What one of them does wrong ends no request."""

    def __init__(self) -> None:
        self._by_request: dict[int, Observe] = {}

    def add(self, number: int, observe: Observe | None) -> None:
        """From now on `observe` sees the samples of this request; None sees nothing."""
        if observe is not None:
            self._by_request[number] = observe

    def remove(self, number: int) -> None:
        """Nobody sees this request's samples any more."""
        self._by_request.pop(number, None)

    def tell(self, frame: dict[str, Any], model: ModelIdentity) -> None:
        """Hand on what a `progress` frame tells."""
        observe = self._by_request.get(int(frame["id"]))
        if observe is None:
            return
        try:
            for progress in progress_of(frame, model):
                observe(progress)
        except Exception as error:
            _log.warning("an observer of samples failed: %s", type(error).__name__)
