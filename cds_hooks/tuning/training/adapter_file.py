"""The trained halves as a GGUF LoRA adapter, as llama.cpp's `convert_lora_to_gguf.py` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cds_hooks.tuning.training.adapter_tensors import LAYOUTS, Matrix, gguf_name, interleaved
from cds_hooks.tuning.training.base_model import Network

__all__ = ["Half", "trained_halves", "write_adapter"]

_MODULE = re.compile(r"\.layers\.(\d+)\.((?:self_attn|mlp)\.\w+)\.lora_([AB])\.default\.weight$")

Half = tuple[str, Matrix]
"""A tensor's name in the file, and its values as (rows, columns)."""


def trained_halves(model: Network, architecture: str) -> Iterator[Half]:
    """Every LoRA half of a peft model in the layout of the architecture's files."""
    config = model.config
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, weight in model.named_parameters():
        found = _MODULE.search(name)
        if found is None:
            continue
        layer, module, half = int(found[1]), found[2], found[3]
        values: Matrix = weight.detach().float().numpy()
        count = heads.get(module.rpartition(".")[2], 0)
        if half == "B" and count and LAYOUTS[architecture].interleaves:
            values = interleaved(values, count)
        yield f"{gguf_name(layer, module)}.lora_{half.lower()}", values


def write_adapter(
    path: Path, halves: Iterable[Half], *, architecture: str, alpha: float, name: str
) -> None:
    """Write the file, complete or not at all. Values are kept in 32 bits."""
    from gguf import GGUFWriter

    part = path.with_suffix(".part")
    writer = GGUFWriter(str(part), architecture)
    writer.add_string("general.type", "adapter")
    writer.add_string("general.name", name)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for tensor, values in halves:
        writer.add_tensor(tensor, np.ascontiguousarray(values, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)
