"""A message that was forgotten is rebuilt as what it is, with the same signature; one that was
asked for again in other words is not believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from custody.db.session import Database
from custody.transfers.message_repository import find_message
from tests.support.interrupt import interrupt
from tests.unit.custody.journal.lost import Safe, is_over
from tests.unit.custody.transfers.saying import ALLOWING, SayingDesk

WORDS = pytest.mark.parametrize("content", [b"my word", ALLOWING], ids=["a text", "an allowance"])


@pytest_asyncio.fixture
async def saying(safe: Safe, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SayingDesk]:
    desk = await SayingDesk.opened(Database(safe.url), monkeypatch)
    yield desk
    await desk.database.close()


async def content_of(desk: SayingDesk, transfer: str) -> bytes | None:
    async with desk.database.read() as session:
        found = await find_message(session, transfer)
    return None if found is None else found.content


@WORDS
async def test_it_is_rebuilt_and_signed_once(saying: SayingDesk, safe: Safe, content: bytes):
    lost = safe.back_up(saying)
    transfer = await saying.say(content, "k")
    await saying.work()
    before = await saying.signature(transfer)
    assert before is not None
    assert await saying.state(transfer) == "final"
    signed = len(saying.signer.journal)
    await lost.restore()
    row = await saying.transfer(transfer)
    assert (row.kind, await content_of(saying, transfer)) == ("message", content)
    assert await saying.say(content, "k") == transfer
    await lost.drill.live(2)
    assert (await saying.state(transfer), await saying.signature(transfer)) == ("final", before)
    assert len(saying.signer.journal) == signed
    await saying.costs_nothing()
    await is_over(saying)
    assert (await lost.drill.recover())[1].transfers == 0


@WORDS
async def test_one_whose_signature_was_lost_is_signed_again_alike(
    saying: SayingDesk, safe: Safe, content: bytes
):
    """The backup has the request, and not that the signer answered."""
    transfer = await saying.say(content, "k")
    lost = safe.back_up(saying)
    await saying.work()
    before = await saying.signature(transfer)
    await lost.restore()
    await lost.drill.live(2)
    assert before is not None
    assert (await saying.state(transfer), await saying.signature(transfer)) == ("final", before)
    await saying.costs_nothing()
    await is_over(saying)


async def test_other_words_under_the_same_key_are_not_believed(saying: SayingDesk, safe: Safe):
    lost = safe.back_up(saying)
    transfer = await saying.say(key="k")
    await saying.work()
    await lost.drill.restore()
    journal, saying.signer.journal = saying.signer.journal, saying.signer.journal[:1]
    assert await saying.say(b"other words", "k") == transfer
    saying.signer.journal = journal
    await lost.drill.recover()
    assert await saying.frozen(saying.vault) is not None
    assert "signed_elsewhere" in await saying.alarms()
    assert await content_of(saying, transfer) == b"other words"


async def test_a_death_anywhere_rebuilds_all_of_it_or_nothing(saying: SayingDesk, safe: Safe):
    """Cut off where it waits for the n-th time, and run again; until it comes to its end."""
    lost = safe.back_up(saying)
    transfer = await saying.say(key="k")
    await saying.work()
    before = await saying.signature(transfer)
    await lost.copy_back()
    for rounds in count():
        recovery = lost.drill.recovery()
        again = recovery.run(await recovery.plan())
        cut = await interrupt(again, rounds * (1 if saying.database.is_sqlite else 5))
        said = await content_of(saying, transfer)
        if said is not None:
            assert (await saying.transfer(transfer)).kind == "message"
        if not cut:
            break
    assert rounds > 3
    await lost.drill.live(2)
    assert (await saying.state(transfer), await saying.signature(transfer)) == ("final", before)
    await is_over(saying)
