"""Rebuilds the addresses that a database has forgotten, by derivation.

The signer's journal does not say which addresses were given out. What a transaction pays from, and
where its change goes, it does: so a branch is filled up to the last address that it names, and a
few more, because an address that was given out once must not be given to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chains.codec import TransactionCodec
from chains.keys import HARDENED, parse_path
from chains.model import AddressType
from custody.transactions.messages import reader_of
from signer.records import SignedRecord


@dataclass(frozen=True, slots=True)
class Branch:
    """Addresses of one type and direction."""

    address_type: AddressType
    change: bool


def branches_of(codec: TransactionCodec, account: int, record: SignedRecord) -> dict[Branch, int]:
    """How many addresses of each branch the transaction needs to be known. Paths are the
    container's claims, which the signer proved before it signed."""
    tx, mandate = record.tx, record.mandate
    reader = reader_of(codec, record.purpose)
    paths = {each.path for each in reader.summarize(tx).returns if each.path is not None}
    paths |= {item.path for item in reader.signing_inputs(tx) if item.path is not None}
    if mandate.core.source_address is not None:
        paths.add(mandate.core.source_path)
    wanted: dict[Branch, int] = {}
    for path in paths:
        branch, position = place_of(codec, account, path)
        wanted[branch] = max(wanted.get(branch, 0), position + 1)
    return wanted


def place_of(codec: TransactionCodec, account: int, path: str) -> tuple[Branch, int]:
    """The branch of an address path, and the place in it. Raises ValueError if it is none of the
    account's."""
    position = parse_path(path)[-1] % HARDENED
    for branch in _all(codec):
        shape = codec.address_path(branch.address_type, account, position, change=branch.change)
        if shape == path:
            return branch, position
    raise ValueError(f"{path} is no path of account {account}")


def _all(codec: TransactionCodec) -> Iterator[Branch]:
    """Only coins have change."""
    for kind in codec.network.address_types:
        yield Branch(kind, change=False)
        if codec.traits.coins:
            yield Branch(kind, change=True)
