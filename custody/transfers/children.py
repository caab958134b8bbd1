"""Children that pay for their parents: a coin of the vault that is in no block yet is spent to the
vault itself, so that whoever includes the child includes what made the coin (CPFP).

The parent is a stranger's payment to the vault, or one of ours that left change. Either may still
be replaced; then the child can never be in a block. So it is recorded what the parent stands on,
and what becomes of that is read from blocks as ever (ADR 0089).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chains.adapter import SeesWaiting
from chains.block import output_place
from chains.errors import NothingToHasten
from chains.model import Address, Coin, NetworkId, TxId
from custody.db.session import Database, ReadSession, WriteSession
from custody.transfers import child_repository
from custody.vaults.paying import owned
from custody.vaults.repository import find_address


@dataclass(frozen=True, slots=True)
class Parent:
    """`coin`: the vault's largest of it. `needs`: what it stands on, each key with who takes it.
    `root`: transaction and place of the deposit that the money comes from, None if it is the
    vault's own."""

    network: NetworkId
    coin: Coin
    address_id: str
    needs: Mapping[str, TxId]
    root: tuple[TxId, str] | None


async def parent_of(
    database: Database, adapter: SeesWaiting, network: NetworkId, vault: str, txid: TxId
) -> Parent:
    """Of the transaction that waits. Raises NothingToHasten, NodeError."""
    waits = await adapter.waiting(txid)
    async with database.read() as session:
        for position, (address, amount) in _largest_first(waits.outputs):
            row = await find_address(session, network, address)
            if row is None or row.vault_id != vault:
                continue
            coin = Coin(waits.txid, position, amount, owned(row))
            root = await _root(session, network, vault, coin)
            return Parent(network, coin, row.id, waits.needs, root)
    raise NothingToHasten(f"{txid} pays no address of the vault")


def _largest_first(
    outputs: Mapping[int, tuple[Address, int]],
) -> list[tuple[int, tuple[Address, int]]]:
    return sorted(outputs.items(), key=lambda each: (-each[1][1], each[0]))


async def _root(
    session: ReadSession, network: NetworkId, vault: str, coin: Coin
) -> tuple[TxId, str] | None:
    """Of our own transaction that of the child in it, if it is one."""
    if await child_repository.is_made_by(session, network, vault, coin.txid):
        return await child_repository.root_of(session, network, coin.txid)
    return coin.txid, output_place(coin.position)


async def is_under_way(session: ReadSession, parent: Parent) -> bool:
    """Whether a transfer that has not ended spends the same coin. Two would wait for each other."""
    return await child_repository.is_under_way(session, parent.network, parent.coin)


async def record(session: WriteSession, transfer: str, parent: Parent) -> None:
    """With the transfer, before anything is built."""
    spends = parent.coin, parent.address_id
    await child_repository.record(
        session, transfer, parent.network, spends, parent.needs, parent.root
    )
