"""Proofs that are right but for their sizes: one is for one pair of sizes and no other."""

from __future__ import annotations

import pytest

from cds_hooks.audit.ledger import merkle_tree
from cds_hooks.audit.ledger.ledger_errors import ProofInvalid

LEAVES = [merkle_tree.leaf_hash(b"%d" % n) for n in range(34)]
NODES: dict[tuple[int, int], bytes] = {(0, n): leaf for n, leaf in enumerate(LEAVES)}
FRONTIER = merkle_tree.Frontier()
for each in LEAVES:
    for node in FRONTIER.append(each):
        NODES[node.level, node.index] = node.hash
ROOTS = [merkle_tree.root_of(LEAVES[:size]) for size in range(len(LEAVES) + 1)]


def read(level: int, index: int) -> bytes:
    return NODES[level, index]


def continues(first: int, second: int, path: list[bytes], old: bytes, new: bytes) -> bool:
    try:
        merkle_tree.verify_consistency(first, second, path, old, new)
    except ProofInvalid:
        return False
    return True


# First and second size of a proof, and the sizes that its hashes and roots can belong to. The
# hashes of a tree do not tell its size beyond its height (RFC 9162, 2.1.4.2): that is signed.
SIZES = {
    (1, 2): (2,),
    (1, 3): (3, 4), (2, 3): (3, 4),
    (1, 4): (3, 4), (2, 4): (3, 4), (3, 4): (4,),
    (1, 5): (5, 6, 7, 8), (2, 5): (5, 6, 7, 8), (3, 5): (5, 6, 7, 8), (4, 5): (5, 6, 7, 8),
    (1, 6): (5, 6, 7, 8), (2, 6): (5, 6, 7, 8), (3, 6): (5, 6, 7, 8), (4, 6): (5, 6, 7, 8),
    (5, 6): (6,),
    (1, 7): (5, 6, 7, 8), (2, 7): (5, 6, 7, 8), (3, 7): (5, 6, 7, 8), (4, 7): (5, 6, 7, 8),
    (5, 7): (7, 8), (6, 7): (7, 8),
    (1, 8): (5, 6, 7, 8), (2, 8): (5, 6, 7, 8), (3, 8): (5, 6, 7, 8), (4, 8): (5, 6, 7, 8),
    (5, 8): (7, 8), (6, 8): (7, 8), (7, 8): (8,),
}  # fmt: skip


@pytest.mark.parametrize(("sizes", "passes"), SIZES.items())
def test_a_proof_passes_for_no_size_of_another_height(
    sizes: tuple[int, int], passes: tuple[int, ...]
) -> None:
    first, second = sizes
    path = merkle_tree.consistency_proof(first, second, read)
    found = [
        other for other in range(17) if continues(first, other, path, ROOTS[first], ROOTS[second])
    ]
    assert tuple(found) == passes


def test_a_proof_passes_with_no_other_root() -> None:
    for first, second in SIZES:
        path = merkle_tree.consistency_proof(first, second, read)
        for other in range(1, 9):
            if other != first:
                assert not continues(first, second, path, ROOTS[other], ROOTS[second])
            if other != second:
                assert not continues(first, second, path, ROOTS[first], ROOTS[other])


def test_a_step_more_or_less_is_refused() -> None:
    for second in range(2, 18):
        for first in range(1, second):
            path = merkle_tree.consistency_proof(first, second, read)
            old, new = ROOTS[first], ROOTS[second]
            for wrong in (path[:-1], path[1:], [*path, path[-1]], [*path, new], [path[0], *path]):
                assert not continues(first, second, wrong, old, new), (first, second)


def test_an_inclusion_is_for_one_size_only() -> None:
    for size in range(1, 18):
        for index in range(size):
            path = merkle_tree.inclusion_proof(index, size, read)
            for wrong in (path[:-1], [*path, ROOTS[size]]):
                if wrong != path:
                    with pytest.raises(ProofInvalid):
                        merkle_tree.verify_inclusion(LEAVES[index], index, size, wrong, ROOTS[size])
            for other in (size - 1, size + 1, 2 * size):
                found = (LEAVES[index], index, other, path)
                with pytest.raises(ProofInvalid):
                    merkle_tree.verify_inclusion(*found, ROOTS[other])


@pytest.mark.parametrize(
    ("first", "second", "good"),
    [(0, 0, True), (0, 1, True), (1, 1, True), (2, 1, False), (-1, 1, False), (-1, -1, False)],
)
def test_sizes_of_which_one_continues_the_other(first: int, second: int, good: bool) -> None:
    old = ROOTS[first] if first >= 0 else merkle_tree.EMPTY_ROOT
    new = ROOTS[second] if second >= 0 else merkle_tree.EMPTY_ROOT
    assert continues(first, second, [], old, new) is good
    if good:
        assert not continues(first, second, [new], old, new)
        assert merkle_tree.consistency_proof(first, second, read) == []
    else:
        with pytest.raises(ProofInvalid):
            merkle_tree.consistency_proof(first, second, read)


def test_the_empty_tree_is_the_beginning_of_any_by_its_own_root() -> None:
    assert not continues(0, 1, [], ROOTS[1], ROOTS[1])
    assert not continues(1, 1, [], ROOTS[0], ROOTS[1])


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_a_leaf_beyond_the_tree(index: int) -> None:
    with pytest.raises(ProofInvalid):
        merkle_tree.inclusion_proof(index, 3, read)
    with pytest.raises(ProofInvalid):
        merkle_tree.verify_inclusion(LEAVES[0], index, 3, [], ROOTS[1])


@pytest.mark.parametrize(
    ("size", "count", "good"),
    [(0, 0, True), (1, 1, True), (2, 1, True), (3, 2, True), (3, 1, False), (3, 3, False)],
)
def test_a_frontier_has_a_hash_for_each_bit_of_its_size(size: int, count: int, good: bool) -> None:
    if good:
        assert merkle_tree.Frontier(size, LEAVES[:count]).size == size
    else:
        with pytest.raises(ProofInvalid):
            merkle_tree.Frontier(size, LEAVES[:count])
    with pytest.raises(ProofInvalid):
        merkle_tree.Frontier(-1, LEAVES[:1])
