"""The base model as transformers computes it, read from the GGUF file that the service loads.

The weights are those of the file, dequantised: what is trained is then an adapter of that very
file. The LoRA layers stay in 32 bits whatever the base is computed in.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cds_hooks.inference.model_files.gguf import Header, read_header
from cds_hooks.tuning.training.adapter_tensors import LAYOUTS
from cds_hooks.tuning.training.cpu_recipe import CpuRecipe
from cds_hooks.tuning.training.tuning_errors import TuningError

__all__ = ["Network", "layer_count", "load_base", "trained_architecture", "with_lora"]

Network = Any
"""A `torch.nn.Module` of transformers or peft; neither has types that mypy could read."""


def load_base(path: Path, *, bfloat16: bool = False) -> Network:
    """The model of a GGUF file, not trainable yet. Raises TuningError, ModelFileError."""
    import torch
    from transformers import AutoModelForCausalLM

    trained_architecture(read_header(path), path)
    wanted = torch.bfloat16 if bfloat16 else torch.float32
    try:
        with _quiet():
            model = AutoModelForCausalLM.from_pretrained(
                str(path.parent), gguf_file=path.name, dtype=wanted, attn_implementation="sdpa"
            )
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise TuningError(
            "tune-base-unusable", f"transformers cannot read the model ({type(error).__name__})",
            where=path.name, hint="Use a GGUF file of a family that transformers reads.",
        ) from error  # fmt: skip
    model.requires_grad_(False)
    return model.eval()


def trained_architecture(header: Header, path: Path) -> str:
    """The architecture, of those whose adapters can be written. Raises TuningError."""
    if header.architecture not in LAYOUTS:
        raise TuningError(
            "tune-architecture-unknown",
            f"Adapters of {header.architecture!r} cannot be written here",
            where=path.name, hint=f"Known are {', '.join(sorted(LAYOUTS))}.",
        )  # fmt: skip
    return header.architecture


def layer_count(model: Network) -> int:
    """Transformer blocks of a model."""
    return int(model.config.num_hidden_layers)


def with_lora(model: Network, recipe: CpuRecipe) -> Network:
    """The model with LoRA layers in its last blocks; only they are trainable."""
    import torch
    from peft import LoraConfig, get_peft_model

    count = layer_count(model)
    first = max(count - recipe.last_layers, 0) if recipe.last_layers else 0
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=0.0,
        target_modules=list(recipe.modules),
        layers_to_transform=list(range(first, count)),
    )
    torch.manual_seed(recipe.seed)
    return get_peft_model(model, config)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of the libraries: the command has its own."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield
