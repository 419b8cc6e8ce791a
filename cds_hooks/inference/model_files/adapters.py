"""LoRA adapters: what a site fine-tuned, beside the base model's file and never without it.

Source of the layout: `convert_lora_to_gguf.py` and `src/llama-adapter.cpp` of llama.cpp. A weight
`W` of shape (in, out) is changed by `W.lora_a` (in, rank) and `W.lora_b` (rank, out).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.inference.model_files.gguf import Header, ModelFileError, Tensor

__all__ = ["Adapter", "refuse_unless_it_adapts", "size_of"]

_A, _B = ".lora_a", ".lora_b"
_EMBEDDING = "token_embd.weight"


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter's file, how strongly it counts (1: as trained), and its digest if it is known."""

    path: Path
    scale: float = 1.0
    sha256: str = ""


def size_of(adapters: Sequence[Adapter]) -> int:
    """Bytes of the files; one that is not there is refused at load."""
    return sum(each.path.stat().st_size for each in adapters if each.path.is_file())


def refuse_unless_it_adapts(adapter: Header, base: Header, path: Path) -> None:
    """Raises ModelFileError when `adapter` is no LoRA adapter of `base`, before native code.

    Codes: adapter-not-lora, adapter-of-another-model.
    """
    kinds = adapter.text("general.type"), adapter.text("adapter.type")
    if kinds != ("adapter", "lora"):
        raise ModelFileError(
            "adapter-not-lora", "The file is not a LoRA adapter", where=path.name,
            hint="Convert the adapter with llama.cpp's convert_lora_to_gguf.py.",
        )  # fmt: skip
    trouble = next(_misfits(adapter, base), "")
    if trouble:
        raise ModelFileError(
            "adapter-of-another-model", f"The adapter does not fit the base model: {trouble}",
            where=path.name, hint="Use the base model that the adapter was trained on.",
        )  # fmt: skip


def _misfits(adapter: Header, base: Header) -> Iterator[str]:
    """What does not fit, in words that name keys and tensors."""
    if adapter.architecture != base.architecture:
        yield f"its architecture is {adapter.architecture!r}, not {base.architecture!r}"
    weights = {tensor.name: tensor for tensor in base.tensors}
    parts = {tensor.name: tensor for tensor in adapter.tensors}
    for name, part in parts.items():
        stem = name.removesuffix(_A).removesuffix(_B)
        if stem == name:
            yield f"it brings {name!r} whole, which llama.cpp would leave out"
        elif stem not in weights:
            yield f"it changes {stem!r}, which is not there"
        elif not {stem + _A, stem + _B} <= parts.keys():
            yield f"it brings one half of {stem!r}"
        elif name.endswith(_A) and not _fits(part, parts[stem + _B], weights[stem]):
            yield f"it changes {stem!r} in another shape"


def _fits(a: Tensor, b: Tensor, weight: Tensor) -> bool:
    """Whether the product of both halves has the weight's shape (embeddings lie the other way)."""
    if min(len(a.shape), len(b.shape), len(weight.shape)) < 2:
        return False
    if weight.name == _EMBEDDING:
        return (b.shape[1], a.shape[1]) == weight.shape[:2] and a.shape[0] == b.shape[0]
    outer = (a.shape[0], b.shape[1]) == weight.shape[:2]
    return outer and a.shape[1] == b.shape[0]
