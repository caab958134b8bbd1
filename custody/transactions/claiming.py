"""Step A: what a transaction will take for itself is ours before it is built.

Two workers on one transfer meet at its row's lock, and the second finds it claimed or built. Two
transactions that want the same coin or nonce meet at the claim's primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from sqlalchemy.exc import IntegrityError

from chains.adapter import ChainAdapter
from chains.effects import Call
from chains.errors import ChainError, NodeMisbehaved
from chains.model import Address, Coin, ConflictKey, NetworkId, OwnedAddress
from chains.transaction import Apart, TransferIntent
from custody.db.ids import new_id
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.transactions import beside_repository, repository
from custody.transactions.apply import load, transition
from custody.transactions.change import ChangeAddresses
from custody.transactions.planners.plan import Plan, Replaced, Waiting
from custody.transactions.state import OPEN, REPLACEABLE, Abandon, Claim, State, can
from custody.transfers import child_repository, gas_repository
from custody.transfers import repository as transfers
from custody.vaults import repository as vaults
from custody.vaults.paying import owned, payer_of, spendable_coins
from custody.vaults.paying_repository import Source
from signer.agreement import Purpose

_NUMBER_DOMAIN: Final = b"custody-wallet/payment-number/v1\n"


class Claimer:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        adapters: Mapping[NetworkId, ChainAdapter],
        change: ChangeAddresses,
        clock: Callable[[], datetime],
        in_flight_max: int,
    ) -> None:
        """`in_flight_max`: transactions of one address that may wait for a block."""
        self._in_flight_max = in_flight_max
        self._database = database
        self._adapters = adapters
        self._change = change
        self._clock = clock

    async def intents(
        self, plans: Sequence[Plan], claimed: Sequence[str | None]
    ) -> list[TransferIntent]:
        """For plans of one network, as things are now. `claimed`: the transaction that has already
        claimed for a plan. Raises SignerError, CustodyError."""
        if not plans:
            return []
        codec = self._adapters[plans[0].first.network].codec
        with_coins = codec.traits.coins
        firsts = [plan.first for plan in plans]
        change = await self._change.of(firsts, codec) if with_coins else {}
        async with self._database.read() as session:
            taken = await repository.taken(session, codec.network.id)
            beside = await _beside(session, plans)
            own = await repository.keys_by_transaction(
                session, [*(each for each in claimed if each), *beside.values()]
            )
            submitters = await _submitters(session, firsts)
            payers = {} if with_coins else await _payers(session, firsts)
            coins = await _coins(session, firsts) if with_coins else {}
            hastening = [each.transfer for each in firsts if each.hastens]
            young = await child_repository.coins(session, hastening) if hastening else {}
        intents = []
        for plan, transaction_id in zip(plans, claimed, strict=True):
            mine = () if transaction_id is None else own[transaction_id]
            others = taken.difference(mine) if mine else taken
            if plan.first.transfer in beside:
                others = others.difference(own[beside[plan.first.transfer]])
            offered = coins.get((plan.first.vault, plan.first.source_path), ())
            if plan.first.hastens:
                offered = (young[plan.first.transfer],)
            intents.append(
                TransferIntent(
                    network=codec.network.id,
                    effects=plan.effects,
                    costs_max=plan.costs_max,
                    source=payers.get(plan.first.source_address),
                    change=change.get(plan.first.transfer),
                    coins=offered,
                    taken=others,
                    claim=mine,
                    replaces=plan.replaces.tx if plan.replaces else None,
                    ahead_max=self._in_flight_max,
                    empties=plan.empties,
                    closes=plan.first.closes,
                    coins_first=plan.coins_first,
                    hastens=plan.first.hastens,
                    apart=Apart(number_of(plan), payer=submitters.get(plan.first.vault))
                    if plan.first.authorizes
                    else None,
                )
            )
        return intents

    async def claim(
        self, plans: Sequence[Plan], intents: Sequence[TransferIntent]
    ) -> list[Claimed | ChainError | None]:
        """For each plan a transaction with committed claims; None if things are not what they
        were: somebody else was faster. Raises ChainError."""
        if not plans:
            return []
        answers = await self._adapters[intents[0].network].claim(intents)
        for intent, answer in zip(intents, answers, strict=True):
            if not isinstance(answer, ChainError) and not intent.taken.isdisjoint(answer):
                raise NodeMisbehaved("the claim names what another transaction holds")
        given = {
            at: Wanted(plan, answer)
            for at, (plan, answer) in enumerate(zip(plans, answers, strict=True))
            if not isinstance(answer, ChainError)
        }
        try:
            async with self._database.write() as session:
                stored = await self._store(session, list(given.values()))
        except IntegrityError:
            stored = [None] * len(given)
        claimed = dict(zip(given, stored, strict=True))
        return [
            each if isinstance(each, ChainError) else claimed[at] for at, each in enumerate(answers)
        ]

    async def abandon(self, reasons: Mapping[str, str]) -> None:
        """Transactions by id, each with why nothing was built with its claim. Kept, it would make
        every later transfer of the address wait behind one that can't be built."""
        if not reasons:
            return
        async with self._database.write() as session:
            locked = await repository.lock_all(session, reasons)
            for row, _ in locked.values():
                if can(load(row), Abandon):
                    await transition(session, row, Abandon(reasons[row.id]), self._clock())

    async def _store(self, session: WriteSession, wanted: Sequence[Wanted]) -> list[Claimed | None]:
        named = [transfer for each in wanted for transfer in each.versions]
        locked = {each.id: each for each in await transfers.lock_transfers(session, named)}
        contests = await repository.contests(session, named)
        usable = [each for each in wanted if _is_free(each, locked, contests)]
        spare = await _spare(session, usable, contests)
        now = self._clock()
        rows: list[TransactionRow] = []
        for each, row in zip(usable, spare, strict=True):
            if row is None:
                rows.append(_new_row(each.plan, now))
                session.add(rows[-1])
            else:
                await transition(session, row, Claim(), now)
                rows.append(row)
        await session.flush()
        fresh = [
            (row, [Carried(w.transfer, w.version, w.size) for w in each.plan.transfers])
            for row, each, old in zip(rows, usable, spare, strict=True)
            if old is None
        ]
        await carry(session, fresh)
        await self._take(session, list(zip(rows, usable, strict=True)), now)
        stored = {
            id(each): Claimed(row.id, tuple(each.keys), row.version)
            for each, row in zip(usable, rows, strict=True)
        }
        return [stored.get(id(each)) for each in wanted]

    async def _take(
        self, session: WriteSession, wanted: Sequence[tuple[TransactionRow, Wanted]], now: datetime
    ) -> None:
        """The keys of each, which nobody else may hold but what it stands beside."""
        beside = await _beside(session, [each.plan for _, each in wanted])
        held = await repository.keys_by_transaction(session, list(beside.values()))
        shared = {
            row.id: set(each.keys).intersection(held[beside[each.plan.first.transfer]])
            for row, each in wanted
            if each.plan.first.transfer in beside
        }
        for row, _ in wanted:
            if row.id in shared:
                await repository.claim_beside(session, row, shared[row.id], now)
        alone = [
            (row, [key for key in each.keys if key not in shared.get(row.id, ())])
            for row, each in wanted
        ]
        await repository.claim(session, alone, now)


