"""Steps A and B: from a queued transfer to unsigned bytes in the database.

    A  claim     what the transaction will consume is ours, by a unique key, before it is built
    B  build     the unsigned bytes are stored before the signer sees them

A crash after A is followed by B with the same claim; a crash after B by the same bytes. Two workers
on one transfer meet at its row's lock, and the second finds it claimed or built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.costs import Costs, above
from chains.errors import BuildError, ClaimUnusable, NodeMisbehaved
from chains.model import Address, ConflictKey, NetworkId, UnsignedTx
from chains.networks import all_networks
from chains.transaction import TransferIntent
from custody.db.ids import new_id
from custody.db.session import Database, ReadSession
from custody.db.tables import AddressRow, TransactionRow, TransferRow, VaultRow
from custody.ledger.service import Ledger
from custody.transfers import repository
from custody.transfers.apply import load, transition
from custody.transfers.change import ChangeAddresses
from custody.transfers.mandates import stored_mandate
from custody.transfers.outcomes import Done, Later, Progress
from custody.transfers.precheck import Precheck
from custody.transfers.sources import owned, spendable_coins
from custody.transfers.state import Build, State, can
from signer.wire import Approval, Mandate, SignRequest, Verdict

_CLAIM_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Built:
    """`transaction_id`: the row that holds the bytes of `request.tx`."""

    transaction_id: str
    request: SignRequest


class Builder:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        adapters: Mapping[NetworkId, ChainAdapter],
        change: ChangeAddresses,
        precheck: Precheck,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._change = change
        self._precheck = precheck
        self._clock = clock

    async def build(self, transfer_id: str) -> Built | Progress:
        """The stored bytes for the signer, or why there are none.

        Raises ChainError, SignerError, CustodyError.
        """
        try:
            return await self._build(transfer_id)
        finally:
            self._change.release(transfer_id)

    async def _build(self, transfer_id: str) -> Built | Progress:
        for _ in range(_CLAIM_ATTEMPTS):
            start = await self._start(transfer_id)
            if not isinstance(start, _Start):
                return start
            intent = await self._intent(start)
            claim = await self._claim(start, intent)
            if claim is None:
                continue
            try:
                tx = await self._prepare(start, replace(intent, claim=claim))
            except BuildError as error:
                # Nothing was built with the claim, so it can be let go. Kept, it would make every
                # later transfer of the address wait behind one that can't be built.
                await self._release(transfer_id)
                if isinstance(error, ClaimUnusable):
                    continue
                raise
            return await self._store(start, tx, claim)
        return Later(ClaimUnusable.code)

    async def _start(self, transfer_id: str) -> _Start | Built | Progress:
        async with self._database.read() as session:
            row = await session.get(TransferRow, transfer_id)
            if row is None or row.state != State.QUEUED:
                return Done()
            mandate = stored_mandate(row)
            approvals = await _approvals(session, transfer_id)
            for transaction in await repository.transactions_of(session, transfer_id):
                if transaction.refusal is None:
                    return Built(
                        transaction.id, SignRequest(mandate, unsigned_of(transaction), approvals)
                    )
            vault = await session.get(VaultRow, row.vault_id)
            assert vault is not None
            if vault.frozen_reason is not None:
                return Later("vault_frozen")
            if row.expires_at <= self._clock():
                return Later("expired")
            wait = await self._precheck.wait_for(session, row, mandate)
            bounds = all_networks()[mandate.network].bounds(row.fee_max)
            return wait or _Start(mandate, vault.account, approvals, bounds)

    async def _intent(self, start: _Start) -> TransferIntent:
        """As things are now; `claim` holds what an earlier attempt already claimed."""
        mandate = start.mandate
        codec = self._adapters[mandate.network].codec
        with_coins = codec.traits.coins
        change = await self._change.of(mandate, codec, start.account) if with_coins else None
        async with self._database.read() as session:
            taken = await repository.claims_of_others(session, mandate.network, mandate.transfer)
            return TransferIntent(
                network=mandate.network,
                effects=mandate.outputs,
                costs_max=start.costs_max,
                source=None if with_coins else owned(await _payer(session, mandate)),
                change=change,
                coins=await spendable_coins(
                    session, mandate.network, mandate.vault, taken, mandate.source_path
                )
                if with_coins
                else (),
                taken=taken,
                claim=await repository.claims_of(session, mandate.transfer),
            )

    # Step A

    async def _claim(self, start: _Start, intent: TransferIntent) -> tuple[ConflictKey, ...] | None:
        """Committed claim rows; None if somebody else was faster. The unique key is what keeps two
        transfers from consuming the same thing, in whatever process they are."""
        if intent.claim:
            return intent.claim
        [claimed] = await self._adapters[intent.network].claim([intent])
        keys = found(claimed)
        if not intent.taken.isdisjoint(keys):
            raise NodeMisbehaved("the claim names what another transfer holds")
        try:
            async with self._database.write() as session:
                row = await repository.lock_transfer(session, start.mandate.transfer)
                assert row is not None
                if not can(await load(session, row), Build):
                    return None
                if await repository.has_claims(session, row.id):
                    return None
                await repository.insert_claims(session, row.id, row.network, keys, self._clock())
        except IntegrityError:
            return None
        return keys

    async def _release(self, transfer_id: str) -> None:
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, transfer_id)
            if row is not None and can(await load(session, row), Build):
                await repository.release_claims(session, transfer_id)

    # Step B

    async def _prepare(self, start: _Start, intent: TransferIntent) -> UnsignedTx:
        adapter = self._adapters[intent.network]
        [prepared] = await adapter.prepare([intent])
        tx = found(prepared)
        summary = adapter.codec.summarize(tx)
        agreed = (
            Counter(summary.effects) == Counter(start.mandate.outputs)
            and above(summary.costs.most, start.costs_max) is None
            and summary.conflict_keys == frozenset(intent.claim)
            and not summary.unexplained
        )
        if not agreed:
            raise NodeMisbehaved("the transaction built is not the one asked for")
        return tx

    async def _store(
        self, start: _Start, tx: UnsignedTx, claim: tuple[ConflictKey, ...]
    ) -> Built | Progress:
        transfer_id = start.mandate.transfer
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, transfer_id)
            assert row is not None
            before = await load(session, row)
            held = await repository.claims_of(session, transfer_id)
            if not can(before, Build) or set(held) != set(claim):
                return Later("busy")
            now = self._clock()
            transaction_id = new_id("txn")
            session.add(transaction_row(transaction_id, transfer_id, tx, now))
            await transition(session, self._ledger, row, before, Build(), now)
        self._change.forget(transfer_id)
        return Built(transaction_id, SignRequest(start.mandate, tx, start.approvals))


@dataclass(frozen=True, slots=True)
class _Start:
    """What a transfer is built from. `account`: the vault's. `costs_max`: by kind."""

    mandate: Mandate
    account: int
    approvals: tuple[Approval, ...]
    costs_max: Costs


