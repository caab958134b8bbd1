"""What time it is when clocks are wrong: what the signer takes it for, and what follows."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from signer import process
from signer.clock import GAP, STEADY, Adoption, TrustedClock, corrected, furthest_forward
from signer.endpoint import Endpoint
from signer.policy import Usage, Window
from tests.support.signer import (
    ADA,
    NOON,
    Bench,
    Clock,
    native,
    outcome_word,
    policy_document,
    rule,
    window,
)

ETH = native("ethereum-local")
HOUR, DAY, YEAR = 3600, 24 * 3600, 365 * 24 * 3600
EVERYTHING = Window("v1", ETH, None, HOUR)


def after(seconds):
    return NOON + timedelta(seconds=seconds)


# What happens to the clocks (+n: so much time passes; (n): the wall clock is set by n), and then:
# our time, the earliest reading, the latest, whether they agree.
TABLE = [
    ("nothing", [], 0, 0, 0, True),
    ("time passes", [60, DAY], DAY + 60, DAY + 60, DAY + 60, True),
    ("a leap second", [60, (-1,)], 60, 60, 60, True),
    ("a small step is not followed", [60, (30,)], 60, 60, 60, True),
    ("one reading ahead", [60, (DAY,)], 60, 60, DAY + 60, False),
    ("ahead for an hour", [60, (DAY,), HOUR], HOUR + 60, HOUR + 60, HOUR + 60 + DAY, False),
    ("ahead, and right again", [60, (DAY,), HOUR, (-DAY,)], HOUR + 60, HOUR + 60, HOUR + 60, True),
    ("one reading behind", [60, (-YEAR,)], 60, 60 - YEAR, 60, False),
    ("behind for an hour", [(-DAY,), HOUR], HOUR, HOUR - DAY, HOUR, False),
    ("behind, and right again", [(-DAY,), HOUR, (DAY,)], HOUR, HOUR, HOUR, True),
    ("stopped", [(-60,), 60], 60, 0, 60, False),
]


@pytest.mark.parametrize(
    ("moves", "now", "earliest", "latest", "agrees"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_what_time_it_is(moves, now, earliest, latest, agrees):
    wall = Clock()
    clock = TrustedClock(wall, wall.counter, None)
    for move in moves:
        wall.step(*move) if isinstance(move, tuple) else wall.advance(move)
    moment = clock.moment()
    assert (moment.now, moment.readings[0], moment.readings[-1], moment.agrees) == (
        after(now),
        after(earliest),
        after(latest),
        agrees,
    )
    assert moment.earliest == moment.readings[0]


@pytest.mark.parametrize(
    ("newest", "wall", "now"),
    [(None, 0, 0), (-HOUR, 0, 0), (HOUR, 0, HOUR), (0, -YEAR, 0), (5, 0, 5)],
    ids=["no journal", "as usual", "behind the journal", "a year behind", "a little behind"],
)
def test_a_process_begins_no_earlier_than_the_journal_ends(newest, wall, now):
    clock = TrustedClock(lambda: after(wall), lambda: 7, None if newest is None else after(newest))
    assert clock() == after(now)


def looks(wall, clock, seconds, every=GAP):
    """Time passes, with a look at the wall clock now and then."""
    for _ in range(seconds // every):
        wall.advance(every)
        clock.moment()


@pytest.mark.parametrize("step", [DAY, -DAY])
def test_a_wall_clock_that_stays_is_believed_after_hours(step):
    wall = Clock()
    clock = TrustedClock(wall, wall.counter, None)
    wall.step(step)
    assert clock.due() is None
    looks(wall, clock, STEADY - GAP)
    assert clock.due() is None
    looks(wall, clock, GAP)
    due = clock.due()
    assert due == (after(STEADY), after(STEADY + step))
    assert clock() == after(STEADY), "not before it is on record"
    clock.adopt(due)
    assert clock.moment().now == wall.now
    assert clock.moment().agrees


@pytest.mark.parametrize("trouble", ["another distance", "right in between", "nobody looked"])
def test_a_wall_clock_that_does_not_stay_is_not_believed(trouble):
    wall = Clock()
    clock = TrustedClock(wall, wall.counter, None)
    wall.step(DAY)
    looks(wall, clock, STEADY - GAP)
    if trouble == "another distance":
        wall.step(60)
    if trouble == "right in between":
        wall.step(-DAY)
        clock.moment()
        wall.step(DAY)
    wall.advance(GAP + 1 if trouble == "nobody looked" else GAP)
    assert clock.due() is None


FORWARD, BACK = Adoption(10, after(0), after(DAY)), Adoption(20, after(2 * DAY), after(DAY))
CORRECTED = [
    # a record's number and time, on the clock of today
    ("after both", 25, DAY + 60, DAY + 60),
    ("before the clock went forward", 5, -60, DAY - 60),
    ("between, earlier than the clock went back to", 15, DAY, DAY),
    ("between, later than that", 15, DAY + 60, DAY),
]


@pytest.mark.parametrize(
    ("sequence", "at", "expected"), [row[1:] for row in CORRECTED], ids=[r[0] for r in CORRECTED]
)
def test_nothing_grows_older_by_an_adoption(sequence, at, expected):
    assert corrected(after(at), sequence, (FORWARD, BACK)) == after(expected)
    assert furthest_forward((FORWARD, BACK)) == timedelta(days=1)


# What it means for a signer


def limited(tmp_path, **changes):
    document = policy_document(rule("w", windows=[window(ETH, HOUR, 1000)], **changes))
    return Bench(tmp_path / "s", document=document)


def spend(bench, number, amount, **changes):
    mandate = bench.mandate(transfer=f"t{number}", amount=amount, **changes)
    return outcome_word(bench.send(mandate, nonce=number))


def held(bench):
    return bench.session.guard.usage(EVERYTHING, bench.session._clock.moment().earliest, ["other"])


@pytest.mark.parametrize("wrong", [2 * HOUR, DAY, YEAR, -60, -2 * HOUR, -YEAR])
@pytest.mark.parametrize("lasts", [0, HOUR // 2])
def test_a_wrong_clock_empties_no_window(tmp_path, wrong, lasts):
    """Neither while it is wrong, nor when it is right again, nor after a restart."""
    bench = limited(tmp_path)
    assert spend(bench, 1, 900) == "signed"
    bench.clock.step(wrong)
    for passed in (0, lasts):
        bench.clock.advance(passed)
        assert held(bench) == Usage(910, 1)
        fresh = {"requested_at": bench.clock.now, "expires_at": bench.clock.now + timedelta(days=1)}
        assert spend(bench, 2 + passed, 500) != "signed"
        assert spend(bench, 3 + passed, 500, **fresh) != "signed"
    bench.clock.step(-wrong)
    for restart in (False, True):
        if restart:
            bench.restart()
        assert held(bench) == Usage(910, 1)
        assert spend(bench, 90, 500) == "denied/window-amount"
    bench.clock.advance(HOUR - lasts)
    assert spend(bench, 91, 500) == "signed"


def test_a_clock_behind_at_the_start_opens_no_window_and_no_mandate(tmp_path):
    bench = limited(tmp_path)
    old = bench.mandate(transfer="old", expires_at=bench.clock.now + timedelta(minutes=10))
    bench.clock.advance(HOUR // 2)
    assert spend(bench, 1, 900) == "signed"
    bench.clock.step(-HOUR // 2)
    bench.restart()
    assert held(bench) == Usage(910, 1)
    assert outcome_word(bench.send(old, nonce=5)) == "unavailable/clock-disagrees"


def test_a_wrong_clock_ends_no_transfer(tmp_path):
    """What depends on the time is put off, not refused for good; and the rest goes on."""
    bench = limited(tmp_path)
    mandate = bench.mandate(expires_at=bench.clock.now + timedelta(minutes=30))
    later = bench.mandate(transfer="later", expires_at=bench.clock.now + timedelta(hours=9))
    bench.clock.step(HOUR)
    assert outcome_word(bench.send(mandate)) == "unavailable/clock-disagrees"
    assert outcome_word(bench.send(later, nonce=1)) == "signed"
    bench.clock.step(-HOUR)
    assert outcome_word(bench.send(mandate)) == "signed"


def test_an_expired_mandate_stays_expired(tmp_path):
    bench = limited(tmp_path)
    mandate = bench.mandate()
    bench.clock.advance(2 * HOUR)
    bench.clock.step(-2 * HOUR)
    assert outcome_word(bench.send(mandate)) == "unavailable/clock-disagrees"
    bench.clock.step(2 * HOUR)
    assert outcome_word(bench.send(mandate)) == "expired/mandate"


@pytest.mark.parametrize("wrong", [HOUR, -HOUR])
def test_a_time_lock_takes_its_time(tmp_path, wrong):
    bench = limited(tmp_path, needs=[("treasury", 1)], time_lock_s=600, mandate_lifetime_s=DAY)
    mandate = bench.mandate(expires_at=bench.clock.now + timedelta(days=1))
    assert outcome_word(bench.send(mandate, ADA)) == "not-yet/time-lock"
    bench.clock.step(wrong)
    assert outcome_word(bench.send(mandate, ADA)) != "signed"
    bench.clock.advance(599)
    assert outcome_word(bench.send(mandate, ADA)) != "signed"
    bench.clock.step(-wrong)
    assert outcome_word(bench.send(mandate, ADA)) == "not-yet/time-lock"
    bench.clock.advance(1)
    assert outcome_word(bench.send(mandate, ADA)) == "signed"


def test_hours_are_kept_by_both_clocks(tmp_path):
    """It is a Wednesday noon; the office closes at one."""
    hours = {"zone": "UTC", "days": ["wed"], "from": "09:00", "to": "13:00"}
    bench = limited(tmp_path, hours=hours)
    bench.clock.advance(2 * HOUR)
    assert spend(bench, 1, 1) == "not-yet/hours"
    bench.clock.step(-2 * HOUR)
    assert spend(bench, 2, 1) == "unavailable/clock-disagrees"


def test_the_status_and_the_log_tell_of_a_disagreement(tmp_path):
    bench = limited(tmp_path)
    bench.session.tick()
    assert "clock-noticed" not in [row["kind"] for row in bench.log()]
    bench.clock.step(-HOUR)
    (warning,) = bench.session.status(()).warnings
    assert warning.code == "clock-disagrees"
    bench.clock.step(HOUR)
    assert bench.session.status(()).warnings == ()
    for _ in range(2):
        bench.session.tick()
    noticed = [(row["at"], row["wall"]) for row in bench.log() if row["kind"] == "clock-noticed"]
    assert noticed == [
        ("2026-03-04T12:00:00Z", "2026-03-04T11:00:00Z"),
        ("2026-03-04T12:00:00Z", "2026-03-04T12:00:00Z"),
    ]


async def test_a_serving_process_looks_while_nobody_asks(monkeypatch):
    looked = []

    class Thread:
        async def run(self, work):
            looked.append(work)
            if len(looked) == 3:
                raise asyncio.CancelledError

    monkeypatch.setattr(process, "_TICK_SECONDS", 0)
    thread: Any = Thread()
    endpoint = Endpoint()
    with pytest.raises(asyncio.CancelledError):
        await process._tick(thread, endpoint)
    assert looked == [endpoint.tick] * 3
    endpoint.tick()


def steady(bench):
    bench.session.tick()
    for _ in range(STEADY // GAP):
        bench.clock.advance(GAP)
        bench.session.tick()


@pytest.mark.parametrize("wrong", [DAY, -DAY])
def test_a_clock_that_was_wrong_at_the_start_is_corrected_without_emptying_anything(
    tmp_path, wrong
):
    """The operator sets it right, and need do nothing else."""
    clock = Clock(NOON + timedelta(seconds=wrong))
    document = policy_document(rule("w", windows=[window(ETH, DAY, 1000)]))
    bench = Bench(tmp_path / "s", document=document, clock=clock)
    assert spend(bench, 1, 900) == "signed"
    bench.clock.step(-wrong)
    steady(bench)
    for restart in (False, True):
        if restart:
            bench.restart()
        assert bench.session._clock() == bench.clock.now
        assert bench.session.status(()).warnings == ()
        assert spend(bench, 2, 500) == "denied/window-amount"
    bench.clock.advance(DAY - STEADY - 1)
    assert spend(bench, 3, 500) == "denied/window-amount"
    bench.clock.advance(STEADY + 1)
    assert spend(bench, 4, 500) == "signed"
