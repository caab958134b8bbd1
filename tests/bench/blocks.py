"""Makes full blocks on real engines, quickly: each transaction is a payment to somebody and change.

Of a hundred payments one goes to an address that we watch. Bitcoin's blocks have the size that
P2WPKH payments give them, though their coins may be spent by anybody, so that nothing has to be
signed: the witness has the length of a signature and a key, which the script then drops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import cycle
from random import Random
from typing import Any

import httpx2
from coincurve import PrivateKey

from chains.bitcoin.address import AddressFormat
from chains.bitcoin.rpc import BitcoinRpc
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput, parse_transaction
from chains.devnet.bitcoin import BitcoinNode
from chains.devnet.evm import AnvilNode
from chains.devnet.faults import BehindProxy
from chains.devnet.solana import SolanaNode
from chains.devnet.tron import TronNode
from chains.evm import address as evm_address
from chains.evm import build as evm
from chains.evm import erc20
from chains.hashes import keccak256, sha256d
from chains.model import Address, AssetId
from chains.networks import Network

OURS_EVERY = 100
"""One payment of so many is a deposit."""

_DROP_BOTH = b"\x6d\x51"  # OP_2DROP OP_TRUE
_ANYONE = b"\x00\x20" + sha256(_DROP_BOTH).digest()
_WITNESS = (bytes(72), bytes(33), _DROP_BOTH)
_RAW_WITNESS = b"\x03" + b"".join(bytes([len(item)]) + item for item in _WITNESS)
_FUNDS = 45 * 10**8
_PAYMENT = 1_000
_FEE = 300
_MINER = "raw(51)"
_RPC_TIMEOUT_S = 120.0

_SENDERS = 20
_WEALTH = 10**24
_TOKENS = 10**12
"""Of each sender: more than it pays, less than all that there are."""
_GWEI = 10**9


class _Direct(BehindProxy):
    """Without the fault proxy, which would run in this process and be measured with it."""

    async def _open_proxy(self, engine_url: str) -> str:
        return engine_url


class DirectBitcoinNode(_Direct, BitcoinNode):
    """See `_Direct`."""


class DirectAnvilNode(_Direct, AnvilNode):
    """See `_Direct`."""


class DirectSolanaNode(_Direct, SolanaNode):
    """See `_Direct`."""


class DirectTronNode(_Direct, TronNode):
    """See `_Direct`."""


class BitcoinBlocks:
    """Chains of payments, one for each transaction of a block, each block prolonging all."""

    def __init__(
        self, node: BitcoinNode, network: Network, paid: Sequence[Address], transactions: int
    ) -> None:
        self._node = node
        self._addresses = AddressFormat(network)
        self._ours = cycle([self._addresses.script_of(each) for each in paid])
        self._random = Random(84)
        self._number = transactions
        self._coins: list[tuple[bytes, int]] = []
        """Outpoint and amount of each chain's end."""

    async def start(self) -> None:
        """One payment of the node's wallet, split into a coin for each chain."""
        self._rpc = BitcoinRpc(self._node.url, _RPC_TIMEOUT_S)
        each = (_FUNDS - 10**6) // self._number
        outputs = [TxOutput(each, _ANYONE)] * self._number
        spent = await split_coins(self._node, self._rpc, self._addresses, outputs)
        self._coins = [(spent + at.to_bytes(4, "little"), each) for at in range(self._number)]

    async def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            await self._generate(list(self._payments()))

    async def close(self) -> None:
        await self._rpc.close()

    def _payments(self) -> Iterator[bytes]:
        for chain, (outpoint, amount) in enumerate(self._coins):
            change = amount - _PAYMENT - _FEE
            to = b"\x00\x14" + self._random.randbytes(20)
            if chain % OURS_EVERY == 0:
                to = next(self._ours)
            body = (
                b"\x01" + outpoint + b"\x00\xfd\xff\xff\xff\x02"
                + _PAYMENT.to_bytes(8, "little") + bytes([len(to)]) + to
                + change.to_bytes(8, "little") + bytes([len(_ANYONE)]) + _ANYONE
            )  # fmt: skip
            version, lock_time = b"\x02\x00\x00\x00", bytes(4)
            self._coins[chain] = sha256d(version + body + lock_time) + b"\x01\x00\x00\x00", change
            yield version + b"\x00\x01" + body + _RAW_WITNESS + lock_time

    async def _generate(self, transactions: list[bytes]) -> None:
        await self._rpc.call("generateblock", _MINER, [raw.hex() for raw in transactions])


