"""Paid on a wrong network: what is ours there is watched, found, credited once and paid out; what
is not ours is refused by name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from chains.model import Address
from custody.db.adoption_tables import AdoptionRow
from custody.db.session import Database
from custody.db.tables import AddressRow, VaultRow
from custody.errors import CustodyError
from custody.following.rescan import Rescan, Rescanned
from custody.vaults.adopting import Adopting
from custody.vaults.service import Vaults
from signer.client import SignerRefused, SignerUnavailable
from signer.wire import RefusalCode
from tests.support.fakes import FakeSigner
from tests.support.interrupt import interrupt
from tests.unit.custody.transfers.desk import Desk


@dataclass
class Beside(Desk):
    """A desk of another network in the same house."""

    shared: FakeSigner | None = None

    def open_signer(self) -> FakeSigner:
        return self.shared or super().open_signer()


class House:
    """A vault with addresses on Ethereum alone, and BNB Smart Chain, where it has none."""

    def __init__(self, database: Database, meant: str = "ethereum-local") -> None:
        self.meant = Beside(database, meant)
        self.wrong = Beside(database, "bsc-local", shared=self.meant.signer)
        self.vault: VaultRow

    async def gave_out(self, count: int) -> AddressRow:
        """The newest of so many."""
        self.vault = await self.meant.new_vault()
        made = await self.meant.vaults.create_addresses(
            self.vault.id, self.meant.network.id, count, label="invoice 7"
        )
        return made[-1]

    async def there(self, given: AddressRow) -> Address:
        """The same key's address on the other network; nobody watches it."""
        codec = self.wrong.adapter.codec
        return codec.derive_address(given.public_key, self.wrong.network.address_types[0])

    async def wrongly_paid(self, given: AddressRow, amount: int) -> int:
        """The height."""
        await self.wrong.node.mine(2)
        await self.wrong.follow()
        await self.wrong.node.fund(await self.there(given), amount)
        await self.wrong.node.mine()
        height = (await self.wrong.adapter.tip()).height
        await self.wrong.node.mine(3)
        await self.wrong.node.finalize()
        await self.wrong.follow()
        assert await self.wrong.all_deposits() == []
        return height

    def adopting(self) -> Adopting:
        """A process's."""
        desk = self.wrong
        codecs = {desk.network.id: desk.adapter.codec}
        vaults = Vaults(desk.database, desk.signer, codecs, desk.clock)
        return Adopting(desk.database, desk.signer, vaults, desk.clock)

    async def adopt(self, given: AddressRow) -> AddressRow:
        meant, wrong = self.meant.adapter.codec, self.wrong.adapter.codec
        return await self.adopting().adopt(meant, given.address, wrong, "ticket 12", by="olivia")

    async def refused(self, given: AddressRow) -> CustodyError:
        """Nothing has changed."""
        before = await self.state()
        with pytest.raises(CustodyError) as error:
            await self.adopt(given)
        assert await self.state() == before
        return error.value

    async def rescan(self, height: int) -> Rescanned:
        desk = self.wrong
        service = Rescan(
            desk.database, desk.ledger, desk.network, desk.adapter, desk.clock, desk.minimums
        )
        return await service.blocks(height - 1, height)

    async def state(self) -> tuple[list[tuple[str, int]], list[str]]:
        async with self.wrong.database.read() as session:
            rows = await session.all(select(AddressRow).order_by(AddressRow.seq))
            adopted = await session.all(select(AdoptionRow.address_id))
        return [(row.network, row.position) for row in rows], list(adopted)


async def test_what_came_is_credited_once_and_paid_out(database: Database) -> None:
    house = House(database)
    given = await house.gave_out(1)
    height = await house.wrongly_paid(given, 900_000)
    row = await house.adopt(given)
    assert (row.vault_id, row.position, row.label) == (house.vault.id, 0, "invoice 7")
    assert row.public_key == given.public_key
    assert len((await house.rescan(height)).deposits) == 1
    assert await house.rescan(height) == Rescanned()
    await house.wrong.follow()
    assert await house.wrong.deposit_states() == [(900_000, "credited")]
    assert (await house.wrong.balance(house.vault)).available == 900_000
    paid = await house.wrong.settle(await house.wrong.send(house.vault, None))
    assert paid.state == "final"
    assert (await house.wrong.balance(house.vault)).available == 0
    assert (await house.wrong.reconcile()).is_clean


async def test_who_adopted_it_and_why_is_kept(database: Database) -> None:
    house = House(database)
    given = await house.gave_out(1)
    row = await house.adopt(given)
    async with database.read() as session:
        [kept] = await session.all(select(AdoptionRow))
    assert (kept.address_id, kept.given_id) == (row.id, given.id)
    assert (kept.adopted_by, kept.reason, len(kept.attestation)) == ("olivia", "ticket 12", 64)


