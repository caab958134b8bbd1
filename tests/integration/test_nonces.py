"""A real node, the signer's process, all loops: what waits in the order of an address's nonces gets
into blocks without a further payment. A node forgets what it had, as many as may be are in flight,
a payment is refused in the middle, and one can't be paid for any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.model import Address
from custody.bootstrap import open_custody
from custody.config import Settings
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.services import Services, make_services
from custody.transactions import repository as transactions
from custody.workers.workers import Workers
from tests.integration.test_restore_drill import Drill, funded, until
from tests.support.networks import find_network

ALIAS = "ethereum-local"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


class FewInFlight(Drill):
    def settings(self) -> Settings:
        return super().settings().model_copy(update={"in_flight_max": 2})


@pytest_asyncio.fixture
async def drill(folder: Path) -> AsyncIterator[Drill]:
    async with funded(ALIAS, folder, FewInFlight) as made:
        yield made


async def newest(services: Services, transfer: str) -> TransactionRow | None:
    async with services.custody.database.read() as session:
        found = await transactions.contest(session, transfer)
    return found[-1] if found else None


async def waiting(services: Services, transfer: str) -> str | None:
    async with services.custody.database.read() as session:
        row = await session.get(TransferRow, transfer)
    assert row is not None
    return row.waiting


async def pool(node: AnvilNode) -> set[str]:
    """What waits there, whether or not its turn has come."""
    content: dict[str, Any] = await node.ask("txpool_content")
    return {
        tx["hash"]
        for part in content.values()
        for by_nonce in part.values()
        for tx in by_nonce.values()
    }


def node_of(drill: Drill) -> AnvilNode:
    assert isinstance(drill.node, AnvilNode)
    return drill.node


async def test_what_a_node_evicts_is_sent_again_and_so_many_are_in_flight(drill: Drill) -> None:
    node = node_of(drill)
    async with drill.living() as services:
        ids = [await drill.ask(services, name) for name in ("first", "second", "third")]
        txids: list[str] = []

        async def two_are_there() -> bool:
            rows = [await newest(services, each) for each in ids[:2]]
            txids[:] = [row.txid for row in rows if row is not None and row.txid]
            return len(txids) == 2 and set(txids) == await pool(node)

        await until(two_are_there)

        async def the_third_waits() -> bool:
            return await waiting(services, ids[2]) == "too_many_in_flight"

        await until(the_third_waits)
        assert await newest(services, ids[2]) is None, "it takes no number"

        for txid in txids:
            await node.ask("anvil_dropTransaction", txid)
        assert await pool(node) == set()
        await node.mine()  # an empty block: only now is it looked at again
        await until(two_are_there)
        drill.at_rest = False
        await until(lambda: drill.all_in(services, "final", ids))
        assert await drill.received() == drill.amounts("first", "second", "third")


async def test_what_can_never_be_paid_for_is_called_off_and_lets_the_next_go(drill: Drill) -> None:
    """The money goes after the signature and before a node has the bytes."""
    node = node_of(drill)
    network = find_network(ALIAS)
    async with open_custody(drill.settings()) as custody:
        services = make_services(custody)
        drill.asked["dear"] = 500 * drill.unit, await node.outside_address()
        dear, cheap = [await drill.ask(services, name) for name in ("dear", "cheap")]
        await Workers(services).networks[network.id]._driver.sign([dear, cheap])
        row = await newest(services, dear)
    assert row is not None and row.state == "signed"
    payer = Address(row.source)
    await node.ask("anvil_setBalance", payer, hex(200 * drill.unit))
    drill.at_rest = False
    async with drill.living() as services:
        await until(lambda: drill.all_in(services, "cancelled", [dear]))
        gone = await newest(services, dear)
        assert gone is not None and (gone.purpose, gone.state) == ("cancel", "final")
        await until(lambda: drill.all_in(services, "final", [cheap]))
        assert await drill.received() == drill.amounts("cheap")
