"""Which trait of a network reads a transaction. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from chains.evm.traits import Trait, arbos, op_deposits, state_sync
from chains.evm.traits.ways import Json, Reader, Way, signed

_READERS: Final[Mapping[Trait, Reader]] = {
    Trait.OP_DEPOSITS: op_deposits.read,
    Trait.ARBOS: arbos.read,
    Trait.STATE_SYNC: state_sync.read,
}


def way_of(traits: Collection[Trait], tx: Json, trace: Json | None, receipt: Json | None) -> Way:
    """All as shrunk. Where no trait knows the transaction, it is one that its sender signed."""
    for trait, read in _READERS.items():
        if trait in traits and (way := read(tx, trace, receipt)) is not None:
            return way
    return signed(tx)
