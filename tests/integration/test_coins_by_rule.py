"""Coins that move by rule, on a real bitcoin node with the signer's process: consolidated when the
rate falls, split when they are few, and a payment that no transaction can carry before that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from chains.bitcoin import selection
from chains.bitcoin.node import NodeView
from chains.devnet.bitcoin import BitcoinNode
from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.coins.model import Consolidate, Keep
from custody.coins.service import NewRule, set_rule
from custody.db.coin_rule_tables import CoinMoveRow
from custody.db.tables import AlarmRow, CoinRow, DepositRow
from custody.db.transfer_tables import TransferRow
from custody.devnet.policy import MACHINE
from custody.ledger import repository as ledger
from custody.services import Services
from custody.transfers.request import Idempotency, Output, TransferRequest
from custody.workers import coins as worker
from tests.integration.test_restore_drill import CALLER, Drill, funded, until
from tests.support.networks import find_network
from tests.unit.custody.transfers.desk import Plain

ALIAS = "bitcoin-regtest"
NETWORK = find_network(ALIAS)
DEAR, CHEAP = 20_000, 2_000
"""Satoshi per 1000 vbytes."""
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


class Asked:
    """What the node says that a transaction should pay."""

    rate = DEAR


@pytest_asyncio.fixture
async def drill(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Drill]:
    async def rate(*_: Any, **__: Any) -> int:
        return Asked.rate

    monkeypatch.setattr(Asked, "rate", DEAR)
    monkeypatch.setattr(NodeView, "fee_rate", rate)
    monkeypatch.setattr(worker, "REST_S", 0.3)
    async with funded(ALIAS, folder, Drill) as made:
        made.at_rest = False
        yield made


async def rule(drill: Drill, services: Services, merge: Consolidate | None, keep: Keep | None):
    database, now = services.custody.database, services.custody.clock()
    async with database.write() as session:
        key = await create_key(
            session,
            name="coins",
            initiator=MACHINE,
            scopes=[Scope.TRANSFER],
            client_id=None,
            now=now,
        )
        new = NewRule(merge, keep, key.id)
        await set_rule(session, drill.vault, NETWORK, new, "payouts", now, by="olivia")


async def receive(drill: Drill, services: Services, count: int, amount: int) -> Address:
    """So many small coins, credited. Where they lie."""
    (row,) = await services.vaults.create_addresses(drill.vault, NETWORK.id)
    before = await coins(services)
    for _ in range(count):
        await drill.node.fund(Address(row.address), amount)

    async def are_credited() -> bool:
        async with services.custody.database.read() as session:
            states = await session.all(select(DepositRow.state).order_by(DepositRow.id))
        return len(await coins(services)) == len(before) + count and set(states) == {"credited"}

    await until(are_credited)
    return Address(row.address)


async def coins(services: Services) -> list[int]:
    """Unspent, the smallest first."""
    unspent = select(CoinRow.amount).where(CoinRow.spent_height.is_(None))
    async with services.custody.database.read() as session:
        return sorted(await session.all(unspent.order_by(CoinRow.amount)))


async def moves(services: Services) -> list[tuple[str, int, str]]:
    async with services.custody.database.read() as session:
        rows = await session.all(select(CoinMoveRow).order_by(CoinMoveRow.number))
    return [(row.kind, row.coins, row.state) for row in rows]


async def until_moved(services: Services, *expected: tuple[str, int, str]) -> None:
    async def is_so() -> bool:
        return await moves(services) == list(expected)

    await until(is_so)


async def cost_of(services: Services) -> int:
    """Of all that was moved."""
    async with services.custody.database.read() as session:
        rows = await session.all(select(CoinMoveRow).order_by(CoinMoveRow.number))
        assert all(row.cost_max is not None and row.cost is not None for row in rows)
        paid = [await ledger.entries_of(session, row.transfer_id or "") for row in rows]
    return sum(e.amount for each in paid for e in each if e.kind == "settle" and e.reason == "fee")


async def equal(drill: Drill, services: Services, vault_has: int) -> None:
    """The ledger, the node's coins, and this."""
    drill.at_rest = True

    async def is_clean() -> bool:
        return (await services.reconciliation.run()).is_clean

    await until(is_clean)
    async with services.custody.database.read() as session:
        (found,) = await ledger.balances_of_vault(session, drill.vault)
    assert (found.available, found.reserved) == (vault_has, 0)
    assert sum(await coins(services)) == vault_has
    drill.at_rest = False


