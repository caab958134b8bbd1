"""What a vault's chain balance must be, as one snapshot of the database tells it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select

from chains.model import Address, AssetId, BlockRef, NetworkId, TxId
from chains.transaction import TxState, TxStatus
from custody.db.session import ReadSession, WriteSession
from custody.db.sighting_tables import SightingRow
from custody.db.tables import (
    AddressRow,
    DepositRow,
    ForeignDebitRow,
    LedgerAccountRow,
    ReconciledRow,
)
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.deposits.states import DebitState, DepositState
from custody.following import chain_repository, sighting_repository
from custody.ledger.model import AccountKind
from custody.ledger.repository import account_of
from custody.reconcile.report import Line, Verdict
from custody.transactions.state import ON_CHAIN
from custody.transfers.kinds import TOPPING_UP, stays
from signer.agreement import Purpose

ON_CHAIN_KINDS = (
    AccountKind.VAULT.value,
    AccountKind.UNSWEPT.value,
    AccountKind.SHORTFALL.value,
    AccountKind.SUSPENSE.value,
    AccountKind.QUARANTINE.value,
)
"""`locked` money lies on accounts of the chain's own, not on the vault's addresses. What the vault
owes is not on them either."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A signed transaction that is not settled yet, and what it pays, by asset; less than nothing
    is what it brings. `ours`: the vault pays what it costs. `seen`: what our own blocks say of a
    payment that was signed apart, which no node knows by its name. `stays`: what it pays comes to
    the vault itself, but for what a token keeps of it."""

    txid: TxId
    paid: Mapping[AssetId, int]
    ours: bool = True
    seen: TxStatus | None = None
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`owned`: posted and pending credits by asset, less the pending foreign debits: those have
    left. `outgoing`: what may have left the chain but not yet the ledger. `moved_at`: the newest
    block in which anything of the vault moved."""

    position: BlockRef | None
    owned: Mapping[AssetId, int]
    outgoing: tuple[Outgoing, ...]
    moved_at: int | None


async def vaults_on(session: ReadSession, network: NetworkId) -> list[str]:
    """Every vault with an address on the network."""
    mine = select(AddressRow.vault_id).where(AddressRow.network == network).distinct()
    return list(await session.all(mine.order_by(AddressRow.vault_id)))


async def owing(session: ReadSession, network: NetworkId) -> list[str]:
    """The vaults that owe an asset of the network."""
    rows = await session.all(
        select(LedgerAccountRow)
        .where(
            LedgerAccountRow.kind == AccountKind.SHORTFALL.value,
            LedgerAccountRow.asset.startswith(f"{network}/"),
        )
        .order_by(LedgerAccountRow.vault_id)
    )
    found = (account_of(row) for row in rows)
    return [each.key.vault for each in found if each.key.vault is not None and each.posted < 0]


async def addresses_of(
    session: ReadSession, network: NetworkId, vaults: Collection[str] | None
) -> list[Address]:
    """All of these vaults, or of all, change included."""
    mine = select(AddressRow.address).where(AddressRow.network == network)
    if vaults is not None:
        mine = mine.where(AddressRow.vault_id.in_(list(vaults)))
    return [Address(text) for text in await session.all(mine.order_by(AddressRow.seq))]


async def keep_lines(
    session: WriteSession,
    lines: Sequence[Line],
    accepted: Mapping[AssetId, int],
    concluded: Mapping[AssetId, datetime],
    now: datetime,
) -> None:
    """Remember each line as the newest of its vault and asset, with the shortage of it that a
    person accepted, and when it had a verdict last."""
    rows = [
        {
            "vault_id": line.vault,
            "asset": line.asset,
            "network": line.network,
            "height": line.height,
            "ledger": line.ledger,
            "chain": line.chain,
            "verdict": line.verdict.value,
            "reason": line.reason,
            "accepted": accepted.get(line.asset, 0),
            "compared_at": now,
            "concluded_at": concluded[line.asset],
        }
        for line in lines
    ]
    await session.insert_missing(ReconciledRow, rows)
    await session.update_each(ReconciledRow, ["vault_id", "asset"], rows)
    equal = [
        {
            "vault_id": line.vault,
            "asset": line.asset,
            "equal_height": line.height,
            "equal_at": now,
        }
        for line in lines
        if line.verdict is Verdict.EQUAL
    ]
    await session.update_each(ReconciledRow, ["vault_id", "asset"], equal)


async def accept_shortages(
    session: WriteSession, vault: str, accepted: Mapping[AssetId, int]
) -> None:
    """A person saw these shortages of assets that have a kept line, and goes on."""
    rows = [
        {"vault_id": vault, "asset": asset, "accepted": amount}
        for asset, amount in accepted.items()
    ]
    await session.update_each(ReconciledRow, ["vault_id", "asset"], rows)


async def kept_lines(session: ReadSession, vault: str) -> Sequence[ReconciledRow]:
    """What the newest comparisons of the vault found, by asset."""
    mine = select(ReconciledRow).where(ReconciledRow.vault_id == vault)
    return await session.all(mine.order_by(ReconciledRow.asset))


async def snapshot(session: ReadSession, network: NetworkId, vault: str) -> Snapshot:
    return Snapshot(
        position=await chain_repository.position(session, network),
        owned=await _owned(session, network, vault),
        outgoing=(
            *await _outgoing(session, network, vault),
            *await _brought(session, network, vault),
        ),
        moved_at=await _moved_at(session, network, vault),
    )


