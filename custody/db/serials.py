"""Rows of lists are numbered in an order that a reader can follow: `serial`.

Whoever has read up to a number and goes on after it must not find out later that a smaller one was
still to come. On SQLite one writes after the other, so a row gets the next number when it is
written. On PostgreSQL numbers are taken by transactions that end in any order. There each of them
holds, from before its first number until its end, a shared advisory lock that says from where on it
numbers. Nobody waits for it. Up to the smallest one that is held nothing can be added any more
(`settled`), and lists end there (`listing`).

The database gives the numbers itself, so no statement can forget it. They survive a dump. A row
that was rolled back leaves a gap.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from custody.db.payout_tables import PayoutFileRow
from custody.db.reconcile_tables import ReconciliationRow
from custody.db.session import Database
from custody.db.tables import (
    AddressRow,
    AlarmRow,
    ApiKeyRow,
    ClientRow,
    DepositRow,
    ForeignDebitRow,
    VaultRow,
)
from custody.db.transfer_tables import TransferRow

Numbered = (
    ClientRow
    | VaultRow
    | AddressRow
    | DepositRow
    | TransferRow
    | AlarmRow
    | ApiKeyRow
    | ForeignDebitRow
    | PayoutFileRow
    | ReconciliationRow
)
NUMBERED: Final[tuple[type[Numbered], ...]] = (
    ClientRow,
    VaultRow,
    AddressRow,
    DepositRow,
    TransferRow,
    AlarmRow,
    ApiKeyRow,
    ForeignDebitRow,
    PayoutFileRow,
    ReconciliationRow,
)
"""The place of a table here is part of its locks' key, so new ones go to the end."""

_NUMBER_BITS: Final = 40
_FIRST_LOCK: Final = 0x5E71A0
"""The upper 24 bits of the locks' keys, of the first table. No other lock of ours begins so."""


async def settled(database: Database, row: type[Numbered]) -> int | None:
    """The number up to which no row can be added any more; None: there is no such bound, because
    rows are added in the order of their numbers.

    To be asked before the snapshot is taken that shows the rows: else a row may be committed
    between the two that neither shows.
    """
    if database.is_sqlite:
        return None
    table = row.__tablename__
    async with database.read() as session:
        return await session.one(select(func.settled(sequence_of(table), _lock_of(row))))


def sequence_of(table: str) -> str:
    return f"{table}_serials"


def _lock_of(row: type[Numbered]) -> int:
    return _FIRST_LOCK + NUMBERED.index(row)


def sqlite() -> tuple[str, ...]:
    """As statements: a trigger for each table."""
    statements = []
    for table in _tables():
        number = f"(SELECT COALESCE(MAX(serial), 0) + 1 FROM {table})"  # noqa: S608 - our own words
        numbering = f"UPDATE {table} SET serial = {number} WHERE rowid = NEW.rowid"  # noqa: S608
        when = f"AFTER INSERT ON {table}\nWHEN NEW.serial IS NULL"
        statements.append(f"CREATE TRIGGER {table}_number {when}\nBEGIN {numbering}; END")
    return tuple(statements)


def postgresql() -> tuple[str, ...]:
    """The sequences, which begin after 0 so that the newest number is always known; the function
    that says what is settled; and for each table a trigger with its function."""
    statements = []
    for row, table in zip(NUMBERED, _tables(), strict=True):
        sequence, holding = sequence_of(table), f"custody.{table}_number"
        lock = _lock_of(row) << _NUMBER_BITS
        statements += [
            f"CREATE SEQUENCE {sequence} MINVALUE 0 START 0 CACHE 1",
            f"SELECT nextval('{sequence}')",
            f"CREATE FUNCTION number_{table}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
            f"BEGIN IF COALESCE(current_setting('{holding}', true), '') = '' THEN\n"
            f"PERFORM pg_advisory_xact_lock_shared({lock} + last_value) FROM {sequence};\n"
            f"PERFORM set_config('{holding}', 'holding', true); END IF;\n"
            f"NEW.serial := nextval('{sequence}'); RETURN NEW; END $$",
            f"CREATE TRIGGER {table}_number BEFORE INSERT ON {table}\n"
            f"FOR EACH ROW EXECUTE FUNCTION number_{table}()",
        ]
    return (_SETTLED, *statements)


_SETTLED: Final = f"""\
CREATE FUNCTION settled(serials text, lock bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE newest bigint; held bigint;
BEGIN EXECUTE 'SELECT last_value FROM ' || serials::regclass INTO newest;
SELECT MIN((classid::bigint << 32 | objid::bigint) & {(1 << _NUMBER_BITS) - 1}) INTO held
FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
AND classid::bigint >> {_NUMBER_BITS - 32} = lock
AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
RETURN LEAST(newest, held); END $$"""  # noqa: S608 - our own words
"""The newest number first: who takes one later may hold its lock unseen. `LEAST` skips nulls."""


def _tables() -> list[str]:
    return [row.__tablename__ for row in NUMBERED]
