"""Every row of the table against the real `custody-signer serve`: refused, unsigned, logged."""

from __future__ import annotations

import pytest

from tests.hostile.attacks import ATTACKS, NO_START, Attack
from tests.hostile.house import House, NoStart, Process, serving
from tests.hostile.world import World


def on(kind: str) -> pytest.MarkDecorator:
    chosen = [a for a in ATTACKS if kind == _kind(a)]
    return pytest.mark.parametrize("attack", chosen, ids=lambda attack: attack.name)


def _kind(attack: Attack) -> str:
    if attack.spoil is not None:
        return "files"
    return "own" if attack.own else "shared"


@pytest.mark.xdist_group("hostile")
@on("shared")
def test_refused(attack: Attack, shared: Process) -> None:
    world = shared.world()
    world.name = f"{attack.name}-"
    before = world.signed()
    assert attack.perform is not None
    assert attack.perform(world) == attack.expected
    judge(attack, world, before)


@on("own")
def test_refused_by_a_signer_of_its_own(attack: Attack, house: House, tmp_path) -> None:
    assert attack.perform is not None
    with serving(house.copy(tmp_path)) as process:
        world = process.world()
        world.crash = process.crash
        before = world.signed()
        assert attack.perform(world) == attack.expected
        judge(attack, world, before)


@on("files")
def test_not_with_these_files(attack: Attack, house: House, tmp_path) -> None:
    state = house.copy(tmp_path)
    assert attack.spoil is not None
    attack.spoil(state)
    if attack.perform is None:
        assert attack.expected == NO_START
        with pytest.raises(NoStart, match=attack.says), serving(state):
            pass
        return
    with serving(state) as process:
        world = process.world()
        world.spent, world.newest = house.spent, house.newest
        before = world.signed()
        assert attack.perform(world) == attack.expected
        judge(attack, world, before)


def judge(attack: Attack, world: World, before: list[tuple[str, str]]) -> None:
    """Nothing was signed but what was agreed, the log says why, and the log is sound."""
    assert world.signed()[len(before) :] == world.agreed
    if attack.logged:
        assert world.last_refusal() == attack.expected
    world.verified()
