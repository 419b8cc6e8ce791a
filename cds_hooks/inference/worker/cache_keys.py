"""Keys of what a model's cache folder holds: saved states, and choices that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import llama_cpp

from cds_hooks.inference.hardware.processor import processor_name, this_processor
from cds_hooks.inference.worker.load_order import LoadOrder
from cds_hooks.inference.worker.prompt_cache.saved_states import SavedStates
from cds_hooks.inference.worker.tuning.kept_choice import KeptChoice

__all__ = ["kept_choice", "saved_states"]


def saved_states(order: LoadOrder, digests: Sequence[str]) -> SavedStates | None:
    """The saved states of a model, keyed by everything that decides their bytes."""
    return SavedStates(order.cache, _key(order, digests)) if order.cache else None


def kept_choice(order: LoadOrder, digests: Sequence[str]) -> KeptChoice | None:
    """The measured choice, keyed by the same and by what it was measured for."""
    if order.cache is None:
        return None
    asked = replace(order.tuning, busy=False)
    return KeptChoice(order.cache, f"{_key(order, digests)} {asked}")


def _key(order: LoadOrder, digests: Sequence[str]) -> str:
    """Model, library, settings and processor."""
    build = f"{llama_cpp.__version__} {llama_cpp.llama_print_system_info()!r}"
    scales = [adapter.scale for adapter in order.adapters]
    sized = sorted(order.size.frame().items())
    processor = f"{processor_name()} {' '.join(this_processor())}"
    how = f"{sized} {order.placement} {order.repacks}"
    return f"{' '.join(digests)} {scales} {build} {how} {processor}"
