"""Reads a serialized block as fast as Python allows: what it credits and what it spends. Pure.

A follower that catches up reads every output of every block, so this scanner goes through the bytes
once, makes no objects that it does not return, and asks the node for nothing that it can compute:
transaction ids, addresses, the block's own hash and the merkle root that ties them together.
"""

from __future__ import annotations

import struct
from typing import Final

from chains.bitcoin import COINBASE_MATURITY
from chains.bitcoin.address import AddressFormat
from chains.block import Block, Movement, output_place
from chains.errors import NodeMisbehaved
from chains.hashes import sha256d
from chains.model import Address, BlockRef, TxId
from chains.networks import Network

_HEADER_BYTES: Final = 80
_U16: Final = struct.Struct("<H").unpack_from
_U32: Final = struct.Struct("<I").unpack_from
_U64: Final = struct.Struct("<Q").unpack_from


def read_block(raw: bytes, ref: BlockRef, network: Network, addresses: AddressFormat) -> Block:
    """The block `ref` from its serialization (BIP-144), proven by its hash and its merkle root.
    Raises NodeMisbehaved for other bytes."""
    header = raw[:_HEADER_BYTES]
    if len(header) != _HEADER_BYTES or sha256d(header)[::-1].hex() != ref.hash:
        raise NodeMisbehaved("the node sent another block than the one asked for")
    scan = _Scan(raw, ref, network, addresses)
    try:
        scan.run()
    except (IndexError, OverflowError, struct.error):  # a length can lead anywhere
        raise NodeMisbehaved("the node sent a block that ends too early") from None
    # A list of transactions whose tail is repeated has the same root (CVE-2012-2459).
    repeated = len(set(scan.hashes)) != len(scan.hashes)
    if repeated or scan.position != len(raw) or merkle_root(scan.hashes) != header[36:68]:
        raise NodeMisbehaved("the node sent a block whose transactions are not its own")
    return Block(
        ref=ref,
        parent_hash=raw[4:36][::-1].hex(),
        timestamp=_U32(raw, 68)[0],
        movements=tuple(scan.movements),
        consumed=scan.consumed,
    )


def merkle_root(hashes: list[bytes]) -> bytes:
    """The root over transaction hashes in wire order."""
    assert hashes
    while len(hashes) > 1:
        if len(hashes) % 2:
            hashes = [*hashes, hashes[-1]]
        hashes = [sha256d(hashes[at] + hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


class _Scan:
    """One pass over the transactions. `position` is where the pass stands in the block;
    `consumed`: by which transaction each coin is spent.

    The loops keep the position in a local variable and read the usual one-byte lengths in place;
    `_count` is for the others.
    """

    def __init__(
        self, raw: bytes, ref: BlockRef, network: Network, addresses: AddressFormat
    ) -> None:
        self._raw = raw
        self._height = ref.height
        self._asset = network.native.id
        self._address_of = addresses.address_of
        self._key_prefix = f"{network.id}/outpoint:"
        self.position = _HEADER_BYTES
        self.hashes: list[bytes] = []
        self.movements: list[Movement] = []
        self.consumed: dict[str, TxId] = {}

    def run(self) -> None:
        count, self.position = _count(self._raw, self.position)
        for index in range(count):
            self._transaction(coinbase=index == 0)
        if not self.hashes:
            raise IndexError

    def _transaction(self, *, coinbase: bool) -> None:
        raw, start = self._raw, self.position
        has_witness = raw[start + 4] == 0
        body = start + (6 if has_witness else 4)
        spent, position = self._inputs(body)
        outputs, end = self._outputs(position)
        position = _skip_witness(raw, end, len(spent)) if has_witness else end
        self.position = position + 4
        hashed = sha256d(raw[start : start + 4] + raw[body:end] + raw[position : position + 4])
        self.hashes.append(hashed)
        txid, asset = TxId(hashed[::-1].hex()), self._asset
        if not coinbase:  # its one input names no coin
            self.consumed |= dict.fromkeys(spent, txid)
        height = self._height + COINBASE_MATURITY if coinbase else None
        self.movements += [
            Movement(txid, output_place(index), address, asset, amount, height)
            for index, amount, address in outputs
        ]

    def _inputs(self, position: int) -> tuple[list[str], int]:
        """The key of the coin that each spends, and where they end."""
        raw, prefix = self._raw, self._key_prefix
        spent: list[str] = []
        count, position = _count(raw, position)
        for _ in range(count):
            previous = raw[position : position + 32][::-1].hex()
            spent.append(f"{prefix}{previous}:{_U32(raw, position + 32)[0]}")
            length = raw[position + 36]
            if length < 0xFD:
                position += 41 + length
            else:
                length, position = _count(raw, position + 36)
                position += length + 4
        return spent, position

    def _outputs(self, position: int) -> tuple[list[tuple[int, int, Address]], int]:
        """Index, amount and address of each output that has an address, and where they end."""
        raw, address_of = self._raw, self._address_of
        found = []
        count, position = _count(raw, position)
        for index in range(count):
            amount = _U64(raw, position)[0]
            length = raw[position + 8]
            if length < 0xFD:
                position += 9
            else:
                length, position = _count(raw, position + 8)
            address = address_of(raw[position : position + length])
            position += length
            if address is not None and amount:
                found.append((index, amount, address))
        return found, position


def _skip_witness(raw: bytes, position: int, inputs: int) -> int:
    """Where the witness stacks of `inputs` inputs end."""
    for _ in range(inputs):
        items, position = _count(raw, position)
        for _ in range(items):
            length = raw[position]
            if length < 0xFD:
                position += 1 + length
            else:
                length, position = _count(raw, position)
                position += length
    return position


def _count(raw: bytes, position: int) -> tuple[int, int]:
    """A compact size, and where it ends."""
    first = raw[position]
    if first < 0xFD:
        return first, position + 1
    if first == 0xFD:
        return _U16(raw, position + 1)[0], position + 3
    if first == 0xFE:
        return _U32(raw, position + 1)[0], position + 5
    return _U64(raw, position + 1)[0], position + 9
