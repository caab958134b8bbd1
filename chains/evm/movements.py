"""Everything that a block moved, in and out, from what a node says of it. Pure.

Balance moves by what transactions pay and their contracts pass on, by what senders are charged, by
withdrawals from the consensus layer, and by the fees that the block's own recipient gets; tokens by
what their contracts log. Of a transaction that failed only the charge remains, and one has failed
too that told a token to pay and moved nothing. What goes from A to B is two movements at one
place. Nobody gains or loses by paying himself: there is no movement then, in a call or as a
transaction.

Withdrawals and block fees belong to no transaction: their `txid` is the block's hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from chains.block import BLOCK_FEE, Block, Inclusion, Movement, Reading, cost_place
from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.evm import build, charges, transfers, uses, wrapping
from chains.evm.address import canonical
from chains.evm.authorizations import Authorization
from chains.evm.calls import OWN_PLACE, Moved
from chains.evm.charges import Charge
from chains.evm.traits import Trait, state_sync, traits_of
from chains.evm.traits.reading import way_of
from chains.evm.traits.ways import Way
from chains.model import Address, BlockRef, TxId
from chains.networks import Network

Json = Mapping[str, Any]

_GWEI: Final = 10**9


class Logged(NamedTuple):
    """What logs say, by transaction: what tokens moved, which payments were made that their payers
    signed apart, and what was wrapped."""

    moved: transfers.ByTransaction
    used: uses.ByTransaction = MappingProxyType({})
    wrapped: wrapping.ByTransaction = MappingProxyType({})


NOTHING: Final = Logged(MappingProxyType({}))


def needs_receipts(network: Network, block: Json, traces: Sequence[Json] | None) -> bool:
    """Whether block and traces alone don't tell what was charged: there are no traces, the gas that
    some nodes show in them does not add up to the block's, or only receipts tell."""
    if not block["transactions"]:
        return False
    return (
        traces is None
        or any(charges.only_receipts_tell(network, tx) for tx in block["transactions"])
        or sum(_traced_gas(trace) for trace in traces) != int(block["gasUsed"], 16)
    )


def read(
    network: Network,
    block: Json,
    traces: Sequence[Json] | None = None,
    receipts: Sequence[Json] | None = None,
    logged: Logged = NOTHING,
    used: Iterable[Authorization] = (),
) -> Block:
    """All answers shrunk (`chains.evm.shrink`). `receipts` where the block `needs_receipts`;
    without traces what contracts pay is missing. `used`: authorizations that used up
    nonces. Raises NodeUnavailable if a transaction could not be traced, NodeMisbehaved, or
    what reading JSON of another shape raises."""
    return _Reading(network, block, logged).read(traces, receipts, used)


def header(block: Json, seen: Reading) -> Block:
    """The block without anything that it did."""
    return Block(ref_of(block), block["parentHash"], int(block["timestamp"], 16), (), reading=seen)


def ref_of(block: Json) -> BlockRef:
    return BlockRef(int(block["number"], 16), block["hash"])


