"""A funded vault, a transfer made by hand, and the questions that the tests ask."""

from __future__ import annotations

import asyncio

from chains.block import output_index
from chains.costs import CostKind
from chains.model import Address, TxId
from chains.networks import Network
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.reconcile.report import Report, Verdict
from custody.transactions.state import State as TransactionState
from custody.transfers import reservations
from custody.transfers.settlement import Charge
from custody.transfers.state import State
from tests.support.custody import World
from tests.support.fake_codec import FakeInput, FakeOutput, FakeTx
from tests.support.transfer_rows import add_transaction, add_transfer

HISTORIC, CURRENT, COINS = "ethereum-local", "solana-local", "bitcoin-regtest"
ALL = [HISTORIC, CURRENT, COINS]


async def funded(
    database: Database, alias: str | Network, amount: int = 100_000
) -> tuple[World, VaultRow]:
    """A vault whose first deposit is final."""
    world = World(database, alias)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, amount)
    await world.node.mine(5)
    await world.node.finalize()
    await world.follow()
    assert (await world.balance(vault)).available == amount
    return world, vault


async def transfer(world: World, vault: VaultRow, amount: int, fee_max: int) -> TxId:
    """Reserve, sign and broadcast, without the parts of custody that do."""
    (deposit, *_) = await world.all_deposits()
    (row, *_) = await world.addresses(vault)
    native, to = world.native, await world.node.outside_address()
    outputs = [FakeOutput(to, native, amount)]
    if world.adapter.codec.has_coins:
        source = FakeInput(
            deposit.txid, output_index(deposit.place), deposit.amount, Address("x"), None
        )
        change = await world.new_address(vault, change=True)
        rest = deposit.amount - amount - world.node.fee
        outputs.append(FakeOutput(Address(change.address), native, rest, change.path))
        tx = FakeTx(world.network.id, (source,), tuple(outputs), world.node.fee)
    else:
        source = FakeInput("", None, 0, Address(row.address), row.path)
        tx = FakeTx(
            world.network.id,
            (source,),
            tuple(outputs),
            fee_max,
            nonce=0,
            rent=world.node.rent,
        )
    now = world.clock()
    async with world.database.write() as session:
        costs = await add_transfer(
            session,
            "trf_1",
            client=vault.client_id,
            vault=vault.id,
            network=world.network.id,
            asset=native,
            destination=to,
            amount=amount,
            fee_max=fee_max,
            rent=world.node.rent,
            now=now,
        )
        wanted = reservations.parts_of({native: amount}, costs)
        await reservations.hold(session, world.ledger, "trf_1", vault.id, 1, wanted)
        await add_transaction(
            session,
            "txn_1",
            ["trf_1"],
            network=world.network.id,
            vault=vault.id,
            payload=tx.payload(),
            txid=tx.txid,
            source=row.address,
            now=now,
        )
    world.node.pool[tx.txid] = tx
    return tx.txid


async def settle(world: World, amount: int, fee: int, locked: int = 0) -> None:
    """As a final block does it. `amount` 0: it failed there."""
    kind = (world.native, CostKind.FEE)
    async with world.database.write() as session:
        row = await session.get(TransferRow, "trf_1")
        transaction = await session.get(TransactionRow, "txn_1")
        assert row is not None
        assert transaction is not None
        charge = Charge({kind: fee + locked}, {kind: locked})
        ending = reservations.Ending(row, charge, paid=bool(amount))
        await reservations.end(session, world.ledger, [ending])
        row.state = State.FINAL if amount else State.FAILED
        transaction.state = TransactionState.FINAL if amount else TransactionState.REVERTED


async def verdicts(world: World, patience_s: float = 0.3) -> list[Verdict]:
    return [line.verdict for line in (await world.reconcile(patience_s=patience_s)).lines]


async def confirmed(world: World) -> Report:
    """A reconciliation, with blocks coming in where a verdict waits for one."""
    if world.adapter.capabilities.historic_balance or world.adapter.codec.has_coins:
        return await world.reconcile()
    mining = asyncio.create_task(mine_and_follow(world))
    report = await world.reconcile(patience_s=60)
    mining.cancel()
    return report


async def mine_and_follow(world: World) -> None:
    while True:
        await asyncio.sleep(0.05)
        await world.node.mine()
        await world.follow()
