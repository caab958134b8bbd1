"""A set of texts that takes 16 to 32 bytes for each and answers "certainly not" or "very likely".

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
        return any(True for _ in self.matching([text]))

    def add_all(self, texts: Iterable[str]) -> None:
        slots, mask, room = self._slots, self._mask, self._room()
        for text in texts:
            fingerprint = hash(text) & _MASK_64 or 1
            at = fingerprint & mask
            while (found := slots[at]) and found != fingerprint:
                at = (at + 1) & mask
            if found:
                continue
            slots[at] = fingerprint
            self._count += 1
            room -= 1
            if not room:
                self._grow()
                slots, mask, room = self._slots, self._mask, self._room()

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

    def _room(self) -> int:
        """How many more fit before it must grow: half of the slots stay empty."""
        return (self._mask + 1) // 2 - self._count

    def _grow(self) -> None:
        old, mask = self._slots, 2 * self._mask + 1
        slots = array("Q", bytes(8 * (mask + 1)))
        for fingerprint in old:
            if fingerprint:
                at = fingerprint & mask
                while slots[at]:
                    at = (at + 1) & mask
                slots[at] = fingerprint
        self._slots, self._mask = slots, mask
