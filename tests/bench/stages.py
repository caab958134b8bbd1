"""A real engine of each family, the payouts that are made on it, and the straight script.

The script is what somebody would write who has the key in memory and nothing to lose: it builds,
signs and sends one payment after the other with the family's own library. TRON's libraries for
Python ask the node to build the transaction, so its script writes the bytes itself.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from abc import ABC, abstractmethod
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx2
from coincurve import PrivateKey
from eth_account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from web3 import HTTPProvider, Web3

from chains.bitcoin.address import AddressFormat
from chains.bitcoin.rpc import BitcoinRpc
from chains.bitcoin.transaction import TxOutput
from chains.devnet.bitcoin import BitcoinNode
from chains.devnet.evm import AnvilNode
from chains.devnet.node import DevNode
from chains.devnet.solana import SolanaNode
from chains.devnet.tron import TronNode
from chains.devnet.tron_server import wire
from chains.evm.address import checksum
from chains.model import Address
from chains.networks import Network
from chains.tron.address import from_public_key, to_bytes, to_text
from tests.bench.blocks import (
    DirectAnvilNode,
    DirectBitcoinNode,
    DirectSolanaNode,
    DirectTronNode,
    split_coins,
)
from tests.bench.measure import Rate
from tests.support.networks import find_network

_TIMEOUT_S: Final = 60.0
_GWEI: Final = 10**9
_LIFETIME_MS: Final = 60 * 60 * 1000
_COIN: Final = 10**6


class Stage(ABC):
    """One network. Amounts in base units; `amount` is what each payout pays."""

    alias: str
    name: str
    script_name: str
    amount: int

    def __init__(self, folder: Path) -> None:
        self.network: Network = find_network(self.alias)
        self.node: DevNode = self._node(folder / self.alias)

    @abstractmethod
    def _node(self, folder: Path) -> DevNode: ...

    async def start(self) -> None:
        await self.node.start()

    async def stop(self) -> None:
        await self.node.stop()

    @abstractmethod
    def somebody(self) -> Address:
        """A new address outside."""

    @abstractmethod
    async def endow(self, vault: Address, payouts: int) -> None:
        """Enough money for so many payouts, in a final block."""

    @abstractmethod
    async def accepted(self, vault: Address) -> int:
        """How many transactions of the vault the node has taken so far."""

    async def mine(self) -> None:
        await self.node.mine()

    async def run_script(self, payouts: int) -> Rate:
        """So many payments by the script, which are then in final blocks."""
        await self._prepare_script(payouts)
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.to_thread(self._script, payouts)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        await self.mine()
        await self.node.finalize()
        return Rate(payouts / wall, payouts / max(cpu, 1e-9))

    @abstractmethod
    async def _prepare_script(self, payouts: int) -> None: ...

    @abstractmethod
    def _script(self, payouts: int) -> None: ...


class EvmStage(Stage):
    alias = "ethereum-local"
    name = "Ethereum"
    script_name = "web3.py"
    amount = 10**15
    node: AnvilNode

    def _node(self, folder: Path) -> DevNode:
        return DirectAnvilNode(self.network, folder)

    def somebody(self) -> Address:
        return checksum(secrets.token_bytes(20))

    async def endow(self, vault: Address, payouts: int) -> None:
        await self.node.fund(vault, payouts * 10**17)
        await self.mine()
        await self.node.finalize()

    async def accepted(self, vault: Address) -> int:
        return int(await self.node.ask("eth_getTransactionCount", vault, "pending"), 16)

    async def _prepare_script(self, payouts: int) -> None:
        self._account: Any = Account.create()
        await self.endow(Address(self._account.address), payouts)

    def _script(self, payouts: int) -> None:
        web3 = Web3(HTTPProvider(self.node.url))
        price = 2 * web3.eth.gas_price
        chain = web3.eth.chain_id
        for nonce in range(payouts):
            fields = {
                "type": 2,
                "chainId": chain,
                "nonce": nonce,
                "to": self.somebody(),
                "value": self.amount,
                "gas": 21_000,
                "maxFeePerGas": price,
                "maxPriorityFeePerGas": _GWEI,
            }
            web3.eth.send_raw_transaction(self._account.sign_transaction(fields).raw_transaction)


class BscStage(EvmStage):
    alias = "bsc-local"
    name = "BSC"


class BitcoinStage(Stage):
    """A vault of many coins, as one that is paid often has it. The node's own wallet is the
    script."""

    alias = "bitcoin-regtest"
    name = "Bitcoin"
    script_name = "sendtoaddress"
    amount = 10**5
    node: BitcoinNode

    def _node(self, folder: Path) -> DevNode:
        self._addresses = AddressFormat(self.network)
        self._included = 0
        return DirectBitcoinNode(self.network, folder)

    async def start(self) -> None:
        await self.node.start()
        self._rpc = BitcoinRpc(self.node.url, _TIMEOUT_S)

    async def stop(self) -> None:
        await self._rpc.close()
        await self.node.stop()

    def somebody(self) -> Address:
        found = self._addresses.address_of(b"\x00\x14" + secrets.token_bytes(20))
        assert found is not None
        return found

    async def endow(self, vault: Address, payouts: int) -> None:
        script = self._addresses.script_of(vault)
        await split_coins(
            self.node, self._rpc, self._addresses, [TxOutput(_COIN, script)] * payouts
        )
        await self.mine()
        await self.node.finalize()

    async def accepted(self, vault: Address) -> int:
        """Of anybody: nobody else sends anything meanwhile."""
        return self._included + int((await self._rpc.call("getmempoolinfo"))["size"])

    async def mine(self) -> None:
        await self.node.mine()
        best = await self._rpc.call("getbestblockhash")
        self._included += int((await self._rpc.call("getblockheader", best))["nTx"]) - 1

    async def _prepare_script(self, payouts: int) -> None:
        """As many coins as the vault has, in the node's wallet."""
        script = self._addresses.script_of(await self.node.outside_address())
        await split_coins(
            self.node, self._rpc, self._addresses, [TxOutput(_COIN, script)] * payouts
        )
        await self.mine()
        await self.node.finalize()

    def _script(self, payouts: int) -> None:
        client = httpx2.Client(timeout=_TIMEOUT_S)
        wallet = f"{self.node.url}/wallet/outside"
        for _ in range(payouts):
            amount = f"0.{self.amount:08d}"
            _ask(client, wallet, "sendtoaddress", self.somebody(), amount)


