"""Queries on the gas station's rules and top-ups. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select

from chains.model import AssetId, Excludes, NetworkId
from custody.db.gas_tables import GasCarrierRow, GasRuleRow, GasTopUpRow
from custody.db.look import Quick
from custody.db.session import ReadSession, WriteSession
from custody.db.sums import exact_sum
from custody.db.tables import LedgerAccountRow
from custody.db.transfer_tables import ClaimHolderRow, TransactionRow, TransferRow
from custody.ledger.model import AccountKind
from custody.ledger.repository import account_of
from custody.transactions.state import REPLACEABLE
from custody.transfers.begun import BegunState
from custody.transfers.gas_repository import WAIT_FOR_COINS
from custody.transfers.kinds import TOPPING_UP
from custody.transfers.state import TERMINAL

_OPEN_TOP_UPS: Final = (
    select(GasTopUpRow)
    .where(GasTopUpRow.open_key.is_not(None))
    .order_by(GasTopUpRow.network, GasTopUpRow.address)
)
_TO_CARRY: Final = (
    select(TransactionRow)
    .join(ClaimHolderRow, ClaimHolderRow.transaction_id == TransactionRow.id)
    .where(
        or_(*(TransactionRow.state == each.value for each in sorted(REPLACEABLE))),
        ClaimHolderRow.excludes == Excludes.EFFECT.value,
    )
    .order_by(TransactionRow.id)
)
_OPEN_CARRIERS: Final = (
    select(GasCarrierRow)
    .where(GasCarrierRow.open_key.is_not(None))
    .order_by(GasCarrierRow.transaction_id)
)
_ANYTHING: Final = select(
    or_(WAIT_FOR_COINS, _OPEN_TOP_UPS.exists(), _TO_CARRY.exists(), _OPEN_CARRIERS.exists()).label(
        "anything"
    )
)


async def has_work(session: Quick) -> bool:
    """Whether anything waits for coins, or for who submits it, or is open. One question that is
    cheap, because the answer is nearly always no."""
    ((anything,),) = await session.quick_rows(_ANYTHING, {})
    return bool(anything)


# Rules


async def rules(session: ReadSession) -> Sequence[GasRuleRow]:
    """All that was ever set, by network and client, the oldest first."""
    every = select(GasRuleRow)
    return await session.all(
        every.order_by(GasRuleRow.network, GasRuleRow.client, GasRuleRow.number)
    )


# Top-ups


async def open_top_ups(session: ReadSession) -> Sequence[GasTopUpRow]:
    return await session.all(_OPEN_TOP_UPS)


async def newest_at(
    session: ReadSession, network: NetworkId, address: str, count: int
) -> Sequence[GasTopUpRow]:
    """The newest first."""
    mine = select(GasTopUpRow).where(GasTopUpRow.network == network, GasTopUpRow.address == address)
    return await session.all(mine.order_by(GasTopUpRow.number.desc()).limit(count))


async def newest(
    session: ReadSession, vaults: Collection[str] | None, count: int
) -> Sequence[GasTopUpRow]:
    """Of these vaults, or of all; the newest first."""
    mine = select(GasTopUpRow)
    if vaults is not None:
        mine = mine.where(GasTopUpRow.vault_id.in_(vaults))
    ordered = mine.order_by(GasTopUpRow.created_at.desc(), GasTopUpRow.number.desc())
    return await session.all(ordered.limit(count))


async def lock_top_up(
    session: WriteSession, network: str, address: str, number: int
) -> GasTopUpRow:
    mine = select(GasTopUpRow).where(
        GasTopUpRow.network == network,
        GasTopUpRow.address == address,
        GasTopUpRow.number == number,
    )
    return (await session.for_update(mine.order_by(GasTopUpRow.number)))[0]


async def is_coming(session: ReadSession, network: NetworkId, address: str) -> bool:
    """Whether a top-up of the address is under way, also one whose row was forgotten: it was
    rebuilt from the signer's journal."""
    mine = select(TransferRow.id).where(
        TransferRow.network == network,
        TransferRow.destination == address,
        TransferRow.kind.in_(sorted(TOPPING_UP)),
        TransferRow.state.not_in(TERMINAL),
    )
    return await session.first(mine.limit(1)) is not None


async def used_since(session: ReadSession, network: NetworkId, payer: str, since: datetime) -> int:
    """What the vault was asked for on the network since then, and did not refuse: what it brings,
    and the most that it may spend to submit what others signed."""
    used = 0
    for row in (GasTopUpRow, GasCarrierRow):
        used += await session.one(
            select(func.coalesce(exact_sum(row.amount), 0)).where(
                row.payer_id == payer,
                row.network == network,
                row.created_at > since,
                row.state != BegunState.FAILED.value,
            )
        )
    return used


# Carriers


async def to_carry(session: ReadSession) -> Sequence[TransactionRow]:
    """What was signed for others to submit and is in no block, the oldest first."""
    return await session.all(_TO_CARRY)


async def open_carriers(session: ReadSession) -> Sequence[GasCarrierRow]:
    return await session.all(_OPEN_CARRIERS)


async def newest_carriers(
    session: ReadSession, transaction: str, count: int
) -> Sequence[GasCarrierRow]:
    """Of a payment, the newest first."""
    mine = select(GasCarrierRow).where(GasCarrierRow.transaction_id == transaction)
    return await session.all(mine.order_by(GasCarrierRow.number.desc()).limit(count))


async def carriers_of(
    session: ReadSession, vaults: Collection[str] | None, count: int
) -> Sequence[GasCarrierRow]:
    """Of these vaults' payments, or of all; the newest first."""
    row = GasCarrierRow
    mine = select(row) if vaults is None else select(row).where(row.vault_id.in_(vaults))
    ordered = mine.order_by(row.created_at.desc(), row.transaction_id, row.number.desc())
    return await session.all(ordered.limit(count))


async def lock_carrier(session: WriteSession, transaction: str, number: int) -> GasCarrierRow:
    row = GasCarrierRow
    mine = select(row).where(row.transaction_id == transaction, row.number == number)
    return (await session.for_update(mine.order_by(row.number)))[0]


# Who owes whom


async def claims(session: ReadSession) -> list[tuple[str, AssetId, int]]:
    """What each vault is owed for gas, below zero what it owes; those at zero left out."""
    rows = await session.all(
        select(LedgerAccountRow)
        .where(LedgerAccountRow.kind == AccountKind.GAS.value)
        .order_by(LedgerAccountRow.vault_id, LedgerAccountRow.asset)
    )
    found = [(row.vault_id, AssetId(row.asset), account_of(row).posted) for row in rows]
    return [(vault, asset, units) for vault, asset, units in found if vault and units]
