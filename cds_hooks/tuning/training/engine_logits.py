"""What llama.cpp computes for given tokens: the logits behind the last of them, row by row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.model_files.adapters import refuse_unless_it_adapts
from cds_hooks.inference.model_files.gguf import read_header
from cds_hooks.inference.requantize import rewrite
from cds_hooks.inference.worker.bindings.native import (
    ContextSize,
    NativeContext,
    NativeModel,
    silence,
)

__all__ = ["EngineLogits", "Logits", "engine_logits", "in_full_precision"]

Logits = NDArray[np.float32]

_ROWS = 64  # rows of logits that one computation is asked for at most


class EngineLogits:
    """One context of the engine, for one sequence after another."""

    def __init__(self, context: NativeContext) -> None:
        self._context = context

    def last(self, ids: Sequence[int], rows: int) -> Logits:
        """The logits at the last `rows` of `ids` as (rows, vocabulary)."""
        context = self._context
        context.clear()
        start = len(ids) - rows
        for begin in range(0, start, context.batch.capacity):
            piece = ids[begin : min(begin + context.batch.capacity, start)]
            context.batch.clear()
            context.batch.add(piece, seq=0, pos=begin, want_last=False)
            context.decode()
        return np.concatenate(
            [self._rows(ids[at : at + _ROWS], at) for at in range(start, len(ids), _ROWS)]
        )

    def _rows(self, ids: Sequence[int], position: int) -> Logits:
        batch = self._context.batch
        batch.clear()
        rows = [
            batch.add([token], seq=0, pos=position + n, want_last=True)
            for n, token in enumerate(ids)
        ]
        self._context.decode()
        return np.stack([self._context.logits(row).copy() for row in rows])


@contextlib.contextmanager
def engine_logits(
    base: Path, adapter: Path | None = None, *, longest: int, threads: int
) -> Iterator[EngineLogits]:
    """The engine on a base model, alone or with an adapter. Raises ModelFileError, NativeError.

    The files are checked as the service checks them before native code sees them.
    """
    header = read_header(base)
    if adapter is not None:
        refuse_unless_it_adapts(read_header(adapter), header, adapter)
    silence()
    model = NativeModel(str(base))
    if adapter is not None:
        model.adapt(str(adapter), 1.0)
    size = ContextSize(cells=longest + _ROWS, batch=512, sequences=_ROWS, threads=threads)
    context = NativeContext(model, size)
    try:
        yield EngineLogits(context)
    finally:
        context.close()
        model.close()


def in_full_precision(base: Path, target: Path) -> None:
    """Write a model again with weights of 32 bits, so that two programs can be compared exactly.

    The engine rounds activations for weights of eight bits, which would hide a small mistake.
    """
    silence()
    rewrite(base, target, "ALL_F32")
