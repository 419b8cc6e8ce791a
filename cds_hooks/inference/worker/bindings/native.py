"""llama.cpp's low-level API in Python's terms: a model with its vocabulary, and one context.

Source of the call sequence: `include/llama.h` of llama.cpp. A context belongs to one thread; the
vocabulary is read-only and may be used by any.
"""

from __future__ import annotations

import ctypes
import logging
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import llama_cpp as lib
import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.memory.context_size import ContextSize, Placement
from cds_hooks.inference.worker.bindings.ggml_devices import gpu_facts
from cds_hooks.inference.worker.bindings.llama_batch import LlamaBatch
from cds_hooks.inference.worker.bindings.params import context_params, model_params
from cds_hooks.inference.worker.bindings.versions import difference

__all__ = [
    "ContextSize",
    "DecodeFailed",
    "Floats",
    "NativeContext",
    "NativeError",
    "NativeModel",
    "library",
    "silence",
]

_log = logging.getLogger(__name__)
_WARNING = 3  # ggml_log_level: 1 debug, 2 info, 3 warn, 4 error, 5 continuation
_ERROR = 4
_LONGEST_PIECE = 4096
_OTHER = "libllama is of another version"
_WITHOUT = "libllama looks for its backends elsewhere: build it with -DGGML_BACKEND_DL=OFF"
_DEFAULTS = (512, 2048, 512, 1, 1)  # cells, batch, micro-batch, keys and values as f16
Floats = NDArray[np.float32]
_ON_PROCESSOR = Placement()


