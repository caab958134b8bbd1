"""The tree against published proofs, good and malformed, and its own against each other."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.tree import (
    Frontier,
    ProofInvalid,
    check_consistency,
    check_inclusion,
    consistency_path,
    frontier_of,
    inclusion_path,
    leaf_hash,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "tlog"
SIZE = 70


def cases(name):
    return json.loads((VECTORS / f"{name}.json").read_text())["cases"]


def verdict(check, *arguments):
    try:
        check(*arguments)
    except ProofInvalid:
        return False
    return True


@pytest.mark.parametrize("case", cases("inclusion"), ids=lambda case: case["name"])
def test_rfc6962_inclusion(case):
    leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
    path = [bytes.fromhex(each) for each in case["proof"]]
    found = verdict(check_inclusion, leaf, case["index"], case["size"], path, root)
    assert found is case["valid"]


@pytest.mark.parametrize("case", cases("consistency"), ids=lambda case: case["name"])
def test_rfc6962_consistency(case):
    roots = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    path = [bytes.fromhex(each) for each in case["proof"]]
    found = verdict(check_consistency, case["old"], case["new"], *roots, path)
    assert found is case["valid"]


def root_by_definition(leaves):
    """RFC 6962, section 2.1, as it stands there."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    left, right = root_by_definition(leaves[:k]), root_by_definition(leaves[k:])
    return sha256(b"\1" + left + right).digest()


class Grown:
    """A tree of SIZE leaves, with its roots at each size and the nodes as they were completed."""

    def __init__(self):
        self.data = [bytes([number]) * number for number in range(SIZE)]
        tree, self.roots, self.stored = Frontier(), [Frontier().root()], {}
        for number, data in enumerate(self.data, 1):
            tree, nodes = tree.grown(leaf_hash(data))
            self.roots.append(tree.root())
            for level in range(len(nodes) // 32):
                self.stored[level, (number >> level) - 1] = nodes[32 * level : 32 * level + 32]

    def nodes(self, level, position):
        return self.stored[level, position]


GROWN = Grown()


@pytest.mark.parametrize("size", range(SIZE + 1))
def test_roots_grow_as_defined(size):
    assert GROWN.roots[size] == root_by_definition(GROWN.data[:size])
    assert frontier_of(size, GROWN.nodes).root() == GROWN.roots[size]


@pytest.mark.parametrize("size", range(1, SIZE + 1))
def test_every_proof_of_its_own_verifies(size):
    root = GROWN.roots[size]
    for index in range(size):
        path = inclusion_path(index, size, GROWN.nodes)
        check_inclusion(leaf_hash(GROWN.data[index]), index, size, path, root)
    for old in range(1, size + 1):
        path = consistency_path(old, size, GROWN.nodes)
        check_consistency(old, size, GROWN.roots[old], root, path)


@given(st.data())
def test_a_proof_proves_nothing_else(data):
    """Another leaf, place, size, root, hash or length: each is refused."""
    size = data.draw(st.integers(2, SIZE))
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, GROWN.nodes)
    leaf, root = leaf_hash(GROWN.data[index]), GROWN.roots[size]
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index))
    assert not verdict(check_inclusion, leaf_hash(GROWN.data[other]), index, size, path, root)
    assert not verdict(check_inclusion, leaf, other, size, path, root)
    assert not verdict(check_inclusion, leaf, index, size, path, GROWN.roots[size - 1])
    assert not verdict(check_inclusion, leaf, index, size, changed(data, path), root)


@given(st.data())
def test_two_trees_that_differ_are_not_consistent(data):
    new = data.draw(st.integers(2, SIZE))
    old = data.draw(st.integers(1, new - 1))
    path = consistency_path(old, new, GROWN.nodes)
    forked = bytearray(GROWN.roots[old])
    forked[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    roots = GROWN.roots[old], GROWN.roots[new]
    assert not verdict(check_consistency, old, new, bytes(forked), roots[1], path)
    assert not verdict(check_consistency, old, new, roots[0], bytes(forked), path)
    assert not verdict(check_consistency, old, new, *roots, changed(data, path))


def changed(data, path):
    """The path with one bit flipped, one hash more, or one less."""
    path = [bytearray(each) for each in path]
    at = data.draw(st.integers(0, len(path) - 1))
    match data.draw(st.sampled_from(["bit", "more", "less"])):
        case "bit":
            path[at][data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
        case "more":
            path.insert(at, path[at])
        case _:
            del path[at]
    return [bytes(each) for each in path]