async def split_coins(
    node: BitcoinNode, rpc: BitcoinRpc, addresses: AddressFormat, outputs: Sequence[TxOutput]
) -> bytes:
    """One transaction, in a block, whose outputs are these; its id as transactions name it."""
    to = addresses.address_of(_ANYONE)
    assert to is not None
    txid = await node.fund(to, sum(each.amount for each in outputs) + 10**6)
    await node.mine()
    raw = await rpc.call("getrawtransaction", txid)
    found = parse_transaction(bytes.fromhex(raw)).outputs
    place = next(at for at, output in enumerate(found) if output.script == _ANYONE)
    spent = TxInput(bytes.fromhex(txid)[::-1], place, 0xFFFFFFFD, witness=_WITNESS)
    split = Transaction(2, (spent,), tuple(outputs), 0)
    await rpc.call("generateblock", _MINER, [split.serialize().hex()])
    return split.hash()


class EvmBlocks:
    """Plain transfers by a few senders; or transfers of a `token` by a few others."""

    def __init__(
        self,
        node: AnvilNode,
        network: Network,
        paid: Sequence[Address],
        transactions: int,
        token: AssetId | None = None,
    ) -> None:
        self._node = node
        self._network = network
        self._token = token
        self._ours = cycle(paid)
        self._random = Random(60 if token is None else 61)
        self._number = transactions
        self._keys = [PrivateKey(self._random.randbytes(32)) for _ in range(_SENDERS)]
        self._sent = 0

    async def start(self) -> None:
        self._client = httpx2.AsyncClient(timeout=_RPC_TIMEOUT_S, trust_env=False)
        senders = [evm_address.derive(key.public_key.format()) for key in self._keys]
        await self._post([("anvil_setBalance", [each, hex(_WEALTH)]) for each in senders])
        if self._token is not None:
            for each in senders:
                await self._node.fund_token(each, self._token, _TOKENS)
            await self._node.mine()

    async def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            raw = [self._transfer() for _ in range(self._number)]
            await self._post([("eth_sendRawTransaction", ["0x" + each.hex()]) for each in raw])
            await self._post([("anvil_mine", ["0x1"])])

    async def close(self) -> None:
        await self._client.aclose()

    def _transfer(self) -> bytes:
        at, self._sent = self._sent, self._sent + 1
        to = evm_address.checksum(self._random.randbytes(20))
        to = next(self._ours) if at % OURS_EVERY == 0 else to
        is_token = self._token is not None
        unsigned = evm.transfer(
            self._network,
            nonce=at // _SENDERS,
            to=erc20.contract_of(self._network.id, self._token) if self._token else to,
            value=0 if is_token else _GWEI,
            gas=100_000 if is_token else 21_000,
            fee_per_gas_max=100 * _GWEI,
            priority_fee=_GWEI,
            data=erc20.transfer(to, _GWEI) if is_token else b"",
        )
        digest = keccak256(evm.encode_unsigned(unsigned))
        signature = self._keys[at % _SENDERS].sign_recoverable(digest, hasher=None)
        return evm.encode_signed(unsigned, signature)

    async def _post(self, calls: list[tuple[str, list[str]]]) -> None:
        requests: list[dict[str, Any]] = [
            {"jsonrpc": "2.0", "id": at, "method": method, "params": params}
            for at, (method, params) in enumerate(calls)
        ]
        answers = (await self._client.post(self._node.url, json=requests)).json()
        refused = [answer["error"] for answer in answers if "error" in answer]
        assert not refused, refused[0]
