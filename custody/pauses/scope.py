"""What is paused now. Pure: the rows are `repository`'s."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paused:
    """Pairs of a network and a vault; None stands for every one of them."""

    pairs: frozenset[tuple[str | None, str | None]] = frozenset()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str | None, str | None]]) -> Paused:
        return cls(frozenset(pairs))

    def covers(self, network: str, vault: str) -> bool:
        """Whether nothing new may leave this vault by this network."""
        return not self.pairs.isdisjoint(((network, None), (None, vault), (network, vault)))

    def whole(self, network: str) -> bool:
        """Whether nothing new may leave any vault by it."""
        return (network, None) in self.pairs

    def vaults(self, network: str) -> frozenset[str]:
        """Those that are paused there."""
        return frozenset(
            vault for where, vault in self.pairs if vault is not None and where in (None, network)
        )
