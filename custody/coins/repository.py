"""Queries on coins moved by rule, and on the rules. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select

from chains.model import AssetId, NetworkId
from custody.alarms.codes import AlarmCode
from custody.coins.model import TOO_MANY
from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import AlarmRow, LedgerAccountRow
from custody.db.transfer_tables import TransferRow
from custody.ledger.model import vault_account
from custody.transfers.kinds import STAYING
from custody.transfers.state import State

# Rules


async def rule_of(session: ReadSession, vault: str, network: str) -> CoinRuleRow | None:
    """The one that counts, also one that ends them."""
    mine = select(CoinRuleRow).where(CoinRuleRow.vault_id == vault, CoinRuleRow.network == network)
    return await session.first(mine.order_by(CoinRuleRow.number.desc()).limit(1))


async def newest_rules(session: ReadSession) -> Sequence[CoinRuleRow]:
    """The one that counts of each vault and network, those that were taken away included."""
    rule = CoinRuleRow
    newest = (
        select(rule.vault_id, rule.network, func.max(rule.number).label("number"))
        .group_by(rule.vault_id, rule.network)
        .subquery()
    )
    found = select(rule).join(
        newest,
        (rule.vault_id == newest.c.vault_id)
        & (rule.network == newest.c.network)
        & (rule.number == newest.c.number),
    )
    return await session.all(found.order_by(rule.vault_id, rule.network))


async def history_of(session: ReadSession, vault: str) -> Sequence[CoinRuleRow]:
    """All that was ever set, the oldest first."""
    mine = select(CoinRuleRow).where(CoinRuleRow.vault_id == vault)
    return await session.all(mine.order_by(CoinRuleRow.network, CoinRuleRow.number))


# What they are about


async def available(session: ReadSession, vault: str, asset: AssetId) -> int:
    """Credited and not promised."""
    row = await session.get(LedgerAccountRow, vault_account(vault, asset).id)
    return 0 if row is None else row.credits_posted - row.debits_posted - row.debits_pending


async def blocked(
    session: ReadSession, networks: Collection[NetworkId]
) -> dict[tuple[str, str], str]:
    """Payments that wait for fewer coins, by vault and network: the oldest of each."""
    waiting = select(TransferRow.vault_id, TransferRow.network, TransferRow.id).where(
        TransferRow.network.in_(sorted(networks)),
        TransferRow.state == State.APPROVED.value,
        TransferRow.waiting == TOO_MANY,
        TransferRow.kind.not_in(sorted(STAYING)),
    )
    found: dict[tuple[str, str], str] = {}
    for vault, network, transfer in await session.rows(waiting.order_by(TransferRow.serial)):
        found.setdefault((vault, network), transfer)
    return found


async def told(session: ReadSession) -> set[tuple[str, str]]:
    """Vaults and networks of which people were told something that still stands."""
    standing = select(AlarmRow.vault_id, AlarmRow.network).where(
        AlarmRow.code == AlarmCode.COINS_FAIL.value, AlarmRow.open_key.is_not(None)
    )
    rows = await session.rows(standing.order_by(AlarmRow.id))
    return {(vault, network) for vault, network in rows if vault and network}


# Moves


async def open_moves(session: ReadSession) -> Sequence[CoinMoveRow]:
    mine = select(CoinMoveRow).where(CoinMoveRow.open_key.is_not(None))
    return await session.all(mine.order_by(CoinMoveRow.vault_id, CoinMoveRow.network))


async def newest_of(
    session: ReadSession, vault: str, network: str | None, count: int
) -> Sequence[CoinMoveRow]:
    """The newest first; on one network or on all."""
    mine = select(CoinMoveRow).where(CoinMoveRow.vault_id == vault)
    by_time = mine.order_by(CoinMoveRow.created_at.desc(), CoinMoveRow.number.desc())
    if network is None:
        return await session.all(by_time.limit(count))
    here = mine.where(CoinMoveRow.network == network).order_by(CoinMoveRow.number.desc())
    return await session.all(here.limit(count))


async def lock_move(session: WriteSession, row: CoinMoveRow) -> CoinMoveRow:
    mine = select(CoinMoveRow).where(
        CoinMoveRow.vault_id == row.vault_id,
        CoinMoveRow.network == row.network,
        CoinMoveRow.number == row.number,
    )
    return (await session.for_update(mine.order_by(CoinMoveRow.number)))[0]
