"""A Merkle tree over a list that only grows: RFC 6962, section 2.1, also RFC 9162.

Its root names every leaf and their order. That a leaf is under a root, and that one tree is the
beginning of another, is proven with a few hashes and without showing any other leaf. To grow it,
only the roots of its complete subtrees are needed (`Frontier`). Pure functions: who stores nodes is
asked for them. Public: whoever got a proof checks it with this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

HASH_BYTES: Final = 32
Nodes = Callable[[int, int], bytes]
"""The root of a complete subtree: of 2**level leaves, and this many such subtrees before it."""


class ProofInvalid(ValueError):
    """It does not prove what it should."""


class Frontier(NamedTuple):
    """A tree of `size` leaves by the roots of its complete subtrees, the largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def grown(self, leaf: bytes) -> tuple[Frontier, bytes]:
        """With one more leaf, of this hash; and the roots of the subtrees that it completes, one
        after another, the leaf itself first."""
        peaks, completed, size = list(self.peaks), [leaf], self.size
        while size & 1:
            completed.append(node_hash(peaks.pop(), completed[-1]))
            size >>= 1
        return Frontier(self.size + 1, (*peaks, completed[-1])), b"".join(completed)

    def root(self) -> bytes:
        """Of no leaves: the hash of nothing."""
        if not self.peaks:
            return sha256().digest()
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = node_hash(peak, root)
        return root


def frontier_of(size: int, nodes: Nodes) -> Frontier:
    """Of the first `size` leaves of a tree."""
    peaks, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            peaks.append(nodes(level, start >> level))
            start += 1 << level
    return Frontier(size, tuple(peaks))


def leaf_hash(data: bytes) -> bytes:
    """Of one entry. Its first byte keeps a leaf from being taken for a node."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def inclusion_path(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The siblings from leaf `index` up to the root of the first `size` leaves. Looks up at most
    as many nodes as a tree of that size has levels, squared."""
    siblings = [_root_of(*sibling, nodes) for sibling, _ in _descent(index, size)]
    return tuple(reversed(siblings))


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """That the leaf with this hash is number `index` of `size` under `root`. Raises
    ProofInvalid."""
    _check_lengths(leaf, root, *path)
    if not 0 <= index < size:
        raise ProofInvalid(f"leaf {index} of {size}")
    sides = [is_left for _, is_left in _descent(index, size)]
    node = leaf
    for sibling, is_left in _paired(path, sides):
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
    if node != root:
        raise ProofInvalid("the leaf is not under this root")


def consistency_path(old: int, new: int, nodes: Nodes) -> tuple[bytes, ...]:
    """What shows that the first `old` leaves, one or more, are the beginning of the first `new`.
    Empty if they are the same."""
    if old == new:
        return ()
    steps = _common_subtree(old, new)
    path = [_root_of(*sibling, nodes) for sibling, _ in reversed(steps.siblings)]
    return tuple(path) if steps.is_old_tree else (_root_of(*steps.subtree, nodes), *path)


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """That the tree of `old` leaves is the beginning of the one of `new`. Raises ProofInvalid, also
    for a tree without leaves: every tree begins with it, so there is nothing to prove."""
    _check_lengths(old_root, new_root, *path)
    if old == new:
        if path or old_root != new_root:
            raise ProofInvalid("two roots of one size")
        return
    if not 0 < old < new:
        raise ProofInvalid(f"{new} leaves can't be shown to begin with {old}")
    steps = _common_subtree(old, new)
    siblings = list(path)
    if steps.is_old_tree:
        siblings.insert(0, old_root)
    if not siblings:
        raise ProofInvalid("the proof has the wrong length")
    before = after = siblings.pop(0)
    for sibling, is_left in _paired(siblings, [is_left for _, is_left in steps.siblings]):
        if is_left:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
        else:
            after = node_hash(after, sibling)
    if (before, after) != (old_root, new_root):
        raise ProofInvalid("the larger tree does not begin with the smaller one")


_Range = tuple[int, int]
_Step = tuple[_Range, bool]
"""A sibling, as the leaves from and to, and whether it stands on the left."""


class _Common(NamedTuple):
    """The largest subtree that ends both trees' common part, and its siblings from the top.
    `is_old_tree`: the smaller tree as a whole, whose root the verifier has."""

    subtree: _Range
    siblings: list[_Step]
    is_old_tree: bool


def _descent(index: int, size: int) -> list[_Step]:
    """The siblings on the way from the root down to leaf `index`."""
    start, end, steps = 0, size, list[_Step]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            steps.append(((middle, end), False))
            end = middle
        else:
            steps.append(((start, middle), True))
            start = middle
    return steps


def _common_subtree(old: int, new: int) -> _Common:
    start, end, steps = 0, new, list[_Step]()
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            steps.append(((middle, end), False))
            end = middle
        else:
            steps.append(((start, middle), True))
            start = middle
    return _Common((start, end), steps, start == 0)


def _root_of(start: int, end: int, nodes: Nodes) -> bytes:
    """Of these leaves; `start` is where a subtree of their number's size can begin."""
    level = (end - start).bit_length() - 1
    left, middle = nodes(level, start >> level), start + (1 << level)
    return left if middle == end else node_hash(left, _root_of(middle, end, nodes))


def _split(size: int) -> int:
    """The largest power of two below `size`: the leaves of the left subtree."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_lengths(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofInvalid("not a hash")


def _paired(path: Sequence[bytes], sides: Sequence[bool]) -> list[tuple[bytes, bool]]:
    """From the leaf up. Raises ProofInvalid."""
    if len(path) != len(sides):
        raise ProofInvalid("the proof has the wrong length")
    return list(zip(path, reversed(sides), strict=True))
