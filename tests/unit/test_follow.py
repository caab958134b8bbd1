"""BlockFollower: each way a chain can move under a follower, one named test each."""

from __future__ import annotations

import pytest

from chains.block import Block
from chains.errors import BlockUnreadable
from chains.follow import BlockFollower, Connected, Disconnected, ReorgTooDeep
from chains.model import BlockRef


def make_block(height: int, branch: str = "a", parent: str | None = None) -> Block:
    """`parent`: the hash of another block than the one below, as `a3`."""
    parent_hash = parent if parent is not None else f"{branch}{height - 1}"
    below = int(parent_hash[1:])
    return Block(BlockRef(height, f"{branch}{height}"), parent_hash, 0, (), parent_height=below)


def chain(last: int, fork: int | None = None) -> dict[int, Block]:
    """Blocks 0..last of branch a; from `fork` on, branch b."""
    blocks = {}
    for height in range(last + 1):
        forked = fork is not None and height >= fork
        parent = f"a{height - 1}" if height == fork else None
        blocks[height] = make_block(height, "b" if forked else "a", parent)
    return blocks


def catch_up(follower: BlockFollower, blocks: dict[int, Block]) -> list[str]:
    tip = blocks[max(blocks)].ref
    log: list[str] = []
    for _ in range(200):
        height = follower.wants(tip)
        if height is None:
            return log
        if height not in blocks:
            follower.skip(height)
            continue
        for event in follower.feed(blocks[height]):
            match event:
                case Connected(block):
                    log.append("+" + block.ref.hash)
                case Disconnected(ref):
                    log.append("-" + ref.hash)
    raise AssertionError("the follower never reached the tip")


def test_connects_from_start_to_tip() -> None:
    follower = BlockFollower(start=2, depth=10)
    assert catch_up(follower, chain(4)) == ["+a2", "+a3", "+a4"]
    assert follower.wants(BlockRef(4, "a4")) is None


def test_reorg_to_a_longer_chain_disconnects_newest_first() -> None:
    follower = BlockFollower(start=0, depth=10)
    catch_up(follower, chain(4))
    assert catch_up(follower, chain(5, fork=3)) == ["-a4", "-a3", "+b3", "+b4", "+b5"]


def test_reorg_to_a_chain_of_the_same_length() -> None:
    follower = BlockFollower(start=0, depth=10)
    catch_up(follower, chain(4))
    assert catch_up(follower, chain(4, fork=4)) == ["-a4", "+b4"]


def test_reorg_to_a_shorter_chain() -> None:
    follower = BlockFollower(start=0, depth=10)
    catch_up(follower, chain(6))
    assert catch_up(follower, chain(4, fork=3)) == ["-a6", "-a5", "-a4", "-a3", "+b3", "+b4"]


def test_node_that_lags_behind_us_changes_nothing() -> None:
    follower = BlockFollower(start=0, depth=10)
    catch_up(follower, chain(6))
    assert catch_up(follower, chain(4)) == []
    assert follower.position == BlockRef(6, "a6")


def test_tip_that_moves_back_between_tip_and_block_changes_nothing_twice() -> None:
    follower = BlockFollower(start=0, depth=10)
    catch_up(follower, chain(3))
    assert follower.feed(chain(3)[3]) == ()
    assert catch_up(follower, chain(4)) == ["+a4"]


def test_restart_from_stored_refs_fills_the_gap() -> None:
    first = BlockFollower(start=0, depth=5)
    catch_up(first, chain(3))
    second = BlockFollower(start=0, depth=5, refs=first.refs)
    assert catch_up(second, chain(9)) == [f"+a{height}" for height in range(4, 10)]


def test_restart_after_a_reorg_that_happened_meanwhile() -> None:
    first = BlockFollower(start=0, depth=5)
    catch_up(first, chain(6))
    second = BlockFollower(start=0, depth=5, refs=first.refs)
    assert catch_up(second, chain(7, fork=5)) == ["-a6", "-a5", "+b5", "+b6", "+b7"]


