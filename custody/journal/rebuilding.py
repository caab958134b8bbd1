"""Writes rebuilt transfers, those of one transaction in the caller's, and holds their money.

A transfer that the database still has may have ended here (expired, cancelled) before anybody knew
that it had been signed. Then it goes on. If it was asked for again meanwhile, with other terms than
those that were signed, its row can't be right, and what was agreed is never rewritten: the vault is
frozen and a person is called.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from chains.codec import Reader, TransactionCodec
from chains.costs import by_asset
from chains.effects import Allow, Call
from chains.messages.model import parse
from chains.model import AssetId, ConflictKey, Excludes
from chains.networks import Network
from chains.transaction import TxSummary, binding
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.ids import new_id
from custody.db.message_tables import MessageRow
from custody.db.session import ReadSession, WriteSession
from custody.db.transfer_tables import (
    MandateRow,
    TransactionRow,
    TransferOutputRow,
    TransferRow,
)
from custody.errors import Unprocessable
from custody.gas.model import Bearer
from custody.journal import repository as journal
from custody.journal.linking import bearer_of, is_owed, link
from custody.journal.naming import Rule, Time, time_of
from custody.ledger.service import Ledger
from custody.transactions import repository as transactions
from custody.transactions.apply import abandon_claimed
from custody.transactions.apply import load as load_transaction
from custody.transactions.claiming import Carried, carry, transaction_row
from custody.transactions.messages import reader_of
from custody.transactions.moving import Step, move
from custody.transactions.state import ON_CHAIN, Refuse
from custody.transactions.state import State as TransactionState
from custody.transactions.state import can as can_move
from custody.transfers import children, repository, reservations
from custody.transfers.apply import load, transition
from custody.transfers.children import Parent
from custody.transfers.consent import Consent
from custody.transfers.kinds import Kind
from custody.transfers.mandates import (
    digest_of,
    document_of,
    effects_of,
    stored_mandate,
    told_in,
    told_of,
)
from custody.transfers.message_repository import find_message
from custody.transfers.outputs import leaving, output_fields, paid, payments_in
from custody.transfers.state import Event, State, can
from custody.vaults import freezes
from custody.vaults import repository as vaults
from signer.records import SignedRecord
from signer.wire import Mandate, Purpose

RECOVERING = "recovering"
"""Why a vault is frozen: money that rebuilt transfers have spent can't be held yet."""


async def rebuild(
    session: WriteSession,
    ledger: Ledger,
    codec: TransactionCodec,
    records: Sequence[SignedRecord],
    now: datetime,
    parents: Mapping[str, Parent],
) -> None:
    """The transfers of one transaction's `records`, in flight, and the transaction, built: as after
    a crash that lost the signer's answer. One that calls them off stands beside those that pay: the
    chain decides which of them it was. `parents`: of those transfers that are children.
    """
    ordered = sorted(records, key=lambda each: each.mandate.core.transfer)
    first = ordered[0]
    native = codec.network.native.id
    reader = reader_of(codec, first.purpose)
    summary = reader.summarize(first.tx)
    rows = [await _transfer(session, codec, each, summary, parents, now) for each in ordered]
    terms = [
        await _mandate(session, row, each.mandate, now)
        for row, each in zip(rows, ordered, strict=True)
    ]
    keys = summary.conflict_keys
    transaction = await _transaction(session, reader, ordered, terms, now)
    known = []
    for row, each in zip(rows, ordered, strict=True):
        if await _is_known(session, row, each, transaction, keys, native):
            known.append(row)
            await abandon_claimed(session, row.id, "recovered", now)
            continue
        words = f"transfer {row.id}: record {each.sequence} signed something else for it"
        network = each.mandate.core.network
        await raise_alarm(
            session, AlarmCode.SIGNED_ELSEWHERE, words, now, network=network, vault=row.vault_id
        )
        await freezes.freeze(session, [row.vault_id], AlarmCode.SIGNED_ELSEWHERE, now)
    if not known:
        return
    await _take_back(session, ledger, {row.id for row in known}, keys, now)
    await transactions.claim_beside(session, transaction, keys, now)
    for row in known:
        await transition(session, ledger, row, Event.RECOVER, now, f"record {first.sequence}")
        await _hold(session, ledger, row, codec.network)


