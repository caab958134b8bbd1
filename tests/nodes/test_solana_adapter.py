"""The Solana adapter against the local cluster: the real runtime behind a socket and a proxy."""

import asyncio
from dataclasses import replace

import pytest
import pytest_asyncio
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, MessageV1
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import (
    CreateAccountParams,
    InitializeNonceAccountParams,
    TransferParams,
    WithdrawNonceAccountParams,
    create_account,
    initialize_nonce_account,
    transfer,
    withdraw_nonce_account,
)
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionDetails

from chains.adapter import ChainAdapter
from chains.devnet.node import DevNode
from chains.devnet.solana import FINAL_AFTER, SolanaNode
from chains.errors import (
    BroadcastRejected,
    ClaimUnusable,
    DustAmount,
    FeeAboveMaximum,
    InsufficientFunds,
    InvalidInput,
    NodeUnavailable,
    WrongChain,
)
from chains.follow import BlockFollower, Connected, Disconnected
from chains.model import Address, BlockRef, Broadcast, SignedTx, TxId, TxState
from chains.solana import NONCE_ACCOUNTS_MAX
from chains.solana.adapter import SolanaAdapter
from chains.solana.claims import Claim
from chains.solana.nonce import accounts_of
from tests.support.solana import LOCAL, MAIN, intent, owned, sign

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]

SOL = 10**9
NATIVE = LOCAL.native.id
FEE_CREATING, FEE = 5_045, 5_030


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory):
    started = SolanaNode(LOCAL, tmp_path_factory.mktemp("solana"))
    checked: DevNode = started
    await checked.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def adapter(node):
    opened = SolanaAdapter(LOCAL, node.url, timeout_s=5)
    checked: ChainAdapter = opened
    yield checked
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer(node):
    """Somebody else's client of the same node."""
    async with AsyncClient(node.url, commitment=Confirmed, http2=False) as client:
        yield client


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def healthy(node):
    yield
    node.heal()


class Payer:
    """An address of ours with its key, and the steps a transfer takes."""

    def __init__(self, node: SolanaNode, adapter: SolanaAdapter) -> None:
        self.node, self.adapter = node, adapter
        self.key = Keypair()
        self.owned = owned(self.key)
        self.address = self.owned.address

    async def fund(self, amount: int) -> TxId:
        txid = await self.node.fund(self.address, amount)
        await self.node.mine()
        return txid

    async def claimed(self, to: Address, amount: int, taken=(), fee_max=LOCAL.fee_max):
        wish = replace(intent(self.owned, to, amount, fee_max), taken=frozenset(taken))
        return replace(wish, claim=await self.adapter.claim(wish))

    async def signed(self, to: Address, amount: int, taken=()) -> SignedTx:
        wish = await self.claimed(to, amount, taken)
        return sign(self.adapter.codec, await self.adapter.prepare(wish), self.key)

    async def pay(self, to: Address, amount: int) -> SignedTx:
        tx = await self.signed(to, amount)
        assert await self.adapter.broadcast(tx) is Broadcast.ACCEPTED
        await self.node.mine()
        return tx

    async def rivals(self) -> tuple[SignedTx, SignedTx]:
        """Two transfers with the same claim."""
        wish = await self.claimed(await self.node.outside_address(), SOL)
        rival = replace(wish, payments=(replace(wish.payments[0], amount=2 * SOL),))
        first, second = [await self.adapter.prepare(each) for each in (wish, rival)]
        codec = self.adapter.codec
        return sign(codec, first, self.key), sign(codec, second, self.key)

    async def with_nonce(self) -> "Payer":
        """Funded, and its first nonce account made and final."""
        await self.fund(10 * SOL)
        await self.pay(await self.node.outside_address(), SOL)
        await self.node.finalize()
        return self

    async def balance(self) -> int:
        """As the engine and the adapter both say."""
        theirs = await self.node.balance(self.address)
        assert await self.adapter.balance(self.address, NATIVE) == theirs
        return theirs


@pytest.fixture
def payer(node, adapter):
    return Payer(node, adapter)


