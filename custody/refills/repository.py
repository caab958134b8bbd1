"""Queries on refills and their rules. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, select

from chains.model import AssetId, NetworkId
from custody.db.refill_tables import RefillRow, RefillRuleRow
from custody.db.session import ReadSession, WriteSession
from custody.db.sighting_tables import ConsumptionRow
from custody.db.sums import exact_sum
from custody.db.tables import AddressRow, DepositRow, LedgerAccountRow
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.deposits.states import DepositState
from custody.ledger.model import vault_account
from custody.refills.model import Standing
from custody.transfers.state import State

_UNDER_WAY = (State.AWAITING_APPROVAL.value, State.APPROVED.value, State.IN_FLIGHT.value)

# Rules


async def newest_rules(session: ReadSession, vault: str | None = None) -> Sequence[RefillRuleRow]:
    """The one that counts of each vault and asset, those that were taken away included."""
    newest = select(
        RefillRuleRow.vault_id, RefillRuleRow.asset, func.max(RefillRuleRow.number).label("number")
    ).group_by(RefillRuleRow.vault_id, RefillRuleRow.asset)
    counting = newest.subquery()
    found = select(RefillRuleRow).join(
        counting,
        (RefillRuleRow.vault_id == counting.c.vault_id)
        & (RefillRuleRow.asset == counting.c.asset)
        & (RefillRuleRow.number == counting.c.number),
    )
    if vault is not None:
        found = found.where(RefillRuleRow.vault_id == vault)
    return await session.all(found.order_by(RefillRuleRow.vault_id, RefillRuleRow.asset))


async def rule_of(session: ReadSession, vault: str, asset: str) -> RefillRuleRow | None:
    """The one that counts."""
    mine = select(RefillRuleRow).where(
        RefillRuleRow.vault_id == vault, RefillRuleRow.asset == asset
    )
    return await session.first(mine.order_by(RefillRuleRow.number.desc()).limit(1))


async def history_of(session: ReadSession, vault: str) -> Sequence[RefillRuleRow]:
    """All that was ever set, the oldest first."""
    mine = select(RefillRuleRow).where(RefillRuleRow.vault_id == vault)
    return await session.all(mine.order_by(RefillRuleRow.asset, RefillRuleRow.number))


async def first_address(session: ReadSession, vault: str, network: NetworkId) -> str | None:
    """The oldest one at which the vault is paid; where chains have accounts, the one it pays
    from."""
    mine = select(AddressRow.address).where(
        AddressRow.vault_id == vault,
        AddressRow.network == network,
        AddressRow.change.is_(False),
        AddressRow.position == 0,
    )
    return await session.first(mine.order_by(AddressRow.seq).limit(1))


# Refills


async def open_refills(session: ReadSession) -> Sequence[RefillRow]:
    mine = select(RefillRow).where(RefillRow.open_key.is_not(None))
    return await session.all(mine.order_by(RefillRow.vault_id, RefillRow.asset))


async def newest(
    session: ReadSession, vault: str, asset: str | None, count: int
) -> Sequence[RefillRow]:
    """The newest first; of one asset or of all."""
    mine = select(RefillRow).where(RefillRow.vault_id == vault)
    if asset is not None:
        mine = mine.where(RefillRow.asset == asset)
    ordered = mine.order_by(RefillRow.created_at.desc(), RefillRow.number.desc())
    return await session.all(ordered.limit(count))


async def last_number(session: ReadSession, vault: str, asset: str) -> int:
    mine = select(func.max(RefillRow.number)).where(
        RefillRow.vault_id == vault, RefillRow.asset == asset
    )
    return await session.one(mine) or 0


async def lock_refill(session: WriteSession, vault: str, asset: str, number: int) -> RefillRow:
    mine = select(RefillRow).where(
        RefillRow.vault_id == vault, RefillRow.asset == asset, RefillRow.number == number
    )
    ordered = mine.order_by(RefillRow.vault_id, RefillRow.asset, RefillRow.number)
    return (await session.for_update(ordered))[0]


async def standing(session: ReadSession, vault: str, asset: AssetId, destination: str) -> Standing:
    """`destination`: the vault's address that refills go to."""
    account = await session.first(
        select(LedgerAccountRow).where(LedgerAccountRow.id == vault_account(vault, asset).id)
    )
    come = [  # its deposit is in the account: held or credited, and not to be counted twice
        select(DepositRow.id)
        .where(
            DepositRow.txid.in_(txids.where(TransactionTransferRow.transfer_id == TransferRow.id)),
            DepositRow.vault_id == vault,
            DepositRow.asset == asset,
            DepositRow.state != DepositState.REVERSED.value,
        )
        .exists()
        for txids in _txids()
    ]
    on_its_way = await session.one(
        select(exact_sum(TransferRow.amount)).where(
            TransferRow.asset == asset,
            TransferRow.destination == destination,
            TransferRow.state.in_(_UNDER_WAY),
            *(~each for each in come),
        )
    )
    if account is None:
        return Standing(0, on_its_way or 0)
    available = account.credits_posted - account.debits_posted - account.debits_pending
    return Standing(available, account.credits_pending + (on_its_way or 0))


async def deposits_of(session: ReadSession, transfer_id: str, vault: str) -> list[str]:
    """The states of what the transfer's transactions brought to the vault."""
    found: list[str] = []
    for txids in _txids():
        of_it = txids.where(TransactionTransferRow.transfer_id == transfer_id)
        mine = select(DepositRow.state).where(
            DepositRow.vault_id == vault, DepositRow.txid.in_(of_it)
        )
        found += await session.all(mine.order_by(DepositRow.id))
    return found


def _txids() -> tuple[Select[tuple[str]], Select[tuple[str]]]:
    """Under which names blocks have what carries transfers: its own; and of what was signed apart,
    that of whoever submitted it."""
    carried = TransactionTransferRow.transaction_id == TransactionRow.id
    own = select(TransactionRow.txid).join(TransactionTransferRow, carried)
    by = select(ConsumptionRow.txid).join(
        TransactionRow,
        (ConsumptionRow.network == TransactionRow.network)
        & (ConsumptionRow.key == TransactionRow.txid),
    )
    return (
        own.where(TransactionRow.txid.is_not(None)),  # type: ignore[return-value]
        by.join(TransactionTransferRow, carried),
    )
