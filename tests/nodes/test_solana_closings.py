"""Token accounts that are closed beside a payment, on the real programs: what comes back, what
block and status say of it, and what stays open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solana.rpc.models import TxOpts
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl_py
from spl.token import models

from chains.block import RENT_RETURNED
from chains.costs import CostKind
from chains.effects import Pay
from chains.errors import FeesWithheld, NothingToClose
from chains.model import Address, SignedTx
from chains.transaction import TransferIntent, TxState
from tests.nodes import test_solana_tokens
from tests.nodes.test_solana_tokens import BOTH, NATIVE, Desk, wallet
from tests.support import solana_node
from tests.support.single import one
from tests.support.solana import sign
from tests.support.solana_node import SOL
from tests.support.solana_tokens import LEGACY, NEW

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]

node, peer = solana_node.node, solana_node.peer
shop, desk = test_solana_tokens.shop, test_solana_tokens.desk


def closing(mine: Desk, to: Address, units: int) -> TransferIntent:
    return replace(mine.intent(to, units), closes=True)


async def signed(mine: Desk, wish: TransferIntent) -> SignedTx:
    wish = replace(wish, claim=await one(mine.adapter.claim, wish))
    return sign(mine.adapter.codec, await one(mine.adapter.prepare, wish), mine.key)


async def lamports(mine: Desk, key: Pubkey) -> int:
    shown = (await mine.shop.peer.get_account_info(key)).value
    return 0 if shown is None else shown.lamports


@BOTH
async def test_what_is_left_empty_is_closed_and_its_rent_comes_back(desk, program) -> None:
    mine = await desk(program)
    await mine.fund(500)
    account = mine.at(mine.me)
    held, before = await lamports(mine, account), await mine.adapter.balance(mine.me, NATIVE)
    assert held > 2_000_000
    wish = closing(mine, wallet(), 500)
    assert await mine.adapter.closable(wish) == {Address(str(account)): held}
    tx = await signed(mine, wish)
    await one(mine.adapter.broadcast, tx)
    await mine.shop.node.mine()
    assert await lamports(mine, account) == 0
    status = await one(mine.adapter.statuses, tx.txid)
    assert status.state is TxState.INCLUDED and status.returned == {(NATIVE, CostKind.RENT): held}
    block = await mine.tip()
    told = {
        each.place: each.units
        for each in block.movements
        if each.address == mine.me and each.asset == NATIVE
    }
    assert told.pop(RENT_RETURNED) == held
    assert all(place.startswith("cost:") or units < 0 for place, units in told.items())
    gone = sum(status.costs.values()) + sum(status.held.values())
    after = await mine.adapter.balance(mine.me, NATIVE)
    assert after == before - gone + held == before + held + sum(told.values())


async def test_other_empty_accounts_are_closed_with_a_payment_of_coins(desk) -> None:
    mine = await desk()
    await mine.fund(0)
    await mine.shop.give(mine.mint, LEGACY, mine.me, 0)
    held = await lamports(mine, mine.at(mine.me))
    payee = wallet()
    wish = replace(closing(mine, payee, 1), effects=(Pay(payee, NATIVE, SOL // 2),))
    quoted = await mine.adapter.quote(replace(wish, empties=True))
    without = await mine.adapter.quote(replace(wish, empties=True, closes=False))
    assert quoted[NATIVE, CostKind.FEE] > without[NATIVE, CostKind.FEE]
    tx = await signed(mine, wish)
    await one(mine.adapter.broadcast, tx)
    await mine.shop.node.mine()
    status = await one(mine.adapter.statuses, tx.txid)
    assert status.returned == {(NATIVE, CostKind.RENT): held}
    assert await mine.adapter.balance(payee, NATIVE) == SOL // 2


async def test_what_is_not_empty_stays_open(desk) -> None:
    """Nor is it in the way of the payment."""
    mine = await desk()
    await mine.fund(500)
    of_coins = replace(closing(mine, wallet(), 1), effects=(Pay(wallet(), NATIVE, SOL // 2),))
    with pytest.raises(NothingToClose):
        await mine.adapter.closable(of_coins)
    payee = wallet()
    tx = await signed(mine, closing(mine, payee, 499))
    await one(mine.adapter.broadcast, tx)
    await mine.shop.node.mine()
    status = await one(mine.adapter.statuses, tx.txid)
    assert status.state is TxState.INCLUDED and status.returned == {}
    assert await mine.shop.has(mine.at(mine.me)) == 1


async def test_what_was_paid_between_the_signature_and_the_block_fails_whole(desk) -> None:
    """Nothing of ours moves; it costs the fee."""
    mine = await desk()
    await mine.fund(500)
    tx = await signed(mine, closing(mine, wallet(), 500))
    await mine.shop.give(mine.mint, LEGACY, mine.me, 1)
    await mine.shop.peer.send_raw_transaction(tx.raw, TxOpts(skip_preflight=True))
    await mine.shop.node.mine()
    status = await one(mine.adapter.statuses, tx.txid)
    assert status.state is TxState.REVERTED and status.returned == {}
    assert await mine.shop.has(mine.at(mine.me)) == 501
    assert not [each for each in (await mine.tip()).movements if each.place == RENT_RETURNED]


async def test_withheld_fees_keep_an_account_open(desk) -> None:
    """Token-2022: until somebody brings them to the mint, which anybody may."""
    mine = await desk(NEW, ["transfer-fee"])
    giver = Keypair()
    await mine.fund(0)
    await mine.shop.give(mine.mint, NEW, Address(str(giver.pubkey())), 10_000)
    await mine.shop.give(mine.mint, NEW, mine.me, 0)
    paid = models.TransferCheckedParams(
        program_id=NEW,
        source=mine.at(giver.pubkey()),
        mint=mine.mint,
        dest=mine.at(mine.me),
        owner=giver.pubkey(),
        amount=10_000,
        decimals=6,
    )
    await mine.shop.do([spl_py.transfer_checked(paid)], giver)
    wish = closing(mine, wallet(), 9_750)
    with pytest.raises(FeesWithheld) as caught:
        await mine.adapter.closable(wish)
    assert caught.value.code == "fees_withheld"
    tx = await signed(mine, wish)
    await one(mine.adapter.broadcast, tx)
    await mine.shop.node.mine()
    status = await one(mine.adapter.statuses, tx.txid)
    assert status.state is TxState.INCLUDED and status.returned == {}
    metas = [AccountMeta(mine.mint, False, True), AccountMeta(mine.at(mine.me), False, True)]
    await mine.shop.do([Instruction(NEW, bytes([26, 4]), metas)])
    assert await mine.adapter.closable(closing(mine, wallet(), 1))


async def test_a_strangers_closing_is_no_rent_of_ours(desk) -> None:
    """He closes an account of his, and what it holds comes to an address of ours."""
    mine = await desk()
    await mine.fund(0)
    giver = Keypair()
    await mine.shop.give(mine.mint, LEGACY, Address(str(giver.pubkey())), 0)
    params = models.CloseAccountParams(
        program_id=LEGACY,
        account=mine.at(giver.pubkey()),
        dest=Pubkey.from_string(mine.me),
        owner=giver.pubkey(),
    )
    held = await lamports(mine, mine.at(giver.pubkey()))
    await mine.shop.do([spl_py.close_account(params)], giver)
    block = await mine.tip()
    assert mine.moved(block, mine.me, NATIVE) == [held]
    assert RENT_RETURNED not in {each.place for each in block.movements}


async def test_who_pays_all_coins_closes_what_is_empty(desk) -> None:
    """Nothing is left but what came back: what the closings cost is a part of the fee agreed to."""
    mine = await desk()
    await mine.fund(0)
    await mine.shop.give(mine.mint, LEGACY, mine.me, 0)
    held = await lamports(mine, mine.at(mine.me))
    payee = wallet()
    wish = replace(closing(mine, payee, 1), effects=(Pay(payee, NATIVE, 1),), empties=True)
    costs = await mine.adapter.quote(wish)
    rest = await mine.adapter.balance(mine.me, NATIVE) - sum(costs.values())
    tx = await signed(mine, replace(wish, effects=(Pay(payee, NATIVE, rest),), costs_max=costs))
    await one(mine.adapter.broadcast, tx)
    await mine.shop.node.mine()
    assert await mine.adapter.balance(payee, NATIVE) == rest
    assert await mine.adapter.balance(mine.me, NATIVE) == held