async def rent_of(peer: AsyncClient, data_bytes: int) -> int:
    return (await peer.get_minimum_balance_for_rent_exemption(data_bytes)).value


async def send(node, peer: AsyncClient, keys: list[Keypair], steps, version: int = 0) -> TxId:
    """A transaction of somebody else's, who pays with the first key, then a block."""
    blockhash = (await peer.get_latest_blockhash()).value.blockhash
    payer = keys[0].pubkey()
    message = (
        MessageV1.try_compile(payer, steps, blockhash)
        if version == 1
        else MessageV0.try_compile(payer, steps, [], blockhash)
    )
    options = TxOpts(preflight_commitment=Confirmed)
    sent = await peer.send_transaction(VersionedTransaction(message, keys), options)
    await node.mine()
    return TxId(str(sent.value))


async def credits_to(adapter, address: Address, height: int | None = None):
    at = (await adapter.tip()).height if height is None else height
    block = await adapter.block(at)
    assert block is not None
    return [credit for credit in block.credits if credit.address == address]


# Reading


async def test_the_node_serves_the_configured_network(node, adapter):
    await adapter.check()
    wrong = SolanaAdapter(MAIN, node.url)
    with pytest.raises(WrongChain):
        await wrong.check()
    await wrong.close()


async def test_receiving(node, adapter, payer):
    txid = await payer.fund(3 * SOL)
    tip = await adapter.tip()
    (credit,) = await credits_to(adapter, payer.address)
    assert (credit.txid, credit.asset, credit.amount) == (txid, NATIVE, 3 * SOL)
    assert await node.received(txid, payer.address, NATIVE) == 3 * SOL
    assert await payer.balance() == 3 * SOL
    status = await adapter.status(txid)
    assert (status.state, status.block) == (TxState.INCLUDED, tip)
    assert (await adapter.finalized()).height < tip.height
    await node.finalize()
    assert (await adapter.finalized()) == tip


async def test_the_tip_is_the_block_at_its_height(node, adapter):
    await node.mine(2)
    tip = await adapter.tip()
    block = await adapter.block(tip.height)
    parent = await adapter.block(tip.height - 1)
    assert block is not None
    assert parent is not None
    assert block.ref == tip
    assert block.parent_hash == parent.ref.hash
    assert block.timestamp >= parent.timestamp > 0
    with pytest.raises(NodeUnavailable):
        await adapter.block(tip.height + 1)


async def test_skipped_slots_have_no_block_above_and_below_the_finalized(node, adapter):
    before = (await adapter.tip()).height
    await node.mine(1, skip=2)
    assert (await adapter.tip()).height == before + 3
    assert await adapter.block(before + 1) is None
    assert await adapter.block(before + 2) is None
    await node.finalize()
    assert await adapter.block(before + 1) is None
    assert (await adapter.block(before + 3)) is not None


async def test_a_deposit_by_withdrawal_from_a_nonce_account_is_seen(node, adapter, payer, peer):
    """No transfer instruction anywhere: the system program moves the lamports itself."""
    outsider = Payer(node, adapter)
    await outsider.fund(10 * SOL)
    account, authority = Keypair(), outsider.key.pubkey()
    create = CreateAccountParams(
        from_pubkey=authority,
        to_pubkey=account.pubkey(),
        lamports=2 * SOL,
        space=80,
        owner=Pubkey.default(),
    )
    initialize = InitializeNonceAccountParams(nonce_pubkey=account.pubkey(), authority=authority)
    steps = [create_account(create), initialize_nonce_account(initialize)]
    await send(node, peer, [outsider.key, account], steps)
    withdraw = WithdrawNonceAccountParams(
        nonce_pubkey=account.pubkey(),
        authorized_pubkey=authority,
        to_pubkey=payer.key.pubkey(),
        lamports=2 * SOL,
    )
    txid = await send(node, peer, [outsider.key], [withdraw_nonce_account(withdraw)])
    (credit,) = await credits_to(adapter, payer.address)
    assert (credit.txid, credit.amount) == (txid, 2 * SOL)
    assert await payer.balance() == 2 * SOL


TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_ACCOUNTS = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
WRAPPED_SOL = Pubkey.from_string("So11111111111111111111111111111111111111112")


async def test_a_deposit_by_closing_a_token_account_is_seen(node, adapter, payer, peer):
    """Wrapped SOL, made by calls between programs and unwrapped to our address."""
    outsider = Payer(node, adapter)
    await outsider.fund(10 * SOL)
    owner = outsider.key.pubkey()
    seeds = [bytes(owner), bytes(TOKEN_PROGRAM), bytes(WRAPPED_SOL)]
    wrapped, _ = Pubkey.find_program_address(seeds, TOKEN_ACCOUNTS)
    create = Instruction(
        TOKEN_ACCOUNTS,
        b"",
        [
            AccountMeta(owner, True, True),
            AccountMeta(wrapped, False, True),
            AccountMeta(owner, False, False),
            AccountMeta(WRAPPED_SOL, False, False),
            AccountMeta(Pubkey.default(), False, False),
            AccountMeta(TOKEN_PROGRAM, False, False),
        ],
    )
    wrap = transfer(TransferParams(from_pubkey=owner, to_pubkey=wrapped, lamports=SOL))
    await send(node, peer, [outsider.key], [create, wrap])
    held = await node.balance(Address(str(wrapped)))
    assert held == SOL + await rent_of(peer, 165)
    close = Instruction(
        TOKEN_PROGRAM,
        bytes([9]),
        [
            AccountMeta(wrapped, False, True),
            AccountMeta(payer.key.pubkey(), False, True),
            AccountMeta(owner, True, False),
        ],
    )
    txid = await send(node, peer, [outsider.key], [close])
    (credit,) = await credits_to(adapter, payer.address)
    assert (credit.txid, credit.amount) == (txid, held)
    assert await payer.balance() == held


async def test_a_deposit_in_a_version_1_transaction_is_seen(node, adapter, payer, peer):
    outsider = Payer(node, adapter)
    await outsider.fund(10 * SOL)
    step = transfer(
        TransferParams(
            from_pubkey=outsider.key.pubkey(), to_pubkey=payer.key.pubkey(), lamports=SOL
        )
    )
    txid = await send(node, peer, [outsider.key], [step], version=1)
    (credit,) = await credits_to(adapter, payer.address)
    assert (credit.txid, credit.amount) == (txid, SOL)
    assert (await adapter.status(txid)).state is TxState.INCLUDED


async def test_several_payments_in_one_transaction_are_one_difference(node, adapter, payer, peer):
    outsider, other = Payer(node, adapter), Payer(node, adapter)
    await outsider.fund(10 * SOL)
    steps = [
        transfer(TransferParams(from_pubkey=outsider.key.pubkey(), to_pubkey=to, lamports=SOL))
        for to in (payer.key.pubkey(), other.key.pubkey(), payer.key.pubkey())
    ]
    await send(node, peer, [outsider.key], steps)
    (ours,) = await credits_to(adapter, payer.address)
    (theirs,) = await credits_to(adapter, other.address)
    assert (ours.amount, theirs.amount) == (2 * SOL, SOL)
    assert ours.position != theirs.position
    assert await payer.balance() == 2 * SOL


# Paying


async def test_the_first_transfer_creates_the_nonce_account(node, adapter, payer, peer):
    await payer.fund(10 * SOL)
    to = await node.outside_address()
    wish = await payer.claimed(to, SOL)
    account = accounts_of(payer.key.pubkey())[0]
    assert wish.claim == (Claim(account).key(LOCAL.id),)
    unsigned = await adapter.prepare(wish)
    rent = await rent_of(peer, 80)
    assert adapter.codec.summarize(unsigned).fee_max == FEE_CREATING + rent
    tx = sign(adapter.codec, unsigned, payer.key)
    assert await adapter.broadcast(tx) is Broadcast.ACCEPTED
    assert (await adapter.status(tx.txid)).state is TxState.UNKNOWN
    await node.mine()
    status = await adapter.status(tx.txid)
    assert (status.state, status.fee, status.locked) == (TxState.INCLUDED, FEE_CREATING, rent)
    assert status.block == await adapter.tip()
    assert await payer.balance() == 10 * SOL - SOL - FEE_CREATING - rent
    assert await node.balance(Address(str(account))) == rent
    assert await node.received(tx.txid, to, NATIVE) == SOL
    assert await credits_to(adapter, payer.address) == []
    (credit,) = await credits_to(adapter, to)
    assert credit.amount == SOL


