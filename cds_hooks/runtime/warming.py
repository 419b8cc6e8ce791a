"""What a service loads behind its start, because it is rarely needed and takes a second."""

from __future__ import annotations

import asyncio
import gc

import fhir_mapping
from cds_hooks.inference.engine import Engine

__all__ = ["warm_when_ready"]

_POLL_S = 0.1


async def warm_when_ready(engine: Engine) -> None:
    """Load the library of units as soon as the model has what it needs of the machine.

    A chart that needs it sooner (a unit that no table holds) loads it itself.
    """
    while engine.state.status not in ("ready", "failed"):  # noqa: ASYNC110 - no engine tells
        await asyncio.sleep(_POLL_S)
    await asyncio.to_thread(fhir_mapping.warm_units)
    gc.freeze()