async def _owned(session: ReadSession, network: NetworkId, vault: str) -> dict[AssetId, int]:
    rows = await session.all(
        select(LedgerAccountRow).where(
            LedgerAccountRow.vault_id == vault, LedgerAccountRow.kind.in_(ON_CHAIN_KINDS)
        )
    )
    owned: dict[AssetId, int] = {}
    for account in map(account_of, rows):
        asset = account.key.asset
        if asset.startswith(f"{network}/"):
            amount = account.posted + account.credits_pending
            owned[asset] = owned.get(asset, 0) + amount
    left = await session.rows(
        select(ForeignDebitRow.asset, ForeignDebitRow.amount).where(
            ForeignDebitRow.vault_id == vault,
            ForeignDebitRow.network == network,
            ForeignDebitRow.state == DebitState.PENDING.value,
            ForeignDebitRow.account.in_(ON_CHAIN_KINDS),
        )
    )
    for name, amount in left:
        owned[AssetId(name)] = owned.get(AssetId(name), 0) - amount
    return owned


async def _outgoing(session: ReadSession, network: NetworkId, vault: str) -> tuple[Outgoing, ...]:
    unsettled = (
        select(TransactionRow.txid, TransferRow.asset, TransferRow.amount, TransferRow.kind)
        .join(TransactionTransferRow, TransactionTransferRow.transaction_id == TransactionRow.id)
        .join(TransferRow, TransferRow.id == TransactionTransferRow.transfer_id)
        .where(
            TransactionRow.vault_id == vault,
            TransactionRow.network == network,
            TransactionRow.state.in_(ON_CHAIN),
            TransactionRow.txid.is_not(None),
        )
    )
    paid: dict[TxId, dict[AssetId, int]] = {}
    staying: set[TxId] = set()
    for txid, asset, amount, kind in await session.rows(unsettled):
        if txid is not None:
            if stays(kind):
                staying.add(TxId(txid))
            by_asset = paid.setdefault(TxId(txid), {})
            gone = 0 if stays(kind) else amount
            by_asset[AssetId(asset)] = by_asset.get(AssetId(asset), 0) + gone
    apart = await sighting_repository.apart_among(session, paid)
    where = await sighting_repository.sightings_of(session, network, apart)
    seen = {txid: _seen(where.get(txid)) for txid in apart}
    return tuple(
        Outgoing(txid, amounts, seen=seen.get(txid), stays=txid in staying)
        for txid, amounts in paid.items()
    )


def _seen(row: SightingRow | None) -> TxStatus:
    if row is None:
        return TxStatus(TxState.UNKNOWN)
    return TxStatus(TxState.INCLUDED, BlockRef(row.block_height, row.block_hash))


async def _brought(session: ReadSession, network: NetworkId, vault: str) -> tuple[Outgoing, ...]:
    """What gas stations pay to the vault's addresses, and its books do not have yet."""
    rows = await session.rows(
        select(TransactionRow.txid, TransferRow.asset, TransferRow.amount)
        .join(TransactionTransferRow, TransactionTransferRow.transaction_id == TransactionRow.id)
        .join(TransferRow, TransferRow.id == TransactionTransferRow.transfer_id)
        .where(
            *_tops_up(network, vault),
            TransactionRow.state.in_(ON_CHAIN),
            TransactionRow.txid.is_not(None),
        )
    )
    return tuple(
        Outgoing(TxId(txid), {AssetId(asset): -amount}, ours=False)
        for txid, asset, amount in rows
        if txid is not None
    )


def _tops_up(network: NetworkId, vault: str) -> tuple[ColumnElement[bool], ...]:
    """Of a transaction and its transfer: whether a gas station pays the vault with it."""
    mine = exists().where(
        AddressRow.network == network,
        AddressRow.address == TransferRow.destination,
        AddressRow.vault_id == vault,
    )
    return (
        TransactionRow.network == network,
        TransactionRow.purpose == Purpose.PAY,
        TransferRow.kind.in_([each.value for each in TOPPING_UP]),
        mine,
    )


async def _moved_at(session: ReadSession, network: NetworkId, vault: str) -> int | None:
    received = select(DepositRow.block_height).where(
        DepositRow.vault_id == vault,
        DepositRow.network == network,
        DepositRow.state != DepositState.REVERSED.value,
    )
    paid = select(TransactionRow.block_height).where(
        TransactionRow.vault_id == vault,
        TransactionRow.network == network,
        TransactionRow.block_height.is_not(None),
    )
    left = select(ForeignDebitRow.block_height).where(
        ForeignDebitRow.vault_id == vault,
        ForeignDebitRow.network == network,
        ForeignDebitRow.state != DebitState.REVERSED.value,
    )
    brought = (
        select(TransactionRow.block_height)
        .join(TransactionTransferRow, TransactionTransferRow.transaction_id == TransactionRow.id)
        .join(TransferRow, TransferRow.id == TransactionTransferRow.transfer_id)
        .where(*_tops_up(network, vault), TransactionRow.block_height.is_not(None))
    )
    heights = [
        await session.first(left.order_by(ForeignDebitRow.block_height.desc()).limit(1)),
        await session.first(received.order_by(DepositRow.block_height.desc()).limit(1)),
        await session.first(paid.order_by(TransactionRow.block_height.desc()).limit(1)),
        await session.first(brought.order_by(TransactionRow.block_height.desc()).limit(1)),
    ]
    return max((height for height in heights if height is not None), default=None)
