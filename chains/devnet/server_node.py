"""A local network whose engine is a server of ours, in a process of its own.

Verbs reach the server directly, adapters through the fault proxy.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Final

import httpx2

import chains
from chains.devnet.faults import BehindProxy
from chains.devnet.process import EngineProcess, on_free_port
from chains.networks import Network


class ServerNode(BehindProxy, ABC):
    """The chain lives in `data_dir` and survives `stop`; transactions that wait for a block do
    not. `_program`: the server's module; `_settings`: its options beyond where and which chain."""

    capable_of_restart: Final = True
    _program: ClassVar[str]
    _settings: ClassVar[tuple[str, ...]]
    _announces: ClassVar[bool] = False

    def __init__(self, network: Network, data_dir: Path) -> None:
        self.network = network.id
        self.url = self.push = ""
        self._genesis = network.text("genesis")
        self._native = network.native.id
        self._data_dir = data_dir
        self._process: EngineProcess | None = None
        self._http: httpx2.AsyncClient | None = None

    async def start(self) -> None:
        await on_free_port(self._start_on, self.stop)

    async def stop(self) -> None:
        await self._close_proxy()
        if self._http is not None:
            await self._http.aclose()
            self._http = None
        if self._process is not None:
            await self._process.stop()
            self._process = None

    async def _start_on(self, port: int) -> None:
        engine_url = f"http://127.0.0.1:{port}"
        self._process = self._server(port)
        self._http = httpx2.AsyncClient(base_url=engine_url, timeout=60.0)
        self._process.start()
        await self._process.wait_ready(self._answers)
        self.url = await self._open_proxy(engine_url)
        if self._announces:
            self.push = f"ws://127.0.0.1:{port}"

    @property
    def _client(self) -> httpx2.AsyncClient:
        assert self._http is not None, "not started"
        return self._http

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether the server is ready; may raise NodeUnavailable while it is not."""

    def _server(self, port: int) -> EngineProcess:
        where = ("--port", str(port), "--data-dir", str(self._data_dir.absolute()))
        chain = ("--genesis", self._genesis, *self._settings)
        return EngineProcess(
            [sys.executable, "-m", self._program, *where, *chain],
            self._data_dir / "server.log",
            working_dir=Path(str(chains.__file__)).parents[1],
        )
