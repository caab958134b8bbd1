"""That one tree continues another: RFC 9162, 2.1.4, and what a log's tiles say of it.

C2SP tlog-tiles: tile n of level l has the hashes of up to 256 subtrees of 256**l leaves each. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from custody_verify.errors import Refuted, Unreadable

EMPTY: Final = sha256().digest()
"""The root of no leaves."""
WIDTH: Final = 256
Tiles = Callable[[int, int, int], bytes]
"""By level, index and width: the hashes of a tile, one after the other."""


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """RFC 9162, 2.1.4.2. Raises Refuted. Every tree continues the one without leaves."""
    if not 0 <= old <= new or any(len(each) != 32 for each in (old_root, new_root, *path)):
        raise Refuted("the larger tree is smaller")
    if old in (0, new):
        if path or old_root != (EMPTY if old == 0 else new_root):
            raise Refuted("two roots of one size, or a proof where none is needed")
        return
    hashes = list(path)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise Refuted("the proof is empty")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            raise Refuted("the proof is longer than the tree is high")
        if at & 1 or at == last:
            before, after = node_hash(each, before), node_hash(each, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, each)
        at, last = at >> 1, last >> 1
    if last or (before, after) != (old_root, new_root):
        raise Refuted("the larger tree does not continue the smaller one")


class Shown:
    """A tree of `size` leaves as a log's tiles show it. What they say counts for nothing until a
    proof that is made of it is checked. `whole`: tiles of leaves only are read, all of them, and
    everything else is computed. Raises Unreadable."""

    def __init__(self, size: int, tiles: Tiles, *, whole: bool = False) -> None:
        self._size = size
        self._tiles = tiles
        self._whole = whole
        self._kept: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, end: int) -> bytes:
        """Of these leaves, where `start` is where a subtree of that size can begin."""
        count = end - start
        if count == 0:
            return EMPTY
        level = count.bit_length() - 1
        if count == 1 << level:
            return self._node(level, start >> level)
        middle = start + (1 << level)
        return node_hash(self.root(start, middle), self.root(middle, end))

    def path(self, old: int) -> list[bytes]:
        """The proof that the tree continues its first `old` leaves (RFC 9162, 2.1.4.1)."""
        start, end, rest = 0, self._size, list[tuple[int, int]]()
        if old in (0, end):
            return []
        while old != end:
            middle = start + (1 << (end - start - 1).bit_length() - 1)
            if old <= middle:
                rest.append((middle, end))
                end = middle
            else:
                rest.append((start, middle))
                start = middle
        own = [] if start == 0 else [(start, end)]
        return [self.root(*each) for each in own + rest[::-1]]

    def _node(self, level: int, index: int) -> bytes:
        """The root of 2**level leaves: of a hash of a tile, or of up to 128 of them."""
        if self._whole and level >= 8:
            return node_hash(self._node(level - 1, 2 * index), self._node(level - 1, 2 * index + 1))
        tile, rest = divmod(level, 8)
        first, count = index << rest, 1 << rest
        hashes = self._tile(tile, first // WIDTH)
        at = first % WIDTH * 32
        found = hashes[at : at + 32 * count]
        if len(found) != 32 * count:
            raise Unreadable("a tile is too short")
        row = [found[at : at + 32] for at in range(0, len(found), 32)]
        while len(row) > 1:
            row = [node_hash(*row[at : at + 2]) for at in range(0, len(row), 2)]
        return row[0]

    def _tile(self, level: int, index: int) -> bytes:
        if (level, index) not in self._kept:
            width = min(WIDTH, (self._size >> 8 * level) - index * WIDTH)
            if width < 1:
                raise Unreadable("a tile that the tree has not")
            data = self._tiles(level, index, width)
            if len(data) != 32 * width:
                raise Unreadable("a tile of another length")
            self._kept[level, index] = data
        return self._kept[level, index]


def tile_path(level: int, index: int, width: int) -> str:
    """Behind a log's prefix: C2SP tlog-tiles."""
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"tile/{level}/{name}" + ("" if width == WIDTH else f".p/{width}")
