"""Whether two bodies are the same question: a digest of all that a client does not renew.

A client that fires a hook again sends a new `hookInstance` and a new access token and, while the
chart is unchanged, the same bytes besides. The digest can therefore be had without reading a
megabyte of JSON. It errs to one side only: the same digest is the same question.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["digest_of", "hook_instance_of"]

# Both are cut out of the bytes only where the name stands once in the whole body. A value with an
# escape in it is not cut, so what is left out is exactly one plain JSON string.
_ANEW = tuple(
    (b'"%s"' % name, re.compile(rb'"%s"[ \t\r\n]*:[ \t\r\n]*"([!#-\[\]-~]{1,65536})"' % name))
    for name in (b"hookInstance", b"access_token")
)


def digest_of(about: bytes, body: bytes) -> bytes:
    """32 bytes that are the same for the same question, or b"" for none.

    `about` tells what else makes it another question: who asks, and which service.
    """
    cuts = []
    for name, pattern in _ANEW:
        found = pattern.search(body) if body.count(name) == 1 else None
        if found is not None:
            cuts.append(found.span(1))
        elif name in body:
            return b""
    return _digest(about, body, sorted(cuts))


def hook_instance_of(body: bytes) -> str:
    """The `hookInstance` that `digest_of` left out of a body; "" where it left none out."""
    name, pattern = _ANEW[0]
    found = pattern.search(body) if body.count(name) == 1 else None
    return found[1].decode("ascii") if found is not None else ""


def _digest(about: bytes, body: bytes, cuts: list[tuple[int, int]]) -> bytes:
    """Each piece goes in with its length, so that no two ways of cutting are alike."""
    sums = hashlib.blake2b(digest_size=32)
    begins = 0
    whole = memoryview(body)  # a body is a megabyte: its pieces are not copied
    pieces = [memoryview(about)]
    for start, end in cuts:
        pieces.append(whole[begins:start])
        begins = end
    for piece in (*pieces, whole[begins:]):
        sums.update(len(piece).to_bytes(8, "big"))
        sums.update(piece)
    return sums.digest()
