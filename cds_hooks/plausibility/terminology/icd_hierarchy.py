"""The ICD-10-CM tree: what several codes have in common."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

__all__ = ["Parents", "chain", "common_code"]


class Parents(Protocol):
    """Code -> its parent code, None for a three-character category; a dict will do."""

    def get(self, code: str, /) -> str | None: ...


def chain(code: str, parents: Parents) -> list[str]:
    """A code and its ancestors, the category last."""
    out = [code]
    while (parent := parents.get(out[-1])) is not None:
        out.append(parent)
    return out


def common_code(codes: Collection[str], parents: Parents) -> str | None:
    """The one code that stands for several: the deepest when all lie on one line of descent,
    otherwise their nearest common ancestor; None when they share no category."""
    chains = [chain(c, parents)[::-1] for c in sorted(codes)]
    if not chains:
        return None
    longest = max(chains, key=len)
    if all(longest[: len(c)] == c for c in chains):
        return longest[-1]
    shared = None
    for level in zip(*chains, strict=False):
        if len(set(level)) > 1:
            break
        shared = level[0]
    return shared
