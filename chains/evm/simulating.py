"""One call, simulated by a node: what it would change of its sender's balances and allowances.

`eth_simulateV1` (execution-apis; geth from 1.14.9, BSC from 1.6.3, Nethermind, Erigon, anvil) runs
questions, the call and the same questions again in one block. What nodes differ in, and what is
read so that it doesn't matter: where a revert's data is (beside the error or in `returnData`),
which error number it has, what the block is numbered, and whether a call that its sender can't pay
is an answer or an error of the whole request. Where the node has no such method the call is traced
(`debug_traceCall`), and the questions are asked of the state that it leaves (state overrides).

A call has no price in a simulation, so the fee is no part of any balance here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chains import abi
from chains.errors import NodeMisbehaved, NotSimulated
from chains.evm import erc20
from chains.evm.address import canonical, checksum, to_bytes
from chains.evm.movements import ref_of
from chains.evm.paying import Called
from chains.evm.rpc import NO_SUCH_METHOD, NodeConnection, RpcError, reading
from chains.evm.simulated_state import overrides, traced_logs
from chains.hashes import keccak256
from chains.model import Address, AssetId, BlockRef
from chains.networks import Network
from chains.outcomes import Allowance
from chains.simulation import Failure, Method, Simulated, Watch

ALLOWANCE: Final = abi.selector("allowance(address,address)")
_APPROVAL: Final = "0x" + keccak256(b"Approval(address,address,uint256)").hex()
_PROBE: Final = checksum(keccak256(b"custody-wallet/balance")[-abi.ACCOUNT_BYTES :])
"""Where nobody has code: there the node is told to have `_BALANCE_CODE` for the simulation."""
_BALANCE_CODE: Final = "0x6000353160005260206000f3"
"""Returns the coins of the account in the first word of the calldata."""
_QUESTION_GAS: Final = 250_000
_CALL_GAS_MAX: Final = 2**24
"""Of one transaction (EIP-7825)."""
_QUESTIONS_MAX: Final = 40
_UNKNOWN: Final = NO_SUCH_METHOD | {-32602}
"""Also from who has the method in another form."""
_FUNDS: Final = ("insufficient funds", "insufficient sender balance", "insufficient balance")
"""Of a request whose call can't even begin: geth and anvil, Nethermind, others."""
_OK, _FAILED = "0x1", "0x0"


@dataclass(frozen=True, slots=True)
class _Question:
    """The balance of `asset`, or with `spender` what that one may take of it. `sure`: it must be
    answered; else who can't is no token."""

    asset: AssetId
    spender: Address | None
    to: Address
    data: bytes
    sure: bool

    def asked(self, sender: Address) -> dict[str, str]:
        said = {"from": sender, "to": self.to, "data": "0x" + self.data.hex()}
        return said | {"gas": hex(_QUESTION_GAS)}


@dataclass(frozen=True, slots=True)
class _Run:
    """`before`, `after`: an answer to each question, None where there was none."""

    before: list[int | None]
    after: list[int | None]
    gas: int
    logs: list[Any]
    failure: Failure | None


