"""A short life of a house on a real engine: the real signer, custody and its workers.

What it leaves behind is what the golden files are made of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr
from sqlalchemy import func, select

from chains.devnet.node import DevNode
from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key, revoke_key
from custody.bootstrap import open_custody
from custody.config import Settings
from custody.db.feed_tables import UnsequencedRow
from custody.db.migrate import upgrade
from custody.db.tables import BlockRow, DepositRow
from custody.db.transfer_tables import MandateRow, TransferRow
from custody.devnet.nodes import NODES
from custody.services import Services, make_services
from custody.transfers.mandates import stored_mandate
from custody.transfers.request import Idempotency, Output, TransferRequest
from custody.vaults.freezes import freeze, open_freezes, unfreeze
from custody.workers.workers import Workers
from signer.wire import Verdict
from tests.support.networks import find_network
from tests.support.signer import (
    ADA,
    BOB,
    Person,
    policy_document,
    prepare_state,
    rule,
    running_signer,
    sign_policy,
)
from tests.unit.custody.transfers.desk import ANYONE, Plain

ALIAS = "ethereum-local"
NETWORK = find_network(ALIAS)
COIN = 10**18
LARGE = 2 * COIN
"""From here on two of the treasury must agree."""
LIMIT_S = 110.0
REST_S = 0.3
"""Between two blocks."""


def policy() -> bytes:
    small = [{"asset": NETWORK.native.id, "amount": str(LARGE - 1)}]
    return policy_document(
        rule("small", per_transfer=small), rule("large", needs=[("treasury", 2)])
    )


async def live(folder: Path) -> None:
    """Leaves `folder`/custody.db and `folder`/state, the signer's directory, closed and at rest."""
    async with asyncio.timeout(LIMIT_S), AsyncExitStack() as stack:
        node = NODES[ALIAS](NETWORK, folder / "node")
        stack.push_async_callback(node.stop)
        await node.start()
        signer = stack.enter_context(running_signer(prepare_state(folder)))
        client = signer.client()
        await client.publish_policy(sign_policy(policy()))
        await client.close()
        url = f"sqlite+aiosqlite:///{folder / 'custody.db'}"
        await upgrade(url)
        settings = Settings(
            database_url=SecretStr(url),
            signer_socket=signer.socket,
            nodes=cast(Any, {ALIAS: node.url}),
            poll_interval_s=0.05,
            _env_file=None,  # type: ignore[call-arg]
        )
        async with working(settings, node) as services:
            await House(services, node).live()


@asynccontextmanager
async def working(settings: Settings, node: DevNode) -> AsyncIterator[Services]:
    """Custody with its workers, while blocks come: the next one when the last one was followed,
    because transfers are looked after at the tip alone."""

    async def produce(services: Services) -> None:
        newest, tip = select(func.max(BlockRow.height)), services.custody.adapters[NETWORK.id].tip
        while True:
            await node.mine()
            height = None
            while height is None or height < (await tip()).height:
                await asyncio.sleep(0.1)
                async with services.custody.database.read() as session:
                    height = await session.one(newest)
            await asyncio.sleep(REST_S)

    async with open_custody(settings) as custody:
        services = make_services(custody)
        workers = Workers(services)
        tasks = [asyncio.create_task(workers.run()), asyncio.create_task(produce(services))]
        try:
            yield services
        finally:
            workers.stop()
            tasks[1].cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)


class House:
    """One client with one vault."""

    def __init__(self, services: Services, node: DevNode) -> None:
        self._services = services
        self._database = services.custody.database
        self._clock = services.custody.clock
        self._node = node
        self._vault = ""
        self._asked = 0

    async def live(self) -> None:
        """At least one row of everything that happens on this network."""
        await self._move_in()
        paid = await self._ask(COIN)
        agreed = await self._ask(LARGE)
        for person in (ADA, BOB):
            await self._decide(agreed, person)
        rejected = await self._ask(LARGE)
        await self._decide(rejected, ADA, Verdict.REJECT)
        called_off = await self._ask(LARGE)
        await self._services.transfers.cancel(called_off, ANYONE)
        await self._ask(LARGE)  # waits for ever
        await self._until_in({paid: "final", agreed: "final"})
        await self._services.reconciliation.run()
        await self._look_after()
        await self._until(self._all_is_numbered)

    async def _move_in(self) -> None:
        vaults = self._services.vaults
        client = await vaults.create_client("Example Ltd")
        self._vault = (await vaults.create_vault(client.id, "Treasury")).id
        (row,) = await vaults.create_addresses(self._vault, NETWORK.id)
        await self._node.fund(Address(row.address), 100 * COIN)

        async def credited() -> bool:
            async with self._database.read() as session:
                return "credited" in await session.all(select(DepositRow.state))

        await self._until(credited)

    async def _ask(self, amount: int) -> str:
        self._asked += 1
        to = await self._node.outside_address()
        request = TransferRequest(self._vault, NETWORK.id, NETWORK.native.id, (Output(to, amount),))
        key = Idempotency("POST /v1/transfers", f"key-{self._asked}", f"{to} {amount}".encode())
        answer = await self._services.transfers.create(request, ANYONE, key, Plain())
        assert answer.status == 201, answer
        return answer.body.decode()

    async def _decide(
        self, transfer: str, person: Person, verdict: Verdict = Verdict.APPROVE
    ) -> None:
        async with self._database.read() as session:
            (terms,) = await session.all(
                select(MandateRow).where(MandateRow.transfer_id == transfer)
            )
        signature = person.approve(stored_mandate(terms), verdict).signature
        await self._services.approvals.submit(transfer, ANYONE, person.name, verdict, signature)

    async def _look_after(self) -> None:
        """What people do beside: keys, a freeze and its end, an alarm and its end."""
        now = self._clock()
        async with self._database.write() as session:
            made = [
                await create_key(
                    session,
                    name=name,
                    initiator="robot",
                    scopes=list(Scope),
                    client_id=None,
                    now=now,
                )
                for name in ("desk", "old")
            ]
            await revoke_key(session, made[1].id, now)
            await freeze(session, [self._vault], "a look at it", now, by="ada")
            words = "for a while"
            await raise_alarm(session, AlarmCode.REORG_TOO_DEEP, words, now, vault=self._vault)
        async with self._database.write() as session:
            seen = {row.id for row in await open_freezes(session, self._vault)}
            await unfreeze(session, self._vault, "looked", now, by="ada", seen=seen)
            await clear_alarm(session, AlarmCode.REORG_TOO_DEEP, now, vault=self._vault)

    async def _until_in(self, states: dict[str, str]) -> None:
        async def are_there() -> bool:
            async with self._database.read() as session:
                rows = [await session.get(TransferRow, each) for each in states]
            return [row.state for row in rows if row is not None] == list(states.values())

        await self._until(are_there)

    async def _all_is_numbered(self) -> bool:
        async with self._database.read() as session:
            return not await session.all(select(UnsequencedRow.seq))

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        while not await holds():  # noqa: ASYNC110 - it happens in other tasks and processes
            await asyncio.sleep(0.05)
