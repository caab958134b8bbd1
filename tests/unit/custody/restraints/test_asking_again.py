"""What issuers stopped is asked about again, a bounded number at a time: all have their turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import pytest
from sqlalchemy import select

from chains.adapter import ChainAdapter
from chains.balances import Restrained
from chains.catalogue import built_in
from chains.errors import BalanceFrozen, ChainError, NodeUnavailable
from chains.model import Address, AssetId
from custody.db.restraint_tables import RestraintRow
from custody.db.session import Database
from custody.db.tables import AddressRow, VaultRow
from custody.db.transfer_tables import TransferRow
from custody.restraints import service
from custody.restraints.service import AskAgain, ask
from custody.transfers.state import State
from tests.support.custody import World
from tests.support.networks import find_network
from tests.support.rows import token_row

MOST = 2
NETWORK = find_network("ethereum-local")
TOKENS = tuple(
    AssetId(f"{NETWORK.id}/erc20:{contract}")
    for contract in (
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    )
)


class Issuer:
    """Implements `TellsRestraints`: `frozen` addresses, and tokens that no node answers for."""

    def __init__(self) -> None:
        self.asked: list[Address] = []
        self.frozen: set[Address] = set()
        self.silent: set[AssetId] = set()

    async def restrained(
        self, addresses: Sequence[Address], asset: AssetId
    ) -> Mapping[Address, Restrained]:
        if asset in self.silent:
            raise NodeUnavailable("nothing is said about it")
        self.asked += addresses
        return {
            each: Restrained(5, BalanceFrozen.code) for each in addresses if each in self.frozen
        }


class House(World):
    def __post_init__(self) -> None:
        rows = [token_row(id=each, traits=["blacklist"]) for each in TOKENS]
        self.alias = built_in().with_rows([], rows).networks[NETWORK.id]
        super().__post_init__()
        self.issuer = Issuer()
        self.again = AskAgain(
            self.database, self.network, cast(ChainAdapter, self.issuer), self.clock
        )

    async def waits(self, vault: VaultRow, number: int, asset: AssetId = TOKENS[0]) -> None:
        """A transfer has met an issuer's word."""
        now = self.clock()
        row = {
            "id": f"trf_{number:026}",
            "client_id": vault.client_id,
            "vault_id": vault.id,
            "network": self.network.id,
            "asset": asset,
            "destination": "0x" + 40 * "1",
            "amount": 1,
            "costs_max": 1,
            "initiator": "robot",
            "state": State.APPROVED.value,
            "version": 1,
            "waiting": BalanceFrozen.code,
            "requested_at": now,
            "updated_at": now,
        }
        async with self.database.write() as session:
            session.add(TransferRow(**row))

    async def step(self) -> set[Address]:
        """Whom it asked about."""
        self.issuer.asked.clear()
        self.clock.forward(seconds=15)
        await self.again.step()
        return set(self.issuer.asked)

    async def kept(self) -> set[Address]:
        async with self.database.read() as session:
            return {Address(each) for each in await session.all(select(RestraintRow.address))}


async def _crowd(world: House, vaults: int) -> list[AddressRow]:
    """Vaults with an address and a transfer that waits."""
    made = []
    for number in range(vaults):
        vault = await world.new_vault()
        made.append(await world.new_address(vault))
        await world.waits(vault, number)
    return made


@pytest.mark.parametrize("frozen", [True, False])
async def test_everybody_who_waits_has_a_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch, frozen: bool
):
    """Whatever is said of those who come first, so that they stay where they are."""
    monkeypatch.setattr(service, "AGAIN_MOST", MOST)
    world = House(database)
    crowd = {Address(each.address) for each in await _crowd(world, 2 * MOST + 1)}
    if frozen:
        world.issuer.frozen = crowd
    met = [await world.step() for _ in range(3)]
    assert set().union(*met) == crowd
    assert await world.kept() == (crowd if frozen else set())
    world.issuer.frozen = set()
    again = [await world.step() for _ in range(3)]
    assert set().union(*again) == crowd, "and another one, from the beginning"
    assert await world.kept() == set()


async def test_a_token_that_no_node_answers_for_keeps_no_other_waiting(database: Database):
    world = House(database)
    vault = await world.new_vault()
    address = Address((await world.new_address(vault)).address)
    for number, asset in enumerate(TOKENS):
        await world.waits(vault, number, asset)
    world.issuer.frozen = {address}
    world.issuer.silent = {TOKENS[0]}
    with pytest.raises(ChainError):
        await world.step()
    async with world.database.read() as session:
        rows = await session.all(select(RestraintRow))
    assert [(row.asset, row.address) for row in rows] == [(TOKENS[1], address)]


async def test_what_nobody_can_stop_costs_no_question(database: Database):
    world = House(database)
    pair = ("vlt_any", world.native, Address("0x" + 40 * "1"))
    await ask(database, world.network, cast(ChainAdapter, world.issuer), [pair], world.clock)
    assert world.issuer.asked == []
