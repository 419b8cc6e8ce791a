"""Terminology names as a trie over token ids: what a name position may hold, token by token.

Compact arrays in breadth-first order. Edge `e` leads to node `e + 1`; the edges of node `n` are
`first[n]` to `first[n + 1]`. `leaf[n]` is the number of the name that ends at `n`, or -1;
`below[n]` counts the names at and under `n`; `concept[i]` is equal for names of one concept. The
number of a name is its place in the list that the trie was built from.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

__all__ = ["NameTrie", "build_trie", "load_trie", "read_names"]

_FORMAT = b"chartside name trie 1"
_MAX_NAME = 120
_ARRAYS = ("first", "token", "leaf", "below", "concept")
Ints = NDArray[np.int32]
_Node = dict[int, "_Node"]


@dataclass(frozen=True)
class NameTrie:
    """The arrays of the module's docstring."""

    first: Ints
    token: Ints
    leaf: Ints
    below: Ints
    concept: Ints

    def children(self, node: int) -> tuple[Ints, Ints]:
        """Token ids that go on from `node`, ascending, and the nodes they lead to."""
        start, end = int(self.first[node]), int(self.first[node + 1])
        return self.token[start:end], np.arange(start + 1, end + 1, dtype=np.int32)

    def of_concept(self, concept: int) -> list[int]:
        """Numbers of the names of one concept."""
        return [int(name) for name in np.flatnonzero(self.concept == concept)]

    def nodes_to(self, name: int) -> list[int]:
        """The nodes from the root to where a name ends, or none when it is not in the trie."""
        node, found = int(self._end[name]), []
        while node >= 0:
            found.append(node)
            node = int(self._parent[node])
        return found[::-1]

    def path(self, name: int) -> list[int]:
        """Token ids of a name."""
        return [int(self.token[node - 1]) for node in self.nodes_to(name)[1:]]

    def sound(self, vocabulary: int) -> bool:
        """Whether the arrays fit each other (a cached file may be damaged)."""
        nodes, edges = len(self.leaf), len(self.token)
        if nodes != edges + 1 or len(self.first) != nodes + 1 or len(self.below) != nodes:
            return False
        rising = self.first[0] == 0 and self.first[-1] == edges and np.all(np.diff(self.first) >= 0)
        tokens_known = edges == 0 or (self.token.min() >= 0 and self.token.max() < vocabulary)
        return bool(rising and tokens_known and self.leaf.max(initial=-1) < len(self.concept))

    @cached_property
    def _parent(self) -> Ints:
        above = np.repeat(np.arange(len(self.leaf), dtype=np.int32), np.diff(self.first))
        return np.concatenate([np.array([-1], np.int32), above])

    @cached_property
    def _end(self) -> Ints:
        ends = np.full(len(self.concept), -1, np.int32)
        at = np.flatnonzero(self.leaf >= 0)
        ends[self.leaf[at]] = at
        return ends


def read_names(path: Path) -> list[tuple[str, str]]:
    """Names and concept keys from a file with one name a line, UTF-8.

    A line is `name`, or `name TAB key`: names of one key are the same diagnosis. Blank lines and
    lines that begin with `#` are skipped, as are names that a JSON string would have to escape.
    """
    found: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines():
        name, _, key = line.partition("\t")
        name = name.strip()
        plain = name.isprintable() and not set(name) & {'"', "\\"}
        if name and plain and not name.startswith("#") and len(name) <= _MAX_NAME:
            found.setdefault(name, key.strip() or name.casefold())
    return list(found.items())


Tokenize = Callable[[Sequence[str]], Sequence[list[int]]]
"""Token ids of each of many texts."""


def build_trie(names: Sequence[tuple[str, str]], tokenize: Tokenize) -> NameTrie:
    """The trie of `names` (name, concept key); a name's number is its place in them."""
    keys: dict[str, int] = {}
    concept = [keys.setdefault(key, len(keys)) for _, key in names]
    root: _Node = {}
    ends: dict[int, int] = {}
    for number, tokens in enumerate(tokenize([name for name, _ in names])):
        node = root
        for token in tokens:
            node = node.setdefault(token, {})
        if node is not root:
            ends.setdefault(id(node), number)
    return _flatten(root, ends, concept)


def _flatten(root: _Node, ends: dict[int, int], concept: list[int]) -> NameTrie:
    nodes, first, token, parent = [root], [0], [], [-1]
    for number, node in enumerate(nodes):
        for key in sorted(node):
            token.append(key)
            parent.append(number)
            nodes.append(node[key])
        first.append(len(token))
    leaf = np.array([ends.get(id(node), -1) for node in nodes], np.int32)
    below = (leaf >= 0).astype(np.int32)
    for number in range(len(nodes) - 1, 0, -1):
        below[parent[number]] += below[number]
    as_ints = [np.array(values, np.int32) for values in (first, token, concept)]
    return NameTrie(as_ints[0], as_ints[1], leaf, below, as_ints[2])


def load_trie(
    path: Path,
    tokenize: Tokenize,
    *,
    key: str,
    vocabulary: int,
    cache: Path | None,
) -> NameTrie:
    """The trie of a names file, from the folder `cache` when it is there.

    `key` tells apart what else decides the tokens: the model's digest and the form of the names.
    Raises OSError or UnicodeDecodeError when the names file cannot be read.
    """
    digest = hashlib.sha256(b"\0".join([_FORMAT, key.encode(), path.read_bytes()]))
    stored = cache / f"names-{digest.hexdigest()[:32]}.npz" if cache else None
    trie = _read(stored, vocabulary) if stored else None
    if trie is None:
        trie = build_trie(read_names(path), tokenize)
        if stored:
            _write(stored, trie)
    return trie


def _read(path: Path, vocabulary: int) -> NameTrie | None:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            trie = NameTrie(*(held[name].astype(np.int32) for name in _ARRAYS))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return trie if trie.sound(vocabulary) else None


def _write(path: Path, trie: NameTrie) -> None:
    """A cache that cannot be written costs time at the next start, nothing else."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as out:
            np.savez(out, **{name: getattr(trie, name) for name in _ARRAYS})
        Path(out.name).replace(path)
    except OSError:
        return