async def _transfer(
    session: WriteSession,
    codec: TransactionCodec,
    record: SignedRecord,
    summary: TxSummary,
    parents: Mapping[str, Parent],
    now: datetime,
) -> TransferRow:
    """The locked transfer, made if it was forgotten. `summary`: of what carries it."""
    mandate = record.mandate
    row = await repository.lock_transfer(session, mandate.core.transfer)
    if row is not None:
        return row
    time = await time_of(session, mandate)
    parent, repeats = parents.get(mandate.core.transfer), mandate.core.retry_of
    if repeats is not None and not await journal.is_known_transfer(session, repeats):
        repeats = None  # it was never signed: its mandate alone still names it
    row = TransferRow(
        id=mandate.core.transfer,
        ordinal=new_id("ord"),
        note=None,
        state=State.REQUESTED,
        version=0,
        waiting=None,
        reason=None,
        **(_terms(mandate, codec.network.native.id) | {"retry_of": repeats}),
        kind=Kind.MESSAGE
        if record.purpose is Purpose.MESSAGE
        else await _kind(session, mandate, time, is_child=parent is not None),
        closes=_closes(codec, summary),
        updated_at=now,
    )
    session.add(row)
    await session.flush()
    beside = output_fields(row.id, payments_in(mandate.core.effects, codec.network.native.id))
    if beside:
        await session.insert(TransferOutputRow, beside)
    if record.purpose is Purpose.MESSAGE:
        await session.insert(MessageRow, [_said(record)])
    if parent is not None:
        await children.record(session, row.id, parent)
    if time is not None:
        await link(session, row, mandate, time, len(summary.conflict_keys))
    return row


async def _is_known(
    session: WriteSession,
    row: TransferRow,
    record: SignedRecord,
    transaction: TransactionRow,
    keys: frozenset[ConflictKey],
    native: AssetId,
) -> bool:
    """Whether the row means what was signed for it. Who asked, when, and under which version of the
    policy may differ: it may have been asked for again."""
    signed, effects = _terms(record.mandate, native), record.mandate.core.effects
    same = all(getattr(row, name) == signed[name] for name in ("vault_id", "network", "costs_max"))
    payments = (await repository.payments_of(session, [row]))[row.id]
    told = told_of(row, await repository.mandates_of(session, row.id))
    does = payments == payments_in(effects, native) and told == told_in(effects)
    if record.purpose is Purpose.MESSAGE or row.kind == Kind.MESSAGE:
        known = await find_message(session, row.id)
        does = known is not None and record.purpose is Purpose.MESSAGE
        does = does and known is not None and _fields(known) == _said(record)
    fits = await _fits(session, row, transaction, keys)
    return fits and can(load(row), Event.RECOVER) and same and does


async def hold_late(
    session: WriteSession, ledger: Ledger, network: Network, transfer_id: str, now: datetime
) -> bool:
    """Hold the money of a rebuilt transfer, once the deposits that paid for it were followed again.
    The last one of its vault opens the vault. False: not yet."""
    row = await repository.lock_transfer(session, transfer_id)
    assert row is not None
    # The vault before the ledger's accounts, as everywhere.
    await vaults.lock_vaults(session, [row.vault_id])
    if not await _hold(session, ledger, row, network):
        row.waiting = RECOVERING
        return False
    row.waiting = None
    await session.flush()
    if row.vault_id not in {vault for _, vault in await repository.unheld(session)}:
        await freezes.lift(session, row.vault_id, RECOVERING, now)
        await clear_alarm(session, AlarmCode.RECOVERED_UNHELD, now, vault=row.vault_id)
    return True


