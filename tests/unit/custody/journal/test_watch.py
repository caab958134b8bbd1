"""What in the signer's journal closes the house, and what does not."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from hashlib import sha256
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import select

from chains.families import CODECS
from chains.model import AddressType
from custody.db.leases import Lease
from custody.db.session import Database
from custody.db.tables import PolicyVersionRow
from custody.errors import Unavailable
from custody.journal import repository
from custody.journal.addresses import Branch, place_of
from custody.journal.recovery import Recovery
from custody.journal.watch import JournalWatch
from signer.client import SignerUnavailable
from signer.policy import SignedPolicy
from signer.wire import Receipt, Status, canonical_json
from tests.support.fakes import FakeCodec, changed_policy
from tests.support.networks import find_network
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, FAMILIES


@pytest.fixture
async def desk(database: Database):
    return Desk(database, ACCOUNT)


async def watched(desk: Desk) -> repository.Place:
    await desk.services.journal.check()
    async with desk.database.read() as session:
        return await repository.place(session)


async def test_what_custody_asked_for_is_known_and_the_place_moves_on(desk: Desk):
    vault = await desk.open_funded(10**17)
    await desk.send(vault, 1_000)
    await desk.work()
    place = await watched(desk)
    assert (place.sequence, place.head) == (len(desk.signer.journal), desk.signer._head())
    asked = desk.signer.calls["records"]
    await watched(desk)
    assert desk.signer.calls["records"] == asked, "nothing new, nothing read"
    async with desk.database.read() as session:
        assert await repository.newest_known(session) == (place.sequence, place.head)


async def test_a_receipt_newer_than_the_place_is_what_the_signer_is_told(desk: Desk):
    vault = await desk.open_funded(10**17)
    transfer = await desk.send(vault, 1_000)
    await desk.run_outbox()
    (row,) = await desk.transactions(transfer)
    async with desk.database.read() as session:
        assert (await repository.place(session)).sequence < (row.receipt_sequence or 0)
        assert await repository.newest_known(session) == (row.receipt_sequence, row.receipt_head)


async def test_the_opening_of_a_vault_is_what_the_signer_is_told_too(desk: Desk):
    """A signer that was put back to before it would give the same account to another vault."""
    vault = await desk.new_vault()
    newest = len(desk.signer.journal), desk.signer._head()
    assert (vault.opened_sequence, vault.opened_head) == newest
    async with desk.database.read() as session:
        assert (await repository.place(session)).sequence < newest[0]
        assert await repository.newest_known(session) == newest


async def test_an_answer_that_was_lost_in_a_crash_is_no_alarm(desk: Desk):
    vault = await desk.open_funded(10**17)
    await desk.send(vault, 1_000)
    await desk.services.policies.current()
    original = desk.signer.sign

    async def lost(requests, follows=()):
        await original(requests, follows)
        raise SignerUnavailable("gone")

    desk.signer.sign = lost  # type: ignore[method-assign]
    await desk.worker.run_due()
    desk.signer.sign = original  # type: ignore[method-assign]
    place = await watched(desk)
    assert place.sequence == len(desk.signer.journal)
    assert await desk.open_alarms() == []


async def test_a_vault_whose_opening_was_answered_to_nobody_is_no_alarm(desk: Desk):
    client = await desk.vaults.create_client("Client")
    desk.signer.lose_replies = 1
    with pytest.raises(SignerUnavailable):
        await desk.vaults.create_vault(client.id, "Vault")
    assert desk.signer.accounts != {}
    assert (await watched(desk)).closed_since is None


async def test_somebody_elses_vault_closes_the_house_for_every_process(desk: Desk):
    await desk.signer.open_vault("cli_other", "vlt_other")
    with pytest.raises(Unavailable) as refused:
        await desk.services.journal.check()
    assert refused.value.code == "signer_ahead"
    other = JournalWatch(desk.database, AsyncMock(), desk.clock)
    assert not await other.is_open()
    assert len(await desk.open_alarms()) == 1
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    assert len(await desk.open_alarms()) == 1


async def test_records_of_other_kinds_are_passed(desk: Desk):
    for _ in range(7):
        desk.signer.write(kind="other")
    assert (await watched(desk)).sequence == 7


async def test_a_signer_that_has_forgotten_is_told_of_and_forgotten_again(desk: Desk):
    for _ in range(4):
        desk.signer.write(kind="other")
    await watched(desk)
    lost = desk.signer.journal[2:]
    del desk.signer.journal[2:]
    await desk.services.journal.check()
    assert [alarm.code for alarm in await desk.open_alarms()] == ["signer_behind"]
    desk.signer.journal += lost
    await desk.services.journal.check()
    assert await desk.open_alarms() == []


async def test_a_word_that_another_process_overtook_is_no_forgetting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """The signer's status is on its way while another process reads the next record."""
    status = desk.signer.status

    async def overtaken() -> Status:
        said = await status()
        desk.signer.write(kind="other")
        with monkeypatch.context() as patch:
            patch.setattr(desk.signer, "status", status)
            await desk.services.journal.check()
        return said

    await watched(desk)
    with monkeypatch.context() as patch:
        patch.setattr(desk.signer, "status", overtaken)
        await desk.services.journal.check()
    assert await desk.alarms() == []
    assert (await watched(desk)).sequence == len(desk.signer.journal)


