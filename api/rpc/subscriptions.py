"""`eth_subscribe`: new blocks, and the logs in them, for one connection."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from api.rpc.heads import Head, Heads
from api.rpc.wallet import Wallet
from chains.evm.eip1193.faults import CHAIN_DISCONNECTED, LIMITED, RpcFault, invalid, unsupported
from chains.evm.eip1193.fields import listed
from chains.evm.eip1193.reads import filter_of

SUBSCRIPTIONS_MAX: Final = 16
"""Of one connection."""
_REMEMBERED: Final = 64
"""Blocks whose logs can be taken back."""

log = structlog.get_logger()

Tell = Callable[[dict[str, Any]], Awaitable[None]]


class Subscriptions:
    """Of one connection. `tell`: sends a notification. `start` what was subscribed once the answer
    with its id is on its way."""

    def __init__(self, heads: Heads, tell: Tell) -> None:
        self._heads = heads
        self._tell = tell
        self._running: dict[str, asyncio.Task[None]] = {}
        self._fresh: list[tuple[str, asyncio.Event]] = []
        self.overrun = asyncio.Event()
        """Something can't be told: the connection shall end, so that nothing is missed unseen."""

    @property
    def methods(self) -> Mapping[str, Any]:
        return {"eth_subscribe": self._subscribe, "eth_unsubscribe": self._unsubscribe}

    def start(self) -> None:
        for _, answered in self._fresh:
            answered.set()
        self._fresh.clear()

    async def close(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _subscribe(self, wallet: Wallet, params: Any) -> str:
        kind, *rest = listed(params, 1, 2)
        if len(self._running) >= SUBSCRIPTIONS_MAX:
            raise RpcFault(LIMITED, f"at most {SUBSCRIPTIONS_MAX} subscriptions of a connection")
        wanted = None
        if kind == "logs":
            wanted = _wanted(rest)
        elif kind != "newHeads":
            raise unsupported(f"{str(kind)[:64]}: subscribe to newHeads or logs")
        elif rest and rest[0] not in (None, {}):
            raise invalid("newHeads takes nothing beside it")
        named, answered = "0x" + secrets.token_hex(16), asyncio.Event()
        running = self._run(wallet, named, answered, wanted)
        self._running[named] = asyncio.create_task(running)
        self._fresh.append((named, answered))
        return named

    async def _unsubscribe(self, wallet: Wallet, params: Any) -> bool:
        (named,) = listed(params, 1, 1)
        task = self._running.pop(named, None) if isinstance(named, str) else None
        if task is not None:
            task.cancel()
        return task is not None

    async def _run(
        self, wallet: Wallet, named: str, answered: asyncio.Event, wanted: dict[str, Any] | None
    ) -> None:
        logs: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        try:
            with self._heads.listening() as listener:
                await answered.wait()
                while (head := await listener.next()) is not None:
                    if wanted is None:
                        found = [] if head.removed else [dict(head.header)]
                    else:
                        found = await _logs(wallet, wanted, head, logs)
                    for each in found:
                        await self._tell(_notification(named, each))
        except RpcFault:
            log.info("subscription_ended")
        self.overrun.set()


def _wanted(rest: list[Any]) -> dict[str, Any]:
    """Raises RpcFault. All logs of all contracts are nobody's wish."""
    found = filter_of(rest[0] if rest else None)
    if found.keys() - {"address", "topics"}:
        raise invalid("a subscription to logs has no range: blocks that come are looked at")
    if not found.get("address") and not any(found.get("topics") or ()):
        raise invalid("name an address or a topic")
    return found


async def _logs(
    wallet: Wallet,
    wanted: Mapping[str, Any],
    head: Head,
    seen: OrderedDict[str, list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    if head.removed:
        return [{**each, "removed": True} for each in reversed(seen.pop(head.hash, []))]
    found = await _patiently(wallet, {**wanted, "blockHash": head.hash})
    seen[head.hash] = found
    while len(seen) > _REMEMBERED:
        seen.popitem(last=False)
    return found


async def _patiently(wallet: Wallet, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """A node that is away for a moment shall cost nobody a log. A block that it does not know any
    more has none."""
    for delay in (0.2, 1.0, 3.0):
        try:
            found = await wallet.node("eth_getLogs", [asked])
        except RpcFault as fault:
            if fault.code not in (LIMITED, CHAIN_DISCONNECTED):
                return []
            await asyncio.sleep(delay)
        else:
            return list(found) if isinstance(found, list) else []
    raise RpcFault(CHAIN_DISCONNECTED, "the network's node gives no answer")


def _notification(named: str, value: Any) -> dict[str, Any]:
    params = {"subscription": named, "result": value}
    return {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
