"""Queries on costs that wait for coins, and on the rules that bring them. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy import bindparam, or_, select

from chains.model import Address, NetworkId
from custody.db.gas_tables import EVERYBODY, GasCarrierRow, GasNeedRow, GasRuleRow
from custody.db.session import ReadSession
from custody.db.tables import AddressRow
from custody.db.transfer_tables import TransferRow
from custody.transfers.state import State


class NeedState(StrEnum):
    OPEN = "open"
    """The costs are not held: the transfer waits."""
    APART = "apart"
    """They are never held: the transfer is signed apart, and who submits it pays."""
    HELD = "held"
    ENDED = "ended"
    """The terms count no more."""


_RULE: Final = (
    select(GasRuleRow)
    .where(GasRuleRow.network == bindparam("network"), GasRuleRow.client == bindparam("client"))
    .order_by(GasRuleRow.number.desc())
    .limit(1)
)


async def rule_of(session: ReadSession, network: NetworkId, client: str) -> GasRuleRow | None:
    """The one that counts of exactly this client, or of everybody."""
    found = await session.all(_RULE, {"network": network, "client": client})
    return found[0] if found else None


async def rule_for(
    session: ReadSession, network: NetworkId, client: str, vault: str
) -> GasRuleRow | None:
    """What tops up the vault: its client's own rule, else everybody's; None: nothing does."""
    for whose in (client, EVERYBODY):
        found = await rule_of(session, network, whose)
        if found is not None and found.payer_id is not None:
            return None if found.payer_id == vault else found
    return None


async def submitter(
    session: ReadSession, network: NetworkId, client: str, vault: str
) -> Address | None:
    """The paying address of who submits what the vault signs apart, on a chain of accounts."""
    rule = await rule_for(session, network, client, vault)
    if rule is None or not rule.carries:
        return None
    mine = select(AddressRow.address).where(
        AddressRow.vault_id == rule.payer_id,
        AddressRow.network == network,
        AddressRow.change.is_(False),
        AddressRow.position == 0,
    )
    found = await session.first(mine.order_by(AddressRow.address))
    return None if found is None else Address(found)


_OPEN_NEEDS: Final = (
    select(GasNeedRow, TransferRow)
    .join(TransferRow, TransferRow.id == GasNeedRow.transfer_id)
    .where(GasNeedRow.state == NeedState.OPEN.value)
)
_WAITING_APART: Final = (
    select(TransferRow.id)
    .join(GasNeedRow, GasNeedRow.transfer_id == TransferRow.id)
    .where(GasNeedRow.state == NeedState.APART.value, TransferRow.state == State.APPROVED)
    .distinct()
    .order_by(TransferRow.id)
)
WAIT_FOR_COINS: Final = or_(_OPEN_NEEDS.exists(), _WAITING_APART.exists())
"""Whether `open_needs` or `waiting_apart` have anything."""


async def open_needs(
    session: ReadSession, address: tuple[NetworkId, str] | None = None
) -> Sequence[tuple[GasNeedRow, TransferRow]]:
    """With their transfers, the oldest first; of one network and address, or of all."""
    mine = _OPEN_NEEDS
    if address is not None:
        mine = mine.where(GasNeedRow.network == address[0], GasNeedRow.address == address[1])
    ordered = mine.order_by(GasNeedRow.created_at, GasNeedRow.transfer_id, GasNeedRow.version)
    return await session.rows(ordered)


async def needs_of(session: ReadSession, transfer: str) -> Sequence[GasNeedRow]:
    mine = select(GasNeedRow).where(GasNeedRow.transfer_id == transfer)
    return await session.all(mine.order_by(GasNeedRow.version))


async def waiting_apart(session: ReadSession) -> Sequence[str]:
    """Transfers that are to be signed apart and wait for that."""
    return await session.all(_WAITING_APART)


async def debtors(session: ReadSession, transfers: Collection[str]) -> dict[str, str]:
    """Whose payment each of them submits, by transfer: the vault that owes what that cost."""
    row = GasCarrierRow
    mine = select(row.named, row.vault_id).where(row.named.in_(transfers))
    return dict([*await session.rows(mine.order_by(row.named))])


async def goes_apart(session: ReadSession, transfer: str) -> bool:
    """Whether it was accepted without its costs, as a payment that others submit."""
    return any(each.state == NeedState.APART for each in await needs_of(session, transfer))


async def never_held(session: ReadSession, transfer: str) -> bool:
    """Whether costs of the transfer were never held."""
    return any(each.state != NeedState.HELD for each in await needs_of(session, transfer))