async def freeze_what_waits(session: WriteSession, now: datetime) -> list[str]:
    """Freeze the vaults of transfers whose money can't be held yet, so that nothing else takes it.
    The transfers' ids."""
    waiting = await repository.unheld(session)
    for vault in sorted({vault for _, vault in waiting}):
        await freezes.freeze(session, [vault], RECOVERING, now)
        words = "transfers were rebuilt, but not yet the deposits that they were paid from"
        await raise_alarm(session, AlarmCode.RECOVERED_UNHELD, words, now, vault=vault)
    return [transfer for transfer, _ in waiting]


async def _hold(session: WriteSession, ledger: Ledger, row: TransferRow, network: Network) -> bool:
    """What it holds, or held before it ended, or never held. False, and nothing done, if the
    vault's available balance is too small."""
    if await repository.is_held(session, row.id):
        return True
    if await repository.reservations_of(session, row.id):
        return await reservations.hold_again(session, ledger, row)
    mandates = await repository.mandates_of(session, row.id)
    terms = repository.agreed(mandates) or mandates[-1]
    costs = {} if await _costs_nothing(session, row.id) else terms.costs_max
    most = leaving(stored_mandate(terms).core.effects, network)
    wanted = reservations.parts_of(most, costs)
    try:
        whose = (row.id, row.vault_id, terms.version)
        await reservations.hold(session, ledger, *whose, wanted, row.kind)
    except Unprocessable:
        return False
    return True


async def _costs_nothing(session: ReadSession, transfer: str) -> bool:
    """Whether all that was signed for it is for others to submit, who pay."""
    signed = [row.id for row in await transactions.contest(session, transfer) if row.payload]
    return bool(signed) and await transactions.apart_among(session, signed) == set(signed)


async def _mandate(
    session: WriteSession, row: TransferRow, mandate: Mandate, now: datetime
) -> MandateRow:
    """The version of the terms that was signed: one that is known, or one more."""
    known = await repository.mandates_of(session, row.id)
    digest = digest_of(mandate)
    found = next((each for each in known if each.digest == digest), None)
    for each in known:
        if each.state == Consent.OFFERED:
            each.state, each.decided_at = Consent.AGREED if each is found else Consent.VOID, now
    if found is None:
        found = MandateRow(
            transfer_id=row.id,
            version=len(known) + 1,
            document=document_of(mandate),
            digest=digest,
            costs_max=mandate.costs_max,
            state=Consent.AGREED,
            offered_at=mandate.offered_at,
            expires_at=mandate.expires_at,
            decided_at=now,
        )
        session.add(found)
        await session.flush()
    return found


async def _transaction(
    session: WriteSession,
    reader: Reader,
    records: Sequence[SignedRecord],
    terms: Sequence[MandateRow],
    now: datetime,
) -> TransactionRow:
    """Built: its bytes are known, its signature is not. `terms`: one for each of the records."""
    signed, tx = records[0].mandate, records[0].tx
    row = transaction_row(records[0].purpose, tx.network, signed.core.vault, now)
    row.state = TransactionState.BUILT
    row.source = signed.core.source_address or signed.core.source_path
    row.payload, row.sender = tx.payload, tx.sender
    # Made after the backup that does not know it; so after all blocks that the backup knows.
    row.made_height = await transactions.newest_height(session, tx.network)
    session.add(row)
    await session.flush()
    carried = [
        Carried(each.transfer_id, each.version, reader.size_of(record.mandate.core.effects))
        for each, record in zip(terms, records, strict=True)
    ]
    await carry(session, [(row, carried)])
    return row


async def _fits(
    session: WriteSession,
    transfer: TransferRow,
    transaction: TransactionRow,
    keys: frozenset[ConflictKey],
) -> bool:
    """Whether at most one of the transfer's signed transactions, this one among them, can ever be
    in a block."""
    contest = await transactions.contest(session, transfer.id)
    signed = [each for each in contest if each.id != transaction.id and each.raw is not None]
    return all(
        [
            bool(binding(keys) & binding(await transactions.keys_of(session, each.id)))
            for each in signed
        ]
    )


