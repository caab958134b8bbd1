"""What the signer warns of is one alarm, which says what, and goes when it has nothing to say."""

import pytest
from sqlalchemy import select

from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import AlarmRow
from custody.workers.signerwatch import SignerWatch
from signer.client import SignerUnavailable
from signer.wire import STOPPED, Notice
from tests.support.custody import Clock
from tests.support.fake_signer import FakeSigner

FULL = Notice("disk-almost-full", "make room")
CUT = Notice("log-mended", "somebody cut it")


async def alarms(database: Database) -> list[tuple[str, str, bool]]:
    async with database.read() as session:
        rows = await session.all(select(AlarmRow).order_by(AlarmRow.id))
    return [(row.code, row.message, row.cleared_at is None) for row in rows]


async def test_warnings_become_an_alarm_and_go_with_their_cause(database: Database):
    signer = FakeSigner()
    watch = SignerWatch(database, signer, Clock())
    await watch.look()
    assert await alarms(database) == []
    signer.warnings = (FULL,)
    for _ in range(3):
        await watch.look()
    assert await alarms(database) == [(AlarmCode.SIGNER_WARNS, "disk-almost-full: make room", True)]
    signer.warnings = (FULL, CUT)
    await watch.look()
    ((_, message, is_open),) = await alarms(database)
    assert is_open and message == "disk-almost-full: make room; log-mended: somebody cut it"
    signer.warnings = ()
    await watch.look()
    assert [is_open for _, _, is_open in await alarms(database)] == [False]


async def test_another_process_clears_what_the_first_one_raised(database: Database):
    signer = FakeSigner()
    signer.warnings = (FULL,)
    await SignerWatch(database, signer, Clock()).look()
    signer.warnings = ()
    await SignerWatch(database, signer, Clock()).look()
    assert [is_open for _, _, is_open in await alarms(database)] == [False]


async def test_a_signer_that_is_away_changes_nothing(database: Database):
    signer = FakeSigner()
    signer.warnings, signer.away = (FULL,), True
    with pytest.raises(SignerUnavailable):
        await SignerWatch(database, signer, Clock()).look()
    assert await alarms(database) == []


async def test_an_emergency_stop_is_an_alarm_of_its_own(database: Database):
    signer = FakeSigner()
    watch = SignerWatch(database, signer, Clock())
    signer.warnings = (FULL, Notice(STOPPED, "stopped by adm-1: a laptop was stolen"))
    await watch.look()
    said = {code: message for code, message, _ in await alarms(database)}
    assert said == {
        AlarmCode.SIGNER_STOPPED: "stopped by adm-1: a laptop was stolen",
        AlarmCode.SIGNER_WARNS: "disk-almost-full: make room",
    }
    signer.warnings = (FULL,)
    await watch.look()
    assert {code for code, _, is_open in await alarms(database) if is_open} == {
        AlarmCode.SIGNER_WARNS
    }