class NativeError(Exception):
    """llama.cpp refused; `code` is stable and kebab-case, no value of a request is in the text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DecodeFailed(NativeError):
    """`llama_decode` returned something else than 0."""


@lib.llama_log_callback  # type: ignore[untyped-decorator]
def _on_log(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    if level in (_WARNING, _ERROR):
        _log.log(logging.WARNING if level == _WARNING else logging.ERROR, "%s", text[:400])


def silence() -> None:
    """Send llama.cpp's log through Python's logging instead of the standard streams."""
    lib.llama_log_set(_on_log, ctypes.c_void_p(0))
    lib.llama_backend_init()


def library() -> dict[str, str]:
    """Which library this is, what it uses of the processor, and its GPUs. Raises NativeError.

    The structures that functions take have no version. Of another one their defaults, read by our
    layout, are not what they are in this one (`llama_context_default_params` of llama.cpp).
    """
    told = lib.llama_context_default_params()
    other = (told.n_ctx, told.n_batch, told.n_ubatch, told.type_k, told.type_v) != _DEFAULTS
    if (missing := difference()) or other:
        said = f"libllama is of another version ({missing})" if missing else _OTHER
        raise NativeError("engine-library-unusable", f"library-of-another-version: {said}")
    gpus = gpu_facts()
    if gpus.get("backends") == "":
        raise NativeError("engine-library-unusable", f"library-without-backends: {_WITHOUT}")
    listed = lib.llama_print_system_info().decode("utf-8", "replace")
    used = re.findall(r"([A-Z][A-Z0-9_]*) = 1\b", listed)
    return {
        "engine": f"llama-cpp-python {lib.__version__}",
        "built_with": " ".join(used),
        **gpus,
    }


class NativeModel:
    """A loaded GGUF and its vocabulary."""

    def __init__(
        self,
        path: str,
        placement: Placement = _ON_PROCESSOR,
        *,
        extra_buffers: bool = True,
        vocabulary_alone: bool = False,
    ) -> None:
        """`extra_buffers` lets llama.cpp repack weights for this processor's own instructions;
        `vocabulary_alone` loads no weights: such a model tokenises, and has no context."""
        params = model_params(placement, extra_buffers=extra_buffers)
        params.vocab_only = vocabulary_alone
        self.handle = lib.llama_model_load_from_file(path.encode(), params)
        if not self.handle:
            raise NativeError("model-not-loadable", "llama.cpp could not load the model file")
        self._buffer = ctypes.create_string_buffer(_LONGEST_PIECE)
        self._adapters: list[tuple[Any, float]] = []
        self.vocab = lib.llama_model_get_vocab(self.handle)
        self.size = int(lib.llama_vocab_n_tokens(self.vocab))

    def adapt(self, path: str, scale: float) -> None:
        """Load a LoRA adapter for every context that is made from now on."""
        handle = lib.llama_adapter_lora_init(self.handle, path.encode())
        if not handle:
            raise NativeError("adapter-not-loadable", "llama.cpp could not load the adapter")
        self._adapters.append((handle, scale))

    def set_adapters(self, context: Any) -> None:
        """Let a new context speak with the adapters, each as strongly as its scale says."""
        count = len(self._adapters)
        if not count:
            return
        handles = (lib.llama_adapter_lora_p_ctypes * count)(*(h for h, _ in self._adapters))
        scales = (ctypes.c_float * count)(*(scale for _, scale in self._adapters))
        if lib.llama_set_adapters_lora(context, handles, count, scales) != 0:
            raise NativeError("adapter-not-loadable", "llama.cpp could not apply the adapters")

    @cached_property
    def trained_for(self) -> int:
        """Tokens of the longest text that the model was trained on."""
        return int(lib.llama_model_n_ctx_train(self.handle))

    def close(self) -> None:
        """Free the model; the object is unusable afterwards."""
        lib.llama_model_free(self.handle)

    @property
    def recurrent(self) -> bool:
        """Whether some layers keep one state for each sequence."""
        recurrent = lib.llama_model_is_recurrent(self.handle)
        return bool(recurrent or lib.llama_model_is_hybrid(self.handle))

    @property
    def window(self) -> int:
        """Tokens that layers with a sliding window see; 0 where there are none."""
        return int(lib.llama_model_n_swa(self.handle))

    @property
    def splits_words(self) -> bool:
        """Whether the tokenizer splits a text by a pattern first, so that lines do not matter to
        each other (byte-level BPE)."""
        return bool(lib.llama_vocab_type(self.vocab) == lib.LLAMA_VOCAB_TYPE_BPE)

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Token ids of `text`; control tokens are recognised in it only when `special`."""
        raw = text.encode("utf-8", "replace")
        capacity = len(raw) + 8
        while True:
            ids = (lib.llama_token * capacity)()
            count = lib.llama_tokenize(self.vocab, raw, len(raw), ids, capacity, False, special)
            if count >= 0:
                return list(ids[:count])
            capacity = -count

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes every token writes, control tokens included, by token id."""
        return [self.piece(token) for token in range(self.size)]

    def piece(self, token: int) -> bytes:
        """The bytes that one token writes."""
        write, buffer = lib.llama_token_to_piece, self._buffer
        size = write(self.vocab, token, buffer, _LONGEST_PIECE, 0, True)
        return ctypes.string_at(buffer, max(size, 0))

    @cached_property
    def control(self) -> frozenset[int]:
        """Tokens that are not text: control tokens, and added ones that are not white space.

        GGUF files disagree on whether a turn or thinking marker is a control or a user-defined
        token (llama.cpp parses the latter in any text), so both count as markers.
        """
        found = set()
        for token in range(self.size):
            attr = lib.llama_vocab_get_attr(self.vocab, token)
            marker = attr & lib.LLAMA_TOKEN_ATTR_USER_DEFINED and self.pieces[token].strip()
            if attr & lib.LLAMA_TOKEN_ATTR_CONTROL or marker:
                found.add(token)
        return frozenset(found)

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end a generation (`llama_vocab_is_eog`)."""
        return frozenset(t for t in self.control if lib.llama_vocab_is_eog(self.vocab, t))

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens write; bytes that are not UTF-8 become the replacement character."""
        return b"".join(self.pieces[token] for token in tokens).decode("utf-8", "replace")


class NativeContext:
    """One llama.cpp context with a unified KV cache that its sequences share."""

    def __init__(self, model: NativeModel, size: ContextSize) -> None:
        self.model = model
        self.size = size
        self.handle = lib.llama_init_from_model(model.handle, context_params(size))
        if not self.handle:
            raise NativeError("context-not-made", "llama.cpp could not allocate the context")
        model.set_adapters(self.handle)
        self.cells = int(lib.llama_n_ctx(self.handle))
        self.batch = LlamaBatch(size.batch)
        self.longest = min(self.cells, model.trained_for)
        self._memory = lib.llama_get_memory(self.handle)
        self._row = ctypes.c_float * model.size
        self._threads = 0

    @property
    def cuttable(self) -> bool:
        """Whether the state of a sequence can be cut at any position.

        Recurrent layers keep one state and cannot go back. Sliding windows can where their cache is
        kept whole (`swa_full`); otherwise what the window has passed is gone.
        """
        return not self.model.recurrent and not (self.size.windowed and self.model.window)

    def close(self) -> None:
        """Free the context; the object is unusable afterwards."""
        lib.llama_free(self.handle)

    def decode(self) -> None:
        """Evaluate the batch. Raises DecodeFailed (1: no cells, 2: aborted, negative: error)."""
        self._set_threads()
        status = lib.llama_decode(self.handle, self.batch.native())
        if status != 0:
            raise DecodeFailed("decode-failed", f"llama_decode returned {status}")

    def _set_threads(self) -> None:
        """llama.cpp takes any batch of more than one token for a prompt; samples that are decoded
        side by side are none."""
        size, decoding = self.size, self.batch.used <= self.size.sequences
        threads = size.threads if decoding else size.threads_of_prompts
        if threads != self._threads:
            lib.llama_set_n_threads(self.handle, threads, threads)
            self._threads = threads

    def logits(self, row: int) -> Floats:
        """The logits of one batch row that was added with `want_last`, (vocabulary,).

        It is llama.cpp's memory, not a copy: to be read before the next decode, not to be written.
        """
        pointer = lib.llama_get_logits_ith(self.handle, row)
        if not pointer:
            raise DecodeFailed("decode-failed", "no logits for a row of the batch")
        lent = memoryview(self._row.from_address(ctypes.addressof(pointer.contents)))
        found: Floats = np.frombuffer(lent, np.float32)
        return found

    def fork(self, source: int, target: int) -> None:
        """Let `target` share every cell of `source`; whatever `target` held is dropped."""
        lib.llama_memory_seq_rm(self._memory, target, -1, -1)
        lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def state_size(self, seq: int) -> int:
        """Bytes of what a sequence holds."""
        return int(lib.llama_state_seq_get_size(self.handle, seq))

    def state(self, seq: int) -> bytearray:
        """What a sequence holds, for `restore` in a context of the same model and build."""
        state = bytearray(self.state_size(seq))
        buffer = (ctypes.c_uint8 * len(state)).from_buffer(state)
        written = lib.llama_state_seq_get_data(self.handle, buffer, len(state), seq)
        del buffer  # a bytearray cannot be cut while it is lent
        del state[written:]
        return state

    def restore(self, seq: int, state: bytearray) -> bool:
        """Put a state into a sequence; False, and an empty one, when llama.cpp does not take it."""
        self.drop(seq)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer(state)
        if lib.llama_state_seq_set_data(self.handle, buffer, len(state), seq):
            return True
        self.drop(seq)
        return False

    def clear(self) -> None:
        """Free every cell of every sequence, and what they held."""
        lib.llama_memory_clear(self._memory, True)

    def drop(self, seq: int, start: int = -1) -> bool:
        """Free a sequence's cells from position `start` on; False if it cannot be cut there."""
        return bool(lib.llama_memory_seq_rm(self._memory, seq, start, -1))