async def simulate(
    node: NodeConnection, network: Network, payer: Address, call: Called, watch: Watch
) -> Simulated:
    """Raises NotSimulated where the node can't, or the call touches too much to be asked about."""
    head, price = await node.batch(
        [("eth_getBlockByNumber", ("latest", False)), ("eth_gasPrice", ())]
    )
    with reading("the newest block"):
        block, price_each = ref_of(head), int(price, 16)
        gas = min(_CALL_GAS_MAX, int(head["gasLimit"], 16) // 2)
    asked = {"from": payer, "to": call.to, "value": hex(call.value), "gas": hex(gas)}
    asked |= {"data": "0x" + call.data.hex()} if call.data else {}
    asking = _Asking(node, network, payer, asked, block)
    questions = list(_questions(network, payer, watch, sure=True))
    method, run = await asking.first(questions)
    named = _named(network, payer, run.logs, call, watch)
    more = [each for each in _questions(network, payer, named, sure=False) if each not in questions]
    if more and run.failure is None:
        first, run = run, await asking.ask(method, [*questions, *more])
        if (run.before[: len(questions)], run.after[: len(questions)]) != (
            first.before,
            first.after,
        ):
            raise NodeMisbehaved("the node simulates one call in two ways")
        questions += more
    return _simulated(block, method, questions, run, price_each)


class _Asking:
    """One call on one block of one node."""

    def __init__(
        self,
        node: NodeConnection,
        network: Network,
        payer: Address,
        asked: dict[str, str],
        block: BlockRef,
    ) -> None:
        self._node = node
        self._network = network
        self._payer = payer
        self._asked = asked
        self._block = block
        self._where = {"blockHash": block.hash, "requireCanonical": True}

    async def first(self, questions: Sequence[_Question]) -> tuple[Method, _Run]:
        for method in (Method.BLOCK, Method.TRACE):
            try:
                return method, await self.ask(method, questions)
            except RpcError as error:
                if error.number not in _UNKNOWN:
                    raise
        raise NotSimulated("the node neither simulates nor traces calls")

    async def ask(self, method: Method, questions: Sequence[_Question]) -> _Run:
        if len(questions) > _QUESTIONS_MAX:
            raise NotSimulated(f"the call touches more than {_QUESTIONS_MAX} balances")
        run = await (self._block_of if method is Method.BLOCK else self._trace_of)(questions)
        for each, *answers in zip(questions, run.before, run.after, strict=True):
            if each.sure and None in answers:
                raise NodeMisbehaved(f"no balance of {each.asset} where there must be one")
        return run

    async def _block_of(self, questions: Sequence[_Question]) -> _Run:
        asked = [each.asked(self._payer) for each in questions]
        made = {
            "stateOverrides": {_PROBE: {"code": _BALANCE_CODE}},
            "calls": [*asked, self._asked, *asked],
        }
        payload = {"blockStateCalls": [made], "validation": False}
        said, plain = await self._node.batch(
            [
                ("eth_simulateV1", (payload, self._where)),
                ("eth_getBalance", (self._payer, self._where)),
            ]
        )
        if isinstance(said, RpcError):
            return _not_begun(said, len(questions))
        with reading("a simulation"):
            (block,) = said
            calls = block["calls"]
            if len(calls) != 2 * len(questions) + 1:
                raise NodeMisbehaved("a simulation of another number of calls")
            before = [_answer(each) for each in calls[: len(questions)]]
            main, after = calls[len(questions)], calls[len(questions) + 1 :]
            run = _Run(
                before,
                [_answer(each) for each in after],
                int(main["gasUsed"], 16),
                list(main["logs"]),
                _failure(main),
            )
            native = self._network.native.id
            coins = [b for q, b in zip(questions, before, strict=True) if q.asset == native]
            if isinstance(plain, RpcError):
                raise plain
            if coins != [int(plain, 16)]:
                raise NodeMisbehaved("a simulation on another state than the block's")
        return run

    async def _trace_of(self, questions: Sequence[_Question]) -> _Run:
        tracers = (
            {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}},
            {"tracer": "callTracer", "tracerConfig": {"withLog": True}},
        )
        where = self._where
        diff, frame = await self._node.batch(
            [("debug_traceCall", (self._asked, where, each)) for each in tracers]
        )
        for each in (diff, frame):
            if isinstance(each, RpcError):
                return _not_begun(each, len(questions))
        with reading("a trace"):
            failure = None
            if frame.get("error"):
                failure = Failure(str(frame["error"])[:200], _octets(frame.get("output") or "0x"))
            changed = {} if failure else overrides(diff)
            logs, gas = list(traced_logs(frame)), int(frame["gasUsed"], 16)
        probe = {_PROBE: {"code": _BALANCE_CODE}}
        asked = [each.asked(self._payer) for each in questions]
        answers = await self._node.batch(
            [
                *(("eth_call", (each, where, probe)) for each in asked),
                *(("eth_call", (each, where, changed | probe)) for each in asked),
            ]
        )
        told = [None if isinstance(each, RpcError) else _word(each) for each in answers]
        return _Run(told[: len(asked)], told[len(asked) :], gas, logs, failure)


