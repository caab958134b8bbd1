"""`custody chain`: what an operator sees of a follower, and passing a block that can't be read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chains.block import Block, Reading
from chains.model import Address, AssetId, BlockRef
from custody.db.session import Database
from custody.following import readings, states
from custody.following.progress import FollowStatus
from tests.support.cli import done, refused
from tests.support.custody import World
from tests.support.networks import find_network

pytestmark = pytest.mark.database

NETWORK = find_network("bsc")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
STUCK = FollowStatus(
    position=BlockRef(5, "0xa5"),
    tip=BlockRef(90, "0xa90"),
    checked_at=LONG_AGO,
    moved_at=LONG_AGO,
    at_tip_at=LONG_AGO,
    started_at=LONG_AGO,
)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    made = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'custody.sqlite3'}"}
    done("migrate", env=made)
    return made


def save(env: dict[str, str], *, attempts: int) -> None:
    status = STUCK
    for _ in range(attempts):
        status = status.failed("block_unreadable", "block 6: pruned", 6, LONG_AGO)

    async def write() -> None:
        database = Database(env["CUSTODY_DATABASE_URL"])
        async with database.write() as session:
            await states.save(session, NETWORK.id, status)
            await readings.forget_from(session, NETWORK.id, 0, None)
            read = Block(BlockRef(5, "0xa5"), "0xa4", 0, (), reading=Reading.WITHOUT_INTERNAL)
            await readings.record(session, NETWORK.id, [read], None, LONG_AGO)
        await database.close()

    asyncio.run(write())


def test_show_says_where_it_stands_and_why(env: dict[str, str]) -> None:
    save(env, attempts=7)
    told = done("chain", "show", "bsc", env=env)
    for line in (
        "position: 5",
        "node's tip: 90, told 2026-01-01T00:00:00Z",
        "stalled: stands at 5, and the node has not told its tip",
        "7 attempts: block_unreadable: block 6: pruned",
        "without-internal",
        "0xa5",
    ):
        assert line in told


def test_show_of_a_network_that_was_never_followed(env: dict[str, str]) -> None:
    assert "position: none" in done("chain", "show", NETWORK.id, env=env)


def test_pass_is_recorded_with_its_reason_and_shown(env: dict[str, str]) -> None:
    save(env, attempts=5)
    told = done("chain", "pass", "bsc", "8", "--reason", "no node has them", env=env)
    assert "blocks 6 to 8 may be passed" in told
    assert "no node has them" in done("chain", "show", "bsc", env=env)


def test_pass_is_refused_before_a_block_was_tried_often(env: dict[str, str]) -> None:
    save(env, attempts=4)
    told = refused(2, "chain", "pass", "bsc", "6", "--reason", "hurry", env=env)
    assert "block_not_stuck" in told
    save(env, attempts=5)
    assert "height_invalid" in refused(2, "chain", "pass", "bsc", "91", "--reason", "x", env=env)
    assert "reason_invalid" in refused(2, "chain", "pass", "bsc", "6", "--reason", "", env=env)
    assert "unknown network bsx" in refused(2, "chain", "show", "bsx", env=env)


def test_what_nobody_listed_is_shown_with_its_contract(env: dict[str, str]) -> None:
    fake = AssetId("eip155:31337/erc20:0x3535353535353535353535353535353535353535")
    nothing = done("chain", "unlisted", "ethereum-local", env=env)
    assert fake not in nothing

    async def receive() -> str:
        database = Database(env["CUSTODY_DATABASE_URL"])
        world = World(database, "ethereum-local")
        address = await world.new_address(await world.new_vault())
        txid = await world.node.fund(Address(address.address), 500, asset=fake)
        await world.node.mine()
        await world.follow()
        await database.close()
        return txid

    txid = asyncio.run(receive())
    told = done("chain", "unlisted", "ethereum-local", env=env)
    for part in (fake, "500", txid):
        assert part in told
