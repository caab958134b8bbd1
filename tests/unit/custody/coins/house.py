"""A vault of coins with a rule, and what its planner did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import select

from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.coins.arranging import Arranging
from custody.coins.model import Consolidate, Keep
from custody.coins.service import NewRule, set_rule
from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow
from custody.db.session import Database
from custody.db.tables import CoinRow, VaultRow
from custody.db.transfer_tables import TransferRow
from custody.transfers.state import TERMINAL
from tests.unit.custody.transfers.desk import Desk

NETWORK = "bitcoin-regtest"
SMALL, LARGE, FEE = 10_000, 5_000_000, 1_000
"""What the network asks for (`prices`) is in this small chain the fee itself."""


class House:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.desk = Desk(database, NETWORK)
        self.vault: VaultRow
        self.own = ""
        self.key = ""

    @classmethod
    async def opened(cls, database: Database, *amounts: int) -> Self:
        """With a coin for each amount."""
        house = cls(database)
        desk = house.desk
        house.vault = await desk.open_funded(*amounts)
        house.own = (await desk.addresses(house.vault))[0].address
        desk.node.fee = FEE
        house.key = await house.new_key()
        return house

    async def new_key(self, *, initiator: str = "robot", scope: Scope = Scope.TRANSFER) -> str:
        async with self.database.write() as session:
            made = await create_key(
                session,
                name="coins",
                initiator=initiator,
                scopes=[scope],
                client_id=None,
                now=self.desk.clock(),
            )
        return made.id

    async def merge(self, **more: Any) -> CoinRuleRow:
        """A rule that consolidates."""
        rule = Consolidate(
            more.pop("coins_min", 5), more.pop("coins_most", 4), more.pop("rate_max", FEE)
        )
        return await self.set(NewRule(rule, more.pop("keep", None), more.pop("key", self.key)))

    async def keep(self, coins: int, size: int, rate_max: int = FEE, **more: Any) -> CoinRuleRow:
        """A rule that splits."""
        return await self.set(
            NewRule(None, Keep(coins, size, rate_max), more.pop("key", self.key)), **more
        )

    async def set(self, new: NewRule | None, **more: Any) -> CoinRuleRow:
        desk = self.desk
        network = more.pop("network", desk.network)
        async with self.database.write() as session:
            return await set_rule(
                session,
                more.pop("vault", self.vault.id),
                network,
                new,
                "payouts",
                desk.clock(),
                by="olivia",
            )

    def arranging(self) -> Arranging:
        desk = self.desk
        adapters = {desk.network.id: desk.adapter}
        return Arranging(self.database, desk.ledger, desk.services.transfers, adapters, desk.clock)

    async def step(self) -> None:
        await self.arranging().step()

    async def later(self, minutes: int = 120) -> None:
        self.desk.clock.forward(minutes=minutes)

    async def rows(self) -> Sequence[CoinMoveRow]:
        async with self.database.read() as session:
            return await session.all(select(CoinMoveRow).order_by(CoinMoveRow.number))

    async def outcomes(self) -> list[tuple[str, int, str, str | None]]:
        return [(row.kind, row.coins, row.state, row.code) for row in await self.rows()]

    async def transfers(self) -> list[TransferRow]:
        async with self.database.read() as session:
            mine = select(TransferRow).where(TransferRow.kind.in_(["consolidation", "splitting"]))
            return list(await session.all(mine.order_by(TransferRow.serial)))

    async def finish(self) -> None:
        """What is under way comes to its end, and is noted."""
        for row in await self.transfers():
            if row.state not in TERMINAL:
                await self.desk.settle(row.id)
        await self.step()

    async def coins(self) -> list[int]:
        """Unspent, the smallest first."""
        unspent = select(CoinRow.amount).where(CoinRow.spent_height.is_(None))
        async with self.database.read() as session:
            return sorted(await session.all(unspent.order_by(CoinRow.amount)))

    async def receive(self, *amounts: int) -> None:
        for amount in amounts:
            await self.desk.node.fund(Address(self.own), amount)
        await self.desk.node.mine()
        await self.desk.node.finalize()
        await self.desk.follow()

    async def told(self) -> str | None:
        rows = [a for a in await self.desk.open_alarms() if a.code == AlarmCode.COINS_FAIL]
        assert all(row.vault_id == self.vault.id for row in rows)
        return rows[0].message if rows else None
