"""What was signed apart on the chain in memory: checked, made, asked about, told from blocks."""

from __future__ import annotations

from chains.errors import InsufficientFunds, NodeUnavailable, NotSignedApart
from chains.model import BlockRef, ConflictKey, TxId, UnsignedTx
from chains.transaction import TransferIntent
from custody.transfers.outputs import payments_in
from tests.support.fake_chain import LIFETIME_BLOCKS, FakeNode, Included, Mined
from tests.support.fake_codec import FakeInput, FakeOutput, FakeTx


def used_up(node: FakeNode, block: Mined) -> dict[str, TxId]:
    """The keys that a block used up, and by which transaction."""
    return {key.text: each.tx.txid for each in block.included for key in _keys(node, each)}


def _keys(node: FakeNode, each: Included) -> frozenset[ConflictKey]:
    outside = node.uses.get(each.tx.txid)
    if outside is not None:
        return node.codec.conflict_keys(outside)
    said = None if each.reverted else node.codec.submitted(each.tx)
    beside = frozenset[ConflictKey]() if said is None else node.codec.conflict_keys(said)
    return node.codec.conflict_keys(each.tx) | beside


def check_apart(node: FakeNode, intent: TransferIntent) -> None:
    assert intent.source is not None
    payer, (paid,) = intent.source.address, payments_in(intent.effects, node.settings.native.id)
    if payer in node.delegated:
        raise NotSignedApart("it has code")
    if node.state.balances.get((payer, paid.asset), 0) < paid.amount:
        raise InsufficientFunds("too little of the token")


def signed_apart(
    node: FakeNode, intent: TransferIntent, outputs: tuple[FakeOutput, ...]
) -> UnsignedTx:
    assert intent.source is not None
    paying = FakeInput("", None, 0, intent.source.address, intent.source.path)
    (key,), expires = intent.claim, node.tip.height + LIFETIME_BLOCKS
    apart = key.text.rpartition(":")[2]
    tx = FakeTx(node.network, (paying,), outputs, 0, expires=expires, apart=apart)
    return UnsignedTx(node.network, tx.payload())


def is_used(node: FakeNode, tx: UnsignedTx, at: BlockRef) -> bool:
    fake, mined = FakeTx.parse(tx.payload), node.find(at)
    if mined is None:
        raise NodeUnavailable("no such block")
    return (fake.inputs[0].address, fake.apart) in mined.state.used
