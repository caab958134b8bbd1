"""Money that leaves without a transfer of ours: booked, told and stopped in its first block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from solders.pubkey import Pubkey
from sqlalchemy import select

from chains.block import Block
from chains.catalogue import built_in
from chains.effects import Allow
from chains.follow import Connected
from chains.model import Address, AssetId, TxId
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import ForeignDebitRow, VaultRow
from custody.following.rescan import Rescan
from custody.ledger.model import Reason, Reserve, chain_account, vault_account
from custody.reconcile.report import Verdict
from custody.rewind.service import Rewind
from custody.vaults.watchlist import WatchList
from tests.support.custody import World
from tests.support.networks import find_network
from tests.support.rows import listing, token_row
from tests.support.signer import MANDATE
from tests.support.solana_tokens import LEGACY
from tests.support.solana_tokens import token_row as mint_row
from tests.support.transfer_rows import add_transaction, add_transfer
from tests.unit.custody.reconcile.scene import funded, transfer

ACCOUNTS, COINS = "ethereum-local", "bitcoin-regtest"
BOTH = [ACCOUNTS, COINS]
TOKEN_ACCOUNTS = "solana-local"
MINT = Pubkey(b"\5" * 32)


async def debits(world: World) -> Sequence[ForeignDebitRow]:
    async with world.database.read() as session:
        return await session.all(select(ForeignDebitRow).order_by(ForeignDebitRow.id))


async def states(world: World) -> list[tuple[int, str, str]]:
    return [(row.amount, row.verdict, row.state) for row in await debits(world)]


async def stolen(world: World, vault: VaultRow, amount: int = 60_000) -> TxId:
    (address, *_) = await world.addresses(vault)
    txid = world.node.steal(Address(address.address), amount)
    await world.node.mine()
    await world.follow()
    return txid


async def settle(world: World) -> None:
    await world.node.mine(5)
    await world.node.finalize()
    await world.follow()


async def verdict(world: World) -> Verdict:
    (line,) = (await world.reconcile()).lines
    return line.verdict


@pytest.mark.parametrize("alias", BOTH)
async def test_booked_told_and_frozen_within_one_block(database: Database, alias: str):
    world, vault = await funded(database, alias)
    txid = await stolen(world, vault)
    assert {row.state for row in await debits(world)} == {"pending"}
    assert await world.frozen(vault) == AlarmCode.FOREIGN_DEBIT
    (alarm,) = await world.open_alarms()
    assert (alarm.code, alarm.vault_id) == (AlarmCode.FOREIGN_DEBIT, vault.id)
    assert txid in alarm.message
    assert "custody recover" in alarm.message
    left = 100_000 - 60_000 - world.node.fee
    held = (await world.balance(vault)).available
    # A coin is spent whole: what comes back to the vault is a deposit that is not final yet.
    assert held == (0 if alias == COINS else left)
    assert await verdict(world) is Verdict.EQUAL
    await settle(world)
    assert {row.state for row in await debits(world)} == {"booked"}
    balance = await world.balance(vault)
    assert (balance.available, balance.reserved, balance.owed) == (left, 0, 0)
    assert (await world.reconcile()).is_clean


@pytest.mark.parametrize("alias", BOTH)
async def test_a_reorg_gives_it_back_and_lifts_no_freeze(database: Database, alias: str):
    world, vault = await funded(database, alias)
    await stolen(world, vault)
    await world.node.reorg(1)
    world.node.pool.clear()
    await world.follow()
    assert {row.state for row in await debits(world)} == {"reversed"}
    assert (await world.balance(vault)).available == 100_000
    assert await world.frozen(vault) == AlarmCode.FOREIGN_DEBIT
    assert (await world.reconcile()).is_clean


async def test_the_same_block_coming_back_revives_it(database: Database):
    world, vault = await funded(database, ACCOUNTS)
    await stolen(world, vault)
    before = await states(world)
    theirs = list(world.node.chain)
    await world.node.reorg(1)
    await world.follow()
    assert {state for _, _, state in await states(world)} == {"reversed"}
    world.node.chain = [*theirs]
    await world.node.mine(2)
    await world.follow()
    assert await states(world) == before


@pytest.mark.parametrize("alias", BOTH)
async def test_what_the_vault_does_not_have_is_owed_and_never_refused(
    database: Database, alias: str
):
    """It is held for a transfer. The theft is booked all the same, and the follower goes on."""
    world, vault = await funded(database, alias)
    native = world.native
    async with database.write() as session:
        wanted = Reserve(
            vault_account(vault.id, native), chain_account(native), 99_000, "t", Reason.TRANSFER
        )
        (held,) = await world.ledger.reserve(session, wanted)
    await stolen(world, vault)
    await settle(world)
    gone = 100_000 if alias == COINS else 60_000 + world.node.fee
    assert (await world.balance(vault)).owed == gone - 1_000
    assert await verdict(world) is Verdict.EQUAL
    async with database.write() as session:  # the transfer is dead: its money pays what is owed
        await world.ledger.void(session, held)
    await world.reconcile()
    balance = await world.balance(vault)
    assert (balance.owed, balance.available) == (0, 100_000 - 60_000 - world.node.fee)


async def test_money_that_is_not_swept(database: Database):
    world, vault = await funded(database, ACCOUNTS)
    second = await world.new_address(vault)
    await world.pay(second, 500_000)
    await settle(world)
    world.node.steal(Address(second.address), 70_000)
    await settle(world)
    balance = await world.balance(vault)
    rest = 500_000 - 70_000 - world.node.fee
    assert (balance.available, balance.unswept, balance.owed) == (100_000, rest, 0)
    assert (await world.reconcile()).is_clean


@pytest.mark.parametrize("alias", BOTH)
async def test_our_own_transaction_is_no_debit(database: Database, alias: str):
    world, vault = await funded(database, alias)
    await transfer(world, vault, 30_000, 2_000)
    await world.node.mine()
    await world.follow()
    assert await debits(world) == []
    assert await world.frozen(vault) is None


async def test_more_than_our_own_transaction_may_pay(database: Database):
    world, vault = await funded(database, ACCOUNTS)
    txid = await transfer(world, vault, 30_000, 2_000)
    tx = world.node.pool[txid]
    follower = world.adapter.block

    async def more(height: int) -> Block:
        block = await follower(height)
        assert block is not None
        return replace(
            block,
            movements=tuple(
                each._replace(units=each.units - 7) if each.units < -10_000 else each
                for each in block.movements
            ),
        )

    world.adapter.block = more  # type: ignore[method-assign]
    await world.node.mine()
    await world.follow()
    assert await states(world) == [(7, "excess", "pending")]
    assert await world.frozen(vault) == AlarmCode.FOREIGN_DEBIT
    (alarm,) = await world.open_alarms()
    assert tx.txid in alarm.message
    assert "beyond its mandate" in alarm.message


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("alias", BOTH)
async def test_a_transaction_that_custody_had_forgotten(
    database: Database, alias: str, final: bool
):
    """It looks like theft until it is known again; then nothing is booked twice, and nothing of its
    change is income."""
    world, vault = await funded(database, alias)
    txid = await stolen(world, vault)
    if final:
        await settle(world)
    (address, *_) = await world.addresses(vault)
    async with database.write() as session:
        native = world.native
        await add_transfer(
            session,
            "trf_1",
            client=vault.client_id,
            vault=vault.id,
            network=world.network.id,
            asset=native,
            destination="thief",
            amount=60_000,
            fee_max=world.node.fee,
            now=world.clock(),
        )
        await add_transaction(
            session,
            "txn_1",
            ["trf_1"],
            network=world.network.id,
            vault=vault.id,
            payload=b"",
            txid=txid,
            source=address.address,
            now=world.clock(),
        )
    await world.node.mine()
    await world.follow()
    rows = await debits(world)
    assert {(row.state, row.explained_by) for row in rows} == {("reversed", "txn_1")}
    # As if it had been known from the start: the transfer's own end takes the money away.
    assert (await world.balance(vault)).available == 100_000
    assert (await world.balance(vault)).owed == 0
    assert [state for amount, state in await world.deposit_states() if amount < 100_000] == (
        ["reversed"] if alias == COINS else []
    )
    await settle(world)
    assert (await world.balance(vault)).available == 100_000
    assert await verdict(world) is Verdict.EQUAL
    assert await world.frozen(vault) == AlarmCode.FOREIGN_DEBIT


async def test_an_allowance_on_record_explains_a_token(database: Database):
    token = AssetId(token_row(find_network(ACCOUNTS).id)["id"])
    world, vault = await funded(database, listing(ACCOUNTS))
    (address, *_) = await world.addresses(vault)
    await world.node.fund(Address(address.address), 500, asset=token)
    await settle(world)
    await allow(world, vault, 1, "spender", token, 100)
    for amount, expected in ((70, "allowed"), (40, "foreign")):
        await world.node.pull(Address(address.address), amount, asset=token)
        await settle(world)
        row = (await debits(world))[-1]
        assert (row.amount, row.verdict) == (amount, expected)
        assert (row.explained_by == "trf_1/0") == (expected == "allowed")
        frozen = AlarmCode.FOREIGN_DEBIT if expected == "foreign" else None
        assert await world.frozen(vault) == frozen
    codes = {alarm.code for alarm in await world.open_alarms()}
    assert codes == {AlarmCode.ALLOWANCE_USED, AlarmCode.FOREIGN_DEBIT}


@pytest.mark.parametrize(
    ("alias", "explained"),
    [(ACCOUNTS, ["trf_1/0", "trf_2/0"]), (TOKEN_ACCOUNTS, [None, "trf_2/0"])],
)
async def test_a_token_account_has_one_delegate(
    database: Database, alias: str, explained: list[str | None]
):
    """Where tokens lie in accounts of their own, whoever was allowed first may take nothing more
    once another one was: what leaves all the same no allowance explains. Elsewhere both may."""
    plain = find_network(alias)
    row = mint_row(plain, MINT, LEGACY) if alias == TOKEN_ACCOUNTS else token_row(plain.id)
    token = AssetId(row["id"])
    network = built_in().with_rows([], [row]).networks[plain.id]
    world, vault = await funded(database, network)
    (address, *_) = await world.addresses(vault)
    await world.node.fund(Address(address.address), 500, asset=token)
    await settle(world)
    await allow(world, vault, 1, "first", token, 70)
    await allow(world, vault, 2, "second", token, 50)
    for amount in (70, 50):
        await world.node.pull(Address(address.address), amount, asset=token)
        await settle(world)
    rows = await debits(world)
    assert [(row.amount, row.explained_by) for row in rows] == list(
        zip((70, 50), explained, strict=True)
    )
    is_foreign = None in explained
    assert await world.frozen(vault) == (AlarmCode.FOREIGN_DEBIT if is_foreign else None)


async def allow(
    world: World, vault: VaultRow, number: int, spender: str, token: AssetId, units: int
) -> None:
    """A transfer of the vault's, final, that lets `spender` take so many for a year."""
    (address, *_) = await world.addresses(vault)
    allowed = Allow(Address(spender), token, units, world.clock() + timedelta(days=365))
    core = replace(MANDATE.core, transfer=f"trf_{number}", vault=vault.id, effects=(allowed,))
    document = replace(MANDATE, core=core).canonical
    async with world.database.write() as session:
        await add_transfer(
            session,
            f"trf_{number}",
            client=vault.client_id,
            vault=vault.id,
            network=world.network.id,
            asset=token,
            destination=spender,
            amount=1,
            fee_max=1,
            now=world.clock(),
            document=document,
        )
        await add_transaction(
            session,
            f"txn_{number}",
            [f"trf_{number}"],
            network=world.network.id,
            vault=vault.id,
            payload=b"",
            txid=f"approve {number}",
            source=address.address,
            state="final",
            now=world.clock(),
        )