async def test_many_become_one_when_the_rate_falls_and_few_become_several(drill: Drill) -> None:
    unit = drill.unit
    had = 60_000 * unit + 10 * 100 * unit
    async with drill.living() as services:
        await receive(drill, services, 10, 100 * unit)
        merge, keep = Consolidate(10, 20, CHEAP), Keep(6, 3_000 * unit, DEAR)
        await rule(drill, services, merge, keep)
        node = drill.node
        assert isinstance(node, BitcoinNode)
        height = await node._ask("getblockcount")

        async def goes_on() -> bool:
            return bool(await node._ask("getblockcount") > height + 20)

        await until(goes_on)
        assert await moves(services) == [], "it is too dear"
        Asked.rate = CHEAP
        await until_moved(services, ("consolidation", 10, "done"))
        cost = await cost_of(services)
        assert await coins(services) == [1_000 * unit - cost] + [10_000 * unit] * 6
        assert cost < 1_000 * CHEAP
        await equal(drill, services, had - cost)
        Asked.rate = DEAR
        await rule(drill, services, merge, Keep(8, 3_000 * unit, DEAR))
        await until_moved(services, ("consolidation", 10, "done"), ("splitting", 3, "done"))
        cost = await cost_of(services)
        found = await coins(services)
        assert len([coin for coin in found if coin >= 3_000 * unit]) == 8
        await equal(drill, services, had - cost)
        async with services.custody.database.read() as session:
            deposits = await session.all(select(DepositRow.id).order_by(DepositRow.id))
        assert len(deposits) == 16, "what stays ours is nobody's deposit"


async def test_a_payment_that_no_transaction_can_carry_goes_on_when_coins_are_fewer(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standard transaction has 400,000 units of weight: here five coins' worth."""
    unit, paid = drill.unit, 800 * drill.unit
    Asked.rate = CHEAP
    async with drill.living() as services:
        client = (await services.vaults.create_client("Other Ltd")).id
        drill.vault = (await services.vaults.create_vault(client, "Small coins")).id
        await receive(drill, services, 12, 100 * unit)
        monkeypatch.setattr(selection, "STANDARD_WEIGHT_MAX", 1_800)
        payee = await drill.node.outside_address()
        request = TransferRequest(
            drill.vault, NETWORK.id, NETWORK.native.id, (Output(payee, paid),)
        )
        key = Idempotency("POST /v1/transfers", "large", b"large")
        answer = await services.transfers.create(request, CALLER, key, Plain())
        transfer = answer.body.decode()

        async def told() -> list[str]:
            mine = select(AlarmRow.message).where(
                AlarmRow.code == AlarmCode.COINS_FAIL.value, AlarmRow.open_key.is_not(None)
            )
            async with services.custody.database.read() as session:
                return list(await session.all(mine.order_by(AlarmRow.id)))

        async def is_told() -> bool:
            return await told() == [
                f"{transfer} waits for fewer coins, and no rule consolidates them"
            ]

        await until(is_told)
        await rule(drill, services, Consolidate(100, 4, CHEAP), None)

        async def is_paid() -> bool:
            async with services.custody.database.read() as session:
                row = await session.get(TransferRow, transfer)
            assert row is not None
            return row.state == "final"

        await until(is_paid)
        assert await drill.node.balance(payee) == paid
        done = await moves(services)
        assert {kind for kind, *_ in done} == {"consolidation"} and len(done) >= 2

        async def is_over() -> bool:
            return await told() == [] and {state for *_, state in await moves(services)} == {"done"}

        await until(is_over)
        async with services.custody.database.read() as session:
            entries = await ledger.entries_of(session, transfer)
        fee = sum(e.amount for e in entries if e.kind == "settle" and e.reason == "fee")
        drill.at_rest = True

        async def is_clean() -> bool:
            return (await services.reconciliation.run()).is_clean

        await until(is_clean)
        cost = await cost_of(services)
        async with services.custody.database.read() as session:
            (found,) = await ledger.balances_of_vault(session, drill.vault)
        assert (found.available, found.reserved) == (1_200 * unit - paid - fee - cost, 0)
