"""Custody's own parts around a fake chain and a fake signer, wired as the real ones are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from chains.model import Address, AssetId, TxId
from chains.networks import Network
from chains.nodes.witnesses import Witnesses
from custody.alarms import repository as alarm_queries
from custody.db.session import Database
from custody.db.tables import (
    AddressRow,
    AlarmRow,
    CoinRow,
    DepositRow,
    LedgerEntryRow,
    VaultRow,
)
from custody.deposits.minimums import NONE, Minimums
from custody.following.follow import NetworkFollower, Step
from custody.following.readings import Range
from custody.following.writer import BlockWriter
from custody.ledger import repository as ledger_queries
from custody.ledger.repository import Balance
from custody.ledger.service import Ledger
from custody.reconcile.report import Report
from custody.reconcile.service import Reconciliation
from custody.vaults.service import Vaults
from tests.support.fakes import FakeAdapter, FakeNode, FakeSigner
from tests.support.networks import find_network


@dataclass
class Clock:
    """Time that passes only when told to."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class World:
    """One network, one client, as many vaults as a test makes."""

    database: Database
    alias: str | Network = "bitcoin-regtest"
    seed: int = 0
    start_height: int | None = None
    clock: Clock = field(default_factory=Clock)
    witnesses: Witnesses | None = None
    minimums: Minimums = field(default_factory=lambda: NONE)

    def __post_init__(self) -> None:
        self.network: Network = (
            self.alias if isinstance(self.alias, Network) else find_network(self.alias)
        )
        self.node = FakeNode(self.network, self.seed)
        self.adapter = FakeAdapter(self.node)
        self.signer = self.open_signer()
        self.ledger = Ledger(self.clock)
        self.writer = BlockWriter(self.ledger, self.clock, self.minimums)
        codecs = {self.network.id: self.adapter.codec}
        self.vaults = Vaults(self.database, self.signer, codecs, self.clock)
        self.restart()

    def open_signer(self) -> FakeSigner:
        return FakeSigner(self.seed, clock=self.clock)

    @property
    def native(self) -> AssetId:
        return self.network.native.id

    def restart(self) -> None:
        """As after a crash: everything in memory is gone."""
        self.follower = NetworkFollower(
            self.database,
            self.writer,
            self.network,
            self.adapter,
            self.clock,
            start_height=self.start_height,
            witnesses=self.witnesses,
        )

    async def new_vault(self) -> VaultRow:
        client = await self.vaults.create_client("Client")
        return await self.vaults.create_vault(client.id, "Vault")

    async def new_address(self, vault: VaultRow, *, change: bool = False) -> AddressRow:
        return (await self.vaults.create_addresses(vault.id, self.network.id, change=change))[0]

    async def pay(self, address: AddressRow, amount: int, *, mature: int = 0) -> TxId:
        """Somebody outside pays an address of ours; not in a block yet."""
        return await self.node.fund(Address(address.address), amount, mature=mature)

    async def follow(self) -> list[Step]:
        """Steps until the follower stands at the tip."""
        steps = [await self.follower.step()]
        while not steps[-1].at_tip:
            assert len(steps) < 200, "the follower goes round in circles"
            steps.append(await self.follower.step())
        return steps

    async def balance(self, vault: VaultRow) -> Balance:
        async with self.database.read() as session:
            balances = await ledger_queries.balances_of_vault(session, vault.id)
        return next((each for each in balances if each.asset == self.native), Balance(self.native))

    async def all_deposits(self) -> Sequence[DepositRow]:
        async with self.database.read() as session:
            return await session.all(select(DepositRow).order_by(DepositRow.id))

    async def deposit_states(self) -> list[tuple[int, str]]:
        return [(row.amount, row.state) for row in await self.all_deposits()]

    async def coins(self) -> dict[int, int | None]:
        """The height at which each coin was spent, by amount."""
        async with self.database.read() as session:
            rows = await session.all(select(CoinRow))
        return {row.amount: row.spent_height for row in rows}

    async def alarms(self) -> list[str]:
        async with self.database.read() as session:
            return list(await session.all(select(AlarmRow.code).order_by(AlarmRow.id)))

    async def open_alarms(self) -> Sequence[AlarmRow]:
        """Of this world's network."""
        async with self.database.read() as session:
            rows = await alarm_queries.alarms(session)
        return [row for row in rows if row.network in (None, self.network.id)]

    async def entries(self) -> list[tuple[str, int]]:
        async with self.database.read() as session:
            rows = await session.all(select(LedgerEntryRow).order_by(LedgerEntryRow.id))
        return [(row.kind, row.amount) for row in rows]

    async def frozen(self, vault: VaultRow) -> str | None:
        async with self.database.read() as session:
            row = await session.get(VaultRow, vault.id)
        assert row is not None
        return row.frozen_reason

    async def addresses(self, vault: VaultRow) -> Sequence[AddressRow]:
        async with self.database.read() as session:
            mine = select(AddressRow).where(AddressRow.vault_id == vault.id)
            return await session.all(mine.order_by(AddressRow.seq))

    async def reconcile(
        self,
        *,
        patience_s: float = 1.0,
        vault_timeout_s: float = 600,
        vault: str | None = None,
    ) -> Report:
        service = Reconciliation(
            self.database,
            self.ledger,
            {self.network.id: self.network},
            {self.network.id: self.adapter},
            self.clock,
            patience_s=patience_s,
            vault_timeout_s=vault_timeout_s,
        )
        return await service.run(vault=vault)


def without_hashes(found: Sequence[Range]) -> list[Range]:
    """For tests of heights and means."""
    return [Range(each.first, each.last, each.reading) for each in found]