class Carried(NamedTuple):
    """A transfer that a transaction carries: under which version of its terms, and what its outputs
    add (`TransactionCodec.size_of`)."""

    transfer: str
    version: int
    size: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A transaction whose claim is committed. `version`: of its row since then."""

    transaction_id: str
    keys: tuple[ConflictKey, ...]
    version: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be claimed for a plan."""

    plan: Plan
    keys: tuple[ConflictKey, ...]

    @property
    def versions(self) -> dict[str, int]:
        """Of the terms under which each transfer is carried."""
        return {each.transfer: each.version for each in self.plan.transfers}


def number_of(plan: Plan) -> bytes:
    """Of a payment that is signed apart. It follows from the terms that it pays by, so that whoever
    claims again, also with a database that has forgotten the claim, means the same payment."""
    ((transfer, version),) = plan.carries
    return sha256(_NUMBER_DOMAIN + f"{transfer} {version}".encode()).digest()


def _is_free(
    wanted: Wanted,
    locked: Mapping[str, TransferRow],
    contests: Mapping[str, Sequence[TransactionRow]],
) -> bool:
    """Whether all that it carries still wait, and nothing is under way for them beside what it
    replaces, which nothing else replaces yet."""
    plan = wanted.plan
    return all(
        locked[each].state == plan.state and _is_newest(plan.replaces, contests[each])
        for each in wanted.versions
    )


