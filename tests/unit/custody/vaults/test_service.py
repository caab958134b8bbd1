"""Clients, vaults and addresses: both databases, a signer that is slow, away or loses replies."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from chains.model import AddressType, NetworkId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.listing import Window
from custody.db.session import Database, WriteSession
from custody.db.tables import AddressRow, AlarmRow, ClientRow, VaultRow
from custody.errors import Invalid, NotFound
from custody.vaults import repository
from custody.vaults.service import Vaults
from signer.client import SignerUnavailable
from signer.wire import BATCH_MAX
from tests.support.custody import World


async def count(database: Database, table: type[VaultRow | AddressRow | ClientRow]) -> int:
    async with database.read() as session:
        return await session.one(select(func.count()).select_from(table))


async def test_a_vault_gets_the_signers_account(database: Database):
    world = World(database)
    first, second = await world.new_vault(), await world.new_vault()
    assert (first.account, second.account) == (0, 1)
    assert world.signer.accounts[first.id] == (first.client_id, 0)


async def test_a_vault_of_nobody(database: Database):
    world = World(database)
    client = await world.vaults.create_client("C")
    for client_id, only in (("cli_unknown", None), (client.id, "cli_other")):
        with pytest.raises(NotFound) as refused:
            await world.vaults.create_vault(client_id, "V", only=only)
        assert refused.value.code == "client_not_found"
    assert world.signer.calls == {}


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "line\nbreak", "bell\a"])
async def test_names_are_short_and_printable(sqlite_url: str, name: str):
    database = Database(sqlite_url)
    world = World(database)
    with pytest.raises(Invalid) as refused:
        await world.vaults.create_client(name)
    assert (refused.value.code, refused.value.field) == ("name_invalid", "name")
    await database.close()


async def test_what_is_written_within_is_written_together(database: Database):
    world = World(database)
    client = await world.vaults.create_client(" Trimmed ")
    assert client.name == "Trimmed"

    async def fail(session: WriteSession, made: object) -> None:
        raise RuntimeError("the caller's own row could not be written")

    async def note(session: WriteSession, made: VaultRow) -> None:
        await raise_alarm(session, AlarmCode.BOOKS_BROKEN, made.id, world.clock(), vault=made.id)

    with pytest.raises(RuntimeError):
        await world.vaults.create_vault(client.id, "V", within=fail)
    assert await count(database, VaultRow) == 0
    vault = await world.vaults.create_vault(client.id, "V", within=note)
    with pytest.raises(RuntimeError):
        await world.vaults.create_addresses(vault.id, world.network.id, within=fail)
    assert await count(database, AddressRow) == 0
    async with database.read() as session:
        assert await session.all(select(AlarmRow.message)) == [vault.id]


async def test_the_signer_is_away(database: Database):
    world = World(database)
    vault = await world.new_vault()
    world.signer.away = True
    with pytest.raises(SignerUnavailable):
        await world.vaults.create_vault(vault.client_id, "V")
    with pytest.raises(SignerUnavailable):
        await world.new_address(vault)
    assert await count(database, AddressRow) == 0
    world.signer.away = False
    world.signer.lose_replies = 1
    with pytest.raises(SignerUnavailable):
        await world.vaults.create_vault(vault.client_id, "V")
    assert (await world.vaults.create_vault(vault.client_id, "V")).account == 2


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "ethereum-local", "solana-local"])
async def test_addresses_are_what_the_signer_can_sign_for(database: Database, alias: str):
    """Derived here, derived there: the same key at the same path."""
    world = World(database, alias)
    await world.new_vault()
    vault = await world.new_vault()
    rows = await world.vaults.create_addresses(vault.id, world.network.id, 3)
    codec = world.adapter.codec
    kind = world.network.address_types[0]
    assert [row.position for row in rows] == [0, 1, 2]
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
    for row in rows:
        assert row.path == codec.address_path(kind, vault.account, row.position)
        scheme = codec.key_scheme(kind)
        assert row.public_key == world.signer._public_key(scheme, row.path)
        assert row.address == codec.derive_address(row.public_key, kind)


async def test_branches_count_for_themselves(database: Database):
    world = World(database)
    vault = await world.new_vault()
    network = world.network.id
    made = [
        row
        for kind in (AddressType.P2WPKH, AddressType.P2TR)
        for change in (False, True)
        for _ in range(2)
        for row in await world.vaults.create_addresses(
            vault.id, network, address_type=kind, change=change
        )
    ]
    assert [row.position for row in made] == [0, 1] * 4
    assert [row.path for row in made[1::2]] == [
        "m/84'/1'/0'/0/1",
        "m/84'/1'/0'/1/1",
        "m/86'/1'/0'/0/1",
        "m/86'/1'/0'/1/1",
    ]
    async with database.read() as session:
        shown = await repository.addresses(session, vault.id)
        assert {row.change for row in shown} == {False}
        page = await repository.addresses(
            session, vault.id, window=Window(after=shown[1].serial, limit=1)
        )
        assert [row.id for row in page] == [shown[2].id]
        assert await repository.addresses(session, vault.id, network=NetworkId("other")) == []


async def test_the_account_key_is_asked_for_once(sqlite_url: str):
    database = Database(sqlite_url)
    world = World(database)
    vault = await world.new_vault()
    for _ in range(3):
        await world.new_address(vault)
    assert world.signer.calls["account_key"] == 1
    await database.close()


async def test_ed25519_keys_come_in_batches(sqlite_url: str):
    database = Database(sqlite_url)
    world = World(database, "solana-local")
    vault = await world.new_vault()
    rows = await world.vaults.create_addresses(vault.id, world.network.id, BATCH_MAX + 1)
    assert len({row.address for row in rows}) == BATCH_MAX + 1
    assert world.signer.calls["public_keys"] == 2
    await database.close()


async def test_concurrent_requests_get_different_positions(database: Database):
    """Within one process, and from another one with its own memory."""
    world = World(database)
    vault = await world.new_vault()
    codecs = {world.network.id: world.adapter.codec}
    other = Vaults(database, world.signer, codecs, world.clock)
    made = await asyncio.gather(
        *(
            (world.vaults, other)[at % 2].create_addresses(vault.id, world.network.id, 1 + at % 3)
            for at in range(12)
        )
    )
    positions = sorted(row.position for rows in made for row in rows)
    assert positions == list(range(24))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"count": 0}, "count_invalid"),
        ({"count": 10_001}, "count_invalid"),
        ({"address_type": AddressType.EVM}, "address_type_invalid"),
        ({"label": "\n"}, "label_invalid"),
    ],
)
async def test_requests_that_make_no_sense(sqlite_url: str, arguments: dict, code: str):
    database = Database(sqlite_url)
    world = World(database)
    vault = await world.new_vault()
    with pytest.raises(Invalid) as refused:
        await world.vaults.create_addresses(vault.id, world.network.id, **arguments)
    assert refused.value.code == code
    await database.close()


async def test_addresses_of_what_is_not_there(database: Database):
    world = World(database, "ethereum-local")
    vault = await world.new_vault()
    for vault_id, network, only, code in (
        ("vlt_unknown", world.network.id, None, "vault_not_found"),
        (vault.id, world.network.id, "cli_other", "vault_not_found"),
        (vault.id, NetworkId("eip155:56"), None, "network_not_found"),
    ):
        with pytest.raises(NotFound) as refused:
            await world.vaults.create_addresses(vault_id, network, only=only)
        assert refused.value.code == code
    with pytest.raises(Invalid) as invalid:
        await world.vaults.create_addresses(vault.id, world.network.id, change=True)
    assert invalid.value.code == "change_invalid"


async def test_a_client_does_not_see_that_another_exists(database: Database):
    world = World(database)
    mine, theirs = await world.new_vault(), await world.new_vault()
    only = mine.client_id
    async with database.read() as session:
        assert [row.id for row in await repository.vaults(session, only=only)] == [mine.id]
        assert [row.id for row in await repository.clients(session, only=only)] == [only]
        assert len(await repository.vaults(session)) == len(await repository.clients(session)) == 2
        assert (await repository.client(session, only, only=only)).id == only
        for ask in (
            repository.vault(session, theirs.id, only=only),
            repository.vault(session, "vlt_unknown", only=only),
        ):
            with pytest.raises(NotFound, match="There is no such vault"):
                await ask
        with pytest.raises(NotFound):
            await repository.client(session, theirs.client_id, only=only)
