"""Children that pay for their parents, on a real bitcoin node whose miner leaves out what pays the
least, with the signer's process: a stranger's payment that is stuck, one of ours that its payee has
pinned, and a parent that is replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chains.bitcoin.node import NodeView
from chains.devnet import bitcoin
from chains.devnet.bitcoin import BitcoinNode
from chains.model import Address, TxId
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.ledger import repository as ledger
from custody.services import Services
from custody.transactions import repository as transactions
from custody.transfers.request import Idempotency, Output, TransferRequest
from custody.transfers.sooner import sooner
from tests.integration.test_restore_drill import CALLER, Drill, funded, until
from tests.support.networks import find_network
from tests.unit.custody.transfers.desk import Plain

ALIAS = "bitcoin-regtest"
NETWORK = find_network(ALIAS)
RATE, LEAST = 20_000, 1_000
"""Satoshi per 1000 vbytes: what is asked for, and what the node relays but its miner leaves out."""
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


class Asked:
    """What the node says that a transaction should pay."""

    rate = 2_000


@pytest_asyncio.fixture
async def drill(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Drill]:
    picky = bitcoin._CONFIGURATION + "blockmintxfee=0.00001500\n"
    monkeypatch.setattr(bitcoin, "_CONFIGURATION", picky)

    async def rate(*_: Any, **__: Any) -> int:
        return Asked.rate

    monkeypatch.setattr(Asked, "rate", 2_000)
    monkeypatch.setattr(NodeView, "fee_rate", rate)
    async with funded(ALIAS, folder, Drill) as made:
        made.at_rest = False
        yield made


def node_of(drill: Drill) -> BitcoinNode:
    assert isinstance(drill.node, BitcoinNode)
    return drill.node


async def own_address(drill: Drill, services: Services) -> Address:
    (row,) = await services.vaults.create_addresses(drill.vault, NETWORK.id)
    return Address(row.address)


async def arriving(drill: Drill, to: Address) -> TxId:
    """A stranger's payment of a thousand units, too cheap for the miner."""
    amount = {to: f"{1000 * drill.unit / 10**8:.8f}"}
    options = {"fee_rate": "1"}
    sent = await node_of(drill)._ask("send", [amount], None, "unset", None, options)
    return TxId(sent["txid"])


async def ask(drill: Drill, services: Services, to: Address, key: str, **more: Any) -> str:
    amount = None if "child_of" in more else 100 * drill.unit
    request = TransferRequest(
        drill.vault, NETWORK.id, NETWORK.native.id, (Output(to, amount),), **more
    )
    idempotency = Idempotency("POST /v1/transfers", key, key.encode())
    answer = await services.transfers.create(request, CALLER, idempotency, Plain())
    return answer.body.decode()


async def newest(services: Services, transfer: str) -> TransactionRow:
    async with services.custody.database.read() as session:
        return (await transactions.contest(session, transfer))[-1]


async def until_in(services: Services, transfer: str, state: str) -> None:
    async def is_in() -> bool:
        async with services.custody.database.read() as session:
            row = await session.get(TransferRow, transfer)
            contest = await transactions.contest(session, transfer)
        reached = [row.state if row else "", *(each.state for each in contest)]
        return state in reached

    await until(is_in)


async def blocks(drill: Drill, services: Services, count: int) -> None:
    """Until custody has read so many more."""
    height = await node_of(drill)._ask("getblockcount")

    async def are_read() -> bool:
        async with services.custody.database.read() as session:
            read = await transactions.newest_height(session, NETWORK.id)
        return read is not None and read >= height + count

    await until(are_read)


async def books(drill: Drill, services: Services) -> tuple[int, int]:
    """Available and reserved."""
    async with services.custody.database.read() as session:
        (found,) = await ledger.balances_of_vault(session, drill.vault)
    return found.available, found.reserved


async def equal(drill: Drill, services: Services) -> None:
    """The ledger and the node's coins."""
    drill.at_rest = True

    async def is_clean() -> bool:
        return (await services.reconciliation.run()).is_clean

    await until(is_clean)
    drill.at_rest = False


