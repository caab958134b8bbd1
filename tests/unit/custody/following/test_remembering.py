"""What is remembered shows that the life of a transaction is over, whatever a row says."""

from __future__ import annotations

from chains.families import CODECS
from chains.solana import BLOCKHASH_AGE_MAX
from chains.transaction import AfterBlock
from custody.db.session import Database
from custody.following import chain_repository
from custody.transactions.facts import Life, expiry
from tests.support.custody import World


async def life_since(world: World, hash_: str) -> Life:
    """As `seeing` asks for it."""
    network = world.network.id
    async with world.database.read() as session:
        final = await chain_repository.newest_final(session, network)
        assert final is not None
        height = await chain_repository.height_of(session, network, hash_)
        since = await chain_repository.count_between(session, network, height, final.height)
    return Life(final.timestamp, height is not None, since, None)


async def test_that_a_blockhash_has_expired_is_shown_by_what_is_remembered(database: Database):
    world = World(database, "solana-local", start_height=0)
    assert world.network.follow_depth < BLOCKHASH_AGE_MAX, "its row alone would not do"
    await world.node.mine(5)
    await world.follow()
    hash_ = world.node.tip.hash
    lifetime = AfterBlock(hash_, BLOCKHASH_AGE_MAX)
    for _ in range(4):  # a follower that is asked in between
        assert expiry(lifetime, await life_since(world, hash_)) is None
        await world.node.mine(BLOCKHASH_AGE_MAX // 3)
        await world.node.finalize()
        await world.follow()
    assert expiry(lifetime, await life_since(world, hash_)) is not None
    await world.node.mine(5 * BLOCKHASH_AGE_MAX)
    await world.node.finalize()
    await world.follow()
    async with database.read() as session:
        oldest = await chain_repository.oldest_height(session, world.network.id)
    least = CODECS[world.network.family].traits.remembered_least
    assert world.node.tip.height - oldest <= least + 64, "and no more than that for ever"
