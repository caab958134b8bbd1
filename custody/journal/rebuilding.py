"""Writes rebuilt transfers, each in the caller's transaction, and holds their money.

A transfer that the database still has may have ended here (expired, cancelled) before anybody knew
that it had been signed. Then it goes on. If it was asked for again meanwhile, with other terms than
those that were signed, its row can't be right, and what was agreed is never rewritten: the vault is
frozen and a person is called.
"""

from __future__ import annotations

from datetime import datetime

from chains.codec import TransactionCodec
from chains.costs import CostKind
from chains.model import ConflictKey
from chains.networks import all_networks
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.ids import new_id
from custody.db.session import WriteSession
from custody.db.tables import TransferRow
from custody.errors import Conflict
from custody.journal.repository import other_holders, unheld_transfers
from custody.ledger.service import Ledger
from custody.transfers import repository
from custody.transfers.apply import load, transition
from custody.transfers.builder import transaction_row
from custody.transfers.holding import hold
from custody.transfers.state import Postpone, Recover, State, can
from custody.vaults import freezes
from custody.vaults import repository as vaults
from signer.records import SignedRecord
from signer.wire import Mandate

RECOVERING = "recovering"
"""Why a vault is frozen: money that rebuilt transfers have spent can't be held yet."""
_HELD = (State.AWAITING_APPROVAL, State.QUEUED)


async def rebuild(
    session: WriteSession,
    ledger: Ledger,
    codec: TransactionCodec,
    record: SignedRecord,
    now: datetime,
) -> None:
    """The transfer of `record`, queued and built: as after a crash that lost the signer's answer.

    Raises Conflict mandate_not_rebuildable.
    """
    mandate = record.mandate
    if len(mandate.outputs) != 1:
        raise Conflict("mandate_not_rebuildable", f"{mandate.transfer} pays several at once")
    row = await repository.lock_transfer(session, mandate.transfer)
    if row is None:
        row = TransferRow(
            id=mandate.transfer, ordinal=new_id("ord"), note=None, state=State.REQUESTED, version=0,
            **_terms(mandate), updated_at=now,
        )  # fmt: skip
        session.add(row)
        await session.flush()
    before = await load(session, row)
    session.add(transaction_row(new_id("txn"), mandate.transfer, record.tx, now))
    if not can(before, Recover) or not _is_for(row, mandate):
        words = f"transfer {row.id}: record {record.sequence} signed something else for it"
        network = mandate.network
        await raise_alarm(
            session, AlarmCode.SIGNED_ELSEWHERE, words, now, network=network, vault=row.vault_id
        )
        await freezes.freeze(session, [row.vault_id], AlarmCode.SIGNED_ELSEWHERE, now)
        return
    if before.state not in _HELD:  # what was held is released
        row.amount_reservation_id = row.fee_reservation_id = None
    keys = codec.summarize(record.tx).conflict_keys
    await _take_back(session, ledger, row, keys, now)
    await repository.claim_missing(session, row.id, row.network, keys, now)
    await transition(session, ledger, row, before, Recover(f"record {record.sequence}"), now)
    if row.amount_reservation_id is None:
        await hold(session, ledger, row)


async def hold_late(session: WriteSession, ledger: Ledger, transfer_id: str, now: datetime) -> bool:
    """Hold the money of a rebuilt transfer, once the deposits that paid for it were followed again.
    The last one of its vault opens the vault. False: not yet."""
    row = await repository.lock_transfer(session, transfer_id)
    assert row is not None
    # The vault before the ledger's accounts, as everywhere.
    await vaults.lock_vaults(session, [row.vault_id])
    if row.amount_reservation_id is None and not await hold(session, ledger, row):
        row.waiting = RECOVERING
        return False
    row.waiting = None
    await session.flush()
    if row.vault_id not in {vault for _, vault in await unheld_transfers(session)}:
        await freezes.lift(session, row.vault_id, RECOVERING, now)
        await clear_alarm(session, AlarmCode.RECOVERED_UNHELD, now, vault=row.vault_id)
    return True


async def freeze_what_waits(session: WriteSession, now: datetime) -> list[str]:
    """Freeze the vaults of transfers whose money can't be held yet, so that nothing else takes it.
    The transfers' ids."""
    waiting = await unheld_transfers(session)
    for vault in sorted({vault for _, vault in waiting}):
        await freezes.freeze(session, [vault], RECOVERING, now)
        words = "transfers were rebuilt, but not yet the deposits that they were paid from"
        await raise_alarm(session, AlarmCode.RECOVERED_UNHELD, words, now, vault=vault)
    return [transfer for transfer, _ in waiting]


async def _take_back(
    session: WriteSession,
    ledger: Ledger,
    row: TransferRow,
    keys: frozenset[ConflictKey],
    now: datetime,
) -> None:
    """Keys that a transfer claimed which nobody signed: it is built again, with others."""
    for holder in await other_holders(session, row.id, keys):
        other = await repository.lock_transfer(session, holder)
        assert other is not None
        before = await load(session, other)
        if before.state is not State.QUEUED:
            continue  # signed as well: the chain decides between the two
        if can(before, Postpone):
            for transaction in await repository.transactions_of(session, holder):
                transaction.refusal = transaction.refusal or "recovered"
            await transition(session, ledger, other, before, Postpone(), now)
        else:
            await repository.release_claims(session, holder)


def _is_for(row: TransferRow, mandate: Mandate) -> bool:
    """Whether the row means what was signed. Who asked, when, and under which version of the policy
    may differ: it may have been asked for again."""
    signed, names = _terms(mandate), ("vault_id", "network", "asset", "destination", "amount")
    return all(getattr(row, name) == signed[name] for name in (*names, "costs_max"))


def _terms(mandate: Mandate) -> dict[str, object]:
    (output,) = mandate.outputs
    network = all_networks()[mandate.network]
    others = sum(network.costs_max.values()) - network.costs_max[network.native.id, CostKind.FEE]
    return {
        "client_id": mandate.client,
        "vault_id": mandate.vault,
        "network": mandate.network,
        "asset": output.asset,
        "destination": output.address,
        "amount": output.amount,
        "fee_max": max(0, mandate.fee_max - others),
        "costs_max": mandate.fee_max,
        "initiator": mandate.initiator,
        "mandate": mandate.canonical(),
        "amount_reservation_id": None,
        "fee_reservation_id": None,
        "requested_at": mandate.requested_at,
        "expires_at": mandate.expires_at,
    }