async def test_a_later_address_has_those_before_it(database: Database) -> None:
    """A branch has no gaps; and without a first address there nothing could be paid."""
    house = House(database)
    given = await house.gave_out(4)
    height = await house.wrongly_paid(given, 900_000)
    row = await house.adopt(given)
    there = await house.wrong.addresses(house.vault)
    mine = [each for each in there if each.network == house.wrong.network.id]
    assert [each.position for each in mine] == [0, 1, 2, 3]
    assert [each.label for each in mine] == [None, None, None, "invoice 7"]
    await house.rescan(height)
    await house.wrong.follow()
    balance = await house.wrong.balance(house.vault)
    assert (balance.available, balance.unswept) == (0, 900_000)
    swept = await house.wrong.send(
        house.vault, None, to=mine[0].address, source=Address(row.address)
    )
    assert (await house.wrong.settle(swept)).state == "final"
    left = (await house.wrong.balance(house.vault)).available
    assert left == 900_000 - house.wrong.node.fee
    assert (await house.wrong.reconcile()).is_clean
    [after] = await house.wrong.vaults.create_addresses(house.vault.id, house.wrong.network.id)
    assert after.position == 4


async def test_what_comes_later_needs_no_rescan(database: Database) -> None:
    house = House(database)
    given = await house.gave_out(1)
    await house.wrongly_paid(given, 900_000)
    row = await house.adopt(given)
    await house.wrong.pay(row, 50)
    await house.wrong.node.mine()
    await house.wrong.node.finalize()
    await house.wrong.follow()
    assert await house.wrong.deposit_states() == [(50, "credited")]


async def test_compared_before_it_was_looked_for_it_is_in_suspense(database: Database) -> None:
    """The books equal the chain all the while, and it is counted once."""
    house = House(database)
    given = await house.gave_out(1)
    height = await house.wrongly_paid(given, 900_000)
    await house.adopt(given)
    await house.wrong.reconcile()
    assert (await house.wrong.reconcile()).is_clean
    balance = await house.wrong.balance(house.vault)
    assert (balance.available, balance.suspense) == (0, 900_000)
    await house.rescan(height)
    await house.wrong.follow()
    balance = await house.wrong.balance(house.vault)
    assert (balance.available, balance.suspense) == (900_000, 0)
    assert await house.wrong.open_alarms() == []
    assert (await house.wrong.reconcile()).is_clean


async def test_another_key_there_is_refused(database: Database) -> None:
    """TRON's keys are of another coin type, whatever the twenty bytes."""
    house = House(database, "tron-local")
    given = await house.gave_out(1)
    error = await house.refused(given)
    assert error.code == "key_differs_there"
    assert "m/44'/1'/0'/0/0" in str(error) and "m/44'/60'/0'/0/0" in str(error)


async def test_one_that_was_given_out_there_too(database: Database) -> None:
    house = House(database)
    given = await house.gave_out(2)
    await house.wrong.vaults.create_addresses(house.vault.id, house.wrong.network.id, 3)
    assert (await house.refused(given)).code == "address_watched_there"


async def test_a_strangers_address(database: Database) -> None:
    house = House(database)
    given = await house.gave_out(1)
    given.address = await house.meant.outside()
    assert (await house.refused(given)).code == "address_not_found"


async def test_nothing_is_watched_on_anybodys_word(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signer attests it, or it is not adopted."""
    house = House(database)
    given = await house.gave_out(1)
    before = await house.state()

    async def refuses(*_: object) -> None:
        raise SignerRefused(RefusalCode.MISMATCH, "not-ours", "no key of this vault")

    monkeypatch.setattr(house.wrong.signer, "attest", refuses)
    with pytest.raises(SignerRefused):
        await house.adopt(given)
    assert await house.state() == before
    monkeypatch.undo()
    house.wrong.signer.away = True
    with pytest.raises(SignerUnavailable):
        await house.adopt(given)
    assert await house.state() == before


async def test_whoever_repeats_it_changes_nothing(database: Database) -> None:
    house = House(database)
    given = await house.gave_out(3)
    rows = await asyncio.gather(*(house.adopt(given) for _ in range(3)))
    rows.append(await house.adopt(given))
    assert len({row.id for row in rows}) == 1
    addresses, adopted = await house.state()
    wrong = house.wrong.network.id
    assert [at for network, at in addresses if network == wrong] == [0, 1, 2]
    assert adopted == [rows[0].id]


async def test_interrupted_anywhere_it_is_finished_by_the_next(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    house = House(database)
    given = await house.gave_out(3)
    after = 0
    while await interrupt(house.adopt(given), after):
        await asyncio.sleep(0.01)
        addresses, adopted = await house.state()
        there = [at for network, at in addresses if network == house.wrong.network.id]
        assert (there, len(adopted)) in (([], 0), ([0, 1, 2], 1))
        after += 1
    assert after > 4
    assert len((await house.state())[1]) == 1
    await database.close()