def recovery(desk: Desk) -> Recovery:
    return Recovery(
        database=desk.database,
        ledger=desk.ledger,
        signer=desk.signer,
        vaults=desk.services.vaults,
        codecs={desk.network.id: FakeCodec(desk.network)},
        served=[desk.network.id],
        clock=desk.clock,
    )


@pytest.mark.parametrize("complete", [False, True])
async def test_a_recovery_of_the_signer_freezes_every_vault_unless_somebody_vouches(
    desk: Desk, complete: bool
):
    """What the signer lost may be lost here too, and nothing in the house proves the contrary."""
    vaults = [await desk.open_funded(10**17) for _ in range(2)]
    await watched(desk)
    newest = len(desk.signer.journal)
    desk.signer.write(kind="recovered", after=newest, through=newest)
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    work = recovery(desk)
    plan = await work.plan()
    assert [loss.after for loss in plan.losses] == [newest]
    done = await work.run(plan, database_complete=complete)
    assert done.frozen == ([] if complete else [vault.id for vault in vaults])
    frozen = [await desk.frozen(vault) for vault in vaults]
    assert frozen == [None if complete else "signer_lost_records"] * 2
    alarms = [alarm.code for alarm in await desk.open_alarms()]
    assert alarms == ([] if complete else ["signer_lost_records"])
    said = (await desk.ask(vaults[0], 1_000)).body
    assert (said == b"vault_frozen") is not complete
    assert await desk.services.journal.is_open()


async def test_while_closed_no_block_is_followed(desk: Desk):
    await desk.signer.open_vault("cli_other", "vlt_other")
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    await desk.node.mine(3)
    step = AsyncMock(side_effect=desk.follower.step)
    desk.follower.step = step  # type: ignore[method-assign]
    loop = asyncio.create_task(desk.worker._lead(Lease("follow", "us", 1)))
    for _ in range(50):
        await desk.worker._journal.is_open()
    assert step.await_count == 0
    work = recovery(desk)
    await work.run(await work.plan())
    async with asyncio.timeout(60):
        while not step.await_count:
            await desk.worker._journal.is_open()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


@pytest.mark.parametrize("alias", FAMILIES)
def test_the_place_of_an_address_is_read_from_its_path(alias: str):
    network = find_network(alias)
    codec = CODECS[network.family](network)
    for kind in network.address_types:
        for position in (0, 1, 77):
            path = codec.address_path(kind, 5, position)
            assert place_of(codec, 5, path) == (Branch(kind, False), position)
            with pytest.raises(ValueError, match="no path of account"):
                place_of(codec, 6, path)
    if AddressType.P2WPKH in network.address_types:
        path = codec.address_path(AddressType.P2WPKH, 5, 3, change=True)
        assert place_of(codec, 5, path) == (Branch(AddressType.P2WPKH, True), 3)


# What is kept whole


async def kept_policies(desk: Desk) -> list[PolicyVersionRow]:
    async with desk.database.read() as session:
        return list(await session.all(select(PolicyVersionRow).order_by(PolicyVersionRow.version)))


def come_into_force(desk: Desk, version: int) -> SignedPolicy:
    signed = replace(changed_policy(version), signatures={"admin": bytes([version]) * 64})
    desk.signer.write(kind="policy", version=version, **signed.to_json())
    return signed


async def test_every_policy_that_was_in_force_is_kept_whole_and_once(desk: Desk):
    """Also one that was replaced before anybody asked for it, and after the place was set back."""
    signed = [come_into_force(desk, version) for version in (1, 2, 3)]
    await watched(desk)
    first = await kept_policies(desk)
    assert [row.version for row in first] == [1, 2, 3]
    for row, policy in zip(first, signed, strict=True):
        assert (row.document, row.digest) == (policy.document, sha256(policy.document).digest())
        given = {"document": policy.document.decode(), "signatures": json.loads(row.signatures)}
        assert SignedPolicy.parse(given) == policy
    async with desk.database.write() as session:
        await repository.lock_place(session)
        await repository.move(session, repository.Place())
    desk.clock.forward(minutes=1)
    come_into_force(desk, 4)
    await watched(desk)
    again = await kept_policies(desk)
    assert [row.version for row in again] == [1, 2, 3, 4]
    assert [row.first_seen for row in again[:3]] == [row.first_seen for row in first]


async def test_a_receipt_is_kept_whole(desk: Desk):
    vault = await desk.open_funded(10**17)
    transfer = await desk.send(vault, 1_000)
    await desk.work()
    (row,) = await desk.transactions(transfer)
    assert row.receipt is not None
    receipt = Receipt.parse(json.loads(row.receipt))
    assert canonical_json(receipt.to_json()) == row.receipt
    async with desk.database.read() as session:
        assert await repository.newest_receipt(session) == row.receipt
    assert (receipt.sequence, receipt.head) == (row.receipt_sequence, row.receipt_head)
