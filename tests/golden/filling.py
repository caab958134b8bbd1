"""A row for each table that the life left empty, and the same rows in PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Table,
    create_engine,
    insert,
    select,
    text,
)

from custody.db.feed_tables import UnsequencedRow
from custody.db.serials import NUMBERED, sequence_of
from custody.db.tables import Row
from custody.db.types import BaseUnits, ByKind, SumOfUnits, UtcTime

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def fill(database: Path) -> list[str]:
    """Names of the tables that got a row. Where a column refers to another table, it is one of
    that table's rows; all else only has the right type. What waits for its number stays empty: all
    have one."""
    engine = create_engine(f"sqlite:///{database}")
    filled = []
    with engine.begin() as connection:
        for table in Row.metadata.sorted_tables:
            is_empty = connection.execute(select(table).limit(1)).first() is None
            if is_empty and table is not UnsequencedRow.__table__:
                connection.execute(insert(table).values(_row(connection, table)))
                filled.append(table.name)
    engine.dispose()
    return filled


def copy(database: Path, url: str) -> None:
    """All rows of the SQLite file, into a migrated, empty PostgreSQL database."""
    source, target = create_engine(f"sqlite:///{database}"), create_engine(url)
    with source.connect() as reading, target.begin() as writing:
        # The triggers have done their work: what they wrote is among the rows.
        writing.execute(text("SET LOCAL session_replication_role = replica"))
        for table in Row.metadata.sorted_tables:
            rows = [dict(row._mapping) for row in reading.execute(select(table))]
            if rows:
                writing.execute(insert(table), rows)
            _go_on_counting(writing, table)
        for numbered in NUMBERED:
            name = numbered.__tablename__
            newest = f"SELECT COALESCE(MAX(serial), 0) FROM {name}"
            writing.execute(text(f"SELECT setval('{sequence_of(name)}', ({newest}))"))
    source.dispose()
    target.dispose()


def _row(connection: Connection, table: Table) -> dict[str, object]:
    referred: dict[str, object] = {}
    for constraint in table.foreign_key_constraints:
        remote = [element.column for element in constraint.elements]
        parent = connection.execute(select(*remote).limit(1)).first()
        assert parent is not None, f"{table} refers to {remote[0].table}, which is empty"
        referred |= dict(zip(constraint.column_keys, parent, strict=True))
    return {
        column.name: referred.get(column.name, _value(column))
        for column in table.columns
        if column is not table.autoincrement_column
    }


def _value(column: Column[Any]) -> object:
    kind = column.type
    if isinstance(kind, UtcTime):
        return THEN
    if isinstance(kind, ByKind):
        return {}
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, BaseUnits | SumOfUnits | Integer):
        return 1
    return column.name.encode() if isinstance(kind, LargeBinary) else column.name


def _go_on_counting(connection: Connection, table: Table) -> None:
    column = table.autoincrement_column
    if column is not None:
        newest = f"SELECT COALESCE(MAX({column.name}), 0) + 1 FROM {table.name}"  # our own names
        sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
        connection.execute(text(f"SELECT setval({sequence}, ({newest}), false)"))