def test_skipped_heights_are_passed_over_and_links_still_checked() -> None:
    blocks = chain(2)
    blocks[5] = make_block(5, parent="a2")
    follower = BlockFollower(start=0, depth=10)
    assert catch_up(follower, blocks) == ["+a0", "+a1", "+a2", "+a5"]


def test_reorg_below_every_remembered_block_raises_and_keeps_the_last() -> None:
    follower = BlockFollower(start=0, depth=3)
    catch_up(follower, chain(9))
    with pytest.raises(ReorgTooDeep):
        catch_up(follower, chain(12, fork=2))
    assert follower.position == BlockRef(7, "a7")


def on_two_blocks(known: int) -> BlockFollower:
    """Stands on the newest of `known` blocks a0, a1… and was told that the next height is empty."""
    follower = BlockFollower(start=0, depth=10)
    for height in range(known):
        follower.feed(make_block(height))
    follower.skip(known)
    return follower


@pytest.mark.parametrize("known", [1, 2])
def test_a_height_skipped_on_a_branch_that_goes_away_undoes_nothing_shared(known: int) -> None:
    follower = on_two_blocks(known)
    shared, tip = follower.position, BlockRef(known + 1, f"b{known + 1}")
    assert follower.wants(tip) == known + 1
    assert follower.feed(make_block(known + 1, "b")) == ()
    assert follower.position == shared
    assert follower.wants(tip) == known
    first = make_block(known, "b", parent=f"a{known - 1}")
    assert follower.feed(first) == (Connected(first),)
    second = make_block(known + 1, "b")
    assert follower.feed(second) == (Connected(second),)


def test_a_block_wrongly_called_skipped_undoes_nothing_and_is_not_passed_over() -> None:
    follower = on_two_blocks(2)
    tip = BlockRef(4, "a4")
    for _ in range(3):
        assert follower.feed(make_block(3)) == ()
        assert follower.wants(tip) == 2
        with pytest.raises(BlockUnreadable) as caught:
            follower.skip(2)
        assert (caught.value.height, caught.value.hash) == (2, "a2")
        assert follower.position == BlockRef(1, "a1")
        assert follower.wants(tip) == 2, "it is asked for again"
        follower.skip(2)
    follower.feed(make_block(3))
    assert catch_up(follower, chain(4)) == ["+a2", "+a3", "+a4"]


def test_several_blocks_wrongly_called_skipped() -> None:
    follower = on_two_blocks(2)
    follower.skip(3)
    assert follower.feed(make_block(4)) == ()
    assert follower.wants(BlockRef(4, "a4")) == 3
    assert follower.feed(make_block(3)) == ()
    assert catch_up(follower, chain(4)) == ["+a2", "+a3", "+a4"]


def test_what_a_later_block_named_is_forgotten_with_its_branch() -> None:
    follower = on_two_blocks(2)
    follower.feed(make_block(3, "b"))
    blocks = chain(1)
    blocks[5] = make_block(5, "c", parent="a1")
    with pytest.raises(BlockUnreadable):
        catch_up(follower, blocks)
    assert catch_up(follower, blocks) == ["+c5"]


def test_a_branch_disconnects_only_what_it_contradicts() -> None:
    """Heights that our branch skipped have blocks on the other, and the other way round."""
    blocks = chain(2)
    blocks[5] = make_block(5, parent="a2")
    blocks[6] = make_block(6)
    follower = BlockFollower(start=0, depth=10)
    catch_up(follower, blocks)
    other = chain(2)
    other[4] = make_block(4, "b", parent="a2")
    other[7] = make_block(7, "b", parent="b4")
    assert catch_up(follower, other) == ["-a6", "-a5", "+b4", "+b7"]


def test_node_that_is_back_on_our_chain_below_our_tip_changes_nothing() -> None:
    follower = BlockFollower(start=0, depth=10)
    catch_up(follower, chain(6))
    assert follower.wants(BlockRef(4, "b4")) == 4
    assert not follower.undoes(make_block(4))
    assert follower.feed(make_block(4)) == ()
    assert follower.position == BlockRef(6, "a6")
