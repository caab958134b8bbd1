"""New blocks of one network, announced by its nodes. Polling goes on beside it, as the safety net.

Which subscription a family's nodes have is a line here. A family without one is polled only.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chains.errors import NodeError
from chains.networks import Family
from chains.transport.endpoint import Endpoint
from chains.transport.push import websocket, zeromq
from chains.transport.waiting import backoff_delay


@dataclass(frozen=True, slots=True)
class Subscription:
    """`schemes`: of the URLs at which it is made."""

    schemes: frozenset[str]
    begin: Callable[[Endpoint], AsyncGenerator[None]]


_WEBSOCKET: Final = frozenset({"ws", "wss"})
SUBSCRIPTIONS: Final[Mapping[Family, Subscription]] = {
    Family("bitcoin"): Subscription(frozenset({"tcp"}), lambda node: zeromq(node, b"hashblock")),
    Family("evm"): Subscription(
        _WEBSOCKET, lambda node: websocket(node, "eth_subscribe", "newHeads")
    ),
    Family("solana"): Subscription(_WEBSOCKET, lambda node: websocket(node, "slotSubscribe")),
}


def wrong_push(family: Family, nodes: Sequence[Endpoint]) -> str:
    """Why a node's push URL is none of the family's, in one line; empty if all are."""
    known = SUBSCRIPTIONS[family].schemes if family in SUBSCRIPTIONS else frozenset[str]()
    for each in nodes:
        if each.push is not None and each.push_scheme not in known:
            may_be = " or ".join(f"{scheme}://" for scheme in sorted(known)) or "none at all"
            return f"the push URL of {each.name} must be {may_be} on this network"
    return ""


class Announcements:
    """Of the nodes of one network that have a push URL, which its family knows."""

    def __init__(
        self,
        family: Family,
        nodes: Sequence[Endpoint],
        *,
        delay_share: Callable[[], float] = random.random,
    ) -> None:
        self._nodes = [each for each in nodes if each.push is not None]
        self._subscription = SUBSCRIPTIONS.get(family)
        assert self._subscription is not None or not self._nodes
        self._delay_share = delay_share

    async def listen(
        self, heard: Callable[[], None], tell: Callable[[str, str | None], None]
    ) -> None:
        """Call `heard` at each announcement, until cancelled. A node that can't be heard is tried
        again, less and less often; `tell(node, reason)` says when that begins, and without a reason
        when it is over."""
        async with asyncio.TaskGroup() as group:
            for node in self._nodes:
                group.create_task(self._hear(node, heard, tell))

    async def _hear(
        self,
        node: Endpoint,
        heard: Callable[[], None],
        tell: Callable[[str, str | None], None],
    ) -> None:
        assert self._subscription is not None
        failures = 0
        while True:
            try:
                async for _ in self._subscription.begin(node):
                    if failures:
                        tell(node.name, None)
                    failures = 0
                    heard()
            except NodeError as error:
                failures += 1
                if failures == 1:
                    tell(node.name, str(error))
            await asyncio.sleep(backoff_delay(failures, self._delay_share()))
