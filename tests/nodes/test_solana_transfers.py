"""Transfers on the local cluster: nonce accounts, fees and rent, failure, conflict and death."""

from dataclasses import replace

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import (
    TransferParams,
    transfer,
)

from chains.costs import CostKind
from chains.effects import Pay
from chains.errors import (
    BroadcastRejected,
    ClaimUnusable,
    DustAmount,
    FeeAboveMaximum,
    InsufficientFunds,
    InvalidInput,
    TooManyOutputs,
)
from chains.model import Address, Broadcast, UnsignedTx
from chains.solana import NONCE_ACCOUNTS_MAX, prepare
from chains.solana.build import Payment, TransferPlan, build_message
from chains.solana.claims import Claim
from chains.solana.nonce import accounts_of
from chains.transaction import TxState
from tests.support import solana_node
from tests.support.single import one
from tests.support.solana import LOCAL, intent, sign
from tests.support.solana_node import (
    FEE,
    FEE_CREATING,
    NATIVE,
    SOL,
    Payer,
    credits_to,
    rent_of,
    send,
)

FEE_KIND, RENT_KIND = ((LOCAL.native.id, kind) for kind in (CostKind.FEE, CostKind.RENT))
pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
node, adapter, peer, payer = (
    solana_node.node,
    solana_node.adapter,
    solana_node.peer,
    solana_node.payer,
)


# Paying


async def test_the_first_transfer_creates_the_nonce_account(node, adapter, payer, peer):
    await payer.fund(10 * SOL)
    to = await node.outside_address()
    wish = await payer.claimed(to, SOL)
    account = accounts_of(payer.key.pubkey())[0]
    assert wish.claim == (Claim(account).key(LOCAL.id),)
    unsigned = await one(adapter.prepare, wish)
    rent = await rent_of(peer, 80)
    costs = {FEE_KIND: FEE_CREATING, RENT_KIND: rent}
    assert adapter.codec.summarize(unsigned).costs.most == costs
    tx = sign(adapter.codec, unsigned, payer.key)
    assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
    assert (await one(adapter.statuses, tx.txid)).state is TxState.UNKNOWN
    await node.mine()
    status = await one(adapter.statuses, tx.txid)
    assert status.state is TxState.INCLUDED
    assert (status.costs, status.held) == ({FEE_KIND: FEE_CREATING}, {RENT_KIND: rent})
    assert status.block == await adapter.tip()
    assert await payer.balance() == 10 * SOL - SOL - FEE_CREATING - rent
    assert await node.balance(Address(str(account))) == rent
    assert await node.received(tx.txid, to, NATIVE) == SOL
    assert await credits_to(adapter, payer.address) == []
    (credit,) = await credits_to(adapter, to)
    assert credit.units == SOL


async def test_the_second_transfer_uses_it(node, adapter, payer):
    await payer.with_nonce()
    before = await payer.balance()
    to = await node.outside_address()
    wish = await payer.claimed(to, SOL)
    claim = Claim.parse(LOCAL.id, wish.claim[0])
    assert claim.account == accounts_of(payer.key.pubkey())[0]
    assert claim.value is not None
    tx = await payer.pay(to, SOL)
    status = await one(adapter.statuses, tx.txid)
    assert (status.state, status.costs, status.held) == (TxState.INCLUDED, {FEE_KIND: FEE}, {})
    assert await payer.balance() == before - SOL - FEE
    with pytest.raises(ClaimUnusable):
        await one(adapter.prepare, wish)
    await node.finalize()
    again = await payer.claimed(to, SOL)
    assert Claim.parse(LOCAL.id, again.claim[0]).account == claim.account
    assert again.claim != wish.claim


async def test_two_transfers_at_once_use_two_accounts(node, adapter, payer):
    await payer.with_nonce()
    to = await node.outside_address()
    first = await payer.claimed(to, SOL)
    second = await payer.claimed(to, SOL, taken=first.claim)
    third = await payer.claimed(to, SOL, taken=(*first.claim, *second.claim))
    claims = [Claim.parse(LOCAL.id, wish.claim[0]) for wish in (first, second, third)]
    assert [claim.account for claim in claims] == list(accounts_of(payer.key.pubkey())[:3])
    assert [claim.value is None for claim in claims] == [False, True, True]
    txs = [
        sign(adapter.codec, await one(adapter.prepare, wish), payer.key)
        for wish in (third, first, second)
    ]
    for tx in txs:
        assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
    await node.mine()
    for tx in txs:
        assert (await one(adapter.statuses, tx.txid)).state is TxState.INCLUDED
    assert await node.balance(to) == 3 * SOL