async def test_the_second_transfer_uses_it(node, adapter, payer):
    await payer.with_nonce()
    before = await payer.balance()
    to = await node.outside_address()
    wish = await payer.claimed(to, SOL)
    claim = Claim.parse(LOCAL.id, wish.claim[0])
    assert claim.account == accounts_of(payer.key.pubkey())[0]
    assert claim.value is not None
    tx = await payer.pay(to, SOL)
    status = await adapter.status(tx.txid)
    assert (status.state, status.fee, status.locked) == (TxState.INCLUDED, FEE, 0)
    assert await payer.balance() == before - SOL - FEE
    with pytest.raises(ClaimUnusable):
        await adapter.prepare(wish)
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
        sign(adapter.codec, await adapter.prepare(wish), payer.key)
        for wish in (third, first, second)
    ]
    for tx in txs:
        assert await adapter.broadcast(tx) is Broadcast.ACCEPTED
    await node.mine()
    for tx in txs:
        assert (await adapter.status(tx.txid)).state is TxState.INCLUDED
    assert await node.balance(to) == 3 * SOL


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
    status = await adapter.status(tx.txid)
    assert (status.state, status.locked) == (TxState.INCLUDED, await rent_of(peer, 80))
    await node.finalize()
    wish = await payer.claimed(await node.outside_address(), SOL)
    assert Claim.parse(LOCAL.id, wish.claim[0]).value is not None


async def test_a_transfer_signed_long_ago_still_lands(node, adapter, payer):
    await payer.with_nonce()
    to = await node.outside_address()
    tx = await payer.signed(to, SOL)
    await node.mine(400)
    assert await adapter.broadcast(tx) is Broadcast.ACCEPTED
    await node.mine()
    assert (await adapter.status(tx.txid)).state is TxState.INCLUDED
    assert await node.balance(to) == SOL


async def test_an_account_can_be_emptied_to_the_last_lamport(node, adapter, payer):
    await payer.with_nonce()
    left = await payer.balance()
    tx = await payer.pay(await node.outside_address(), left - FEE)
    assert (await adapter.status(tx.txid)).state is TxState.INCLUDED
    assert await payer.balance() == 0


async def test_paying_between_our_own_addresses(node, adapter, payer):
    other = Payer(node, adapter)
    await payer.with_nonce()
    before = await payer.balance()
    await payer.pay(other.address, SOL)
    (credit,) = await credits_to(adapter, other.address)
    assert (credit.amount, await other.balance()) == (SOL, SOL)
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
    assert (await adapter.status(tx.txid)).state is TxState.INCLUDED
    assert await other.balance() == SOL + 1


async def test_nothing_is_claimed_without_funds_or_above_the_greatest_fee(node, payer, peer):
    to = await node.outside_address()
    with pytest.raises(InsufficientFunds):
        await payer.claimed(to, SOL)
    await payer.fund(10 * SOL)
    needed = FEE_CREATING + await rent_of(peer, 80)
    with pytest.raises(FeeAboveMaximum):
        await payer.claimed(to, SOL, fee_max=needed - 1)
    await payer.adapter.prepare(await payer.claimed(to, SOL, fee_max=needed))


