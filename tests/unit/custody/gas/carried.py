"""A house whose gas station submits what vaults sign apart, on the chain in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from sqlalchemy import select

from custody.db.gas_tables import GasCarrierRow
from custody.db.session import Database
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.gas.model import Bearer
from custody.gas.service import NewRule
from custody.transfers.kinds import Kind
from tests.unit.custody.gas.station import BOUND, STOCK
from tests.unit.custody.gas.station import House as GasHouse

UNITS = 100
CALLS = {"scope": {"actions": ["transfer", "call"]}}


class House(GasHouse):
    """The vault `hot` has tokens and no coin, ever."""

    @classmethod
    async def opened(cls, database: Database, stock: int = STOCK) -> Self:
        house = await super().opened(database, stock)
        house.desk.use_policy(**CALLS)
        return house

    async def carries(
        self, bears: Bearer = Bearer.HOUSE, *, each: int = BOUND, day: int = 10 * BOUND
    ) -> None:
        await self.set(NewRule(self.payer.id, each, day, bears, self.key, carries=True))

    async def signed(self, units: int = UNITS) -> str:
        """A payment, as far as it is ours to bring: signed, and submitted by nobody yet."""
        asked = await self.send(units)
        await self.desk.run_outbox()
        assert (await self.payment(asked)).state == "signed"
        return asked

    async def payment(self, transfer: str) -> TransactionRow:
        return await self.desk.newest(transfer)

    async def carriers(self) -> Sequence[GasCarrierRow]:
        async with self.database.read() as session:
            row = GasCarrierRow
            return await session.all(select(row).order_by(row.transaction_id, row.number))

    async def calls(self) -> list[TransferRow]:
        async with self.database.read() as session:
            mine = select(TransferRow).where(TransferRow.kind.in_([Kind.CALL, Kind.CALL_CHARGED]))
            return list(await session.all(mine.order_by(TransferRow.serial)))

    async def told(self) -> list[tuple[str, str | None]]:
        return [(row.state, row.code) for row in await self.carriers()]