def paying(payer, *outputs):
    """What asks for several payments at once."""
    first, *_ = outputs
    wish = intent(payer.owned, *first)
    pays = tuple(Pay(to, NATIVE, units) for to, units in outputs)
    return replace(wish, effects=pays)


async def claimed(adapter, wish):
    return replace(wish, claim=await one(adapter.claim, wish))


async def test_several_payments_are_one_transaction(node, adapter, payer):
    """One payee twice: it gets both. All are in one transaction, for one signature's fee."""
    await payer.with_nonce()
    one_to, other_to = [await node.outside_address() for _ in range(2)]
    before = await payer.balance()
    outputs = (one_to, SOL), (other_to, 2 * SOL), (one_to, SOL)
    wish = await claimed(adapter, paying(payer, *outputs))
    tx = sign(adapter.codec, await one(adapter.prepare, wish), payer.key)
    assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
    await node.mine()
    status = await one(adapter.statuses, tx.txid)
    assert status.state is TxState.INCLUDED
    assert await node.balance(one_to) == await node.balance(other_to) == 2 * SOL
    paid = 4 * SOL + status.costs[FEE_KIND]
    assert await payer.balance() == before - paid


async def test_as_many_as_fit_are_taken_by_the_node(node, adapter, payer):
    """With a nonce account and with the making of one: the larger is what is counted."""
    outputs = [(await node.outside_address(), SOL // 10) for _ in range(22)]
    while True:
        try:
            adapter.codec.check_outputs([Pay(to, NATIVE, units) for to, units in outputs])
            break
        except TooManyOutputs:
            outputs.pop()
    await payer.fund(20 * SOL)
    for _ in range(2):
        wish = await claimed(adapter, paying(payer, *outputs))
        tx = sign(adapter.codec, await one(adapter.prepare, wish), payer.key)
        assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
        await node.mine()
        assert (await one(adapter.statuses, tx.txid)).state is TxState.INCLUDED
        await node.finalize()


async def test_a_payee_below_its_rent_is_named_and_nobody_is_paid(node, adapter, payer):
    await payer.with_nonce()
    good, bad = [await node.outside_address() for _ in range(2)]
    wish = await claimed(adapter, paying(payer, (good, SOL), (bad, 1_000)))
    with pytest.raises(DustAmount, match=f"output 2 of 2, {bad}, has no account yet"):
        await one(adapter.prepare, wish)
    assert await node.balance(good) == 0


async def test_a_simulation_names_the_payee_that_the_chain_refuses(
    node, adapter, payer, monkeypatch
):
    """Its rent, if our own look at the accounts was too early: the runtime says which account."""
    await payer.with_nonce()
    good, bad = [await node.outside_address() for _ in range(2)]
    wish = await claimed(adapter, paying(payer, (good, SOL), (bad, 1_000)))
    monkeypatch.setattr(prepare, "check_recipients", lambda *_: None)
    with pytest.raises(DustAmount, match=f"output 2 of 2, {bad}, would hold less than its rent"):
        await one(adapter.prepare, wish)
    assert await node.balance(good) == 0


async def test_a_blockhash_may_stand_in_the_place_of_the_nonce(node, adapter, payer, peer):
    """Why the signer's guard does not believe a durable nonce (ADR 0010): the network takes a
    transaction whose "nonce value" is no value that the account ever had."""
    await payer.with_nonce()
    to = await node.outside_address()
    plan = TransferPlan(
        source=payer.key.pubkey(),
        payments=(Payment(Pubkey.from_string(to), SOL),),
        nonce_index=0,
        lifetime=(await peer.get_latest_blockhash()).value.blockhash,
        unit_limit=3_000,
        unit_price=10_000,
    )
    unsigned = UnsignedTx(LOCAL.id, build_message(plan))
    (named,) = adapter.codec.summarize(unsigned).conflict_keys
    assert Claim.parse(LOCAL.id, named).account == plan.nonce_account
    tx = sign(adapter.codec, unsigned, payer.key)
    assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
    await node.mine()
    assert (await one(adapter.statuses, tx.txid)).state is TxState.INCLUDED
    assert await node.balance(to) == SOL


async def test_no_more_transfers_at_once_than_nonce_accounts(payer):
    await payer.fund(10 * SOL)
    taken = [Claim(account).key(LOCAL.id) for account in accounts_of(payer.key.pubkey())]
    assert len(taken) == NONCE_ACCOUNTS_MAX
    to = await payer.node.outside_address()
    last = await payer.claimed(to, SOL, taken=taken[:-1])
    assert last.claim == (taken[-1],)
    with pytest.raises(ClaimUnusable):
        await payer.claimed(to, SOL, taken=taken)


async def test_lamports_sent_ahead_to_the_nonce_address_block_nothing(node, adapter, payer, peer):
    """Anybody can compute the address; CreateAccountWithSeed would fail for ever after."""
    account = accounts_of(payer.key.pubkey())[0]
    await payer.fund(10 * SOL)
    await node.fund(Address(str(account)), SOL)
    await node.mine()
    await node.finalize()
    tx = await payer.pay(await node.outside_address(), SOL)
    status = await one(adapter.statuses, tx.txid)
    assert status.state is TxState.INCLUDED
    assert status.held == {RENT_KIND: await rent_of(peer, 80)}
    await node.finalize()
    wish = await payer.claimed(await node.outside_address(), SOL)
    assert Claim.parse(LOCAL.id, wish.claim[0]).value is not None


async def test_a_transfer_signed_long_ago_still_lands(node, adapter, payer):
    await payer.with_nonce()
    to = await node.outside_address()
    tx = await payer.signed(to, SOL)
    await node.mine(400)
    assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
    await node.mine()
    assert (await one(adapter.statuses, tx.txid)).state is TxState.INCLUDED
    assert await node.balance(to) == SOL


async def test_an_account_can_be_emptied_to_the_last_lamport(node, adapter, payer):
    await payer.with_nonce()
    left = await payer.balance()
    tx = await payer.pay(await node.outside_address(), left - FEE)
    assert (await one(adapter.statuses, tx.txid)).state is TxState.INCLUDED
    assert await payer.balance() == 0


async def test_paying_between_our_own_addresses(node, adapter, payer):
    other = Payer(node, adapter)
    await payer.with_nonce()
    before = await payer.balance()
    await payer.pay(other.address, SOL)
    (credit,) = await credits_to(adapter, other.address)
    assert (credit.units, await other.balance()) == (SOL, SOL)
    assert await payer.balance() == before - SOL - FEE


# Refusals before anything is signed


async def test_refuses_what_the_network_would_refuse(node, payer, peer):
    await payer.with_nonce()
    to, have = await node.outside_address(), await payer.balance()
    least = await rent_of(peer, 0)
    for amount, error in [
        (least - 1, DustAmount),
        (have - FEE + 1, InsufficientFunds),
        (have - FEE - 1, InsufficientFunds),  # one lamport would stay behind
        (have - FEE - least + 1, InsufficientFunds),
        (100 * SOL, InsufficientFunds),
    ]:
        with pytest.raises(error):
            await payer.signed(to, amount)
    await payer.signed(to, least)
    await payer.signed(to, have - FEE - least)
    with pytest.raises(InvalidInput):
        await payer.signed(payer.address, SOL)


async def test_an_account_that_exists_may_receive_a_single_lamport(node, adapter, payer):
    await payer.with_nonce()
    other = Payer(node, adapter)
    await other.fund(SOL)
    tx = await payer.pay(other.address, 1)
    assert (await one(adapter.statuses, tx.txid)).state is TxState.INCLUDED
    assert await other.balance() == SOL + 1


async def test_nothing_is_claimed_without_funds_or_above_the_greatest_fee(node, payer, peer):
    to = await node.outside_address()
    with pytest.raises(InsufficientFunds):
        await payer.claimed(to, SOL)
    await payer.fund(10 * SOL)
    with pytest.raises(FeeAboveMaximum):
        await payer.claimed(to, SOL, fee_max=FEE_CREATING - 1)
    wish = await payer.claimed(to, SOL, fee_max=FEE_CREATING)
    await one(payer.adapter.prepare, wish)
    rent = await rent_of(peer, 80)
    too_little = replace(wish, costs_max={**wish.costs_max, RENT_KIND: rent - 1})
    with pytest.raises(FeeAboveMaximum):
        await one(payer.adapter.prepare, too_little)


async def test_a_claim_that_is_not_the_sources_is_unusable(payer):
    await payer.fund(10 * SOL)
    wish = await payer.claimed(await payer.node.outside_address(), SOL)
    foreign = Claim(accounts_of(Keypair().pubkey())[0])
    with pytest.raises(ClaimUnusable):
        await one(payer.adapter.prepare, replace(wish, claim=(foreign.key(LOCAL.id),)))


# Failure, conflict and death


async def test_a_transfer_that_fails_is_reverted_with_its_fee_and_uses_up_its_nonce(
    node, adapter, payer, peer
):
    """Both pass the node's simulation, but there is enough for one only."""
    await payer.with_nonce()
    to = await node.outside_address()
    second = await payer.claimed(to, SOL)
    await payer.fund(SOL)
    have = await payer.balance()
    first = await payer.claimed(to, have - 2 * SOL, taken=second.claim)
    txs = [
        sign(adapter.codec, await one(adapter.prepare, wish), payer.key)
        for wish in (first, replace(second, effects=first.effects))
    ]
    for tx in txs:
        assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
    await node.mine()
    assert (await one(adapter.statuses, txs[0].txid)).state is TxState.INCLUDED
    failed = await one(adapter.statuses, txs[1].txid)
    assert (failed.state, failed.costs, failed.held) == (TxState.REVERTED, {FEE_KIND: FEE}, {})
    assert "InstructionError" in failed.reason
    assert failed.block == await adapter.tip()
    paid = first.effects[0].amount + FEE_CREATING + await rent_of(peer, 80)
    assert await payer.balance() == have - paid - FEE
    assert await node.received(txs[1].txid, to, NATIVE) == 0
    assert await one(adapter.broadcast, txs[1]) is Broadcast.ALREADY_KNOWN
    await node.finalize()
    fresh = await payer.claimed(to, SOL)
    assert Claim.parse(LOCAL.id, fresh.claim[0]).account == accounts_of(payer.key.pubkey())[0]
    assert fresh.claim != second.claim


async def test_what_must_fail_is_not_accepted(node, adapter, payer, peer):
    await payer.with_nonce()
    tx = await payer.signed(await node.outside_address(), 8 * SOL)
    drain = transfer(
        TransferParams(
            from_pubkey=payer.key.pubkey(),
            to_pubkey=Pubkey.from_string(await node.outside_address()),
            lamports=7 * SOL,
        )
    )
    await send(node, peer, [payer.key], [drain])
    with pytest.raises(BroadcastRejected) as caught:
        await one(adapter.broadcast, tx)
    assert "InstructionError" in caught.value.reason
    assert (await one(adapter.statuses, tx.txid)).state is TxState.UNKNOWN


async def test_of_two_transfers_on_one_nonce_a_block_shows_which_used_it_up(node, adapter, payer):
    await payer.with_nonce()
    tx, other = await payer.rivals()
    [key] = adapter.codec.summarize(adapter.codec.detach(tx)).conflict_keys
    assert await one(adapter.broadcast, other) is Broadcast.ACCEPTED
    await node.mine()
    block = await adapter.block((await adapter.tip()).height)
    assert block.consumed[key.text] == other.txid
    await node.finalize()
    with pytest.raises(BroadcastRejected):
        await one(adapter.broadcast, tx)


async def test_of_two_creations_of_one_account_one_fails_in_the_block(node, adapter, payer):
    await payer.fund(10 * SOL)
    await node.finalize()
    tx, other = await payer.rivals()
    for each in (other, tx):  # both pass the simulation; the second fails in the block
        assert await one(adapter.broadcast, each) is Broadcast.ACCEPTED
    await node.mine()
    assert (await one(adapter.statuses, other.txid)).state is TxState.INCLUDED
    assert (await one(adapter.statuses, tx.txid)).state is TxState.REVERTED
    await node.finalize()