async def test_a_claim_that_is_not_the_sources_is_unusable(payer):
    await payer.fund(10 * SOL)
    wish = await payer.claimed(await payer.node.outside_address(), SOL)
    foreign = Claim(accounts_of(Keypair().pubkey())[0])
    with pytest.raises(ClaimUnusable):
        await payer.adapter.prepare(replace(wish, claim=(foreign.key(LOCAL.id),)))


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
        sign(adapter.codec, await adapter.prepare(wish), payer.key)
        for wish in (first, replace(second, payments=first.payments))
    ]
    for tx in txs:
        assert await adapter.broadcast(tx) is Broadcast.ACCEPTED
    await node.mine()
    assert (await adapter.status(txs[0].txid)).state is TxState.INCLUDED
    failed = await adapter.status(txs[1].txid)
    assert (failed.state, failed.fee, failed.locked) == (TxState.REVERTED, FEE, 0)
    assert "InstructionError" in failed.reason
    assert failed.block == await adapter.tip()
    paid = first.payments[0].amount + FEE_CREATING + await rent_of(peer, 80)
    assert await payer.balance() == have - paid - FEE
    assert await node.received(txs[1].txid, to, NATIVE) == 0
    assert await adapter.broadcast(txs[1]) is Broadcast.ALREADY_KNOWN
    await node.finalize()
    assert await adapter.proven_dead(txs[1], await adapter.finalized()) is None
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
        await adapter.broadcast(tx)
    assert "InstructionError" in caught.value.reason
    assert (await adapter.status(tx.txid)).state is TxState.UNKNOWN


async def test_of_two_transfers_on_one_nonce_the_other_is_proven_dead(node, adapter, payer):
    await payer.with_nonce()
    tx, other = await payer.rivals()
    assert await adapter.proven_dead(tx, await adapter.finalized()) is None
    assert await adapter.broadcast(other) is Broadcast.ACCEPTED
    await node.mine()
    assert await adapter.proven_dead(tx, await adapter.finalized()) is None  # not final yet
    early = await adapter.finalized()
    await node.finalize()
    final = await adapter.finalized()
    cause = await adapter.proven_dead(tx, final)
    assert cause is not None
    assert other.txid in cause
    assert await adapter.proven_dead(tx, early) is None  # judged from before the conflict
    assert await adapter.proven_dead(other, final) is None
    with pytest.raises(BroadcastRejected):
        await adapter.broadcast(tx)


async def test_a_creation_is_proven_dead_when_its_blockhash_has_expired(node, adapter, payer):
    await payer.fund(10 * SOL)
    await node.finalize()
    tx = await payer.signed(await node.outside_address(), SOL)
    await node.mine(140)
    assert await adapter.proven_dead(tx, await adapter.finalized()) is None
    await node.mine(20)
    assert await adapter.proven_dead(tx, await adapter.finalized()) is not None
    with pytest.raises(BroadcastRejected):
        await adapter.broadcast(tx)


async def test_a_creation_that_lands_in_the_last_moment_is_not_dead(node, adapter, payer):
    await payer.fund(10 * SOL)
    await node.finalize()
    tx = await payer.signed(await node.outside_address(), SOL)
    await node.mine(130)
    assert await adapter.broadcast(tx) is Broadcast.ACCEPTED
    await node.mine(200)
    assert await adapter.proven_dead(tx, await adapter.finalized()) is None
    assert (await adapter.status(tx.txid)).state is TxState.INCLUDED


async def test_of_two_creations_of_one_account_one_fails_in_the_block(node, adapter, payer):
    await payer.fund(10 * SOL)
    await node.finalize()
    tx, other = await payer.rivals()
    for each in (other, tx):  # both pass the simulation; the second fails in the block
        assert await adapter.broadcast(each) is Broadcast.ACCEPTED
    await node.mine()
    assert (await adapter.status(other.txid)).state is TxState.INCLUDED
    assert (await adapter.status(tx.txid)).state is TxState.REVERTED
    await node.finalize()
    final = await adapter.finalized()
    assert await adapter.proven_dead(tx, final) is None  # it failed, which is not the same
    assert await adapter.proven_dead(other, final) is None