async def test_a_stuck_deposit_is_brought_into_a_block(drill: Drill) -> None:
    async with drill.living() as services:
        before, _ = await books(drill, services)
        own = await own_address(drill, services)
        parent = await arriving(drill, own)
        await blocks(drill, services, 3)
        waits = await node_of(drill)._ask("getrawtransaction", parent, True)
        assert "blockhash" not in waits, "the miner leaves it out"
        Asked.rate = RATE
        child = await ask(drill, services, own, "child", child_of=parent)
        await until_in(services, child, "final")
        row = await newest(services, child)
        fee = sum((row.costs or {}).values())
        assert await drill.node.received(TxId(row.txid or ""), own, NETWORK.native.id) > 0

        async def is_credited() -> bool:
            return await books(drill, services) == (before + 1000 * drill.unit - fee, 0)

        await until(is_credited)
        await equal(drill, services)


async def test_a_pinned_payment_is_named_with_its_price_and_brought_in_by_its_change(
    drill: Drill,
) -> None:
    node = node_of(drill)
    async with drill.living() as services:
        database, adapters = services.custody.database, services.custody.adapters
        payee, own = await node.outside_address(), await own_address(drill, services)
        Asked.rate = LEAST
        slow = await ask(drill, services, payee, "slow")
        await until_in(services, slow, "broadcast")
        txid = TxId((await newest(services, slow)).txid or "")
        Asked.rate = RATE
        free = await sooner(database, adapters, slow, CALLER)
        assert free.outbid.fee == free.outbid.alone and free.child is not None
        vout = (await node._ask("getrawtransaction", txid, True))["vout"]
        (position,) = [e["n"] for e in vout if e["scriptPubKey"]["address"] == payee]
        outputs = [{await node.outside_address(): "0.00001000"} for _ in range(200)]
        spends = [{"txid": txid, "vout": position}]
        options = {"fee_rate": "1.4", "include_unsafe": True}
        funded_ = await node._ask("walletcreatefundedpsbt", spends, outputs, 0, options)
        signed = await node._ask("walletprocesspsbt", funded_["psbt"])
        await node._ask("sendrawtransaction", signed["hex"])
        pinned = await sooner(database, adapters, slow, CALLER)
        assert pinned.txid == txid and pinned.outbid.children == 1
        assert pinned.outbid.fee > 2 * pinned.outbid.alone
        assert pinned.outbid.children_size > 6_000
        assert pinned.child is not None and pinned.child < pinned.outbid.fee
        child = await ask(drill, services, own, "child", child_of=txid)
        await until_in(services, child, "final")
        await until_in(services, slow, "final")
        fee = sum((await newest(services, child)).costs.values())  # type: ignore[union-attr]
        assert fee <= pinned.child + 10
        await equal(drill, services)


async def test_a_child_dies_with_a_parent_that_is_replaced(drill: Drill) -> None:
    node = node_of(drill)
    async with drill.living() as services:
        before = await books(drill, services)
        own = await own_address(drill, services)
        drill.at_rest = True  # both wait
        parent = await arriving(drill, own)
        child = await ask(drill, services, own, "child", child_of=parent)
        await until_in(services, child, "broadcast")
        raw = await node._ask("getrawtransaction", parent, True)
        spends = [{"txid": i["txid"], "vout": i["vout"], "sequence": 1} for i in raw["vin"]]
        total = 0.0
        for each in raw["vin"]:
            made = await node._ask("getrawtransaction", each["txid"], True)
            total += float(made["vout"][each["vout"]]["value"])
        back = {await node.outside_address(): f"{total - 0.001:.8f}"}
        rival = await node._ask("createrawtransaction", spends, [back])
        signed = await node._ask("signrawtransactionwithwallet", rival)
        await node._ask("sendrawtransaction", signed["hex"])
        gone = {parent, (await newest(services, child)).txid}
        assert gone.isdisjoint(await node._ask("getrawmempool"))
        drill.at_rest = False
        await until_in(services, child, "dead")
        await until_in(services, child, "failed")
        assert await books(drill, services) == before
        await equal(drill, services)
