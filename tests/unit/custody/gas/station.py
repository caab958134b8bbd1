"""A house with a gas station: a vault with tokens and no coin, and one of another client that pays
for coins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import select

from chains.model import Address, AssetId
from custody.alarms.codes import AlarmCode
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.db.gas_tables import GasNeedRow, GasRuleRow, GasTopUpRow
from custody.db.session import Database
from custody.db.tables import AddressRow, LedgerAccountRow, LedgerEntryRow, VaultRow
from custody.db.transfer_tables import TransferRow
from custody.gas.model import Bearer
from custody.gas.service import NewRule, set_rule
from custody.gas.station import GasStation
from custody.ledger.model import gas_account
from custody.transfers.request import Answer, Estimate, Idempotency, Output, TransferRequest
from tests.unit.custody.transfers.desk import ANYONE, Desk, Plain

NETWORK = "ethereum"
TOKEN = AssetId("eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
TOKENS, STOCK = 5_000, 10**19
BOUND = 10**16
"""What a payment of tokens may cost."""


class House:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.desk = Desk(database, NETWORK)
        self.hot: VaultRow
        self.payer: VaultRow
        self.key = ""
        self.asked = 0

    @classmethod
    async def opened(cls, database: Database, stock: int = STOCK) -> Self:
        """`hot`: what has tokens and no coin; `payer`: a house vault with `stock`."""
        house = cls(database)
        desk = house.desk
        house.payer = await desk.open_funded(stock)
        house.hot = await desk.new_vault()
        address = await desk.new_address(house.hot)
        await house.give(address, TOKENS)
        house.key = await house.new_key()
        return house

    async def new_key(self, *, initiator: str = "robot", scope: Scope = Scope.TRANSFER) -> str:
        async with self.database.write() as session:
            made = await create_key(
                session,
                name="gas",
                initiator=initiator,
                scopes=[scope],
                client_id=None,
                now=self.desk.clock(),
            )
        return made.id

    async def give(self, address: AddressRow, units: int, asset: AssetId = TOKEN) -> None:
        """Somebody outside pays; until it is credited."""
        await self.desk.node.fund(Address(address.address), units, asset=asset)
        await self.mined()

    async def mined(self) -> None:
        desk = self.desk
        await desk.node.mine(3)
        await desk.node.finalize()
        await desk.follow()

    async def rule(
        self,
        *,
        payer: str | None = None,
        each: int = BOUND,
        day: int = 10 * BOUND,
        bears: Bearer = Bearer.HOUSE,
        key: str | None = None,
        client: str | None = None,
    ) -> GasRuleRow:
        new = NewRule(payer or self.payer.id, each, day, bears, key or self.key)
        return await self.set(new, client)

    async def set(self, new: NewRule | None, client: str | None = None) -> GasRuleRow:
        desk = self.desk
        async with self.database.write() as session:
            return await set_rule(
                session, desk.network, client, new, "tokens", desk.clock(), by="olivia"
            )

    async def wanted(self, units: int | None, **more: Any) -> TransferRequest:
        """A payment out of the hot vault."""
        to = more.pop("to", None) or await self.desk.outside()
        more.setdefault("fee_max", BOUND)
        return TransferRequest(
            vault_id=more.pop("vault", self.hot.id),
            network=self.desk.network.id,
            asset=more.pop("asset", TOKEN),
            outputs=(Output(to, units),),
            **more,
        )

    async def estimate(self, units: int | None, **more: Any) -> Estimate:
        request = await self.wanted(units, **more)
        return await self.desk.services.transfers.estimate(request, ANYONE)

    async def ask(self, units: int | None, **more: Any) -> Answer:
        self.asked += 1
        request = await self.wanted(units, **more)
        key = Idempotency("test", f"tokens-{self.asked}", f"{self.asked}".encode())
        return await self.desk.services.transfers.create(request, ANYONE, key, Plain())

    async def send(self, units: int | None = 100, **more: Any) -> str:
        answer = await self.ask(units, **more)
        assert answer.status == 201, answer
        return answer.body.decode()

    def station(self) -> GasStation:
        desk = self.desk
        adapters = {desk.network.id: desk.adapter}
        return GasStation(self.database, desk.ledger, desk.services.transfers, adapters, desk.clock)

    async def step(self) -> None:
        await self.station().step()

    async def settle(self, *transfers: str) -> None:
        """The station, workers and blocks, until these have ended."""
        states: list[str] = []
        for _ in range(12):
            await self.step()
            await self.desk.work()
            await self.mined()
            states = [await self.desk.state(each) for each in transfers]
            if all(state in ("final", "failed") for state in states):
                await self.step()
                return
        raise AssertionError(f"still {states}")

    async def settle_top_ups(self) -> None:
        for row in await self.top_ups():
            if row.transfer_id is not None:
                await self.desk.settle(row.transfer_id)

    async def needs(self) -> list[tuple[str, int, str]]:
        async with self.database.read() as session:
            rows = await session.all(select(GasNeedRow).order_by(GasNeedRow.created_at))
        return [(row.transfer_id, row.version, row.state) for row in rows]

    async def top_ups(self) -> Sequence[GasTopUpRow]:
        async with self.database.read() as session:
            return await session.all(
                select(GasTopUpRow).order_by(GasTopUpRow.address, GasTopUpRow.number)
            )

    async def states(self) -> list[tuple[int, str, str | None]]:
        return [(row.amount, row.state, row.code) for row in await self.top_ups()]

    async def gas_transfers(self) -> list[TransferRow]:
        async with self.database.read() as session:
            mine = select(TransferRow).where(TransferRow.kind.startswith("gas"))
            return list(await session.all(mine.order_by(TransferRow.serial)))

    async def has(self, vault: VaultRow | None = None) -> int:
        return (await self.desk.balance(vault or self.hot)).available

    async def claim(self, vault: VaultRow) -> int:
        """What others owe it for gas; below zero what it owes."""
        wanted = gas_account(vault.id, self.desk.native).id
        async with self.database.read() as session:
            row = await session.get(LedgerAccountRow, wanted)
        return 0 if row is None else row.credits_posted - row.debits_posted

    async def booked(self, transfer: str) -> list[tuple[str, str, int]]:
        async with self.database.read() as session:
            mine = select(LedgerEntryRow).where(LedgerEntryRow.subject == transfer)
            rows = await session.all(mine.order_by(LedgerEntryRow.id))
        return [(row.kind, row.reason, row.amount) for row in rows]

    async def gas_short(self) -> str | None:
        rows = [a for a in await self.desk.open_alarms() if a.code == AlarmCode.GAS_SHORT]
        assert all(row.vault_id == self.hot.id for row in rows)
        return rows[0].message if rows else None
