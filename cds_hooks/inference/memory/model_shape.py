"""The shape of a model: what its layers hold for each token and each sequence.

Pure. Source of the keys: `docs/gguf.md` of ggml-org/ggml; of what llama.cpp makes of them:
`src/llama-hparams.cpp`, `src/llama-kv-cache.cpp` and `src/models/*.cpp`.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.inference.memory.context_size import KvType
from cds_hooks.inference.model_catalogue.dimensions import Dimensions
from cds_hooks.inference.model_files.gguf import Header

__all__ = ["LayerShape", "ModelShape", "shape_of", "shape_of_dimensions"]

# Of so many layers the last sees the whole text, where the file does not say which do
# (`load_swa_pattern` in `src/models/*.cpp`); others are reckoned as if every layer did.
_PERIODS = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "exaone4": 4, "olmo2": 4,
}  # fmt: skip
_MOST_LAYERS = 512  # llama.cpp loads no model with more (`LLAMA_MAX_LAYERS`)
_DEFAULT_INTERVAL = {"qwen35": 4, "qwen35moe": 4, "qwen3next": 4}


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Numbers that one layer holds: `keys` and `values` a cell, `state` (32 bit) a sequence.

    `heads` are the heads that share keys and values.
    """

    keys: int = 0
    values: int = 0
    windowed: bool = False
    state: int = 0
    heads: int = 1


@dataclass(frozen=True, slots=True)
class ModelShape:
    """`width` of a token, most query `heads` of a layer, and what one token has inside a layer
    (`feed_forward`); `window` in tokens, 0 where every layer sees the whole text."""

    layers: tuple[LayerShape, ...]
    width: int
    heads: int
    feed_forward: int
    vocabulary: int
    window: int = 0

    def cell(self, layer: LayerShape, kv_type: KvType, *, flash: bool) -> int:
        """Bytes of one cell of a layer's cache.

        Without flash attention values are kept transposed, as wide as in the widest layer.
        """
        if not layer.keys:
            return 0
        values = layer.values if flash else max(each.values for each in self.layers)
        return kv_type.bytes_of(layer.keys) + kv_type.bytes_of(values)

    def fits(self, kv_type: KvType) -> bool:
        """Whether heads can be kept in this type: q8_0 has blocks of 32 values."""
        if kv_type is KvType.F16:
            return True
        of_head = [n // layer.heads for layer in self.layers for n in (layer.keys, layer.values)]
        return not any(width % 32 for width in of_head)


def shape_of(header: Header) -> ModelShape:
    """Read from a file's header, which may say anything: no more layers than llama.cpp loads."""
    count = min(header.of_architecture("block_count"), _MOST_LAYERS)
    width = header.of_architecture("embedding_length")
    window = header.of_architecture("attention.sliding_window")
    return ModelShape(
        layers=tuple(_layer(header, number, count) for number in range(count)),
        width=width,
        heads=max(header.of_architecture("attention.head_count"), 1),
        feed_forward=_feed_forward(header),
        vocabulary=_vocabulary(header),
        window=window,
    )


def shape_of_dimensions(dimensions: Dimensions) -> ModelShape:
    """The same of a model of the catalogue; the layers of a kind are spread evenly."""
    full = dimensions.layers - dimensions.window_layers - dimensions.recurrent_layers
    whole = dimensions.kv_heads * dimensions.head_size
    part = dimensions.window_kv_heads * dimensions.window_head_size
    attending = LayerShape(whole, whole, heads=dimensions.kv_heads)
    other = LayerShape(state=dimensions.recurrent_state)
    if dimensions.window_layers:
        other = LayerShape(part, part, windowed=True, heads=dimensions.window_kv_heads)
    ends = {-(-dimensions.layers * (number + 1) // full) - 1 for number in range(full)}
    return ModelShape(
        layers=tuple(attending if n in ends else other for n in range(dimensions.layers)),
        width=dimensions.width,
        heads=dimensions.heads,
        feed_forward=dimensions.feed_forward,
        vocabulary=dimensions.vocabulary,
        window=dimensions.window,
    )


def _layer(header: Header, number: int, count: int) -> LayerShape:
    heads = max(_at(header, "attention.head_count", number, 1), 1)
    kv_heads = _at(header, "attention.head_count_kv", number, heads)
    if not kv_heads or _recurrent(header, number):
        return LayerShape(state=_state(header))
    if number >= count - header.of_architecture("attention.shared_kv_layers"):
        return LayerShape()
    windowed = _windowed(header, number)
    key, value = _sizes(header, heads, windowed=windowed)
    return LayerShape(kv_heads * key, kv_heads * value, windowed, heads=kv_heads)


def _sizes(header: Header, heads: int, *, windowed: bool) -> tuple[int, int]:
    """Widths of one head's key and value."""
    usual = header.of_architecture("embedding_length") // heads
    key = header.of_architecture("attention.key_length", usual)
    value = header.of_architecture("attention.value_length", usual)
    if not windowed:
        return key, value
    return (
        header.of_architecture("attention.key_length_swa", key),
        header.of_architecture("attention.value_length_swa", value),
    )


def _windowed(header: Header, number: int) -> bool:
    if not header.windows:
        return False
    told = header.metadata.get(f"{header.architecture}.attention.sliding_window_pattern")
    if isinstance(told, tuple) and number < len(told):
        return bool(told[number])
    period = told if isinstance(told, int) and told else _PERIODS.get(header.architecture, 1)
    return number % period < period - 1


def _recurrent(header: Header, number: int) -> bool:
    told = header.metadata.get(f"{header.architecture}.attention.recurrent_layers")
    if isinstance(told, tuple) and number < len(told):
        return bool(told[number])
    usual = _DEFAULT_INTERVAL.get(header.architecture, 0)
    interval = header.of_architecture("full_attention_interval", usual)
    return bool(interval) and (number + 1) % interval != 0


def _state(header: Header) -> int:
    """Values of one recurrent layer's state: the convolution's tail and the inner state."""
    inner = header.of_architecture("ssm.inner_size")
    size = header.of_architecture("ssm.state_size")
    groups = header.of_architecture("ssm.group_count")
    kernel = header.of_architecture("ssm.conv_kernel")
    return max(kernel - 1, 0) * (inner + 2 * groups * size) + inner * size


def _feed_forward(header: Header) -> int:
    experts = header.of_architecture("expert_used_count")
    each = header.of_architecture("expert_feed_forward_length")
    shared = header.of_architecture("expert_shared_feed_forward_length")
    dense = 0 if each and header.architecture != "gemma4" else 1
    whole = header.of_architecture("feed_forward_length")
    return max(dense * whole + experts * each + shared, whole)


def _vocabulary(header: Header) -> int:
    for tensor in header.tensors:
        if tensor.name == "token_embd.weight" and tensor.shape:
            return tensor.shape[-1]
    return header.of_architecture("vocab_size")


def _at(header: Header, key: str, number: int, default: int) -> int:
    """A number that a layer may have of its own."""
    told = header.metadata.get(f"{header.architecture}.{key}")
    if isinstance(told, tuple):
        value = told[number] if number < len(told) else default
        return int(value) if isinstance(value, int) else default
    return header.of_architecture(key, default)
