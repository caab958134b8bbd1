"""One row and one log line per cause; cleared when the cause is gone, and kept afterwards."""

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, dismiss_alarm, raise_alarm
from custody.db.session import Database
from custody.db.tables import AlarmRow
from custody.errors import Conflict, Invalid, NotFound
from tests.support.custody import Clock
from tests.support.networks import find_network

CODE = AlarmCode.REORG_TOO_DEEP
NETWORK = find_network("bitcoin-regtest").id


async def rows(database: Database) -> list[AlarmRow]:
    async with database.read() as session:
        return list(await session.all(select(AlarmRow).order_by(AlarmRow.id)))


async def test_an_alarm_is_raised_once_while_it_is_open(database: Database):
    clock = Clock()
    with capture_logs() as lines:
        for _ in range(3):
            async with database.write() as session:
                await raise_alarm(session, CODE, "m", clock(), network=NETWORK)
                await raise_alarm(session, CODE, "m", clock(), network=NETWORK, vault="v")
                await raise_alarm(session, CODE, "m", clock())
            clock.forward(seconds=1)
    found = await rows(database)
    assert {(row.code, row.network, row.vault_id, row.message) for row in found} == {
        (CODE, NETWORK, None, "m"),
        (CODE, NETWORK, "v", "m"),
        (CODE, None, None, "m"),
    }
    assert len(found) == 3
    assert [line["event"] for line in lines] == ["alarm"] * 3
    assert lines[0] == {
        "event": "alarm",
        "log_level": "error",
        "code": CODE,
        "network": NETWORK,
        "vault": None,
        "message": "m",
        "runbook": f"docs/runbook.md#{CODE}",
    }


async def test_an_alarm_whose_words_change_is_told_again(database: Database):
    """Else a small difference that is known would hide the large one that comes after it."""
    clock = Clock()
    with capture_logs() as lines:
        for words in ("1 wei", "1 wei", "10 ether"):
            async with database.write() as session:
                await raise_alarm(session, CODE, words, clock())
            clock.forward(seconds=1)
    (row,) = await rows(database)
    assert row.message == "10 ether"
    assert (row.updated_at - row.created_at).total_seconds() == 2
    assert [line["message"] for line in lines] == ["1 wei", "10 ether"]


async def test_an_alarm_clears_when_its_cause_is_gone_and_can_come_back(database: Database):
    clock = Clock()
    async with database.write() as session:
        await raise_alarm(session, CODE, "m", clock(), network=NETWORK)
        await raise_alarm(session, CODE, "m", clock(), network=NETWORK, vault="v")
    clock.forward(seconds=1)
    with capture_logs() as lines:
        for _ in range(2):
            async with database.write() as session:
                await clear_alarm(session, CODE, clock(), network=NETWORK)
    assert [line["event"] for line in lines] == ["alarm_cleared"]
    async with database.write() as session:
        await raise_alarm(session, CODE, "again", clock(), network=NETWORK)
    first, other, second = await rows(database)
    assert (first.cleared_at, first.cleared_by) == (clock(), "custody")
    assert other.cleared_at is None
    assert (second.message, second.cleared_at) == ("again", None)


async def test_a_person_clears_an_alarm_once_and_says_why(database: Database):
    clock = Clock()
    async with database.write() as session:
        await raise_alarm(session, CODE, "m", clock(), network=NETWORK)
    (row,) = await rows(database)
    for reason in ("", " ", "a\nb", "x" * 501):
        with pytest.raises(Invalid):
            async with database.write() as session:
                await dismiss_alarm(session, row.id, reason, clock(), by="ada")
    async with database.write() as session:
        await dismiss_alarm(session, row.id, " looked ", clock(), by="ada")
    (row,) = await rows(database)
    assert (row.cleared_by, row.cleared_reason, row.open_key) == ("ada", "looked", None)
    with pytest.raises(Conflict):
        async with database.write() as session:
            await dismiss_alarm(session, row.id, "again", clock(), by="bob")
    with pytest.raises(NotFound):
        async with database.write() as session:
            await dismiss_alarm(session, "alm_0", "again", clock(), by="bob")
    (row,) = await rows(database)
    assert row.cleared_by == "ada"