def unsigned_of(row: TransactionRow) -> UnsignedTx:
    """The stored bytes as the codec reads them."""
    sender = None if row.sender is None else Address(row.sender)
    return UnsignedTx(NetworkId(row.network), row.payload, sender)


async def _approvals(session: ReadSession, transfer_id: str) -> tuple[Approval, ...]:
    return tuple(
        Approval(row.approver, row.signature)
        for row in await repository.verdicts_on(session, transfer_id)
        if row.verdict == Verdict.APPROVE
    )


async def _payer(session: ReadSession, mandate: Mandate) -> AddressRow:
    """The address that the mandate names. Its path was approved too, so it must be the same."""
    row = await session.one(
        select(AddressRow).where(
            AddressRow.network == mandate.network, AddressRow.address == mandate.source_address
        )
    )
    assert (row.vault_id, row.path) == (mandate.vault, mandate.source_path), "another's address"
    return row


def transaction_row(
    transaction_id: str, transfer_id: str, tx: UnsignedTx, now: datetime
) -> TransactionRow:
    """Unsigned bytes, as they are stored before the signer sees them."""
    return TransactionRow(
        id=transaction_id,
        transfer_id=transfer_id,
        network=tx.network,
        payload=tx.payload,
        sender=tx.sender,
        txid=None,
        raw=None,
        refusal=None,
        receipt_sequence=None,
        receipt_head=None,
        receipt=None,
        created_at=now,
        signed_at=None,
        broadcast_at=None,
    )
