"""Queries on sweeps and their rules. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ScalarSelect, func, select

from chains.model import Address, AssetId, NetworkId
from custody.db.gas_tables import GasTopUpRow
from custody.db.session import ReadSession, WriteSession
from custody.db.sweep_tables import SweepRow, SweepRuleRow
from custody.db.tables import AddressRow, DepositRow, LedgerAccountRow
from custody.deposits.states import DepositState
from custody.ledger.model import unswept_account
from custody.transfers.begun import BegunState

# Rules


async def rule_of(session: ReadSession, vault: str, asset: str) -> SweepRuleRow | None:
    """The one that counts, also one that ends them."""
    mine = select(SweepRuleRow).where(SweepRuleRow.vault_id == vault, SweepRuleRow.asset == asset)
    return await session.first(mine.order_by(SweepRuleRow.number.desc()).limit(1))


async def newest_rules(session: ReadSession) -> Sequence[SweepRuleRow]:
    """The one that counts of each vault and asset, those that were taken away included."""
    rule = SweepRuleRow
    newest = (
        select(rule.vault_id, rule.asset, func.max(rule.number).label("number"))
        .group_by(rule.vault_id, rule.asset)
        .subquery()
    )
    found = select(rule).join(
        newest,
        (rule.vault_id == newest.c.vault_id)
        & (rule.asset == newest.c.asset)
        & (rule.number == newest.c.number),
    )
    return await session.all(found.order_by(rule.vault_id, rule.asset))


async def history_of(session: ReadSession, vault: str) -> Sequence[SweepRuleRow]:
    """All that was ever set, the oldest first."""
    mine = select(SweepRuleRow).where(SweepRuleRow.vault_id == vault)
    return await session.all(mine.order_by(SweepRuleRow.asset, SweepRuleRow.number))


# Addresses


async def unswept(session: ReadSession, vault: str, asset: AssetId) -> int:
    """On all later addresses of the vault together, credited and not promised."""
    row = await session.get(LedgerAccountRow, unswept_account(vault, asset).id)
    return 0 if row is None else row.credits_posted - row.debits_posted - row.debits_pending


async def candidates(
    session: ReadSession, vault: str, network: NetworkId, asset: AssetId, most: int
) -> list[Address]:
    """Later addresses to which something of the asset came since they were swept last; those that
    were paid last first, at most so many."""
    swept = _swept(network, asset)
    came = func.max(DepositRow.decided_at)
    found = (
        select(AddressRow.address)
        .join(DepositRow, DepositRow.address_id == AddressRow.id)
        .where(
            AddressRow.vault_id == vault,
            AddressRow.network == network,
            AddressRow.position > 0,
            DepositRow.asset == asset,
            DepositRow.state == DepositState.CREDITED.value,
        )
        .group_by(AddressRow.id, AddressRow.address)
        .having((swept.is_(None)) | (came > swept))
        .order_by(came.desc(), AddressRow.address)
    )
    return [Address(text) for text in await session.all(found.limit(most))]


async def topped_up(
    session: ReadSession, vault: str, network: NetworkId, coin: AssetId, most: int
) -> list[Address]:
    """Later addresses to which a gas station brought coins since they were swept of them last: what
    a fee left lies there, and is nobody's deposit. At most so many."""
    swept = _swept(network, coin)
    came = func.max(GasTopUpRow.ended_at)
    found = (
        select(AddressRow.address)
        .join(
            GasTopUpRow,
            (GasTopUpRow.network == AddressRow.network)
            & (GasTopUpRow.address == AddressRow.address),
        )
        .where(
            AddressRow.vault_id == vault,
            AddressRow.network == network,
            AddressRow.position > 0,
            GasTopUpRow.vault_id == vault,
            GasTopUpRow.state == BegunState.DONE.value,
        )
        .group_by(AddressRow.id, AddressRow.address)
        .having((swept.is_(None)) | (came > swept))
        .order_by(came.desc(), AddressRow.address)
    )
    return [Address(text) for text in await session.all(found.limit(most))]


def _swept(network: NetworkId, asset: AssetId) -> ScalarSelect[datetime]:
    """When the address was swept of the asset last."""
    return (
        select(func.max(SweepRow.created_at))
        .where(
            SweepRow.network == network,
            SweepRow.address == AddressRow.address,
            SweepRow.asset == asset,
            SweepRow.state == BegunState.DONE.value,
        )
        .correlate(AddressRow)
        .scalar_subquery()
    )


# Sweeps


async def open_sweeps(session: ReadSession) -> Sequence[SweepRow]:
    mine = select(SweepRow).where(SweepRow.open_key.is_not(None))
    return await session.all(mine.order_by(SweepRow.network, SweepRow.address))


async def newest_at(
    session: ReadSession, network: NetworkId, address: str, count: int
) -> Sequence[SweepRow]:
    """The newest first."""
    mine = select(SweepRow).where(SweepRow.network == network, SweepRow.address == address)
    return await session.all(mine.order_by(SweepRow.number.desc()).limit(count))


async def newest(session: ReadSession, vault: str, count: int) -> Sequence[SweepRow]:
    """The newest first."""
    mine = select(SweepRow).where(SweepRow.vault_id == vault)
    ordered = mine.order_by(SweepRow.created_at.desc(), SweepRow.address, SweepRow.number.desc())
    return await session.all(ordered.limit(count))


async def begun_last(session: ReadSession, vault: str, asset: AssetId) -> datetime | None:
    mine = select(SweepRow.created_at).where(SweepRow.vault_id == vault, SweepRow.asset == asset)
    return await session.first(mine.order_by(SweepRow.created_at.desc()).limit(1))


async def lock_sweep(session: WriteSession, row: SweepRow) -> SweepRow:
    mine = select(SweepRow).where(
        SweepRow.network == row.network,
        SweepRow.address == row.address,
        SweepRow.number == row.number,
    )
    return (await session.for_update(mine.order_by(SweepRow.number)))[0]
