"""The database's clock, and what it takes for something to stand for a while.

Claims and leases are judged by the clock that all processes share: the database's. That clock may
be wrong as well. So whatever stands for a while says from when to when, and a moment before its
beginning is as good as one after its end: a clock that was set back can't make a dead process hold
on to something for the hour by which it was wrong.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement

from custody.db.session import ReadSession
from custody.db.types import SQLITE_NOW, UtcTime

SLACK = timedelta(seconds=1)
"""How far a healthy clock is set back by those who keep it right."""


class _Now(FunctionElement[datetime]):
    type = UtcTime()
    inherit_cache = True


@compiles(_Now, "postgresql")
def _postgresql(_element: _Now, _compiler: Any, **_: Any) -> str:
    return "clock_timestamp()"  # now() would be the transaction's beginning


@compiles(_Now, "sqlite")
def _sqlite(_element: _Now, _compiler: Any, **_: Any) -> str:
    return SQLITE_NOW


async def database_now(session: ReadSession) -> datetime:
    """What the database's clock shows. On SQLite that is the clock of this host."""
    return await session.one(select(_Now()))


Moment = InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]


def stands(since: Moment, until: Moment, now: datetime) -> ColumnElement[bool]:
    """As a condition on rows: `now` lies between the two. False where either is missing."""
    return and_(since.is_not(None), until.is_not(None), since <= now + SLACK, until > now)
