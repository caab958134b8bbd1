"""Real bitcoin nodes, the signer's process: payments that were approved one by one share a
transaction, are sped up together, are forgotten by the database and rebuilt, on one and the same
chain. The signer checks every share against its own mandate's bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from chains.costs import CostKind
from chains.devnet.bitcoin import BitcoinNode
from chains.model import TxId
from custody.bootstrap import open_custody
from custody.config import Settings
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.ledger import repository as ledger
from custody.ledger.model import Kind, Reason
from custody.services import Services, make_services
from custody.transactions import repository as transactions
from custody.transactions.outcomes import Later
from custody.workers.workers import Workers
from tests.integration.test_restore_drill import CALLER, Drill, funded, until
from tests.support.networks import find_network

ALIAS = "bitcoin-regtest"
KEYS = ("one", "two", "three", "four")
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


class Collecting(Drill):
    def settings(self) -> Settings:
        return super().settings().model_copy(update={"collect_for": {ALIAS: 1}})


@pytest_asyncio.fixture
async def drill(folder: Path) -> AsyncIterator[Drill]:
    async with funded(ALIAS, folder, Collecting) as made:
        yield made


async def contest(services: Services, transfer: str) -> Sequence[TransactionRow]:
    async with services.custody.database.read() as session:
        return await transactions.contest(session, transfer)


async def fees_of(services: Services, transfer: str) -> int:
    async with services.custody.database.read() as session:
        entries = await ledger.entries_of(session, transfer)
    return sum(e.amount for e in entries if e.kind is Kind.SETTLE and e.reason == Reason.FEE)


async def pooled(drill: Drill) -> set[str]:
    assert isinstance(drill.node, BitcoinNode)
    return set(await drill.node._ask("getrawmempool"))


async def test_collected_sped_up_forgotten_and_rebuilt(drill: Drill) -> None:
    network = find_network(ALIAS)
    drill.back_up("backup")
    async with open_custody(drill.settings()) as custody:
        services = make_services(custody)
        ids = [await drill.ask(services, key) for key in KEYS]
        driver = Workers(services).networks[network.id]._driver

        async def is_signed() -> bool:
            """All were asked for before, so however slow this is, all go together."""
            return Later not in map(type, (await driver.sign(ids[:1])).values())

        await until(is_signed)
        (first,) = {row.id: row for each in ids for row in await contest(services, each)}.values()
    async with drill.living() as services:

        async def is_sent() -> bool:
            return await pooled(drill) == {first.txid}

        await until(is_sent)
        await services.transfers.speed_up(ids[2], CALLER, TxId(first.txid or ""))

        async def is_replaced() -> bool:
            rows = [await contest(services, each) for each in ids]
            return all(len(each) == 2 for each in rows) and await pooled(drill) == {rows[0][1].txid}

        await until(is_replaced)
        second = (await contest(services, ids[0]))[1]
        assert second.replaces == first.id
    drill.restore_database("backup")
    assert "rebuilt 0 vaults" in await drill.custody("recover")
    drill.at_rest = False
    async with drill.living() as services:
        assert await drill.repeat_all(services) == dict(zip(KEYS, ids, strict=True))
        await until(lambda: drill.all_in(services, "final", ids))
        assert await drill.received() == drill.amounts(*KEYS)
        every = [await contest(services, each) for each in ids]
        rebuilt = every[0]
        assert [{row.txid for row in rows} for rows in every] == [{first.txid, second.txid}] * 4
        assert sorted(row.state for row in rebuilt) == ["dead", "final"]
        (paid,) = [row for row in rebuilt if row.state == "final"]
        fee = (paid.costs or {})[network.native.id, CostKind.FEE]
        shares = [await fees_of(services, each) for each in ids]
        assert sum(shares) == fee and max(shares) - min(shares) <= 1
        async with services.custody.database.read() as session:
            rows = [await session.get(TransferRow, each) for each in ids]
        assert {row.state for row in rows if row} == {"final"}
