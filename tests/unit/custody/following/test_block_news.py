"""When a follower looks again: announced blocks shorten the pause and can do nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chains.model import NetworkId
from custody.workers import blocknews
from custody.workers.blocknews import BlockNews

_LONG_S = 3600.0
NETWORK = NetworkId("eip155:1")


class Announcer:
    """`Announcements` whose words are ours."""

    def __init__(self) -> None:
        self.heard: Callable[[], None] | None = None
        self.ended = False
        self.error: Exception | None = None

    async def listen(self, heard: Callable[[], None], _tell: object) -> None:
        if self.error is not None:
            raise self.error
        self.heard = heard
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


def news_of(announcer: Announcer) -> BlockNews:
    return BlockNews(NETWORK, announcer)  # type: ignore[arg-type]


async def test_an_announced_block_ends_the_pause() -> None:
    announcer = Announcer()
    news = news_of(announcer)
    async with news.listening():
        await asyncio.sleep(0)
        news.look()
        waiting = asyncio.create_task(news.wait(_LONG_S))
        await asyncio.sleep(0)
        assert announcer.heard is not None
        announcer.heard()
        async with asyncio.timeout(30):
            await waiting
    assert announcer.ended


async def test_what_is_announced_during_a_look_is_looked_at_again() -> None:
    announcer = Announcer()
    news = news_of(announcer)
    async with news.listening():
        await asyncio.sleep(0)
        news.look()
        assert announcer.heard is not None
        announcer.heard()
        async with asyncio.timeout(30):
            await news.wait(_LONG_S)
        news.look()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await news.wait(_LONG_S)


async def test_who_talks_without_end_is_asked_no_more_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocknews, "GAP_S", _LONG_S)
    announcer = Announcer()
    news = news_of(announcer)
    async with news.listening():
        await asyncio.sleep(0)
        news.look()
        assert announcer.heard is not None
        announcer.heard()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await news.wait(_LONG_S)


async def test_the_interval_holds_where_nobody_announces_and_after_a_fault() -> None:
    broken = Announcer()
    broken.error = ZeroDivisionError()
    silent: list[Any] = [BlockNews(NETWORK), news_of(Announcer()), news_of(broken)]
    for news in silent:
        async with news.listening():
            news.look()
            async with asyncio.timeout(30):
                await news.wait(0.01)
