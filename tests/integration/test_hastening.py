"""The operator's rule pays more for what no block takes, on real engines and with the signer's
process: up to what was agreed to, and up to what a day may cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import select

from chains.bitcoin.node import NodeView
from chains.costs import CostKind
from chains.devnet.bitcoin import BitcoinNode
from chains.devnet.evm import AnvilNode
from custody.alarms.codes import AlarmCode
from custody.bootstrap import open_custody
from custody.config import Settings
from custody.db.tables import AlarmRow
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.services import Services, make_services
from custody.transactions import repository as transactions
from custody.transactions.feecaps.service import Standing, set_cap, standings
from custody.transfers.request import Idempotency, Output, TransferRequest
from tests.integration.test_collecting import contest, fees_of, pooled
from tests.integration.test_restore_drill import CALLER, Drill, funded, until
from tests.support.networks import find_network
from tests.unit.custody.transfers.desk import Plain

COINS, ACCOUNT = "bitcoin-regtest", "ethereum-local"
BOUNDS = (300, 50_000, 50_000)
"""Satoshi for each one's share. Three share some 200 vbytes, for which the node wants a satoshi
more each time."""
RATE = 2_000
GAS_LIMIT = 30_000_000
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


class Hastened(Drill):
    def settings(self) -> Settings:
        rule = {"speed_up_after_blocks": {self.alias: 1}}
        window = {"collect_for": {self.alias: 1}} if self.alias == COINS else {}
        return super().settings().model_copy(update=rule | window)

    async def request(self, services: Services, key: str, fee_max: int | None) -> str:
        amount, to = (100 + len(self.asked)) * self.unit, await self.node.outside_address()
        self.asked[key] = amount, to
        network = find_network(self.alias)
        request = TransferRequest(
            self.vault, network.id, network.native.id, (Output(to, amount),), fee_max=fee_max
        )
        idempotency = Idempotency("POST /v1/transfers", key, f"{to} {amount}".encode())
        return (
            await services.transfers.create(request, CALLER, idempotency, Plain())
        ).body.decode()

    async def passed_over(self, services: Services) -> None:
        """A block that takes nothing from the pool, and that custody has read."""
        if isinstance(self.node, BitcoinNode):
            await self.node._ask("generateblock", await self.node.outside_address(), [])
            height = await self.node._ask("getblockcount")
        else:
            node = cast(AnvilNode, self.node)
            await node.ask("evm_setBlockGasLimit", hex(20_000))
            await node.mine()
            await node.ask("evm_setBlockGasLimit", hex(GAS_LIMIT))
            height = int(await node.ask("eth_blockNumber"), 16)

        async def is_read() -> bool:
            async with services.custody.database.read() as session:
                read = await transactions.newest_height(session, find_network(self.alias).id)
            return read is not None and read >= height

        await until(is_read)

    async def pool(self) -> set[str]:
        if isinstance(self.node, BitcoinNode):
            return await pooled(self)
        found = await cast(AnvilNode, self.node).ask("txpool_content")
        senders = found["pending"].values()
        return {each["hash"] for numbers in senders for each in numbers.values()}

    async def stands(self, services: Services, ids: Sequence[str], number: int) -> TransactionRow:
        """Once so many transactions have been made for them, and the node has the newest."""

        async def is_there() -> bool:
            rows = [await signed(services, each) for each in ids]
            return all(len(each) == number for each in rows) and await self.pool() == {
                rows[0][-1].txid
            }

        await until(is_there)
        return (await signed(services, ids[0]))[-1]

    async def hastened(self, services: Services, ids: Sequence[str], stopped: str) -> int:
        """Blocks pass it over until nothing more is paid for it; how many transactions there are
        then. `stopped`: for what it waits then."""
        number = 1
        while True:
            await self.stands(services, ids, number)
            await self.passed_over(services)
            await until(partial(goes_on, services, ids, stopped, number))
            if len(await signed(services, ids[0])) == number:
                break
            number += 1
        for _ in range(3):
            await self.passed_over(services)
        await self.stands(services, ids, number)
        return number


async def signed(services: Services, transfer: str) -> list[TransactionRow]:
    """Without one that is about to be built, and may not be."""
    return [row for row in await contest(services, transfer) if row.txid is not None]


async def transfers(services: Services, ids: Sequence[str]) -> list[TransferRow]:
    async with services.custody.database.read() as session:
        rows = [await session.get(TransferRow, each) for each in ids]
    return [row for row in rows if row is not None]


async def goes_on(services: Services, ids: Sequence[str], stopped: str, number: int) -> bool:
    """More was paid, or will not be."""
    rows = [await signed(services, each) for each in ids]
    said = {row.waiting for row in await transfers(services, ids)}
    return said == {stopped} or all(len(each) > number for each in rows)


@pytest_asyncio.fixture
async def drill(
    request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hastened]:
    async def rate(*_: Any, **__: Any) -> int:
        return RATE

    monkeypatch.setattr(NodeView, "fee_rate", rate)
    async with funded(request.param, folder, Hastened) as made:
        assert isinstance(made, Hastened)
        yield made


async def all_final(drill: Hastened, services: Services, ids: Sequence[str]) -> TransactionRow:
    """Blocks take what waits: one transaction is final, the others never will be. Each payee has
    its amount, by the node."""
    drill.at_rest = False
    await until(lambda: drill.all_in(services, "final", ids))
    assert await drill.received() == drill.amounts(*drill.asked)
    every = [{row.id: row.state for row in await signed(services, each)} for each in ids]
    assert all(each == every[0] for each in every)
    assert sorted(every[0].values()) == ["dead"] * (len(every[0]) - 1) + ["final"]
    (paid,) = [row for row in await signed(services, ids[0]) if row.state == "final"]
    drill.at_rest = True

    async def is_clean() -> bool:
        return (await services.reconciliation.run()).is_clean

    await until(is_clean)
    return paid


@pytest.mark.parametrize("drill", [COINS], indirect=True)
async def test_what_several_share_is_sped_up_as_far_as_each_one_s_bound(drill: Hastened) -> None:
    node, native = cast(BitcoinNode, drill.node), find_network(COINS).native.id
    async with open_custody(drill.settings()) as custody:
        asked = [
            await drill.request(make_services(custody), f"share-{n}", bound)
            for n, bound in enumerate(BOUNDS)
        ]  # before anybody works at them: so all go together
    async with drill.living() as services:
        number = await drill.hastened(services, asked, "fee_above_maximum")
        rows = await signed(services, asked[0])
        assert number == len(rows) >= 3, "more than once"
        assert [row.replaces for row in rows] == [None, *(row.id for row in rows[:-1])]
        (last,) = await drill.pool()
        entry = await node._ask("getmempoolentry", last)
        fee, size = round(entry["fees"]["base"] * 10**8), entry["vsize"]
        most = len(asked) * min(BOUNDS)
        assert fee <= most < fee + size + len(asked), "the next step is a satoshi for each vbyte"
        paid = await all_final(drill, services, asked)
        assert (paid.txid, (paid.costs or {})[native, CostKind.FEE]) == (last, fee)
        shares = [await fees_of(services, each) for each in asked]
        assert sum(shares) == fee and max(shares) - min(shares) <= 1
        assert all(share <= bound for share, bound in zip(shares, BOUNDS, strict=True))


async def cap(drill: Hastened, services: Services, amount: int | None) -> Standing:
    """As the operator's command does it."""
    async with services.custody.database.write() as session:
        network = find_network(drill.alias).id
        now = services.custody.clock()
        return await set_cap(session, drill.vault, network, amount, "a test", now, by="olivia")