class SolanaStage(Stage):
    alias = "solana-local"
    name = "Solana"
    script_name = "solders"
    amount = 10**7
    node: SolanaNode

    def _node(self, folder: Path) -> DevNode:
        return DirectSolanaNode(self.network, folder)

    def somebody(self) -> Address:
        return Address(str(Keypair().pubkey()))

    async def endow(self, vault: Address, payouts: int) -> None:
        await self.node.fund(vault, payouts * 10**8)
        await self.mine()
        await self.node.finalize()

    async def accepted(self, vault: Address) -> int:
        return await self.node.accepted()

    async def _prepare_script(self, payouts: int) -> None:
        self._keypair = Keypair()
        await self.endow(Address(str(self._keypair.pubkey())), payouts)

    def _script(self, payouts: int) -> None:
        client, source = httpx2.Client(timeout=_TIMEOUT_S), self._keypair.pubkey()
        latest = _ask(client, self.node.url, "getLatestBlockhash")["value"]["blockhash"]
        for _ in range(payouts):
            to = Pubkey.from_string(self.somebody())
            params = TransferParams(from_pubkey=source, to_pubkey=to, lamports=self.amount)
            message = MessageV0.try_compile(
                source, [transfer(params)], [], Hash.from_string(latest)
            )
            raw = base64.b64encode(bytes(VersionedTransaction(message, [self._keypair])))
            options = {"encoding": "base64", "preflightCommitment": "confirmed"}
            _ask(client, self.node.url, "sendTransaction", raw.decode(), options)


class TronStage(Stage):
    alias = "tron-local"
    name = "TRON"
    script_name = "our wire code"
    amount = 10**6
    node: TronNode

    def _node(self, folder: Path) -> DevNode:
        return DirectTronNode(self.network, folder)

    def somebody(self) -> Address:
        return to_text(b"\x41" + secrets.token_bytes(20))

    async def endow(self, vault: Address, payouts: int) -> None:
        await self.node.fund(vault, payouts * 10**7)
        await self.mine()
        await self.node.finalize()

    async def accepted(self, vault: Address) -> int:
        return await self.node.accepted()

    async def _prepare_script(self, payouts: int) -> None:
        self._key = PrivateKey()
        await self.endow(from_public_key(self._key.public_key.format()), payouts)

    def _script(self, payouts: int) -> None:
        client = httpx2.Client(base_url=self.node.url, timeout=_TIMEOUT_S)
        owner = to_bytes(from_public_key(self._key.public_key.format()))
        block = client.post("/wallet/getnowblock", json={}).json()
        header, block_id = block["block_header"]["raw_data"], bytes.fromhex(block["blockID"])
        now_ms = header["timestamp"]
        for at in range(payouts):
            raw = wire.write_transfer(
                wire.Transfer(owner, to_bytes(self.somebody()), self.amount),
                block_id[6:8],
                block_id[8:16],
                now_ms + _LIFETIME_MS,
                now_ms + at,
            )
            signature = self._key.sign_recoverable(sha256(raw).digest(), hasher=None)
            signed = wire.data(1, raw) + wire.data(2, signature)
            answer = client.post("/wallet/broadcasthex", json={"transaction": signed.hex()}).json()
            assert answer["result"], answer


STAGES: Final[tuple[type[Stage], ...]] = (EvmStage, BitcoinStage, SolanaStage, TronStage)


def _ask(client: httpx2.Client, url: str, method: str, *params: object) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = client.post(url, json=request).json()
    assert not answer.get("error"), answer
    return answer["result"]
