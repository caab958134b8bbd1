"""Holds a deposit before it is credited, and lets it go; the rules that do so by themselves.

Whoever holds or releases has the network's follower locked, as whoever writes blocks does. So a
deposit is credited or held, never both, and released once. What is released goes the ordinary way
of deposits, the least that is credited included, and is credited at once if it is final.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from chains.catalogue import Catalogue
from chains.families import CODECS
from chains.model import AssetId, NetworkId
from chains.networks import Network
from custody.db.ids import new_id
from custody.db.quarantine_tables import QuarantineRow, QuarantineRuleRow, QuarantineSenderRow
from custody.db.session import WriteSession
from custody.db.tables import DepositRow
from custody.deposits import repository as deposits
from custody.deposits.minimums import Minimums
from custody.deposits.recording import Recorder
from custody.deposits.states import DepositState, Turn, after
from custody.errors import Conflict, Forbidden, Invalid, NotFound
from custody.following import chain_repository
from custody.following.finality import credit_height
from custody.ledger.batch import Batch
from custody.ledger.model import (
    AccountKey,
    AccountKind,
    Reason,
    Reserve,
    Void,
    chain_account,
    quarantine_account,
)
from custody.ledger.service import Ledger
from custody.quarantine import repository
from custody.quarantine.judging import row_of
from custody.reasons import checked_reason
from custody.vaults import repository as vaults

SENDERS_MAX = 1_000
"""Addresses on the list of one rule."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Desk:
    """What holding and releasing needs. `four_eyes`: a deposit is released by another person than
    the one who held it, or who set the rule that did."""

    ledger: Ledger
    catalogue: Catalogue
    minimums: Minimums
    four_eyes: bool = False


async def hold(
    session: WriteSession,
    desk: Desk,
    deposit: str,
    reason: str,
    now: datetime,
    *,
    by: str,
    only: str | None = None,
) -> DepositRow:
    """Keep a deposit that is not credited yet from being credited.

    Raises NotFound deposit_not_found, Invalid reason_invalid, and Conflict: deposit_credited,
    deposit_reversed, deposit_quarantined.
    """
    reason = checked_reason(reason)
    row, _ = await _locked(session, desk, deposit, only)
    match DepositState(row.state):
        case DepositState.CREDITED:
            raise Conflict("deposit_credited", "It is credited: freeze the vault, if need be.")
        case DepositState.REVERSED:
            raise Conflict("deposit_reversed", "Its block is gone, and it is not there any more.")
        case DepositState.QUARANTINED:
            raise Conflict("deposit_quarantined", "It is held already.")
        case _:
            pass
    asset = AssetId(row.asset)
    await _move(session, desk.ledger, row, quarantine_account(row.vault_id, asset))
    row.state, row.updated_at = after(row.state, Turn.HOLD).value, now
    await session.flush()
    place = (row.txid, row.place)
    new = row_of(row.network, place, row.id, None, reason, by, now)
    await session.insert(QuarantineRow, [new])
    log.warning("deposit_quarantined", deposit=row.id, reason=reason, by=by)
    return row


async def release(
    session: WriteSession,
    desk: Desk,
    deposit: str,
    reason: str,
    now: datetime,
    *,
    by: str,
    only: str | None = None,
) -> DepositRow:
    """Let a held deposit go on: it is credited when it is final, at once if it is.

    Raises NotFound deposit_not_found, Invalid reason_invalid, Conflict deposit_not_quarantined,
    Forbidden second_person_needed.
    """
    reason = checked_reason(reason)
    row, network = await _locked(session, desk, deposit, only)
    key = repository.key_of(row.network, row.txid, row.place)
    held = await repository.lock_open(session, key)
    if held is None or row.state != DepositState.QUARANTINED:
        raise Conflict("deposit_not_quarantined", "Nobody holds it.")
    if desk.four_eyes and held.held_by == by:
        raise Forbidden("second_person_needed", "Another person than who held it releases it.")
    owner = await deposits.owner_of(session, network, row)
    account = AccountKey(AccountKind(owner.holding.value), AssetId(row.asset), row.vault_id)
    await _move(session, desk.ledger, row, account)
    row.state, row.updated_at = after(row.state, Turn.RELEASE).value, now
    held.open_key, held.released_at = None, now
    held.released_by, held.released_reason = by, reason
    await session.flush()
    position = await chain_repository.position(session, network.id)
    final = await chain_repository.newest_final_height(session, network.id)
    recorder = Recorder(session, network, now, desk.minimums)
    await recorder.settle(credit_height(network, position, final), desk.ledger)
    await session.flush()
    log.warning("deposit_released", deposit=row.id, reason=reason, by=by)
    return row


async def _locked(
    session: WriteSession, desk: Desk, deposit: str, only: str | None
) -> tuple[DepositRow, Network]:
    """The deposit as it is once nobody else writes what blocks bring to its network."""
    seen = await deposits.deposit(session, deposit, only=only)
    network = desk.catalogue.networks.get(NetworkId(seen.network))
    if network is None:
        raise Invalid("network_unknown", "The policy in force does not describe its network.")
    await chain_repository.lock_follower(session, network.id)
    return await deposits.lock_deposit(session, deposit), network


