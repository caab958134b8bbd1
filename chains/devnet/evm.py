"""A local Ethereum or BNB Smart Chain: Foundry's anvil, a real EVM, behind a fault proxy.

Blocks are made only on request. A chain id of its own keeps every transaction signed here worthless
elsewhere. What anvil is not: there is one node, no consensus (`finalized` is simply two blocks
behind the tip), a reorg forgets the transactions it removes, and BNB Smart Chain's validator
contracts and fee distribution do not exist; its zero base fee and legacy transactions do.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chains.devnet import engines, token_code
from chains.devnet.faults import BehindProxy
from chains.devnet.process import EngineProcess, on_free_port
from chains.errors import NodeMisbehaved
from chains.evm import UINT256_MAX
from chains.evm import erc20 as calls
from chains.evm.address import canonical, checksum
from chains.model import Address, AssetId, TxId
from chains.networks import Network

_OUTSIDE_WEALTH: Final = 10**27
_LEGACY_GAS_PRICE: Final = 10**9
_TIP: Final = 10**9
_MAKING_GAS: Final = 500_000
_PAYING_GAS: Final = 100_000
_STATE_GONE: Final = "historical state not available in path scheme yet"
_DIFF_TRACER: Final = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}


class AnvilNode(BehindProxy):
    """`chains.devnet.node.DevNode`; see there. The chain survives `stop` and `start`, waiting
    transactions do not."""

    capable_of_restart: Final = True

    def __init__(self, network: Network, data_dir: Path) -> None:
        self.network = network.id
        self.url = self.push = ""
        self._parameters = network
        self._legacy = network.text("transaction_type") == "legacy"
        self._data_dir = data_dir
        self._engine: EngineProcess | None = None
        self._client: httpx2.AsyncClient | None = None
        self._outside: LocalAccount | None = None
        self._funding = asyncio.Lock()

    async def start(self) -> None:
        """Raises EngineFailed."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        await on_free_port(self._start_on, self.stop)

    async def stop(self) -> None:
        await self._close_proxy()
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        if self._engine is not None:
            await self._engine.stop()  # anvil writes its state when asked to end
            self._engine = None

    async def outside_address(self) -> Address:
        return checksum(secrets.token_bytes(20))

    async def fund(self, address: Address, amount: int) -> TxId:
        return await self.send(address, amount)

    async def send(
        self, to: Address | None, amount: int, data: bytes = b"", gas: int = 21_000
    ) -> TxId:
        """Any transaction by the outside wallet; `to` None creates a contract from `data`."""
        assert self._outside is not None, "not started"
        async with self._funding:
            nonce = await self.ask("eth_getTransactionCount", self._outside.address, "pending")
            price = 2 * int(await self.ask("eth_gasPrice"), 16)
            fields: dict[str, Any] = {
                "chainId": self._parameters.number("chain_id"),
                "nonce": int(nonce, 16),
                "gas": gas,
                "value": amount,
                "data": data,
            }
            if self._legacy:
                fields |= {"gasPrice": price}
            else:
                fields |= {"type": 2, "maxFeePerGas": price, "maxPriorityFeePerGas": _TIP}
            if to is not None:
                fields["to"] = to
            raw = self._outside.sign_transaction(fields).raw_transaction.to_0x_hex()
            return TxId(await self.ask("eth_sendRawTransaction", raw))

    async def mine(self, blocks: int = 1) -> None:
        await self.ask("anvil_mine", hex(blocks))

    async def finalize(self) -> None:
        confirmations = self._parameters.finality.confirmations
        if confirmations is not None:
            if confirmations > 1:
                await self.mine(confirmations - 1)
            return
        tip = int(await self.ask("eth_blockNumber"), 16)
        while int((await self.ask("eth_getBlockByNumber", "finalized", False))["number"], 16) < tip:
            await self.mine()

    async def reorg(self, depth: int) -> None:
        # Another fee recipient, else an empty block of the same second is the same block again.
        usual = (await self.ask("eth_getBlockByNumber", "latest", False))["miner"]
        await self.ask("anvil_setCoinbase", await self.outside_address())
        await self.ask("anvil_reorg", depth, [])
        await self.ask("anvil_setCoinbase", usual)
        await self.mine()

    def prune(self, blocks: int) -> None:
        """Until `heal`, behave as a full node that has the state of its newest `blocks` blocks: it
        traces no others, and says so in geth's words."""

        async def refusal(body: bytes) -> bytes | None:
            request = json.loads(body)
            if not isinstance(request, dict) or request["method"] != "debug_traceBlockByHash":
                return None
            block = await self.ask("eth_getBlockByHash", request["params"][0], False)
            tip = int(await self.ask("eth_blockNumber"), 16)
            if block is None or tip - int(block["number"], 16) < blocks:
                return None
            error = {"code": -32000, "message": _STATE_GONE}
            return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode()

        self._faults.refuse(refusal)

    async def balance(self, address: Address) -> int:
        """From the state trie, by a proof; adapters ask `eth_getBalance`."""
        proof = await self.ask("eth_getProof", address, [], "latest")
        return int(proof["balance"], 16)

    async def received(self, txid: TxId, address: Address, asset: AssetId) -> int:
        """The account's balance after the transaction less that before it; of a token, after its
        block and before it."""
        receipt = await self.ask("eth_getTransactionReceipt", txid)
        if receipt is None:
            return 0
        if asset != self._parameters.native.id:
            at = int(receipt["blockNumber"], 16)
            had, has = [await self._token(address, asset, hex(each)) for each in (at - 1, at)]
            return has - had
        changed = await self.ask("debug_traceTransaction", txid, _DIFF_TRACER)
        before, after = (
            int(changed[side].get(address.lower(), {}).get("balance", "0x0"), 16)
            for side in ("pre", "post")
        )
        return after - before

    async def issue_token(self) -> Mapping[str, Any]:
        txid = await self.send(None, 0, token_code.creation(), _MAKING_GAS)
        await self.mine()
        receipt = await self.ask("eth_getTransactionReceipt", txid)
        assert receipt["status"] == "0x1", "the token was not made"
        contract = canonical(receipt["contractAddress"])
        return {
            "id": calls.asset_of(self.network, contract),
            "kind": calls.KIND,
            "symbol": "DEMO",
            "name": "Demo token",
            "decimals": token_code.DECIMALS,
            "maximum": str(UINT256_MAX),
        }

    async def fund_token(self, address: Address, asset: AssetId, amount: int) -> TxId:
        contract = calls.contract_of(self.network, asset)
        return await self.send(contract, 0, calls.transfer(address, amount), _PAYING_GAS)

    async def token_balance(self, address: Address, asset: AssetId) -> int:
        return await self._token(address, asset, "latest")

    async def _token(self, address: Address, asset: AssetId, at: str) -> int:
        contract = calls.contract_of(self.network, asset)
        asked = {"to": contract, "data": "0x" + calls.balance_of(address).hex()}
        return int(await self.ask("eth_call", asked, at), 16)

    async def ask(self, method: str, *params: object) -> Any:
        """JSON-RPC to the engine itself, past the proxy. Raises NodeMisbehaved with its refusal."""
        assert self._client is not None, "not started"
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = (await self._client.post("/", json=request)).json()
        if "error" in answer:
            raise NodeMisbehaved(f"anvil refused {method}: {answer['error'].get('message')}")
        return answer["result"]

    async def _start_on(self, port: int) -> None:
        engine_url = f"http://127.0.0.1:{port}"
        self._engine = EngineProcess(
            self._arguments(port),
            self._data_dir / "anvil.log",
            environment={"HOME": str(self._data_dir), "PATH": os.defpath},
        )
        self._client = httpx2.AsyncClient(
            base_url=engine_url,
            timeout=30.0,
            trust_env=False,
            verify=False,
        )
        self._engine.start()
        await self._engine.wait_ready(self._answers)
        self.url = await self._open_proxy(engine_url)
        self.push = f"ws://127.0.0.1:{port}"
        await self._prepare_outside()

    def _arguments(self, port: int) -> list[str | Path]:
        arguments: list[str | Path] = [engines.anvil(), "--port", str(port), "--quiet"]
        arguments += ["--chain-id", str(self._parameters.number("chain_id")), "--accounts", "0"]
        arguments += ["--no-mining", "--slots-in-an-epoch", "1"]
        arguments += ["--state", self._data_dir / "state.json", "--preserve-historical-states"]
        arguments += ["--cache-path", self._data_dir / "states"]
        if self._legacy:
            price = str(_LEGACY_GAS_PRICE)
            arguments += ["--block-base-fee-per-gas", "0", "--gas-price", price]
        return arguments

    async def _answers(self) -> bool:
        try:
            return int(await self.ask("eth_chainId"), 16) == self._parameters.number("chain_id")
        except httpx2.TransportError:
            return False

    async def _prepare_outside(self) -> None:
        """The outside wallet's key lies beside the chain's state: both are of this chain only."""
        path = self._data_dir / "outside.key"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        account: LocalAccount = Account.from_key(path.read_text())
        self._outside = account
        if int(await self.ask("eth_blockNumber"), 16) == 0:
            await self.ask("anvil_setBalance", account.address, hex(_OUTSIDE_WEALTH))
            await self.mine()
