"""A funded vault, a transfer made by hand, and the questions that the tests ask."""

from __future__ import annotations

import asyncio

from chains.model import Address, TxId
from custody.db.session import Database
from custody.db.tables import TransactionRow, TransferRow, VaultRow
from custody.ledger.model import (
    Post,
    Reason,
    Reserve,
    chain_account,
    fees_account,
    locked_account,
    vault_account,
)
from custody.ledger.service import settle_or_void
from custody.reconcile.report import Report, Verdict
from custody.transfers.state import State
from tests.support.custody import World
from tests.support.fake_codec import FakeInput, FakeOutput, FakeTx

HISTORIC, CURRENT, COINS = "ethereum-local", "solana-local", "bitcoin-regtest"
ALL = [HISTORIC, CURRENT, COINS]


async def funded(database: Database, alias: str, amount: int = 100_000) -> tuple[World, VaultRow]:
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
        source = FakeInput(deposit.txid, deposit.position, deposit.amount, Address("x"), None)
        change = await world.new_address(vault, change=True)
        rest = deposit.amount - amount - world.node.fee
        outputs.append(FakeOutput(Address(change.address), native, rest, change.path))
        tx = FakeTx(world.network.id, (source,), tuple(outputs), world.node.fee)
    else:
        source = FakeInput("", None, 0, Address(row.address), row.path)
        tx = FakeTx(world.network.id, (source,), tuple(outputs), fee_max, nonce=0)
    now = world.clock()
    async with world.database.write() as session:
        account = vault_account(vault.id, native)
        held = await world.ledger.reserve(
            session,
            Reserve(account, chain_account(native), amount, "trf_1", Reason.TRANSFER),
            Reserve(account, fees_account(native), fee_max, "trf_1", Reason.FEE),
        )
        session.add(
            TransferRow(
                id="trf_1",
                client_id=vault.client_id,
                vault_id=vault.id,
                network=world.network.id,
                asset=native,
                destination=to,
                amount=amount,
                fee_max=fee_max,
                costs_max=fee_max,
                initiator="test",
                state=State.BROADCAST.value,
                version=1,
                mandate=b"",
                amount_reservation_id=held[0],
                fee_reservation_id=held[1],
                txid=tx.txid,
                requested_at=now,
                expires_at=now,
                updated_at=now,
            )
        )
        await session.flush()
        session.add(
            TransactionRow(
                id="txn_1",
                transfer_id="trf_1",
                network=world.network.id,
                payload=tx.payload(),
                txid=tx.txid,
                created_at=now,
            )
        )
    world.node.pool[tx.txid] = tx
    return tx.txid


async def settle(world: World, vault: VaultRow, amount: int, fee: int, locked: int = 0) -> None:
    native = world.native
    async with world.database.write() as session:
        row = await session.get(TransferRow, "trf_1")
        assert row is not None
        assert row.amount_reservation_id is not None
        assert row.fee_reservation_id is not None
        rent = Post(
            vault_account(vault.id, native),
            locked_account(vault.id, native),
            locked,
            "trf_1",
            Reason.RENT,
        )
        await world.ledger.apply(
            session,
            [
                settle_or_void(row.amount_reservation_id, amount),
                settle_or_void(row.fee_reservation_id, fee),
                *([rent] if locked else []),
            ],
        )
        row.state = State.FINAL.value if amount else State.REVERTED.value


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