async def _move(
    session: WriteSession, ledger: Ledger, row: DepositRow, account: AccountKey
) -> None:
    """What is held for it is held for that account instead."""
    batch = Batch()
    batch.move(Void(row.reservation_id))
    outside = chain_account(account.asset)
    row_id = batch.move(Reserve(outside, account, row.amount, row.id, Reason.DEPOSIT))
    await batch.write(session, ledger)
    row.reservation_id = row_id


@dataclass(frozen=True, slots=True)
class NewRule:
    """What is None fits every deposit. `amount_from`: base units of `asset`. `senders`: as people
    write addresses of `network`."""

    client: str | None = None
    vault: str | None = None
    network: Network | None = None
    asset: AssetId | None = None
    amount_from: int | None = None
    senders: tuple[str, ...] | None = None


async def set_rule(
    session: WriteSession,
    new: NewRule,
    reason: str,
    now: datetime,
    *,
    by: str,
    only: str | None = None,
) -> QuarantineRuleRow:
    """From now on, in all processes: what is seen after this and fits is held. `only`: a rule for
    this client's deposits alone.

    Raises Invalid (quarantine_rule_invalid, address_malformed, reason_invalid), NotFound
    (client_not_found, vault_not_found), Forbidden key_bound_to_client, InvalidAddress.
    """
    reason = checked_reason(reason)
    senders = _checked(new)
    if new.client is not None:
        await vaults.client(session, new.client, only=only)
    elif new.vault is not None:
        await vaults.vault(session, new.vault, only=only)
    elif only is not None:
        raise Forbidden("key_bound_to_client", "this needs a key that is bound to no client")
    network = None if new.network is None else new.network.id
    await repository.lock_followers(session, network)
    row = {
        "id": new_id("qrl"),
        "client_id": new.client,
        "vault_id": new.vault,
        "network": network,
        "asset": new.asset,
        "amount_from": new.amount_from,
        "by_sender": senders is not None,
        "reason": reason,
        "set_by": by,
        "created_at": now,
        "ended_at": None,
        "ended_by": None,
        "ended_reason": None,
    }
    await session.insert(QuarantineRuleRow, [row])
    listed = [{"rule_id": row["id"], "address": each} for each in senders or ()]
    await session.insert(QuarantineSenderRow, listed)
    log.warning("quarantine_rule_set", rule=row["id"], reason=reason, by=by)
    return QuarantineRuleRow(**row)


def _checked(new: NewRule) -> list[str] | None:
    """The senders as the network writes them. Raises as `set_rule` says."""
    if new.client is not None and new.vault is not None:
        raise _wrong("A rule names a client or a vault, not both.", "client_id")
    if new.asset is not None and (new.network is None or not _is_of(new.asset, new.network)):
        raise _wrong("An asset is named together with its network.", "network")
    if new.amount_from is not None and (new.asset is None or new.amount_from <= 0):
        raise _wrong("An amount is one of an asset, and more than nothing.", "amount")
    if new.senders is None:
        return None
    if new.network is None:
        raise _wrong("Addresses are named together with their network.", "network")
    if CODECS[new.network.family].traits.coins:
        raise _wrong("The blocks of this network do not say who paid.", "senders")
    if not 0 < len(new.senders) <= SENDERS_MAX:
        raise _wrong(f"A list has 1 to {SENDERS_MAX} addresses.", "senders")
    codec = CODECS[new.network.family](new.network)
    return sorted({codec.parse_address(each.strip()).address for each in new.senders})


def _is_of(asset: AssetId, network: Network) -> bool:
    return asset.startswith(f"{network.id}/")


def _wrong(words: str, field: str) -> Invalid:
    return Invalid("quarantine_rule_invalid", words, field=field)


async def end_rule(
    session: WriteSession,
    rule: str,
    reason: str,
    now: datetime,
    *,
    by: str,
    only: str | None = None,
) -> QuarantineRuleRow:
    """It holds nothing more. What it held stays so until it is released. `only`: a rule for this
    client's deposits alone.

    Raises NotFound quarantine_rule_not_found, Conflict quarantine_rule_ended, Invalid
    reason_invalid, Forbidden key_bound_to_client.
    """
    reason = checked_reason(reason)
    row = await repository.lock_rule(session, rule)
    if only is not None:
        owner = row.client_id
        if row.vault_id is not None:
            owner = (await vaults.vault(session, row.vault_id)).client_id
        if owner is None:
            raise Forbidden("key_bound_to_client", "this needs a key that is bound to no client")
        if owner != only:
            raise NotFound("quarantine_rule_not_found", "There is no such rule.")
    if row.ended_at is not None:
        raise Conflict("quarantine_rule_ended", "This rule has ended before.")
    row.ended_at, row.ended_by, row.ended_reason = now, by, reason
    log.warning("quarantine_rule_ended", rule=rule, reason=reason, by=by)
    return row
