"""A set of texts that takes 8 to 16 bytes for each and answers "certainly not" or "very likely".

One million watched addresses as Python strings in a set take some 160 MB; as 64-bit fingerprints in
one array they take 16. Python's string hash is keyed with a random seed for each process, so nobody
outside can aim for collisions; a chance one costs a database query and nothing else.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

_CAPACITY_MIN = 1024
_MASK_64 = 2**64 - 1


class FingerprintSet:
    """Grows only. Open addressing with linear probing, at most half full."""

    __slots__ = ("_count", "_mask", "_slots")

    def __init__(self) -> None:
        self._count = 0
        self._mask = _CAPACITY_MIN - 1
        self._slots = array("Q", bytes(8 * _CAPACITY_MIN))

    def __len__(self) -> int:
        """Distinct fingerprints."""
        return self._count

    def __contains__(self, text: str) -> bool:
        return bool(self._slots[self._find(_fingerprint(text))])

    def add_all(self, texts: Iterable[str]) -> None:
        for text in texts:
            if 2 * (self._count + 1) > self._mask + 1:
                self._grow()
            self._add(_fingerprint(text))

    def matching(self, texts: Iterable[str]) -> Iterator[str]:
        """Those of `texts` that are very likely in the set, and all that are."""
        slots, mask = self._slots, self._mask
        for text in texts:
            fingerprint = hash(text) & _MASK_64 or 1
            at = fingerprint & mask
            while (found := slots[at]) and found != fingerprint:
                at = (at + 1) & mask
            if found:
                yield text

    def _find(self, fingerprint: int) -> int:
        """The slot that holds it, or the empty one where it would go."""
        slots, mask = self._slots, self._mask
        at = fingerprint & mask
        while (found := slots[at]) and found != fingerprint:
            at = (at + 1) & mask
        return at

    def _add(self, fingerprint: int) -> None:
        at = self._find(fingerprint)
        if not self._slots[at]:
            self._slots[at] = fingerprint
            self._count += 1

    def _grow(self) -> None:
        old, capacity = self._slots, 2 * (self._mask + 1)
        self._slots, self._mask, self._count = array("Q", bytes(8 * capacity)), capacity - 1, 0
        for fingerprint in old:
            if fingerprint:
                self._add(fingerprint)


def _fingerprint(text: str) -> int:
    """Never 0, which marks an empty slot."""
    return hash(text) & _MASK_64 or 1
