"""Money on a vault's addresses that is nobody's deposit: in suspense until somebody knows more.

Reconciliation puts a surplus there, so that the ledger equals the chain: it is shown, and can't be
spent. What a rescan finds after all takes its place. For the rest a person decides: it belongs to
the vault, or it is not there any more. Who decided, and why, is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from chains.families import traits_of
from chains.model import AssetId, NetworkId
from chains.networks import Network
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.ids import new_id
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import SuspenseDecisionRow
from custody.errors import Conflict, Invalid
from custody.ledger import repository as ledger_queries
from custody.ledger.model import (
    AccountKey,
    AccountKind,
    Post,
    Reason,
    chain_account,
    suspense_account,
)
from custody.ledger.service import Ledger
from custody.reasons import checked_reason
from custody.vaults import repository as vaults

log = structlog.get_logger()


class Destination(StrEnum):
    """Where a person lets it go."""

    VAULT = "vault"
    """It is the vault's, on the address that it pays from."""
    UNSWEPT = "unswept"
    """It is the vault's, on another address."""
    CHAIN = "chain"
    """It is not on the chain any more."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """`amount` base units of a vault's asset."""

    vault: str
    asset: AssetId
    amount: int


async def suspended(session: ReadSession, vault: str | None = None) -> list[Suspended]:
    """What is in suspense, of one vault or of all."""
    accounts = await ledger_queries.accounts_of_kind(session, AccountKind.SUSPENSE, vault)
    return [
        Suspended(each.key.vault, each.key.asset, each.posted)
        for each in accounts
        if each.key.vault is not None and each.posted
    ]


async def suspend(
    session: WriteSession, ledger: Ledger, vault: str, surplus: Mapping[AssetId, int]
) -> None:
    """Put a surplus there. The caller has the vault's lock, and looked under it once more."""
    moves = [
        Post(chain_account(asset), suspense_account(vault, asset), units, vault, Reason.SUSPENSE)
        for asset, units in sorted(surplus.items())
    ]
    await ledger.post(session, *moves)


async def tell(session: WriteSession, network: NetworkId, vault: str, now: datetime) -> None:
    """The alarm stands as long as something of the network is in suspense."""
    words = "; ".join(
        f"{each.asset}: {each.amount} in suspense"
        for each in await suspended(session, vault)
        if each.asset.startswith(f"{network}/")
    )
    if words:
        await raise_alarm(session, AlarmCode.SURPLUS, words, now, network=network, vault=vault)
    else:
        await clear_alarm(session, AlarmCode.SURPLUS, now, network=network, vault=vault)


async def give_way(
    session: WriteSession,
    ledger: Ledger,
    network: NetworkId,
    found: Mapping[tuple[str, AssetId], int],
    now: datetime,
) -> None:
    """Deposits that were found late, by vault and asset, are what was in suspense, as far as that
    goes. The caller has the vaults' lock."""
    for vault in sorted({vault for vault, _ in found}):
        moves = [
            Post(
                suspense_account(vault, each.asset),
                chain_account(each.asset),
                min(each.amount, found[vault, each.asset]),
                vault,
                Reason.SUSPENSE,
            )
            for each in await suspended(session, vault)
            if found.get((vault, each.asset))
        ]
        if moves:
            await ledger.post(session, *moves)
            await tell(session, network, vault, now)


async def decide(
    session: WriteSession,
    ledger: Ledger,
    network: Network,
    what: Suspended,
    destination: Destination,
    reason: str,
    now: datetime,
    *,
    by: str,
) -> None:
    """Let so much of it go where a person says.

    `network`: the asset's. Raises Invalid(reason_invalid, amount_invalid), NotFound
    (vault_not_found), Unprocessable(amount_above_balance), and Conflict(coins_unknown): a vault
    pays with coins that it knows, so where money is coins only a rescan makes it spendable.
    """
    reason = checked_reason(reason)
    if what.amount <= 0:
        raise Invalid("amount_invalid", "More than nothing, in base units.", field="amount")
    if destination is not Destination.CHAIN and traits_of(network).coins:
        raise Conflict("coins_unknown", "Only a rescan finds the coins that this money is.")
    await vaults.vault(session, what.vault)
    await vaults.lock_vaults(session, [what.vault])
    decision = new_id("sus")
    goes = (
        chain_account(what.asset)
        if destination is Destination.CHAIN
        else AccountKey(AccountKind(destination.value), what.asset, what.vault)
    )
    held = suspense_account(what.vault, what.asset)
    await ledger.post(session, Post(held, goes, what.amount, decision, Reason.SUSPENSE))
    row = {
        "id": decision,
        "vault_id": what.vault,
        "asset": what.asset,
        "amount": what.amount,
        "destination": destination.value,
        "reason": reason,
        "decided_by": by,
        "created_at": now,
    }
    await session.insert(SuspenseDecisionRow, [row])
    await tell(session, network.id, what.vault, now)
    log.warning("suspense_decided", **{**row, "created_at": now.isoformat()})
