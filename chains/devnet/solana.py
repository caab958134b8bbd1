"""The local Solana cluster as a node with verbs: our own server in a process of its own.

What the server does and does not do like a validator stands in `chains.devnet.solana_server`. Verbs
reach it directly, adapters through the fault proxy.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import httpx2
from solders.keypair import Keypair

import chains
from chains.devnet.faults import BehindProxy
from chains.devnet.process import EngineProcess, free_port
from chains.errors import NodeUnavailable
from chains.model import Address, AssetId, TxId
from chains.networks import Network

FINAL_AFTER: Final = 8
"""Blocks on top of a final one: few, so that tests need not make many. A main network block is
final with 31 on top."""


class SolanaNode(BehindProxy):
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
        return Address(str(Keypair().pubkey()))

    async def fund(self, address: Address, amount: int) -> TxId:
        """Refused if `amount` can't open the account (`getMinimumBalanceForRentExemption`)."""
        return TxId(await self._tell("fund", address=address, lamports=amount))

    async def mine(self, blocks: int = 1, *, skip: int = 0) -> None:
        """`skip`: slots without a block before each."""
        await self._tell("mine", blocks=blocks, skip=skip)

    async def finalize(self) -> None:
        await self.mine(FINAL_AFTER)

    async def reorg(self, depth: int) -> None:
        """The slots of the replaced blocks are skipped on the new fork, and their transactions are
        gone until somebody sends them again. Refused where it would undo a final block."""
        await self._tell("reorg", depth=depth)

    async def balance(self, address: Address) -> int:
        return int(await self._tell("balance", address=address))

    async def received(self, txid: TxId, address: Address, asset: AssetId) -> int:
        assert asset == self._native, asset
        return int(await self._tell("received", signature=txid, address=address))

    def _server(self, port: int) -> EngineProcess:
        arguments = ["--port", str(port), "--data-dir", str(self._data_dir.absolute())]
        arguments += ["--genesis", self._genesis, "--final-after", str(FINAL_AFTER)]
        return EngineProcess(
            [sys.executable, "-m", "chains.devnet.solana_server", *arguments],
            self._data_dir / "server.log",
            working_dir=Path(str(chains.__file__)).parents[1],
        )

    async def _answers(self) -> bool:
        assert self._http is not None, "not started"
        try:
            return (await self._http.get("/health")).is_success
        except httpx2.TransportError:
            return False

    async def _tell(self, verb: str, **arguments: Any) -> Any:
        """A control verb. Raises NodeUnavailable if the server refuses or can't be reached."""
        assert self._http is not None, "not started"
        try:
            reply = (await self._http.post("/control", json={"verb": verb, **arguments})).json()
        except (httpx2.HTTPError, ValueError) as error:
            raise NodeUnavailable(f"{verb}: {type(error).__name__}") from error
        if "refused" in reply:
            raise NodeUnavailable(f"{verb}: {reply['refused']}")
        return reply["result"]