async def test_a_creation_whose_account_another_made_is_proven_dead(node, adapter, payer):
    await payer.fund(10 * SOL)
    await node.finalize()
    tx, other = await payer.rivals()
    assert await adapter.broadcast(other) is Broadcast.ACCEPTED
    await node.mine()
    assert await adapter.proven_dead(tx, await adapter.finalized()) is None
    await node.finalize()
    cause = await adapter.proven_dead(tx, await adapter.finalized())
    assert cause is not None
    assert other.txid in cause


# Forks


async def test_a_reorg_takes_the_deposit_back(node, adapter, payer):
    txid = await payer.fund(SOL)
    tip = await adapter.tip()
    await node.mine()
    await node.reorg(2)
    assert (await adapter.tip()).height > tip.height
    assert await adapter.block(tip.height) is None
    assert (await adapter.status(txid)).state is TxState.UNKNOWN
    assert await payer.balance() == 0
    assert await node.received(txid, payer.address, NATIVE) == 0


async def test_a_transfer_undone_by_a_reorg_lands_again_byte_for_byte(node, adapter, payer):
    await payer.with_nonce()
    to = await node.outside_address()
    tx = await payer.pay(to, SOL)
    await node.mine()
    await node.reorg(2)
    assert (await adapter.status(tx.txid)).state is TxState.UNKNOWN
    assert await node.balance(to) == 0
    assert await adapter.proven_dead(tx, await adapter.finalized()) is None
    assert await adapter.broadcast(tx) is Broadcast.ACCEPTED
    await node.mine()
    assert (await adapter.status(tx.txid)).state is TxState.INCLUDED
    assert await node.balance(to) == SOL


async def test_final_blocks_can_not_be_undone(node):
    await node.mine(FINAL_AFTER)
    with pytest.raises(NodeUnavailable):
        await node.reorg(FINAL_AFTER + 1)


class Books:
    """Follows the chain as a custodian would and keeps an address's balance from it."""

    def __init__(self, adapter, address: Address, start: BlockRef) -> None:
        self.adapter, self.address = adapter, address
        self.follower = BlockFollower(start.height, LOCAL.follow_depth, [start])
        self.credited: dict[str, int] = {}

    async def catch_up(self) -> int:
        tip = await self.adapter.tip()
        while (height := self.follower.wants(tip)) is not None:
            block = await self.adapter.block(height)
            if block is None:
                self.follower.skip(height)
                continue
            for event in self.follower.feed(block):
                self._apply(event)
        assert self.follower.position == tip
        return sum(self.credited.values())

    def _apply(self, event: Connected | Disconnected) -> None:
        if isinstance(event, Disconnected):
            self.credited.pop(event.ref.hash, None)
        else:
            self.credited[event.block.ref.hash] = sum(
                credit.amount for credit in event.block.credits if credit.address == self.address
            )


async def test_books_kept_by_following_equal_the_chain_through_forks_and_gaps(node, adapter, payer):
    books = Books(adapter, payer.address, await adapter.tip())
    await payer.fund(SOL)
    await node.mine(2, skip=1)
    assert await books.catch_up() == await payer.balance() == SOL
    await payer.fund(2 * SOL)
    await node.mine()
    assert await books.catch_up() == await payer.balance() == 3 * SOL
    await node.reorg(3)
    await node.mine(1, skip=2)
    assert await books.catch_up() == await payer.balance() == SOL
    await payer.fund(4 * SOL)
    await node.mine(20)
    assert await books.catch_up() == await payer.balance() == 5 * SOL


async def test_what_left_and_what_came_adds_up_to_the_balance(node, adapter, payer):
    books = Books(adapter, payer.address, await adapter.tip())
    left = 0
    await payer.fund(10 * SOL)
    for amount in (SOL, 2 * SOL, 3 * SOL):
        tx = await payer.pay(await node.outside_address(), amount)
        status = await adapter.status(tx.txid)
        left += amount + status.fee + status.locked
        await node.finalize()
    assert await books.catch_up() - left == await payer.balance()


# A node that fails


async def test_a_lost_reply_and_the_same_bytes_again(node, adapter, payer):
    await payer.with_nonce()
    to = await node.outside_address()
    tx = await payer.signed(to, SOL)
    node.drop_reply()
    with pytest.raises(NodeUnavailable):
        await adapter.broadcast(tx)
    await node.mine()
    assert await adapter.broadcast(tx) is Broadcast.ALREADY_KNOWN
    await node.mine()
    assert await node.balance(to) == SOL


