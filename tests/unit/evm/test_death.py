"""An EVM transaction is dead when another one is shown to have used its nonce."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, cast

import pytest
from coincurve import PrivateKey

from chains.errors import DeathUnproven, NodeUnavailable
from chains.evm import build, death, parse
from chains.evm.codec import EvmCodec
from chains.evm.rpc import NodeConnection, RpcError
from chains.model import Address, AddressType, BlockRef, Signature, SignedTx, TxId, UnsignedTx
from tests.support.networks import find_network

BSC = find_network("bsc")
KEY = PrivateKey(b"\x07" * 32)
PAYEE = Address("0x52908400098527886E0F7030069857D2E4169EE7")
NONCE = 5
TIP = 60_000_000
FINAL = BlockRef(TIP - 14, f"0x{TIP - 14:064x}")


def signed(amount: int) -> SignedTx:
    codec = EvmCodec(BSC)
    public_key = KEY.public_key.format()
    transfer = build.transfer(
        BSC,
        nonce=NONCE,
        to=PAYEE,
        value=amount,
        gas=21000,
        fee_per_gas_max=10**9,
        priority_fee=0,
    )
    sender = codec.derive_address(public_key, AddressType.EVM)
    unsigned = UnsignedTx(BSC.id, build.encode_unsigned(transfer), sender)
    (wanted,) = codec.signing_inputs(unsigned)
    signature = KEY.sign_recoverable(wanted.message, hasher=None)
    return codec.attach(unsigned, (Signature(public_key, signature),))


OURS, OTHER = signed(1), signed(2)
SENDER = parse.signed(OURS.raw).sender


@dataclass
class Backend:
    """A full node. `tip`: how far it is; `keeps`: of how many blocks it has the state; `used_in`:
    the block with the transaction of our nonce, `txid`; `shows`: whether it still has its bodies
    and indexes."""

    tip: int = TIP
    keeps: int = 128
    used_in: int | None = None
    txid: TxId = OTHER.txid
    shows: bool = True

    def answer(self, method: str, params: Sequence[Any]) -> Any:
        if method == "eth_getTransactionCount":
            where = params[1]["blockHash"] if isinstance(params[1], dict) else params[1]
            height = int(where, 16)
            if height > self.tip:
                return RpcError(-32000, "header for hash not found")
            if height <= self.tip - self.keeps:
                return RpcError(-32000, "missing trie node 00 (path )")
            used = self.used_in is not None and height >= self.used_in
            return hex(NONCE + 1 if used else NONCE)
        if method == "eth_getBlockByNumber":
            height = int(params[0], 16)
            if height > self.tip:
                return None
            row = {"from": SENDER.lower(), "nonce": hex(NONCE), "hash": self.txid}
            here = height == self.used_in and self.shows
            return {
                "number": hex(height),
                "hash": f"0x{height:064x}",
                "transactions": [row] if here else [],
            }
        if method == "eth_getTransactionReceipt":
            return None  # an index that forgot, or never was
        raise AssertionError(method)


@dataclass
class Gateway:
    """One address with several nodes behind it; each request goes to the next one."""

    backends: Sequence[Backend]
    turn: Iterator[Backend] = field(init=False)
    asked: int = 0

    def __post_init__(self) -> None:
        self.turn = cycle(self.backends)

    async def call(self, method: str, *params: Any) -> Any:
        (answer,) = await self.batch([(method, params)])
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        self.asked += 1
        backend = next(self.turn)
        return [backend.answer(*call) for call in calls]


async def prove(*backends: Backend, tx: SignedTx = OURS) -> str | None:
    return await death.prove_dead(cast(NodeConnection, Gateway(backends)), tx, FINAL)


@pytest.mark.parametrize("ago", [14, 15, 16, 17, 31, 77, 127 - 14])
async def test_another_transaction_with_the_nonce_is_shown(ago: int):
    height = TIP - ago
    assert await prove(Backend(used_in=height)) == (
        f"{OTHER.txid} used nonce 5 of {SENDER} in block {height}"
    )


async def test_on_a_node_with_all_state_however_long_ago():
    gateway = Gateway([Backend(used_in=1_234, keeps=TIP + 1)])
    reason = await death.prove_dead(cast(NodeConnection, gateway), OURS, FINAL)
    assert reason is not None and "in block 1234" in reason
    assert gateway.asked < 40


@pytest.mark.parametrize(
    "backend",
    [
        Backend(),
        Backend(used_in=TIP - 13),
        Backend(used_in=TIP - 20, txid=OURS.txid),
        Backend(used_in=FINAL.height, txid=OURS.txid),
    ],
    ids=["unused", "used above the final block", "ours", "ours in the final block"],
)
async def test_not_dead(backend: Backend):
    """No receipt is ever shown here, which is what a node that prunes or lags looks like."""
    assert await prove(backend) is None


@pytest.mark.parametrize(
    "backend",
    [
        Backend(used_in=TIP - 200),
        Backend(used_in=TIP - 20, shows=False),
        Backend(used_in=TIP - 20, txid=OURS.txid, shows=False),
    ],
    ids=["state pruned", "body withheld", "our own body withheld"],
)
async def test_barred_and_not_shown_by_what(backend: Backend):
    with pytest.raises(DeathUnproven, match="nonce 5") as caught:
        await prove(backend)
    assert caught.value.advice


@pytest.mark.parametrize("lag", [1, 6, 10, 30, 150])
@pytest.mark.parametrize("first", [0, 1])
async def test_two_nodes_behind_one_address_never_kill_what_is_included(lag: int, first: int):
    """Ours is final on the one and unknown to the other, whichever is asked what."""
    backends = [
        Backend(used_in=TIP - 20, txid=OURS.txid),
        Backend(tip=TIP - lag, used_in=TIP - 20, txid=OURS.txid),
    ]
    backends = backends[first:] + backends[:first]
    with suppress(DeathUnproven, NodeUnavailable):  # no answer is not a wrong one
        assert await prove(*backends) is None