def _is_newest(replaced: Replaced | None, contest: Sequence[TransactionRow]) -> bool:
    under_way = [each for each in contest if each.state in OPEN]
    if replaced is None or not under_way:
        return replaced is None and not under_way
    newest = under_way[-1]
    return newest.id == replaced.transaction and newest.state in REPLACEABLE


async def _payers(
    session: ReadSession, paying: Sequence[Waiting]
) -> dict[Address | None, OwnedAddress]:
    found: dict[Address | None, OwnedAddress] = {}
    for each in paying:
        if each.source_address not in found:
            found[each.source_address] = owned(
                await payer_of(
                    session, each.network, each.vault, Source(each.source_path, each.source_address)
                )
            )
    return found


async def _beside(session: ReadSession, plans: Sequence[Plan]) -> dict[str, str]:
    """By transfer, the transaction whose keys its own takes too: what it replaces, or what another
    vault signed apart and it submits."""
    calling = [
        each.first.transfer
        for each in plans
        if any(isinstance(effect, Call) for effect in each.first.effects)
    ]
    carried = await beside_repository.carried_by(session, calling) if calling else {}
    replaced = {e.first.transfer: e.replaces.transaction for e in plans if e.replaces is not None}
    return carried | replaced


async def _submitters(session: ReadSession, paying: Sequence[Waiting]) -> dict[str, Address | None]:
    """By vault that signs for others to submit, who does."""
    found: dict[str, Address | None] = {}
    for each in paying:
        if each.authorizes and each.vault not in found:
            whose = (await vaults.vault(session, each.vault)).client_id
            found[each.vault] = await gas_repository.submitter(
                session, each.network, whose, each.vault
            )
    return found


async def _coins(
    session: ReadSession, paying: Sequence[Waiting]
) -> dict[tuple[str, str], tuple[Coin, ...]]:
    """By vault and account, claimed ones too: who may take which is for `taken` to say."""
    found: dict[tuple[str, str], tuple[Coin, ...]] = {}
    for each in paying:
        if (each.vault, each.source_path) not in found:
            found[each.vault, each.source_path] = await spendable_coins(
                session, each.network, each.vault, frozenset(), each.source_path
            )
    return found


async def _spare(
    session: ReadSession,
    wanted: Sequence[Wanted],
    contests: Mapping[str, Sequence[TransactionRow]],
) -> list[TransactionRow | None]:
    """For each an attempt for the same transfers that came to no bytes."""
    tries = [
        [row for row in reversed(contests[each.plan.first.transfer]) if _is_spare(each.plan, row)]
        for each in wanted
    ]
    carries: dict[str, dict[str, int]] = {}
    for each in await repository.carried(session, {row.id for rows in tries for row in rows}):
        carries.setdefault(each.transaction_id, {})[each.transfer_id] = each.mandate_version
    return [
        next((row for row in rows if carries[row.id] == each.versions), None)
        for each, rows in zip(wanted, tries, strict=True)
    ]


def _is_spare(plan: Plan, row: TransactionRow) -> bool:
    replaces = None if plan.replaces is None else plan.replaces.transaction
    same = (row.purpose, row.replaces) == (plan.purpose, replaces)
    return same and can(load(row), Claim)


def _new_row(plan: Plan, now: datetime) -> TransactionRow:
    row = transaction_row(plan.purpose, plan.first.network, plan.first.vault, now)
    row.source = plan.first.source_address or plan.first.source_path
    row.replaces = None if plan.replaces is None else plan.replaces.transaction
    return row


async def carry(
    session: WriteSession, wanted: Sequence[tuple[TransactionRow, Sequence[Carried]]]
) -> None:
    """Each transaction is for these transfers, for good."""
    await session.insert(
        TransactionTransferRow,
        [
            {
                "transaction_id": row.id,
                "transfer_id": each.transfer,
                "mandate_version": each.version,
                "size": each.size,
            }
            for row, carried in wanted
            for each in sorted(carried)
        ],
    )


def transaction_row(
    purpose: Purpose, network: NetworkId, vault: str, now: datetime
) -> TransactionRow:
    """Without bytes. `source` is the caller's to set."""
    return TransactionRow(
        id=new_id("txn"),
        network=network,
        vault_id=vault,
        purpose=purpose,
        replaces=None,
        state=State.CLAIMED,
        version=0,
        created_at=now,
        updated_at=now,
    )
