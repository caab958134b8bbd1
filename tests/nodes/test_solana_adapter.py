"""The Solana adapter reads the local cluster: deposits, forks, a node that fails."""

import asyncio

import pytest
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import (
    CreateAccountParams,
    CreateLookupTableParams,
    ExtendLookupTableParams,
    InitializeNonceAccountParams,
    TransferParams,
    WithdrawNonceAccountParams,
    create_account,
    create_lookup_table,
    extend_lookup_table,
    initialize_nonce_account,
    transfer,
    withdraw_nonce_account,
)
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionDetails

from chains.devnet.solana import FINAL_AFTER
from chains.errors import (
    NodeUnavailable,
    WrongChain,
)
from chains.follow import BlockFollower, Connected, Disconnected
from chains.model import Address, BlockRef, Broadcast
from chains.solana.adapter import SolanaAdapter
from chains.transaction import TxState
from tests.support import solana_node
from tests.support.patience import eventually
from tests.support.single import one
from tests.support.solana import LOCAL, MAIN
from tests.support.solana_node import (
    FEE,
    NATIVE,
    SOL,
    Payer,
    credits_to,
    rent_of,
    send,
)

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
node, adapter, peer, payer = (
    solana_node.node,
    solana_node.adapter,
    solana_node.peer,
    solana_node.payer,
)


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
    assert (credit.txid, credit.asset, credit.units) == (txid, NATIVE, 3 * SOL)
    assert await node.received(txid, payer.address, NATIVE) == 3 * SOL
    assert await payer.balance() == 3 * SOL
    status = await one(adapter.statuses, txid)
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
    assert (credit.txid, credit.units) == (txid, 2 * SOL)
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
    assert (credit.txid, credit.units) == (txid, held)
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
    assert (credit.txid, credit.units) == (txid, SOL)
    assert (await one(adapter.statuses, txid)).state is TxState.INCLUDED


async def test_a_deposit_through_a_lookup_table_is_seen(node, adapter, payer, peer):
    """The message itself does not hold our address, only a place in a table on the chain."""
    outsider = Payer(node, adapter)
    await outsider.fund(10 * SOL)
    authority = outsider.key.pubkey()
    create, table = create_lookup_table(
        CreateLookupTableParams(
            authority_address=authority,
            payer_address=authority,
            recent_slot=(await adapter.finalized()).height,
        )
    )
    listed = [Keypair().pubkey(), payer.key.pubkey()]
    extend = extend_lookup_table(
        ExtendLookupTableParams(
            lookup_table_address=table,
            authority_address=authority,
            payer_address=authority,
            new_addresses=listed,
        )
    )
    await send(node, peer, [outsider.key], [create, extend])
    await node.mine()  # what is added to a table counts from the next slot on
    step = transfer(
        TransferParams(from_pubkey=authority, to_pubkey=payer.key.pubkey(), lamports=SOL)
    )
    blockhash = (await peer.get_latest_blockhash()).value.blockhash
    message = MessageV0.try_compile(
        authority, [step], [AddressLookupTableAccount(table, listed)], blockhash
    )
    assert payer.key.pubkey() not in message.account_keys
    options = TxOpts(preflight_commitment=Confirmed)
    await peer.send_transaction(VersionedTransaction(message, [outsider.key]), options)
    await node.mine()
    (credit,) = await credits_to(adapter, payer.address)
    assert (credit.units, credit.place) == (SOL, f"account:{len(message.account_keys)}")
    assert await payer.balance() == SOL


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
    assert (ours.units, theirs.units) == (2 * SOL, SOL)
    assert ours.place != theirs.place
    assert await payer.balance() == 2 * SOL


# Forks


async def test_a_reorg_takes_the_deposit_back(node, adapter, payer):
    txid = await payer.fund(SOL)
    tip = await adapter.tip()
    await node.mine()
    await node.reorg(2)
    assert (await adapter.tip()).height > tip.height
    assert await adapter.block(tip.height) is None
    assert (await one(adapter.statuses, txid)).state is TxState.UNKNOWN
    assert await payer.balance() == 0
    assert await node.received(txid, payer.address, NATIVE) == 0


async def test_a_transfer_undone_by_a_reorg_lands_again_byte_for_byte(node, adapter, payer):
    await payer.with_nonce()
    to = await node.outside_address()
    tx = await payer.pay(to, SOL)
    await node.mine()
    await node.reorg(2)
    assert (await one(adapter.statuses, tx.txid)).state is TxState.UNKNOWN
    assert await node.balance(to) == 0
    assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
    await node.mine()
    assert (await one(adapter.statuses, tx.txid)).state is TxState.INCLUDED
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
                credit.units for credit in event.block.movements if credit.address == self.address
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


# A node that fails


async def test_a_lost_reply_and_the_same_bytes_again(node, adapter, payer):
    await payer.with_nonce()
    to = await node.outside_address()
    tx = await payer.signed(to, SOL)
    node.drop_reply()
    with pytest.raises(NodeUnavailable):
        await one(adapter.broadcast, tx)
    await node.mine()
    assert await one(adapter.broadcast, tx) is Broadcast.ALREADY_KNOWN
    await node.mine()
    assert await node.balance(to) == SOL


async def test_a_lost_reply_to_a_creation_and_the_same_bytes_again(node, adapter, payer):
    await payer.fund(10 * SOL)
    await node.finalize()
    to = await node.outside_address()
    tx = await payer.signed(to, SOL)
    node.drop_reply()
    with pytest.raises(NodeUnavailable):
        await one(adapter.broadcast, tx)
    await node.mine()
    assert await one(adapter.broadcast, tx) is Broadcast.ALREADY_KNOWN
    await node.mine(200)
    assert await one(adapter.broadcast, tx) is Broadcast.ALREADY_KNOWN
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
    node.delay(5.0)
    with pytest.raises(NodeUnavailable):
        await impatient.tip()
    node.heal()
    assert await eventually(impatient.tip) == tip
    await impatient.close()


async def test_a_cancelled_question_leaves_the_adapter_usable(node, adapter):
    node.delay(5.0)
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
    assert (await one(adapter.statuses, txid)).state is TxState.INCLUDED
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
