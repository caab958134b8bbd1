"""Asks one EVM node for blocks, and for as much beside them as tells what they moved.

A block's traces tell what contracts pay. Where the node does not trace, or has no state any more of
an old block, receipts have to do, and the block says so (`Block.reading`).
"""

from __future__ import annotations

from typing import Any, Final

from chains.block import Block, Reading
from chains.errors import BlockUnreadable, NodeMisbehaved, NodeUnavailable
from chains.evm import erc20, movements, shrink, tracing, transfers, uses, wrapping
from chains.evm.authorizations import Authorization, authorities, authorizations, used
from chains.evm.movements import Logged
from chains.evm.rpc import NO_SUCH_METHOD, NodeConnection, RpcError, reading
from chains.model import BlockRef, InternalCredits
from chains.networks import Network
from chains.transport.jsonrpc import Call

_TRACER: Final = {"tracer": "callTracer"}


class BlockReader:
    """`internal`: whether the node shows what contracts pay, as far as is known now."""

    def __init__(self, network: Network, node: NodeConnection) -> None:
        self._network = network
        self._node = node
        self.traceable = network.parameters.get("traces") == "debug"
        self.internal = InternalCredits.UNKNOWN if self.traceable else InternalCredits.UNSEEN
        self._tip_height = 0

    async def tip(self) -> BlockRef:
        tip = await self._head("latest")
        self._tip_height = max(self._tip_height, tip.height)
        return tip

    async def ref(self, height: int) -> BlockRef:
        found = await self._head(hex(height))
        if found.height != height:
            raise NodeMisbehaved(f"block {found.height} where {height} was asked for")
        return found

    async def read(self, height: int) -> Block:
        """NodeUnavailable above the tip; BlockUnreadable where the node has the block, but does not
        tell what it moved."""
        block = await self._block(height)
        with reading("a block"):
            traces = await self._traces(block, height)
            receipts = await self._receipts(block, traces)
            logged = await self._logged(block, receipts)
            signed = await self._authorized(block, height)
            return movements.read(self._network, block, traces, receipts, logged, signed)

    async def salvage(self, height: int) -> Block:
        block = await self._block(height)
        with reading("a block"):
            try:
                receipts = await self._receipts(block, None)
                logged = await self._logged(block, receipts)
                return movements.read(self._network, block, None, receipts, logged)
            except (NodeUnavailable, NodeMisbehaved):
                return movements.header(block, Reading.PASSED)

    async def probe(self) -> None:
        """Finds out whether the node traces, unless it is known that it does. Only here a node
        becomes one that doesn't: `read` fails rather than overlook what contracts pay."""
        if self.traceable and self.internal is not InternalCredits.SEEN:
            self.internal = await self._probe()

    async def _block(self, height: int) -> dict[str, Any]:
        found: dict[str, Any] | None = await self._node.call(
            "eth_getBlockByNumber", hex(height), True, reader=shrink.block
        )
        if found is None:
            raise NodeUnavailable(f"the node has no block {height} yet")
        with reading("a block"):
            ref = movements.ref_of(found)
        if ref.height != height:
            raise NodeMisbehaved(f"block {ref.height} where {height} was asked for")
        return found

    async def _head(self, tag: str) -> BlockRef:
        found = await self._node.call("eth_getBlockByNumber", tag, False)
        if found is None:
            raise NodeUnavailable(f"the node has no {tag} block yet")
        with reading("a block"):
            return movements.ref_of(found)

    async def _traces(self, block: dict[str, Any], height: int) -> Any:
        """None where the block is read without them."""
        if not block["transactions"] or self.internal is InternalCredits.UNSEEN:
            return None
        try:
            traces = await self._trace(block["hash"])
        except RpcError as error:
            if error.number in NO_SUCH_METHOD:
                # It may be one of many nodes behind the URL; `probe` finds out.
                self.internal = InternalCredits.UNKNOWN
                raise
            await self._check_gone(error, height)
            return None
        self.internal = InternalCredits.SEEN
        return traces

    async def _trace(self, block_hash: str) -> Any:
        return await self._node.call(
            "debug_traceBlockByHash", block_hash, _TRACER, reader=shrink.traces
        )

    async def _receipts(self, block: dict[str, Any], traces: Any) -> Any:
        if not movements.needs_receipts(self._network, block, traces):
            return None
        return await self._node.call("eth_getBlockReceipts", block["hash"], reader=shrink.receipts)

    async def _logged(self, block: dict[str, Any], receipts: Any) -> Logged:
        """What tokens say that they moved or wrapped, and which authorizations they used up, which
        none does without moving something. The node is asked for the logs of the whole block and
        not for those of our addresses: whose they are is nobody's business, and geth takes no more
        than 1,000 topics. Raises BlockUnreadable where it keeps logs back."""
        bloom = block["logsBloom"]
        moves, wraps = transfers.may_be_in(bloom), wrapping.may_be_in(self._network, bloom)
        if not (block["transactions"] and (moves or wraps)):
            return movements.NOTHING
        if receipts is not None:
            kinds = ("transfers", "used", "wrapped")
            shown = [{each["transactionHash"]: each[kind] for each in receipts} for kind in kinds]
        else:
            topics = [erc20.TOPIC, uses.TOPIC, *(wrapping.TOPICS if wraps else ())]
            wanted = {"blockHash": block["hash"], "topics": [topics]}
            logs = await self._node.call("eth_getLogs", wanted, reader=shrink.logs)
            found = transfers.by_transaction(logs, block["hash"])
            readers = (transfers.told, uses.told, wrapping.told)
            shown = [{txid: read(each) for txid, each in found.items()} for read in readers]
        logged = Logged(*shown)
        hidden = moves and not any(logged.moved.values())
        hidden |= wraps and not any(logged.wrapped.values())
        return await self._proven(block) if hidden else logged

    async def _proven(self, block: dict[str, Any]) -> Logged:
        """Of a block whose filter knows the topic, though no log with it was shown. Other logs may
        have made it so."""
        told = await self._node.call("eth_getBlockReceipts", block["hash"], reader=shrink.shown)
        if not transfers.explains(told["bloom"], block["logsBloom"]):
            height = movements.ref_of(block).height
            raise BlockUnreadable("the node keeps logs of the block back", height=height)
        return Logged(told["transfers"], told["used"], told["wrapped"])

    async def _authorized(self, block: dict[str, Any], height: int) -> list[Authorization]:
        """Nothing where the node has no state of the block any more: what is not shown is not
        told."""
        signed = authorizations(self._network, block)
        calls: list[Call] = [  # before the block and after it, of one branch (EIP-1898)
            ("eth_getTransactionCount", (authority, {"blockHash": at, "requireCanonical": True}))
            for authority in authorities(signed)
            for at in (block["parentHash"], block["hash"])
        ]
        answers = await self._node.batch(calls) if calls else []
        for answer in answers:
            if isinstance(answer, RpcError):
                await self._check_gone(answer, height)
                return []
        return list(used(signed, [int(answer, 16) for answer in answers]))

    async def _check_gone(self, error: RpcError, height: int) -> None:
        """Raise unless the node has no state of the block any more."""
        if not self._tip_height:
            await self.tip()
        if not tracing.is_gone(error.reason, self._tip_height - height):
            raise BlockUnreadable(f"not traced: {error}", height=height) from error

    async def _probe(self) -> InternalCredits:
        """Traces the newest block. An error about that one block says nothing about the method."""
        for _ in range(tracing.PROBES):
            head = await self.tip()
            try:
                await self._trace(head.hash)
            except RpcError as error:
                if error.number not in NO_SUCH_METHOD:
                    return InternalCredits.UNKNOWN
            else:
                return InternalCredits.SEEN
        return InternalCredits.UNSEEN
