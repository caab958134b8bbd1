"""psycopg without the pipeline that its `executemany` opens.

A task cancelled while psycopg enters that pipeline gets an AssertionError in place of its
CancelledError, so the cancellation is lost and whoever waits for the task waits for ever. Many
inserted rows travel in one statement anyway (see `engines`); other statements go one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg.abc import Params


class Cursor(psycopg.AsyncCursor[Any]):
    async def executemany(
        self, query: Any, params_seq: Iterable[Params], *, returning: bool = False
    ) -> None:
        assert not returning, "results of many statements are not kept"
        changed = 0
        for parameters in params_seq:
            await self.execute(query, parameters)
            changed += max(self.rowcount, 0)
        self._rowcount = changed
