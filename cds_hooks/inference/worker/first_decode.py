"""One small decode before the model counts as ready: a prompt's batch, then a single token.

Native code that is wrong for this processor dies, or computes nonsense, at its first decode. That
must not be the first chart's.
"""

from __future__ import annotations

import numpy as np

from cds_hooks.inference.worker.bindings.native import NativeContext, NativeError
from cds_hooks.inference.worker.injected_faults import InjectedFault

__all__ = ["check_first_decode"]

_TEXT = "A 54-year-old has had a fever, a cough and pain in the chest for three days. "
_TOKENS = 32


def check_first_decode(context: NativeContext, fault: InjectedFault) -> None:
    """Decode, look at the numbers, leave the context empty. Raises NativeError, DecodeFailed."""
    words = context.model.tokenize(_TEXT, special=False) or [0]
    length = max(1, min(_TOKENS, context.size.batch, context.longest - 1))
    prompt = (words * length)[:length]
    fault.strike("decode")
    try:
        following = _decoded(context, prompt, 0)
        _decoded(context, [following], len(prompt))
    finally:
        context.batch.clear()
    context.drop(0)


def _decoded(context: NativeContext, tokens: list[int], pos: int) -> int:
    """The likeliest token after these."""
    context.batch.clear()
    row = context.batch.add(tokens, seq=0, pos=pos, want_last=True)
    try:
        context.decode()
        logits = context.logits(row)
    except NativeError as error:
        raise NativeError("engine-proof-failed", f"The first decode failed: {error}") from None
    if not np.isfinite(logits).all():
        raise NativeError("engine-proof-failed", "The first decode gave no numbers")
    return int(logits.argmax())