async def _take_back(
    session: WriteSession,
    ledger: Ledger,
    transfers: Collection[str],
    keys: frozenset[ConflictKey],
    now: datetime,
) -> None:
    """Keys that a transaction claimed which nobody signed: its transfers get another.

    One that was built for one of the same transfers may have been signed too, and be in a block. It
    stays: the signer is asked about it, and signs only what shares a key with all that it has
    signed for that transfer.
    """
    holding = await transactions.holders(session, keys)
    carries = not any(each.excludes is Excludes.EFFECT for each in keys)
    apart = await transactions.apart_among(session, holding) if carries else set()
    for holder in holding:
        if holder in apart:  # signed before it, by whoever's payment this submits
            continue
        row, named = await transactions.lock_named(session, holder)
        is_ours = row.state == TransactionState.BUILT and any(
            each.id in transfers for each in named
        )
        if is_ours or row.state in ON_CHAIN:
            continue  # the chain decides between the two
        if can_move(load_transaction(row), Refuse):
            row.refusal = row.refusal or "recovered"
            await move(session, ledger, [Step(row, named, Refuse("recovered"))], now)
        else:
            for each in named:
                await abandon_claimed(session, each.id, "recovered", now)


def _said(record: SignedRecord) -> dict[str, Any]:
    """What a message's bytes say, as its row does."""
    message = parse(record.tx.payload)
    named = {"transfer_id": record.mandate.core.transfer, "kind": message.kind.value}
    return named | {"signer": record.tx.sender, "content": message.content}


def _fields(row: MessageRow) -> dict[str, Any]:
    named = {"transfer_id": row.transfer_id, "kind": row.kind}
    return named | {"signer": row.signer, "content": row.content}


async def _kind(
    session: ReadSession, mandate: Mandate, time: Time | None, *, is_child: bool
) -> Kind:
    """As far as it is proven. Whether somebody's own payment emptied the vault is not, and does not
    matter any more: what is signed is built."""
    core, first = mandate.core, effects_of(mandate)[0]
    if isinstance(first, Allow):
        return Kind.ALLOWANCE
    if isinstance(first, Call):
        charged = time is not None and await is_owed(session, mandate, time)
        return Kind.CALL_CHARGED if charged else Kind.CALL
    to = await vaults.find_address(session, core.network, first.address)
    if time is not None and time.rule is Rule.MOVE:
        return Kind.EMPTYING
    if to is None:
        return Kind.PAYMENT
    if to.vault_id != core.vault:
        if time is None or time.rule is not Rule.GAS:
            return Kind.PAYMENT
        theirs = (await vaults.vault(session, to.vault_id)).client_id
        bears = await bearer_of(session, mandate, time, to.vault_id)
        is_charged = bears is Bearer.CLIENT and theirs != core.client
        return Kind.GAS_CHARGED if is_charged else Kind.GAS
    if core.source_address is not None:
        return Kind.SWEEP
    if is_child:
        return Kind.CHILD
    return Kind.SPLITTING if len(core.effects) > 1 else Kind.CONSOLIDATION


def _closes(codec: TransactionCodec, summary: TxSummary) -> bool:
    """Whether the bytes close token accounts: then what comes back of each is in no amount."""
    return codec.traits.token_accounts and any(not each.amount for each in summary.returns)


def _terms(mandate: Mandate, native: AssetId) -> dict[str, object]:
    return {
        "client_id": mandate.core.client,
        "vault_id": mandate.core.vault,
        "network": mandate.core.network,
        **paid(mandate.core.effects, native),
        "costs_max": sum(by_asset(mandate.costs_max).values()),
        "initiator": mandate.core.initiator,
        "retry_of": mandate.core.retry_of,
        "requested_at": mandate.core.requested_at,
    }
