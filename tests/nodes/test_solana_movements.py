"""What a block of the local cluster moved: all accounts, fees apart, and nonces used up."""

from collections import Counter

import pytest
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import (
    AdvanceNonceAccountParams,
    CreateAccountParams,
    InitializeNonceAccountParams,
    TransferParams,
    WithdrawNonceAccountParams,
    advance_nonce_account,
    create_account,
    initialize_nonce_account,
    transfer,
    withdraw_nonce_account,
)

from chains.block import Inclusion
from chains.devnet.solana_server.chain import FAUCET
from chains.model import Address, TxId
from chains.solana.claims import Claim
from chains.solana.nonce import accounts_of, parse_state
from tests.support import solana_node
from tests.support.single import one
from tests.support.solana import LOCAL
from tests.support.solana_node import (
    SOL,
    Payer,
    send,
)

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
node, adapter, peer, payer = (
    solana_node.node,
    solana_node.adapter,
    solana_node.peer,
    solana_node.payer,
)


async def test_the_sum_of_movements_is_the_balance_of_everybody(node, adapter, payer, peer):
    """Payers, payees, nonce accounts, accounts made and closed, and transactions that failed."""
    start = await adapter.tip()
    await payer.fund(10 * SOL)
    for amount in (SOL, 2 * SOL, 3 * SOL):
        await payer.pay(await node.outside_address(), amount)
        await node.finalize()
    other = Payer(node, adapter)
    await other.fund(5 * SOL)
    nonce = accounts_of(payer.key.pubkey())[0]
    close = WithdrawNonceAccountParams(
        nonce_pubkey=nonce,
        authorized_pubkey=payer.key.pubkey(),
        to_pubkey=other.key.pubkey(),
        lamports=await node.balance(Address(str(nonce))),
    )
    await send(node, peer, [other.key, payer.key], [withdraw_nonce_account(close)])
    assert await node.balance(Address(str(nonce))) == 0
    failed = await send(node, peer, [other.key], [pay(other.key, 50 * SOL)], preflight=False)

    moved: Counter[Address] = Counter()
    included: dict[TxId, Inclusion] = {}
    for height in range(start.height + 1, (await adapter.tip()).height + 1):
        block = await adapter.block(height)
        if block is not None:
            moved.update(sums(block))
            included |= {each.txid: each for each in block.included}
            places = Counter((each.txid, each.place) for each in block.movements)
            assert set(places.values()) <= {1}
            assert await adapter.block(height) == block
    assert included[failed].sender == other.address
    assert "InstructionError" in (included[failed].failure or "")
    assert {payer.address, other.address, Address(str(nonce))} <= moved.keys()
    for address in moved.keys() - {Address(str(FAUCET.pubkey()))}:
        assert moved[address] == await node.balance(address), address


def sums(block) -> Counter[Address]:
    total: Counter[Address] = Counter()
    for each in block.movements:
        total[each.address] += each.units
    return total


def pay(key: Keypair, lamports: int) -> Instruction:
    to = Keypair().pubkey()
    return transfer(TransferParams(from_pubkey=key.pubkey(), to_pubkey=to, lamports=lamports))


async def test_a_block_tells_the_fee_apart_from_what_the_payer_got(node, adapter, payer, peer):
    """A transaction that both charges and pays one address, by a program's own doing."""
    await payer.with_nonce()
    nonce = accounts_of(payer.key.pubkey())[0]
    rent = await node.balance(Address(str(nonce)))
    close = WithdrawNonceAccountParams(
        nonce_pubkey=nonce,
        authorized_pubkey=payer.key.pubkey(),
        to_pubkey=payer.key.pubkey(),
        lamports=rent,
    )
    txid = await send(node, peer, [payer.key], [withdraw_nonce_account(close)])
    block = await adapter.block((await adapter.tip()).height)
    assert {each.place: each.units for each in block.movements if each.txid == txid} == {
        "cost:fee": -5_000,
        "account:0": rent,
        "account:1": -rent,
    }


async def test_a_block_tells_by_whom_a_nonce_of_ours_was_used_up(node, adapter, payer, peer):
    """By our transaction, also one that failed, and by a thief's whom somebody else pays."""
    await payer.with_nonce()
    tx = await payer.signed(await node.outside_address(), SOL)
    (key,) = adapter.codec.summarize(adapter.codec.detach(tx)).conflict_keys
    await one(adapter.broadcast, tx)
    await node.mine()
    tip = await adapter.tip()
    assert (await adapter.block(tip.height)).consumed == {key.text: tx.txid}

    thief = Payer(node, adapter)
    await thief.fund(5 * SOL)
    await node.finalize()
    waiting = await payer.signed(await node.outside_address(), SOL)
    (key,) = adapter.codec.summarize(adapter.codec.detach(waiting)).conflict_keys
    claim = Claim.parse(LOCAL.id, key)
    advance = advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=claim.account, authorized_pubkey=payer.key.pubkey())
    )
    steps = [advance, pay(thief.key, 50 * SOL)]
    keys = [thief.key, payer.key]
    stolen = await send(node, peer, keys, steps, lifetime=claim.value, preflight=False)
    tip = await adapter.tip()
    block = await adapter.block(tip.height)
    assert block.consumed == {key.text: stolen}
    (included,) = [each for each in block.included if each.txid == stolen]
    assert (included.sender, bool(included.failure)) == (thief.address, True)
    await node.mine()
    await node.reorg(1)
    assert await adapter.block(tip.height) == block
    await node.reorg(3)
    assert await adapter.block(tip.height) is None


async def test_another_nonce_account_than_ours_is_nobodys_question(node, adapter, peer):
    """A nonce account that was not made as we make them is not told."""
    outsider, account = Payer(node, adapter), Keypair()
    await outsider.fund(10 * SOL)
    create = CreateAccountParams(
        from_pubkey=outsider.key.pubkey(),
        to_pubkey=account.pubkey(),
        lamports=2 * SOL,
        space=80,
        owner=Pubkey.default(),
    )
    initialize = InitializeNonceAccountParams(
        nonce_pubkey=account.pubkey(), authority=outsider.key.pubkey()
    )
    steps = [create_account(create), initialize_nonce_account(initialize)]
    await send(node, peer, [outsider.key, account], steps)
    advance = AdvanceNonceAccountParams(
        nonce_pubkey=account.pubkey(), authorized_pubkey=outsider.key.pubkey()
    )
    state = parse_state((await peer.get_account_info(account.pubkey())).value.data)
    assert state is not None
    steps = [advance_nonce_account(advance)]
    await send(node, peer, [outsider.key], steps, lifetime=state.value, preflight=False)
    block = await adapter.block((await adapter.tip()).height)
    assert len(block.included) == 1 and block.consumed == {}
