"""The Merkle Patricia tries of a block's transactions and receipts (Yellow Paper, appendix D).

Pure. Built whole from what a block has, because no node gives such a proof out. Keys are the
indexes in RLP. Of these none begins another, so a branch never holds a value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from chains.evm import rlp
from chains.hashes import keccak256

EMPTY_ROOT: Final = keccak256(rlp.encode(b""))
_HASH_BYTES: Final = 32


@dataclass(slots=True)
class _Node:
    """`encoded` as it is hashed; `item` as its parent has it: its hash, or where that is longer the
    node itself. `below`: by the next nibble; an extension's only one has the key -1."""

    encoded: bytes
    item: rlp.Item
    skips: int = 0
    below: dict[int, _Node] = field(default_factory=dict)

    @property
    def is_embedded(self) -> bool:
        return not isinstance(self.item, bytes)


class IndexTrie:
    """Of one value, not empty, for each index from 0."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self._keys = [_nibbles(rlp.encode(rlp.encode_int(at))) for at in range(len(values))]
        keyed = sorted(zip(self._keys, values, strict=True))
        self._top = _build(keyed, 0) if keyed else None
        self.root: Final = EMPTY_ROOT if self._top is None else keccak256(self._top.encoded)

    def proof(self, index: int) -> list[bytes]:
        """The nodes from the root down to the value at `index`, those inside another left out."""
        node, key, depth = self._top, self._keys[index], 0
        assert node is not None
        found = [node.encoded]
        while node.below:
            if -1 in node.below:
                depth, node = depth + node.skips, node.below[-1]
            else:
                depth, node = depth + 1, node.below[key[depth]]
            if not node.is_embedded:
                found.append(node.encoded)
        return found


def _build(keyed: Sequence[tuple[bytes, bytes]], depth: int) -> _Node:
    """Of keys, in order, that are the same up to `depth`."""
    first, last = keyed[0][0], keyed[-1][0]
    if len(keyed) == 1:
        return _node([_path(first[depth:], leaf=True), keyed[0][1]])
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    slots: list[rlp.Item] = [b""] * 17
    below: dict[int, _Node] = {}
    for nibble in range(16):
        part = [each for each in keyed if each[0][shared] == nibble]
        if part:
            below[nibble] = _build(part, shared + 1)
            slots[nibble] = below[nibble].item
    branch = _node(slots, below)
    if shared == depth:
        return branch
    path = _path(first[depth:shared], leaf=False)
    return _node([path, branch.item], {-1: branch}, shared - depth)


def _node(item: list[rlp.Item], below: dict[int, _Node] | None = None, skips: int = 0) -> _Node:
    encoded = rlp.encode(item)
    short = len(encoded) < _HASH_BYTES
    return _Node(encoded, item if short else keccak256(encoded), skips, below or {})


def _nibbles(key: bytes) -> bytes:
    return bytes(half for byte in key for half in (byte >> 4, byte & 15))


def _path(nibbles: bytes, *, leaf: bool) -> bytes:
    """Hex-prefix: a flag for the kind of node, one for an odd number of nibbles."""
    flag = (2 if leaf else 0) + len(nibbles) % 2
    padded = bytes([flag]) + (b"" if len(nibbles) % 2 else b"\0") + nibbles
    return bytes(padded[at] << 4 | padded[at + 1] for at in range(0, len(padded), 2))
