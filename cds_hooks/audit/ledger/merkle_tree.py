"""The Merkle tree of RFC 6962 (section 2.1): hashes, roots, and proofs with their verification.

Pure. A leaf's index is its record's `seq`. A node is named by `(level, index)`: it covers the
leaves from `index << level` on, `1 << level` of them, and exists once all of them do. A proof reads
and hashes O(log n) of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cds_hooks.audit.ledger.ledger_errors import ProofInvalid

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Frontier",
    "Node",
    "ReadNode",
    "consistency_proof",
    "frontier_nodes",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

ReadNode = Callable[[int, int], bytes]
"""A complete node's hash by level and index."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's data. Its prefix keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two nodes side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Node:
    """A node that has become complete."""

    level: int
    index: int
    hash: bytes


class Frontier:
    """The complete subtrees at the right edge: all that appending and the root need.

    `hashes` are the roots of the subtrees, the largest first, one for each bit of `size`.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count():
            raise ProofInvalid("a frontier has one hash for each bit of its size", where="tree")
        self.size = size
        self._hashes = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> list[Node]:
        """Add a leaf hash; returns the inner nodes that it completes, the lowest first."""
        completed: list[Node] = []
        level, index, hash_ = 0, self.size, leaf
        while index & 1:
            hash_ = node_hash(self._hashes.pop(), hash_)
            level, index = level + 1, index >> 1
            completed.append(Node(level, index, hash_))
        self._hashes.append(hash_)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return _fold(self._hashes)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def frontier_nodes(size: int) -> list[tuple[int, int]]:
    """Level and index of the nodes at the right edge of a tree of this size, the largest first."""
    return _cover(0, size)


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    """The audit path of a leaf in the tree of the first `size` leaves (section 2.1.1)."""
    if not 0 <= index < size:
        raise ProofInvalid("the record is not in a ledger of this size", where=f"seq {index}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(begin, middle, read))
            begin = middle
    return path[::-1]


def consistency_proof(first: int, second: int, read: ReadNode) -> list[bytes]:
    """The proof that the tree of `first` leaves begins that of `second` (section 2.1.2)."""
    if not 0 <= first <= second:
        raise ProofInvalid("the first ledger is longer than the second", where=f"size {first}")
    if first in (0, second):
        return []
    path: list[bytes] = []
    begin, end, whole = 0, second, True
    while first != end:
        middle = begin + _split(end - begin)
        if first <= middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(begin, middle, read))
            begin, whole = middle, False
    if not whole:
        path.append(_range_root(begin, end, read))
    return path[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Raise ProofInvalid unless the path leads from the leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofInvalid("the record is not in a ledger of this size", where=f"seq {index}")
    place, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise ProofInvalid("the path is longer than the tree is high", where=f"seq {index}")
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    if last or found != root:
        raise ProofInvalid("the path does not lead to the signed root", where=f"seq {index}")


def verify_consistency(
    first: int, second: int, path: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Raise ProofInvalid unless the path leads to both roots (RFC 9162, 2.1.4.2)."""
    where = f"size {first} to {second}"
    if not 0 <= first <= second:
        raise ProofInvalid("the first ledger is longer than the second", where=where)
    if first in (0, second):
        if path or first_root != (second_root if first else EMPTY_ROOT):
            raise ProofInvalid("the roots differ", where=where)
        return
    steps = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not steps or _roots(first, second, steps, where) != (first_root, second_root):
        raise ProofInvalid("the later ledger is no continuation of the earlier one", where=where)


def _roots(first: int, second: int, steps: Sequence[bytes], where: str) -> tuple[bytes, bytes]:
    """The two roots that a consistency proof leads to."""
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofInvalid("the path is longer than the tree is high", where=where)
        if place & 1 or place == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, step)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofInvalid("the path is shorter than the tree is high", where=where)
    return old, new


def _split(count: int) -> int:
    """The largest power of two below `count`, which is above one."""
    return 1 << ((count - 1).bit_length() - 1)


def _cover(begin: int, end: int) -> list[tuple[int, int]]:
    """The complete nodes over a range that begins where a subtree of its length may begin."""
    nodes: list[tuple[int, int]] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


def _range_root(begin: int, end: int, read: ReadNode) -> bytes:
    return _fold([read(level, index) for level, index in _cover(begin, end)])


def _fold(hashes: Sequence[bytes]) -> bytes:
    """The root over subtrees from left to right, of which each is larger than the next."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root
