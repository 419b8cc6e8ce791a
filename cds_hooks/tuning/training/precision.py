"""bfloat16 or 32 bits: what this processor trains faster in, measured on one example.

A processor that has instructions for bfloat16 is not always faster with it: without AMX a small
model gained nothing here, and conversions cost time.
"""

from __future__ import annotations

import time
from pathlib import Path

from cds_hooks.inference.hardware.processor import this_processor
from cds_hooks.tuning.example import MarkedTokens
from cds_hooks.tuning.training.answer_loss import answer_loss
from cds_hooks.tuning.training.base_model import Network, load_base, with_lora
from cds_hooks.tuning.training.cpu_recipe import CpuRecipe

__all__ = ["BFLOAT16", "FLOAT32", "network_to_train"]

BFLOAT16, FLOAT32 = "bfloat16", "float32"
_NARROW = ("amx_bf16", "avx512_bf16", "bf16")


def network_to_train(
    base: Path, recipe: CpuRecipe, example: MarkedTokens, chosen: str = ""
) -> tuple[Network, str]:
    """The base with LoRA layers and the name of its precision: `chosen`, else the faster one."""
    if not chosen and not any(name in this_processor() for name in _NARROW):
        chosen = FLOAT32
    if chosen:
        return with_lora(load_base(base, bfloat16=chosen == BFLOAT16), recipe), chosen
    wide, narrow = (with_lora(load_base(base, bfloat16=b), recipe) for b in (False, True))
    faster = _processor_s(narrow, example) < _processor_s(wide, example)
    return (narrow, BFLOAT16) if faster else (wide, FLOAT32)


def _processor_s(model: Network, example: MarkedTokens) -> float:
    """Seconds of processor time for one example, the second time: the first one prepares."""
    spent = []
    for _ in range(2):
        began = time.process_time()
        loss, _ = answer_loss(model, example)
        loss.backward()
        model.zero_grad(set_to_none=True)
        spent.append(time.process_time() - began)
    return spent[-1]
