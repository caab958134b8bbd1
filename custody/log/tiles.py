"""The tree as static files: C2SP tlog-tiles. Pure.

A tile has 256 hashes of one level of every eighth; a partial one at the right edge has fewer. Full
tiles never change. Entries are not published, so there are no entry bundles (ADR 0107).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from signer.tree import Nodes

WIDTH: Final = 256
HEIGHT: Final = 8
LEVEL_MAX: Final = 63
_PATH: Final = re.compile(
    r"(?P<level>0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """`index` from 0 within its level; `width`: how many hashes it has, 256 if it is full."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Behind `<prefix>/tile/`."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{self.level}/{name}{partial}"

    @classmethod
    def parse(cls, path: str) -> Tile | None:
        """None for what names no tile in the one spelling there is."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        index = int(found["index"].replace("/", "").replace("x", ""))
        width = WIDTH if found["width"] is None else int(found["width"])
        tile = cls(int(found["level"]), index, width)
        return tile if tile.path == path and tile.level <= LEVEL_MAX else None

    def exists(self, size: int) -> bool:
        """In the tree of `size` leaves, or in a smaller one that it continues."""
        return self.width <= (size >> (HEIGHT * self.level)) - self.index * WIDTH

    def data(self, nodes: Nodes) -> bytes:
        first = self.index * WIDTH
        return b"".join(nodes(HEIGHT * self.level, first + at) for at in range(self.width))


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """All tiles of the tree of `size` leaves that the tree of `since` leaves has not, level by
    level; the partial one of each level, if it has one, last."""
    level = 0
    while hashes := size >> (HEIGHT * level):
        for index in range((since >> (HEIGHT * level)) // WIDTH, hashes // WIDTH):
            yield Tile(level, index)
        if hashes % WIDTH:
            yield Tile(level, hashes // WIDTH, hashes % WIDTH)
        level += 1
