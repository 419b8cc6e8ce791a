"""How a model is loaded: the sizes of its context and its place on GPUs, as plain values.

Source of what each means: `include/llama.h` of llama.cpp (`llama_model_params`,
`llama_context_params`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

__all__ = ["MOST_SEQUENCES", "Choice", "ContextSize", "KvType", "Placement", "Sizes", "SplitMode"]

MOST_SEQUENCES = 256
"""Sequences that a context of llama.cpp can have (`LLAMA_MAX_SEQ`)."""

_BLOCK = 256  # llama.cpp pads its contexts to this


class Choice(StrEnum):
    """Something that a site decides, or leaves to what is measured at load."""

    MEASURED = "measured"
    ON = "on"
    OFF = "off"


class KvType(StrEnum):
    """The type of keys and values in the cache."""

    F16 = "f16"
    Q8_0 = "q8_0"

    def bytes_of(self, values: int) -> int:
        """Bytes of so many values; q8_0 has blocks of 32 values in 34 bytes.

        Source: `GGML_QUANT_SIZES` of gguf-py.
        """
        return 2 * values if self is KvType.F16 else values // 32 * 34


class SplitMode(StrEnum):
    """How a model is shared among several GPUs."""

    NONE = "none"
    LAYER = "layer"
    ROW = "row"


@dataclass(frozen=True, slots=True)
class ContextSize:
    """What a context is made with: cells over all sequences, tokens a batch, sequences, threads.

    `flash` lets llama.cpp compute attention in one piece where its device can. `micro_batch` are
    the tokens that are computed at once (0: a whole batch), `prompt_threads` those for prompts
    (0: `threads`). `windowed` keeps of layers with a sliding window only what the window sees.
    """

    cells: int
    batch: int
    sequences: int
    threads: int
    flash: bool = False
    micro_batch: int = 0
    prompt_threads: int = 0
    kv_type: KvType = KvType.F16
    windowed: bool = False

    @property
    def computed(self) -> int:
        """Tokens that are computed at once."""
        return min(self.micro_batch or self.batch, self.batch)

    @property
    def native_sequences(self) -> int:
        """Sequences to make it with, for as many that are used.

        A cache of windows has space for one window a sequence, and samples that share a prompt hold
        its window beside their own (`llama_kv_cache_iswa`).
        """
        own = -(-self.sequences // 2) if self.windowed else 0
        return min(self.sequences + own, MOST_SEQUENCES)

    @property
    def outputs(self) -> int:
        """Rows of logits that one computation can be asked for: one a sequence."""
        return min(self.native_sequences, self.computed)

    @property
    def reserved(self) -> int:
        """Tokens that llama.cpp allocates for: whole rounds of all sequences (`graph_reserve`)."""
        return -(-self.computed // self.native_sequences) * self.native_sequences

    @property
    def threads_of_prompts(self) -> int:
        """Threads that evaluate a prompt."""
        return self.prompt_threads or self.threads

    def frame(self) -> dict[str, Any]:
        """The same for the engine process."""
        return asdict(self)

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError when the frame is not a context's size."""
        numbers = ("cells", "batch", "sequences", "threads", "micro_batch", "prompt_threads")
        return cls(
            **{name: int(frame[name]) for name in numbers},
            flash=bool(frame["flash"]),
            kv_type=KvType(frame["kv_type"]),
            windowed=bool(frame["windowed"]),
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """What of a model is on GPUs: layers (-1: all), and how several GPUs share them.

    `tensor_split` are their shares (empty: by their free memory), `main_gpu` is the one that holds
    all with `SplitMode.NONE`.
    """

    gpu_layers: int = 0
    split_mode: SplitMode = SplitMode.LAYER
    tensor_split: tuple[float, ...] = ()
    main_gpu: int = 0

    def frame(self) -> dict[str, Any]:
        """The same for the engine process."""
        return asdict(self)

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError when the frame is not a placement."""
        return cls(
            gpu_layers=int(frame["gpu_layers"]),
            split_mode=SplitMode(frame["split_mode"]),
            tensor_split=tuple(float(share) for share in frame["tensor_split"]),
            main_gpu=int(frame["main_gpu"]),
        )


@dataclass(frozen=True, slots=True)
class Sizes:
    """What decides, beside the model itself, how much memory it takes.

    `slots` prompts and as many system parts are kept, as much as `kept_cells` hold. `repacks` lets
    llama.cpp repack weights for a processor with `features`. `names` are the bytes of a file of
    names.
    """

    size: ContextSize
    placement: Placement = field(default_factory=Placement)
    slots: int = 0
    kept_cells: int = 0
    repacks: bool = True
    features: tuple[str, ...] = ()
    names: int = 0

    def context(self, *, windows: bool) -> ContextSize:
        """The size of the context that a model with or without sliding windows is given.

        A copy of what a model with windows holds could not be cut, so what is kept stays inside,
        unless the cache is windowed and cannot be cut anyway.
        """
        if not windows:
            return replace(self.size, windowed=False)
        if self.size.windowed or not self.slots:
            return self.size
        return replace(
            self.size,
            cells=-(-(self.size.cells + self.kept_cells) // _BLOCK) * _BLOCK,
            sequences=min(self.size.sequences + 2 * self.slots, MOST_SEQUENCES),
        )

    def keeps_copies(self, *, windows: bool) -> bool:
        """Whether what is kept lies outside the context."""
        return bool(self.slots) and (self.size.windowed or not windows)
