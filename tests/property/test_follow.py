"""Whatever a chain does within the remembered depth, the follower ends on its best chain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chains.block import Block
from chains.follow import BlockFollower, Connected, Disconnected
from chains.model import BlockRef

DEPTH = 8


class Chain:
    """A chain of hashes that names each block uniquely, with skipped heights."""

    def __init__(self) -> None:
        self.blocks = [Block(BlockRef(0, "genesis"), "", 0, ())]
        self.made = 0

    def extend(self, gap: int) -> None:
        parent = self.blocks[-1].ref
        self.made += 1
        ref = BlockRef(parent.height + 1 + gap, f"block{self.made}")
        self.blocks.append(Block(ref, parent.hash, 0, (), parent_height=parent.height))

    def fork(self, depth: int) -> None:
        depth = min(depth, len(self.blocks) - 1)
        del self.blocks[len(self.blocks) - depth :]

    def at(self, height: int) -> Block | None:
        return next((block for block in self.blocks if block.ref.height == height), None)


moves = st.lists(
    st.one_of(
        st.tuples(st.just("extend"), st.integers(0, 2)),
        st.tuples(st.just("fork"), st.integers(1, DEPTH - 2)),
        st.tuples(st.just("follow"), st.integers(1, 6)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=60,
)


@given(moves)
def test_follower_ends_on_the_best_chain_and_its_events_replay_to_it(  # noqa: C901
    script: list[tuple[str, int]],
) -> None:
    chain, follower = Chain(), BlockFollower(0, 1000)
    replayed: list[BlockRef] = []

    def step() -> bool:
        height = follower.wants(chain.blocks[-1].ref)
        if height is None:
            return False
        block = chain.at(height)
        if block is None:
            follower.skip(height)
            return True
        for event in follower.feed(block):
            match event:
                case Connected(connected):
                    assert not replayed or connected.parent_hash == replayed[-1].hash
                    replayed.append(connected.ref)
                case Disconnected(ref):
                    assert replayed.pop() == ref
                    assert ref not in [block.ref for block in chain.blocks], "both branches have it"
        return True

    step()
    for verb, number in script:
        if verb == "extend":
            chain.extend(number)
        elif verb == "fork":
            chain.fork(number)
        elif verb == "follow":
            for _ in range(number):
                step()
        else:
            follower = BlockFollower(0, 1000, follower.refs)
    chain.extend(0)
    for _ in range(1000):
        if not step():
            break
    assert replayed == [block.ref for block in chain.blocks]
    assert follower.refs == tuple(replayed)
