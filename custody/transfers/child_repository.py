"""Queries on children that pay for their parents: what each spends, and what it stands on. Decides
nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select

from chains.model import Coin, NetworkId, TxId
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import AddressRow
from custody.db.transfer_tables import (
    TransactionRow,
    TransactionTransferRow,
    TransferNeedRow,
    TransferParentRow,
    TransferRow,
)
from custody.transfers.state import TERMINAL
from custody.vaults.paying import owned


async def is_made_by(session: ReadSession, network: NetworkId, vault: str, txid: TxId) -> bool:
    """Whether the transaction is the vault's own."""
    made = select(TransactionRow.id).where(
        TransactionRow.network == network,
        TransactionRow.vault_id == vault,
        TransactionRow.txid == txid,
    )
    return await session.first(made) is not None


async def root_of(session: ReadSession, network: NetworkId, txid: TxId) -> tuple[TxId, str] | None:
    """The deposit that the money of a child comes from, None if it is no child, or its own."""
    row = await session.first(
        select(TransferParentRow)
        .join(
            TransactionTransferRow,
            TransactionTransferRow.transfer_id == TransferParentRow.transfer_id,
        )
        .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
        .where(TransactionRow.network == network, TransactionRow.txid == txid)
    )
    if row is None or row.root_txid is None or row.root_place is None:
        return None
    return TxId(row.root_txid), row.root_place


async def is_under_way(session: ReadSession, network: NetworkId, coin: Coin) -> bool:
    """Whether a child that has not ended spends it."""
    found = await session.first(
        select(TransferParentRow.transfer_id)
        .join(TransferRow, TransferRow.id == TransferParentRow.transfer_id)
        .where(
            TransferParentRow.network == network,
            TransferParentRow.txid == coin.txid,
            TransferParentRow.position == coin.position,
            TransferRow.state.not_in(TERMINAL),
        )
        .limit(1)
    )
    return found is not None


async def record(
    session: WriteSession,
    transfer: str,
    network: NetworkId,
    spends: tuple[Coin, str],
    needs: Mapping[str, TxId],
    root: tuple[TxId, str] | None,
) -> None:
    """`spends`: a coin, and the id of its address."""
    coin, address = spends
    row = {
        "transfer_id": transfer,
        "network": network,
        "txid": coin.txid,
        "position": coin.position,
        "amount": coin.amount,
        "address_id": address,
        "root_txid": None if root is None else root[0],
        "root_place": None if root is None else root[1],
    }
    await session.insert(TransferParentRow, [row])
    rows = [
        {"transfer_id": transfer, "key": key, "network": network, "txid": txid}
        for key, txid in sorted(needs.items())
    ]
    await session.insert(TransferNeedRow, rows)


async def coins(session: ReadSession, transfers: Collection[str]) -> dict[str, Coin]:
    """What each child spends."""
    found = await session.rows(
        select(TransferParentRow, AddressRow)
        .join(AddressRow, AddressRow.id == TransferParentRow.address_id)
        .where(TransferParentRow.transfer_id.in_(transfers))
        .order_by(TransferParentRow.transfer_id)
    )
    return {
        row.transfer_id: Coin(TxId(row.txid), row.position, row.amount, owned(address))
        for row, address in found
    }


async def needs(session: ReadSession, transactions: Collection[str]) -> dict[str, dict[str, TxId]]:
    """What the parents of each transaction stand on, of those that carry a child."""
    found: dict[str, dict[str, TxId]] = {}
    rows = await session.rows(
        select(TransactionTransferRow.transaction_id, TransferNeedRow.key, TransferNeedRow.txid)
        .join(TransferNeedRow, TransferNeedRow.transfer_id == TransactionTransferRow.transfer_id)
        .where(TransactionTransferRow.transaction_id.in_(transactions))
        .order_by(TransactionTransferRow.transaction_id, TransferNeedRow.key)
    )
    for transaction, key, txid in rows:
        found.setdefault(transaction, {})[key] = TxId(txid)
    return found