async def used(drill: Hastened, services: Services) -> int:
    async with services.custody.database.read() as session:
        (standing,) = await standings(session, drill.vault)
    return standing.used


async def is_told(services: Services) -> bool:
    async with services.custody.database.read() as session:
        codes = await session.all(select(AlarmRow.code).where(AlarmRow.cleared_at.is_(None)))
    return AlarmCode.FEE_CAP_REACHED in codes


@pytest.mark.parametrize("drill", [ACCOUNT], indirect=True)
async def test_the_rule_pays_more_up_to_the_cap_of_a_day_and_on_when_it_is_lifted(
    drill: Hastened,
) -> None:
    async with drill.living() as services:
        asked = [await drill.request(services, "capped", None)]
        await drill.stands(services, asked, 1)
        first = (await cap(drill, services, None)).used
        room = (await cap(drill, services, first * 5 // 4)).cap.amount
        assert room is not None and not await is_told(services)
        number = await drill.hastened(services, asked, "fee_cap_reached")
        assert number >= 3, "each step is a tenth"
        assert await is_told(services)
        held = await used(drill, services)
        assert first < held <= room < held * 11 // 10 + 1, "and a tenth more is above it"
        await cap(drill, services, 2 * room)
        assert not await is_told(services)
        last = await drill.stands(services, asked, number + 1)  # at once: no block has come
        paid = await all_final(drill, services, asked)
        assert paid.txid == last.txid
        cost = sum((paid.costs or {}).values())
        assert await used(drill, services) == cost <= 2 * room