class _Reading:
    def __init__(
        self,
        network: Network,
        block: Json,
        logged: Logged,
    ) -> None:
        self._network = network
        self._logged = logged
        self._native = network.native.id
        self._traits = traits_of(network)
        self._block = block
        self._movements: list[Movement] = []
        self._consumed: dict[str, TxId] = {}
        self._included: list[Inclusion] = []
        self._tips = 0
        self._base_fee = charges.base_fee(network, block) if block["transactions"] else 0

    def read(
        self,
        traces: Sequence[Json] | None,
        receipts: Sequence[Json] | None,
        used: Iterable[Authorization],
    ) -> Block:
        transactions = self._block["transactions"]
        if traces is not None and Trait.STATE_SYNC in self._traits:
            traces = state_sync.traced(transactions, traces)
        blank = [None] * len(transactions)
        by_tx = (blank if each is None else each for each in (traces, receipts))
        for tx, trace, receipt in zip(transactions, *by_tx, strict=True):
            self._add(tx, trace, receipt)
        for each in used:
            key = build.nonce_text(self._network.id, each.authority, each.nonce)
            self._consumed.setdefault(key, each.txid)
        self._movements += self._of_the_block()
        complete = traces is not None or not transactions
        return Block(
            ref=ref_of(self._block),
            parent_hash=self._block["parentHash"],
            timestamp=int(self._block["timestamp"], 16),
            movements=tuple(self._movements),
            consumed=self._consumed,
            included=tuple(self._included),
            reading=Reading.COMPLETE if complete else Reading.WITHOUT_INTERNAL,
        )

    def _add(self, tx: Json, trace: Json | None, receipt: Json | None) -> None:
        txid, sender = TxId(tx["hash"]), canonical(tx["from"])
        if receipt is not None and receipt["transactionHash"] != txid:
            raise NodeMisbehaved("receipts of other transactions than the block's")
        way = way_of(self._traits, tx, trace, receipt)
        moved, failure = _called(way, tx, trace, receipt)
        for place, payer, payee, units in (*way.beside, *moved):
            if payer is not None:
                self._move(txid, place, sender if payer == tx["from"] else canonical(payer), -units)
            if payee is not None:
                self._move(txid, place, canonical(payee), units)
        logged = self._logged.moved.get(txid, ())
        wrapped = self._logged.wrapped.get(txid, ())
        for place, asset, account, units in (
            *transfers.movements(self._network.id, tx, logged),
            *wrapping.movements(self._network, wrapped),
        ):
            self._movements.append(Movement(txid, place, canonical(account), asset, units))
        for key in uses.keys(self._network, self._logged.used.get(txid, ())):
            self._consumed.setdefault(key, txid)
        if failure is None:
            failure = transfers.undone(tx, logged)
        if way.charged:
            self._pay(txid, sender, self._charge(tx, trace, receipt))
        if way.nonce is not None:
            self._consumed[build.nonce_text(self._network.id, sender, way.nonce)] = txid
        self._included.append(Inclusion(txid, sender, failure))

    def _pay(self, txid: TxId, sender: Address, charge: Charge) -> None:
        for kind, units in charge.costs.items():
            if units:
                self._move(txid, cost_place(kind), sender, -units)
        self._tips += charge.tip

    def _charge(self, tx: Json, trace: Json | None, receipt: Json | None) -> Charge:
        if receipt is not None:
            return charges.by_receipt(self._network, receipt, self._base_fee)
        assert trace is not None and not charges.only_receipts_tell(self._network, tx)
        return charges.by_gas(tx, self._base_fee, _traced_gas(trace))

    def _move(self, txid: TxId, place: str, address: Address, units: int) -> None:
        self._movements.append(Movement(txid, place, address, self._native, units))

    def _of_the_block(self) -> Iterator[Movement]:
        """Anyone who makes a block may name any address as its fee recipient, ours as well."""
        block, native = self._block, self._native
        txid = TxId(block["hash"])
        if self._tips and self._network.parameters.get("fee_recipient") == "coinbase":
            yield Movement(txid, BLOCK_FEE, canonical(block["miner"]), native, self._tips)
        withdrawals = block.get("withdrawals")
        if withdrawals is None and block.get("withdrawalsRoot") is not None:
            raise NodeMisbehaved("a block that keeps its withdrawals back")
        for withdrawal in withdrawals or ():
            amount = int(withdrawal["amount"], 16) * _GWEI
            if amount:
                place = f"withdrawal:{int(withdrawal['index'], 16)}"
                yield Movement(txid, place, canonical(withdrawal["address"]), native, amount)


def _called(
    way: Way, tx: Json, trace: Json | None, receipt: Json | None
) -> tuple[Sequence[Moved], str | None]:
    """What a transaction and its calls moved, and whether it failed."""
    if trace is not None and way.calls:
        _check_traced(tx, trace)
        return trace["moved"], trace.get("error")
    assert receipt is not None
    failure = charges.failure(receipt)
    return _paid(tx, receipt) if way.calls and failure is None else (), failure


def _check_traced(tx: Json, trace: Json) -> None:
    if trace.get("txHash", tx["hash"]) != tx["hash"]:
        raise NodeMisbehaved("traces of other transactions than the block's")
    if "moved" not in trace:
        raise NodeUnavailable(f"the node can't trace {tx['hash']} (has it pruned the state?)")


def _paid(tx: Json, receipt: Json) -> list[Moved]:
    """What a transaction that did not fail itself pays."""
    units = int(tx["value"], 16)
    payer, payee = tx["from"], tx["to"] or receipt["contractAddress"]
    return [(OWN_PLACE, payer, payee, units)] if units and payer != payee else []


def _traced_gas(trace: Json) -> int:
    return int(trace["gasUsed"], 16) if "gasUsed" in trace else 0
