"""The database's clock, and what it takes for something to stand for a while.

Claims and leases are judged by the clock that all processes share: the database's. That clock may
be wrong as well. So whatever stands for a while says from when to when, and a moment before its
beginning is as good as one after its end: a clock that was set back can't make a dead process hold
on to something for the hour by which it was wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement

from custody.db.look import Quick
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


_NOW: Final = select(_Now())


def host_now() -> datetime:
    """What SQLite's clock shows too."""
    return datetime.now(UTC)


async def database_now(session: Quick) -> datetime:
    """What the database's clock shows. On SQLite that is the clock of this host, to the
    millisecond, and need not be asked for."""
    if session.is_sqlite:
        now = host_now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)
    ((shown,),) = await session.quick_rows(_NOW, {})
    return shown


Moment = InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]


def stands(since: Moment, until: Moment, now: datetime) -> ColumnElement[bool]:
    """As a condition on rows: `now` lies between the two. False where either is missing."""
    return _stands(since, until, now, now + SLACK)


def stands_then(since: Moment, until: Moment) -> ColumnElement[bool]:
    """`stands` in a statement that is a constant: `moment` gives its parameters."""
    return _stands(since, until, bindparam("now"), bindparam("soon"))


def moment(now: datetime) -> dict[str, datetime]:
    return {"now": now, "soon": now + SLACK}


def _stands(since: Moment, until: Moment, now: Any, soon: Any) -> ColumnElement[bool]:
    return and_(since.is_not(None), until.is_not(None), since <= soon, until > now)


def stands_at(since: datetime | None, until: datetime | None, now: datetime) -> bool:
    """The same of one row's two."""
    return since is not None and until is not None and since <= now + SLACK and until > now