async def test_a_lost_reply_to_a_creation_and_the_same_bytes_again(node, adapter, payer):
    await payer.fund(10 * SOL)
    await node.finalize()
    to = await node.outside_address()
    tx = await payer.signed(to, SOL)
    node.drop_reply()
    with pytest.raises(NodeUnavailable):
        await adapter.broadcast(tx)
    await node.mine()
    assert await adapter.broadcast(tx) is Broadcast.ALREADY_KNOWN
    await node.mine(200)
    assert await adapter.broadcast(tx) is Broadcast.ALREADY_KNOWN
    assert await node.balance(to) == SOL


async def test_a_node_that_is_away_slow_or_failing(node, adapter):
    node.go_away()
    with pytest.raises(NodeUnavailable):
        await adapter.tip()
    node.heal()
    tip = await adapter.tip()
    node.error()
    with pytest.raises(NodeUnavailable):
        await adapter.block(tip.height)
    impatient = SolanaAdapter(LOCAL, node.url, timeout_s=0.2)
    node.delay(1.0)
    with pytest.raises(NodeUnavailable):
        await impatient.tip()
    node.heal()
    assert await impatient.tip() == tip
    await impatient.close()


async def test_a_cancelled_question_leaves_the_adapter_usable(node, adapter):
    node.delay(1.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await adapter.tip()
    node.heal()
    assert await adapter.tip()


async def test_an_engine_that_stops_and_starts_keeps_its_chain(node, adapter, payer):
    txid = await payer.fund(SOL)
    url, tip = node.url, await adapter.tip()
    await node.stop()
    with pytest.raises(NodeUnavailable):
        await adapter.tip()
    await node.start()
    assert node.url == url
    assert await adapter.tip() == tip
    assert (await adapter.status(txid)).state is TxState.INCLUDED
    assert await payer.balance() == SOL


# The server, read by solana-py's own typed client


async def test_other_clients_understand_the_server(node, payer, peer):
    await payer.with_nonce()
    tx = await payer.pay(await node.outside_address(), SOL)
    signature = Signature.from_string(tx.txid)
    slot = (await peer.get_slot()).value
    for details in (TransactionDetails.Full, TransactionDetails.Accounts):
        for encoding in ("json", "base64"):
            block = (await peer.get_block(slot, encoding, 1, details, rewards=False)).value
            assert block is not None
            assert block.transactions is not None
            assert [each.meta.fee for each in block.transactions if each.meta] == [FEE]
    listed = (
        await peer.get_block(slot, "json", 1, TransactionDetails.Signatures, rewards=False)
    ).value
    assert listed is not None
    assert listed.signatures == [signature]
    found = (await peer.get_transaction(signature, "base64", Confirmed, 0)).value
    assert found is not None
    assert isinstance(found.transaction.transaction, VersionedTransaction)
    assert bytes(found.transaction.transaction) == tx.raw
    assert found.transaction.meta is not None
    assert found.transaction.meta.fee == FEE
    status = (await peer.get_signature_statuses([signature])).value[0]
    assert status is not None
    assert status.slot == slot
    (newest, *_) = (await peer.get_signatures_for_address(payer.key.pubkey())).value
    assert newest.signature == signature
    account = (await peer.get_account_info(payer.key.pubkey())).value
    assert account is not None
    assert account.lamports == await payer.balance()
    assert (await peer.get_block_height()).value <= slot
    assert (await peer.get_genesis_hash()).value is not None
    assert (await peer.get_version()).value.solana_core
    simulated = await peer.simulate_transaction(VersionedTransaction.from_bytes(tx.raw))
    assert str(simulated.value.err).endswith("BlockhashNotFound")
    assert await peer.is_connected()
    assert len((await peer.get_blocks(0)).value) > 1
    assert (await peer.get_recent_prioritization_fees()).value
