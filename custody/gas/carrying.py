"""Has payments that addresses signed apart submitted, where a gas station's rule says so (ADR
0090): one step looks at each once.

Who submits it, the carrier, is a transfer of the rule's payer: a row before it is asked for, whose
retry key follows from the payment's own key. Whoever dies in between asks again and gets the answer
that was given; so do two workers at once. Another one is asked for when the one before it has come
to nothing, and never after one that is final. None of it says anything about the payment: only our
blocks do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import structlog

from chains.adapter import ChainAdapter
from chains.codec import SignsApart
from chains.costs import CostKind, Costs
from chains.errors import NotSignedApart
from chains.model import NetworkId
from chains.transaction import Until
from custody.db.gas_tables import GasCarrierRow, GasRuleRow
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.following import chain_repository
from custody.gas import repository
from custody.gas.model import ABOVE_EACH, DAY, DAY_USED, Bearer
from custody.ledger.service import Ledger
from custody.transactions import repository as transactions
from custody.transactions.apply import load
from custody.transactions.broadcasting import signed_of
from custody.transactions.looking import unsigned_of
from custody.transactions.moving import Step, move
from custody.transactions.state import REPLACEABLE, Publish, can
from custody.transactions.state import State as TransactionState
from custody.transfers import gas_needs, gas_repository, names
from custody.transfers import repository as transfers_repository
from custody.transfers.begun import (
    REMEMBERED,
    BegunState,
    End,
    end_of_transfer,
    next_number,
    note,
    waits,
)
from custody.transfers.by_rule import ask, call_off, retry_key
from custody.transfers.gas_repository import NeedState
from custody.transfers.request import Idempotency, TransferRequest, transfer_id_of
from custody.transfers.service import Transfers
from custody.transfers.state import WAITING, State
from custody.vaults import repository as vaults

ROUTE: Final = "carry"
NOTE: Final = "gas"
TOO_LATE_S: Final = 120
"""Before a payment is over: what is asked for then is in no block in time."""
_NO_RULE: Final = "gas_rule_missing"
_OTHER_PAYER: Final = "gas_payer_changed"
_OVER: Final = "payment_is_over"

log = structlog.get_logger()


class Told(NamedTuple):
    """Why nothing submits what a vault signed on a network, in words, or ""."""

    vault: str
    network: NetworkId
    words: str


class Carrying:
    """One per process of workers, part of its gas station."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        transfers: Transfers,
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._transfers = transfers
        self._adapters = adapters
        self._clock = clock

    async def step(self) -> list[Told]:
        async with self._database.read() as session:
            unsigned = await gas_repository.waiting_apart(session)
            found = {row.id: row for row in await repository.to_carry(session)}
            opened = [row.transaction_id for row in await repository.open_carriers(session)]
            found |= await transactions.transactions(session, set(opened) - found.keys())
        for transfer in unsigned:
            await self._bring_instead(transfer)
        return [
            Told(row.vault_id, NetworkId(row.network), await self._look(row))
            for row in found.values()
            if row.network in self._adapters
        ]

    async def _look(self, tx: TransactionRow) -> str:
        async with self._database.read() as session:
            (newest,) = await repository.newest_carriers(session, tx.id, 1) or (None,)
            asked = None if newest is None else newest.transfer_id
            end = None if asked is None else await end_of_transfer(session, asked)
        wanted = tx.state in REPLACEABLE
        if newest is not None and newest.open_key is not None:
            if asked is None:
                return await self._ask(newest, tx)
            if end is None:
                if not wanted:
                    await self._call_off(asked)
                return ""
            said = await self._note(newest, tx, asked, end)
            if not wanted:  # somebody else was faster
                return ""
            if said:
                return said
        return await self._begin(tx) if wanted else ""

    async def _begin(self, tx: TransactionRow) -> str:
        """Another one, if it is time for it now that nobody else can begin one; why not, in
        words."""
        async with self._database.read() as reading:
            if await self._is_over(reading, tx):
                return ""
        async with self._database.write() as session:
            locked, (transfer,) = await transactions.lock_named(session, tx.id)
            (sending,) = await transactions.to_send(session, [tx.id])
            if locked.state not in REPLACEABLE or (
                sending.paused and locked.state == TransactionState.SIGNED
            ):
                return ""
            rule = await gas_repository.rule_for(
                session, NetworkId(tx.network), transfer.client_id, tx.vault_id
            )
            if rule is None or rule.payer_id is None or not rule.carries:
                return _failed(_NO_RULE)
            if not await self._may_submit(session, tx, transfer.client_id):
                return _failed(_OTHER_PAYER)
            await vaults.lock_vaults(session, sorted({tx.vault_id, rule.payer_id}))
            ended = await repository.newest_carriers(session, tx.id, REMEMBERED)
            if ended and (ended[0].open_key is not None or ended[0].state == BegunState.DONE):
                return ""
            if waits(ended, self._clock()):
                return _failed(ended[0].code)
            most = sum((await _bounds(session, tx)).values())
            if (code := await self._above(session, rule, most)) is not None:
                return _failed(code)
            row = await self._insert(session, tx, rule, most, ended[0].number if ended else 0)
        log.info("carrier_begun", transaction=tx.id, number=row.number)
        return await self._ask(row, tx)

    async def _may_submit(self, session: WriteSession, tx: TransactionRow, client: str) -> bool:
        """Whether who pays by the rule is who can, where the bytes say that."""
        network = NetworkId(tx.network)
        codec = self._adapters[network].codec
        assert isinstance(codec, SignsApart), "it signed this"
        named = codec.submitter(unsigned_of(tx))
        pays = await gas_repository.submitter(session, network, client, tx.vault_id)
        return named in (None, pays)

    async def _insert(
        self, session: WriteSession, tx: TransactionRow, rule: GasRuleRow, most: int, last: int
    ) -> GasCarrierRow:
        assert rule.payer_id is not None and rule.bears is not None and tx.txid is not None
        payer = await vaults.vault(session, rule.payer_id)
        said = [partial(names.carrier, tx.txid, each.value) for each in Bearer]
        number = await next_number(session, payer.client_id, said, last)
        new = {
            "transaction_id": tx.id,
            "number": number,
            "network": tx.network,
            "vault_id": tx.vault_id,
            "payer_id": payer.id,
            "key_id": rule.key_id,
            "bears": rule.bears,
            "amount": most,
            "named": transfer_id_of(payer.client_id, names.carrier(tx.txid, rule.bears, number)),
            "state": BegunState.OPEN.value,
            "open_key": tx.id,
            "transfer_id": None,
            "code": None,
            "created_at": self._clock(),
            "ended_at": None,
        }
        await session.insert(GasCarrierRow, [new])
        return GasCarrierRow(**new)

    async def _above(self, session: WriteSession, rule: GasRuleRow, most: int) -> str | None:
        """Which limit of the rule so much is above."""
        assert rule.payer_id is not None and rule.most_each is not None
        assert rule.most_day is not None
        if most > rule.most_each:
            return ABOVE_EACH
        network, since = NetworkId(rule.network), self._clock() - DAY
        used = await repository.used_since(session, network, rule.payer_id, since)
        return DAY_USED if used + most > rule.most_day else None

    async def _ask(self, row: GasCarrierRow, tx: TransactionRow) -> str:
        codec = self._adapters[NetworkId(row.network)].codec
        assert isinstance(codec, SignsApart), "it signed this"
        async with self._database.read() as session:
            bounds = await _bounds(session, tx)
            ours = (await vaults.vault(session, row.vault_id)).client_id
            theirs = (await vaults.vault(session, row.payer_id)).client_id
            known = await session.get(TransferRow, row.named)
        if tx.state not in REPLACEABLE and known is None:
            return await self._note(row, tx, None, End(BegunState.FAILED, _OVER))
        native = codec.network.native.id
        request = TransferRequest(
            vault_id=row.payer_id,
            network=codec.network.id,
            asset=native,
            outputs=(),
            fee_max=bounds.get((native, CostKind.FEE), 0),
            costs_max={
                kind: units for (_, kind), units in bounds.items() if kind is not CostKind.FEE
            },
            note=NOTE,
            told=codec.submits(unsigned_of(tx), signed_of(tx)),
            charged=row.bears == Bearer.CLIENT and ours != theirs,
        )
        asked = await ask(self._database, self._transfers, row.key_id, request, _key_of(row, tx))
        if asked is None:
            return ""
        end = None if asked.code is None else End(BegunState.FAILED, asked.code)
        return await self._note(row, tx, asked.transfer, end)

    async def _note(
        self, row: GasCarrierRow, tx: TransactionRow, transfer: str | None, end: End | None
    ) -> str:
        """What is known now, unless somebody else wrote more; what is to be told. Once it was asked
        for, the payment is out, as one that a node has."""
        async with self._database.write() as session:
            locked, carried = await transactions.lock_named(session, tx.id)
            await vaults.lock_vaults(session, [row.vault_id])
            found = await repository.lock_carrier(session, row.transaction_id, row.number)
            note(found, transfer, end, self._clock())
            if found.transfer_id is not None and can(load(locked), Publish):
                locked.broadcast_at = locked.broadcast_at or self._clock()
                await move(session, self._ledger, [Step(locked, carried, Publish())], self._clock())
            code, failed = found.code, found.state == BegunState.FAILED
        if end is not None:
            log.info("carrier_ended", transaction=tx.id, number=row.number, code=code)
        return _failed(code) if failed and code != _OVER else ""

    async def _call_off(self, transfer: str) -> None:
        """What is not wanted any more, since somebody else was faster, and nobody has signed."""
        async with self._database.read() as session:
            row = await session.get(TransferRow, transfer)
        if row is not None and row.state in WAITING and row.waiting is not None:
            now = self._clock()
            await call_off(self._database, self._ledger, transfer, row.waiting, now)

    async def _bring_instead(self, waiting: str) -> None:
        """A transfer for which nothing was signed goes as a transaction of its own, if it can't be
        signed apart, or nobody would submit it any more: so its coins are brought."""
        async with self._database.write() as session:
            row = await transfers_repository.lock_transfer(session, waiting)
            if row is None or row.state != State.APPROVED:
                return
            needs = [
                need
                for need in await gas_repository.needs_of(session, waiting)
                if need.state == NeedState.APART
            ]
            rule = await gas_repository.rule_for(
                session, NetworkId(row.network), row.client_id, row.vault_id
            )
            most = sum(sum(need.costs.values()) for need in needs)
            fits = rule is not None and gas_needs.carries(rule, apart=True, most=most)
            contest = await transactions.contest(session, waiting)
            if (fits and row.waiting != NotSignedApart.code) or any(
                each.state != TransactionState.ABANDONED for each in contest
            ):
                return
            for need in needs:
                need.state = NeedState.OPEN.value
        log.info("coins_are_brought_instead", transfer=waiting)

    async def _is_over(self, session: ReadSession, tx: TransactionRow) -> bool:
        """By the time of our newest block, as the contract will judge it."""
        network = NetworkId(tx.network)
        lifetime = self._adapters[network].codec.lifetime(unsigned_of(tx))
        if lifetime is None:  # who submits it can end it
            return False
        assert isinstance(lifetime, Until), "what is signed apart ends at a time"
        newest = await chain_repository.newest_time(session, network)
        return (newest + TOO_LATE_S) * 1000 >= lifetime.time_ms


async def _bounds(session: ReadSession, tx: TransactionRow) -> Costs:
    """What its own terms let it cost: so much may submitting it cost in its place."""
    (bounds,) = (await transfers_repository.bounds_by_transaction(session, [tx.id]))[tx.id].values()
    return bounds


def _key_of(row: GasCarrierRow, tx: TransactionRow) -> Idempotency:
    assert tx.txid is not None
    return retry_key(ROUTE, names.carrier(tx.txid, row.bears, row.number), {"from": row.payer_id})


def _failed(code: str | None) -> str:
    return f"nobody submits what was signed: {code}"