@pytest.mark.parametrize("alias", BOTH)
async def test_a_rescan_finds_what_was_missed_and_doubles_nothing(database: Database, alias: str):
    world, vault = await funded(database, alias)
    height = world.node.tip.height + 1
    await stolen(world, vault)
    rescan = Rescan(
        database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )
    before = await states(world)
    assert (await rescan.blocks(height, height)).debits == []
    assert await states(world) == before


@pytest.mark.parametrize("alias", BOTH)
async def test_a_rewind_takes_it_back(database: Database, alias: str):
    world, vault = await funded(database, alias)
    common = world.node.tip.height
    await stolen(world, vault)
    await settle(world)
    world.node.chain = world.node.chain[: common + 1]
    await world.node.mine(9)
    rewind = Rewind(
        database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )
    plan = await rewind.plan()
    assert len(plan.debits) == len(await debits(world)) > 0
    await rewind.apply(plan)
    world.restart()
    await settle(world)
    assert {row.state for row in await debits(world)} == {"reversed"}
    assert (await world.balance(vault)).available == 100_000
    assert (await world.reconcile()).is_clean


async def test_applying_the_same_blocks_again_changes_nothing(database: Database):
    world, vault = await funded(database, ACCOUNTS)
    await stolen(world, vault)
    before = await states(world), await world.entries()
    block = await world.adapter.block(world.node.tip.height)
    assert block is not None
    async with database.write() as session:
        events = [Connected(block)]
        await world.writer.apply(session, world.network, events, WatchList(world.network.id))
    assert (await states(world), await world.entries()) == before
