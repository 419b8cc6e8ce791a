"""Forbids a run of tokens from coming twice in one sample's free text: small models loop."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Repeats"]


@dataclass(slots=True)
class Repeats:
    """Runs of `size` tokens that were written; 0 forbids nothing."""

    size: int
    _seen: dict[tuple[int, ...], set[int]] = field(default_factory=dict)
    _tail: tuple[int, ...] = ()

    def banned(self) -> set[int]:
        """Tokens that would complete a run that was written before."""
        return self._seen.get(self._tail, set()) if self.size else set()

    def add(self, token: int) -> None:
        """Remember a token of free text."""
        if not self.size:
            return
        if len(self._tail) == self.size - 1:
            self._seen.setdefault(self._tail, set()).add(token)
        self._tail = (*self._tail, token)[max(0, len(self._tail) + 2 - self.size) :]

    def pause(self) -> None:
        """Another string begins: no run goes from one into the other."""
        self._tail = ()
