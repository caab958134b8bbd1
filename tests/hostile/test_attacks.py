"""Every row of the table against the real `custody-signer serve`: refused, unsigned, logged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from signer.clock import utc_now
from signer.errors import JournalFault
from signer.state import StateDirectory
from signer.wire import Status
from tests.hostile.attack import NO_START, Attack
from tests.hostile.attacks import ATTACKS
from tests.hostile.house import House, NoStart, Process, in_process, serving
from tests.hostile.world import World, last_refusal, signed_in
from tests.support.signer import Clock, run_keys

pytestmark = pytest.mark.xdist_group("hostile")


def on(kind: str) -> pytest.MarkDecorator:
    chosen = [attack for attack in ATTACKS if kind == _kind(attack)]
    return pytest.mark.parametrize("attack", chosen, ids=lambda attack: attack.name)


def _kind(attack: Attack) -> str:
    if attack.spoil is not None:
        return "files"
    return "own" if attack.own else "shared"


@on("shared")
def test_refused(attack: Attack, shared: Process) -> None:
    world = shared.world()
    world.name = attack.name
    judge(attack, world)


def test_the_log_of_all_that_is_sound(shared: Process) -> None:
    """By the operator's command, with nothing but the pinned key."""
    log_key = Status.parse(shared.world().call("status")).log_key
    log = shared.state.log
    said = run_keys("log", "verify", "--file", log, "--log-key", log_key.hex(), secrets={}).stdout
    assert said.startswith(f"sound up to record {len(shared.world().records())},")


@on("own")
def test_refused_by_a_signer_of_its_own(attack: Attack, house: House, tmp_path: Path) -> None:
    with serving(house.copy(tmp_path)) as process:
        world = process.world()
        world.crash = process.crash
        judge(attack, world)
        world.verified()


@on("files")
def test_not_with_these_files(attack: Attack, house: House, tmp_path: Path) -> None:
    state = house.copy(tmp_path)
    assert attack.spoil is not None
    attack.spoil(state)
    if attack.perform is None:
        assert attack.expected == NO_START
        with pytest.raises((NoStart, JournalFault), match=attack.says), opened(attack, state):
            pass
        return
    with opened(attack, state) as world:
        world.again, world.newest = house.again, house.newest
        judge(attack, world)


@contextmanager
def opened(attack: Attack, state: StateDirectory) -> Iterator[World]:
    """By the real process where `attack.own` says so; else by the same code in this one, which
    starts in a fiftieth of the time."""
    if attack.own:
        with serving(state) as process:
            yield process.world()
        return
    with in_process(state, Clock(utc_now())) as world:
        yield world


def judge(attack: Attack, world: World) -> None:
    """Refused with its code; nothing signed but what was agreed; and the log says so."""
    before = len(world.records())
    assert attack.perform is not None
    assert attack.perform(world) == attack.expected
    new = world.records()[before:]
    assert signed_in(new) == world.agreed
    if attack.logged:
        assert last_refusal(new) == attack.expected
