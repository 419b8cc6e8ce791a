"""The tree against RFC 6962's definitions, its published vectors, and every small proof."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit.ledger import merkle_tree
from cds_hooks.audit.ledger.ledger_errors import ProofInvalid

# The inputs and roots of the reference implementation's tests (Certificate Transparency,
# merkletree/merkle_tree_test.cc), which RFC 6962's own examples are drawn from.
INPUTS = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# (leaf, size) -> the path's hashes, from the same file.
PATHS = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
CONSISTENCY = {
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}

LEAVES = [merkle_tree.leaf_hash(b"%d" % n) for n in range(70)]


def definition(leaves: Sequence[bytes]) -> bytes:
    """MTH as section 2.1 writes it, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 2 ** (math.ceil(math.log2(len(leaves))) - 1)
    return hashlib.sha256(b"\x01" + definition(leaves[:k]) + definition(leaves[k:])).digest()


class Nodes:
    """Every complete node of some leaves, and how many were read."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.nodes = {(0, n): leaf for n, leaf in enumerate(leaves)}
        frontier = merkle_tree.Frontier()
        for leaf in leaves:
            for node in frontier.append(leaf):
                self.nodes[node.level, node.index] = node.hash
        self.reads = 0

    def __call__(self, level: int, index: int) -> bytes:
        self.reads += 1
        return self.nodes[level, index]


NODES = Nodes(LEAVES)


def test_the_published_roots_paths_and_proofs_come_out() -> None:
    leaves = [merkle_tree.leaf_hash(each) for each in INPUTS]
    nodes = Nodes(leaves)
    assert [merkle_tree.root_of(leaves[: n + 1]).hex() for n in range(8)] == list(ROOTS)
    for (index, size), path in PATHS.items():
        assert tuple(h.hex() for h in merkle_tree.inclusion_proof(index, size, nodes)) == path
    for (first, second), path in CONSISTENCY.items():
        assert tuple(h.hex() for h in merkle_tree.consistency_proof(first, second, nodes)) == path


@pytest.mark.parametrize("size", range(len(LEAVES)))
def test_the_root_is_that_of_the_definition_at_every_size(size: int) -> None:
    assert merkle_tree.root_of(LEAVES[:size]) == definition(LEAVES[:size])


def test_every_leaf_is_proved_in_every_tree_and_no_other_leaf_is() -> None:
    for size in range(1, 40):
        root = definition(LEAVES[:size])
        for index in range(size):
            path = merkle_tree.inclusion_proof(index, size, NODES)
            merkle_tree.verify_inclusion(LEAVES[index], index, size, path, root)
            for wrong in ((index + 1) % size, index ^ 1):
                if wrong != index and wrong < size:
                    with pytest.raises(ProofInvalid):
                        merkle_tree.verify_inclusion(LEAVES[wrong], index, size, path, root)
                    with pytest.raises(ProofInvalid):
                        merkle_tree.verify_inclusion(LEAVES[index], wrong, size, path, root)


def test_every_tree_is_proved_to_continue_every_earlier_one() -> None:
    for second in range(40):
        for first in range(second + 1):
            path = merkle_tree.consistency_proof(first, second, NODES)
            roots = definition(LEAVES[:first]), definition(LEAVES[:second])
            merkle_tree.verify_consistency(first, second, path, *roots)
            if 0 < first < second:
                with pytest.raises(ProofInvalid):
                    merkle_tree.verify_consistency(first, second, path, roots[1], roots[1])
                with pytest.raises(ProofInvalid):
                    merkle_tree.verify_consistency(first, second, path, roots[0], roots[0])


def test_a_proof_reads_and_holds_a_logarithm_of_the_records() -> None:
    for size in (1000, 4095, 100_001):
        reads = 0

        def read(level: int, index: int) -> bytes:
            nonlocal reads
            reads += 1
            return hashlib.sha256(f"{level}/{index}".encode()).digest()

        bound = math.ceil(math.log2(size))
        for index in (0, 1, size // 3, size - 1):
            reads = 0
            assert len(merkle_tree.inclusion_proof(index, size, read)) <= bound
            assert reads <= 2 * bound
            reads = 0
            assert len(merkle_tree.consistency_proof(index + 1, size, read)) <= bound + 1
            assert reads <= 2 * bound + 1


@given(data=st.data(), size=st.integers(1, 69))
def test_a_path_that_was_changed_in_any_way_is_refused(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = merkle_tree.inclusion_proof(index, size, NODES)
    root = definition(LEAVES[:size])
    changed = data.draw(st.lists(st.sampled_from([*path, root, LEAVES[0]]), max_size=8))
    if changed != path:
        with pytest.raises(ProofInvalid):
            merkle_tree.verify_inclusion(LEAVES[index], index, size, changed, root)


@given(st.integers(-5, 200), st.integers(-5, 200), st.lists(st.binary(max_size=40), max_size=10))
def test_numbers_and_paths_from_anywhere_are_refused_without_another_error(
    first: int, second: int, path: list[bytes]
) -> None:
    with pytest.raises(ProofInvalid):
        merkle_tree.verify_inclusion(b"leaf", first, second, path, b"no root")
    with pytest.raises(ProofInvalid):
        merkle_tree.verify_consistency(first, second, path, b"one root", b"another")