def _not_begun(error: RpcError, count: int) -> _Run:
    """A call that its sender can't pay is none that fails: some nodes don't run it at all."""
    if not any(each in error.reason.lower() for each in _FUNDS):
        raise error
    nothing: list[int | None] = [0] * count
    return _Run(nothing, nothing, 0, [], Failure(error.reason))


def _questions(
    network: Network, payer: Address, watch: Watch, *, sure: bool
) -> Iterator[_Question]:
    native, owner = network.native.id, abi.PADDING + to_bytes(payer)
    if sure:
        yield _Question(native, None, _PROBE, owner, sure)
    for asset in sorted(watch.assets - {native}):
        contract = erc20.contract_of(network.id, asset)
        yield _Question(asset, None, contract, erc20.balance_of(payer), sure)
    for asset, spender in sorted(watch.allowances):
        contract = erc20.contract_of(network.id, asset)
        data = ALLOWANCE + owner + abi.PADDING + to_bytes(spender)
        yield _Question(asset, spender, contract, data, sure)


def _named(
    network: Network, payer: Address, logs: Iterable[Any], call: Called, watch: Watch
) -> Watch:
    """What the logs, and who is called, give reason to ask about."""
    assets, allowances = {erc20.asset_of(network.id, call.to)}, set[tuple[AssetId, Address]]()
    ours = "0x" + abi.PADDING.hex() + to_bytes(payer).hex()
    with reading("a log"):
        for log in logs:
            asset = erc20.asset_of(network.id, canonical(log["address"]))
            topics = [str(each).lower() for each in log["topics"]]
            assets.add(asset)
            if topics[:2] == [_APPROVAL, ours] and len(topics) == 3:
                allowances.add((asset, checksum(bytes.fromhex(topics[2][26:]))))
    known = {*assets, *watch.assets} - {network.native.id, erc20.asset_of(network.id, call.to)}
    allowances |= {(asset, call.to) for asset in known}
    return Watch(frozenset(assets), frozenset(allowances))


def _simulated(
    block: BlockRef, method: Method, questions: Sequence[_Question], run: _Run, price: int
) -> Simulated:
    changes, balances = dict[AssetId, int](), dict[AssetId, int]()
    allowances = dict[tuple[AssetId, Address], Allowance]()
    for each, before, after in zip(questions, run.before, run.after, strict=True):
        if before is None and after is None:
            continue
        if before is None or after is None:
            raise NodeMisbehaved(f"{each.to} tells a balance only once")
        if each.spender is not None:
            if before != after:
                allowances[each.asset, each.spender] = Allowance(before, after)
            continue
        balances[each.asset] = before
        if before != after:
            changes[each.asset] = after - before
    if run.failure is not None:
        if changes or allowances:
            raise NodeMisbehaved("a call that fails changes nothing")
        return Simulated(block, method, fee=run.gas * price, failure=run.failure)
    return Simulated(block, method, changes, allowances, run.gas * price, None, balances)


def _answer(said: Any) -> int | None:
    return _word(said["returnData"]) if _ran(said) else None


def _ran(said: Any) -> bool:
    if said["status"] not in (_OK, _FAILED):
        raise NodeMisbehaved("a call that neither ran nor failed")
    return bool(said["status"] == _OK)


def _failure(said: Any) -> Failure | None:
    if _ran(said):
        return None
    error = said.get("error") or {}
    data = error.get("data") or said.get("returnData") or "0x"
    return Failure(str(error.get("message", ""))[:200], _octets(data))


def _word(told: Any) -> int | None:
    """None for what is no single word: nobody there tells a balance."""
    octets = _octets(told)
    return int.from_bytes(octets, "big") if len(octets) == abi.WORD else None


def _octets(text: Any) -> bytes:
    with reading("octets"):
        if not text.startswith("0x"):
            raise NodeMisbehaved("octets without 0x")
        return bytes.fromhex(text[2:])
