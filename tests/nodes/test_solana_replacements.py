"""What was sent on a proven nonce value is paid more for, or called off, on the local cluster."""

from dataclasses import replace

import pytest
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.hash import Hash

from chains.errors import BroadcastRejected, ClaimUnusable, FeeAboveMaximum
from chains.model import Address, Broadcast, ConflictKey, Excludes, UnsignedTx
from chains.solana.adapter import SolanaAdapter
from chains.solana.build import Payment, build_message
from chains.solana.claims import Claim
from chains.solana.explain import explain, parse_payload
from chains.transaction import TransferIntent, TxState
from tests.support import solana_node
from tests.support.single import one
from tests.support.solana import LOCAL, sign
from tests.support.solana_node import SOL, Payer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
node, adapter, peer, payer = (
    solana_node.node,
    solana_node.adapter,
    solana_node.peer,
    solana_node.payer,
)


async def replacing(
    adapter: SolanaAdapter, wish: TransferIntent, tx: UnsignedTx, **changes: object
) -> UnsignedTx:
    wanted: TransferIntent = replace(wish, claim=(), replaces=tx, **changes)  # type: ignore[arg-type]
    claimed = replace(wanted, claim=await one(adapter.claim, wanted))
    assert claimed.claim == wish.claim
    return await one(adapter.prepare, claimed)


async def waiting(payer: Payer, amount: int = SOL) -> tuple[TransferIntent, UnsignedTx]:
    """A payment on a nonce account that exists, built and not sent."""
    await payer.with_nonce()
    wish = await payer.claimed(await payer.node.outside_address(), amount)
    return wish, await one(payer.adapter.prepare, wish)


def price_of(tx: UnsignedTx) -> int:
    return explain(parse_payload(tx.payload)[0]).unit_price


async def test_the_key_of_a_proven_value_binds(adapter, payer):
    wish, tx = await waiting(payer)
    (key,) = wish.claim
    assert key.excludes is Excludes.INCLUSION
    assert adapter.codec.summarize(tx).binding_keys == {key}
    message, origin, _ = parse_payload(tx.payload)
    assert origin is not None
    bare = UnsignedTx(LOCAL.id, tx.payload[: -Hash.LENGTH])
    unproven = adapter.codec.summarize(bare)
    assert unproven.binding_keys == frozenset()
    assert unproven.identity == adapter.codec.summarize(tx).identity
    assert unproven.conflict_keys == {ConflictKey(key.text, Excludes.NOTHING)}
    assert build_message(explain(message)) == bare.payload


async def test_another_payment_takes_its_place(node, adapter, payer):
    wish, tx = await waiting(payer)
    more = await replacing(adapter, wish, tx)
    again = await replacing(adapter, wish, more)
    assert price_of(tx) * 4 <= price_of(more) * 2 <= price_of(again)
    signed = [sign(adapter.codec, each, payer.key) for each in (tx, more, again)]
    assert await one(adapter.broadcast, signed[2]) is Broadcast.ACCEPTED
    await node.mine()
    for late in signed[:2]:
        with pytest.raises(BroadcastRejected):
            await one(adapter.broadcast, late)
    states = [(await one(adapter.statuses, each.txid)).state for each in signed]
    assert states == [TxState.UNKNOWN, TxState.UNKNOWN, TxState.INCLUDED]
    assert await node.balance(wish.payments[0].address) == SOL


async def test_of_two_that_both_wait_one_is_in_a_block(node, adapter, payer):
    wish, tx = await waiting(payer)
    other = await replacing(adapter, wish, tx)
    signed = [sign(adapter.codec, each, payer.key) for each in (tx, other)]
    for each in signed:
        assert await one(adapter.broadcast, each) is Broadcast.ACCEPTED
    await node.mine()
    await node.mine()
    states = [(await one(adapter.statuses, each.txid)).state for each in signed]
    assert states == [TxState.UNKNOWN, TxState.INCLUDED]
    assert await node.balance(wish.payments[0].address) == SOL


async def test_a_cancel_takes_its_place_and_pays_nobody(node, adapter, payer):
    wish, tx = await waiting(payer)
    before = await payer.balance()
    cancel = await replacing(adapter, wish, tx, effects=())
    summary = adapter.codec.summarize(cancel)
    assert (summary.effects, summary.unexplained) == ((), ())
    assert [each.amount for each in summary.returns] == [0]
    signed = sign(adapter.codec, cancel, payer.key)
    assert await one(adapter.broadcast, signed) is Broadcast.ACCEPTED
    await node.mine()
    status = await one(adapter.statuses, signed.txid)
    assert status.state is TxState.INCLUDED
    assert await node.balance(wish.payments[0].address) == 0
    assert await payer.balance() == before - sum(status.costs.values())


async def test_one_that_fails_in_a_block_uses_the_value_up(node, adapter, payer, peer):
    """Why such a key excludes inclusion and not only success: the loser never pays a fee."""
    _, tx = await waiting(payer)
    plan = explain(parse_payload(tx.payload)[0])
    (payment,) = plan.payments
    assert isinstance(payment, Payment)
    everything = (payment._replace(lamports=await payer.balance()),)
    too_much = UnsignedTx(LOCAL.id, build_message(replace(plan, payments=everything)))
    lost = sign(adapter.codec, too_much, payer.key)
    unchecked = TxOpts(preflight_commitment=Confirmed, skip_preflight=True)
    await peer.send_raw_transaction(lost.raw, unchecked)
    await node.mine()
    assert (await one(adapter.statuses, lost.txid)).state is TxState.REVERTED
    with pytest.raises(BroadcastRejected):
        await one(adapter.broadcast, sign(adapter.codec, tx, payer.key))


async def test_a_replacement_pays_as_much_as_its_bound_allows_and_more_than_before(adapter, payer):
    wish, tx = await waiting(payer)
    fee = sum(adapter.codec.summarize(tx).costs.most.values())
    with pytest.raises(FeeAboveMaximum):
        await replacing(adapter, wish, tx, costs_max=dict.fromkeys(wish.costs_max, fee))
    more = await replacing(adapter, wish, tx, costs_max=dict.fromkeys(wish.costs_max, fee + 1))
    assert price_of(tx) < price_of(more) < 2 * price_of(tx)


async def test_what_made_its_nonce_account_can_not_be_replaced(adapter, payer):
    await payer.fund(10 * SOL)
    wish = await payer.claimed(await payer.node.outside_address(), SOL)
    tx = await one(adapter.prepare, wish)
    assert adapter.codec.summarize(tx).binding_keys == frozenset()
    with pytest.raises(ClaimUnusable):
        await replacing(adapter, wish, tx)


async def test_who_has_followed_nothing_asks_where_a_value_comes_from(node, adapter, payer):
    """Also when strangers have paid the nonce account since."""
    await payer.with_nonce()
    to = await node.outside_address()
    (key,) = (await payer.claimed(to, SOL)).claim
    account = Claim.parse(LOCAL.id, key).account
    stranger = Payer(node, adapter)
    await stranger.fund(10 * SOL)
    await stranger.pay(Address(str(account)), SOL)
    await node.finalize()
    fresh = SolanaAdapter(LOCAL, node.url)
    try:
        (claim,) = await one(fresh.claim, replace(await payer.claimed(to, SOL), claim=()))
    finally:
        await fresh.close()
    assert claim == key
    assert claim.excludes is Excludes.INCLUSION
