"""The local TRON network as a node with verbs: our own server in a process of its own.

What the server does and does not do like java-tron stands in `chains.devnet.tron_server`. Verbs
reach it directly, adapters through the fault proxy. Its time is the chain's own: each block is
three seconds later than its parent, so that nothing expires while nobody mines.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import httpx2
from coincurve import PrivateKey

import chains
from chains.devnet.faults import BehindProxy
from chains.devnet.process import EngineProcess, free_port
from chains.errors import NodeUnavailable
from chains.model import Address, AssetId, TxId
from chains.networks import Network
from chains.tron.address import from_public_key, to_bytes

SOLID_AFTER: Final = 18
"""On the main network a block is solidified when 19 of the 27 witnesses stand on it."""


class TronNode(BehindProxy):
    """Implements `chains.devnet.node.DevNode`. The chain lives in `data_dir` and survives `stop`;
    transactions that wait for a block do not."""

    capable_of_restart: Final = True

    def __init__(self, network: Network, data_dir: Path) -> None:
        self.network = network.id
        self.url = ""
        self._genesis = network.text("genesis")
        self._native = network.native.id
        self._data_dir = data_dir
        self._process: EngineProcess | None = None
        self._http: httpx2.AsyncClient | None = None

    async def start(self) -> None:
        port = free_port()
        engine_url = f"http://127.0.0.1:{port}"
        self._process = self._server(port)
        self._http = httpx2.AsyncClient(base_url=engine_url, timeout=60.0)
        try:
            self._process.start()
            await self._process.wait_ready(self._answers)
            self.url = await self._open_proxy(engine_url)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        await self._close_proxy()
        if self._http is not None:
            await self._http.aclose()
            self._http = None
        if self._process is not None:
            await self._process.stop()
            self._process = None

    async def outside_address(self) -> Address:
        return from_public_key(PrivateKey().public_key.format())

    async def fund(self, address: Address, amount: int) -> TxId:
        answer = await self._ask("/devnet/fund", address=to_bytes(address).hex(), amount=amount)
        return TxId(answer["txid"])

    async def mine(self, blocks: int = 1) -> None:
        await self._ask("/devnet/mine", blocks=blocks)

    async def finalize(self) -> None:
        await self.mine(SOLID_AFTER)

    async def reorg(self, depth: int) -> None:
        """What the replaced blocks held waits again, as with java-tron."""
        await self._ask("/devnet/reorg", depth=depth)

    async def balance(self, address: Address) -> int:
        answer = await self._ask("/devnet/balance", address=to_bytes(address).hex())
        return int(answer["balance"])

    async def received(self, txid: TxId, address: Address, asset: AssetId) -> int:
        assert asset == self._native, asset
        answer = await self._ask("/devnet/received", address=to_bytes(address).hex(), txid=txid)
        return int(answer["amount"])

    def _server(self, port: int) -> EngineProcess:
        arguments = ["--port", str(port), "--data-dir", str(self._data_dir.absolute())]
        arguments += ["--genesis", self._genesis, "--solid-after", str(SOLID_AFTER)]
        return EngineProcess(
            [sys.executable, "-m", "chains.devnet.tron_server", *arguments],
            self._data_dir / "server.log",
            working_dir=Path(str(chains.__file__)).parents[1],
        )

    async def _answers(self) -> bool:
        await self._ask("/wallet/getchainparameters")
        return True

    async def _ask(self, path: str, **parameters: Any) -> Any:
        assert self._http is not None, "not started"
        try:
            answer = (await self._http.post(path, json=parameters)).json()
        except httpx2.RequestError as error:
            raise NodeUnavailable(f"{path}: {type(error).__name__}") from error
        if "Error" in answer:
            raise NodeUnavailable(f"{path}: {answer['Error']}")
        return answer
