"""Two roles on PostgreSQL: the owner migrates, the program may do what the program does.

Who owns a table can switch its triggers off and rewrite it. So the process that everybody on the
network can reach connects as a role that owns nothing, with the rights below and no others; the
owner's password is needed for `custody migrate` and lies nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, text

from custody.db import triggers
from custody.db.feed_tables import UnsequencedRow
from custody.db.sighting_tables import (
    ConsumptionRow,
    SightingRow,
    UnlistedBeyondRow,
    UnlistedRow,
)
from custody.db.tables import (
    BlockRow,
    ClientRow,
    CoinRow,
    FollowerRow,
    FollowStateRow,
    IdempotencyRow,
    LeaseRow,
    LedgerAccountRow,
    OutboxRow,
    ProofWantRow,
    ReadingRow,
    ReconciledRow,
    RestraintRow,
    Row,
    SchemaBoundsRow,
    SignerJournalRow,
    VaultOpeningRow,
)
from custody.db.transfer_tables import ClaimHolderRow, ClaimRow

OTHERS: Final[Mapping[type[Row], str]] = {
    ClientRow: "SELECT, INSERT, UPDATE",
    BlockRow: "SELECT, INSERT, DELETE",
    FollowerRow: "SELECT, INSERT, UPDATE",
    FollowStateRow: "SELECT, INSERT, UPDATE",
    ReadingRow: "SELECT, INSERT, UPDATE, DELETE",
    CoinRow: "SELECT, INSERT, UPDATE, DELETE",
    LedgerAccountRow: "SELECT, INSERT, UPDATE",
    SightingRow: "SELECT, INSERT, DELETE",
    ConsumptionRow: "SELECT, INSERT, DELETE",
    UnlistedRow: "SELECT, INSERT, DELETE",
    RestraintRow: "SELECT, INSERT, DELETE",
    ProofWantRow: "SELECT, INSERT, UPDATE, DELETE",
    UnlistedBeyondRow: "SELECT, INSERT, UPDATE",
    ClaimRow: "SELECT, INSERT, DELETE",
    ClaimHolderRow: "SELECT, INSERT, DELETE",
    OutboxRow: "SELECT, INSERT, UPDATE, DELETE",
    UnsequencedRow: "SELECT, INSERT, DELETE",
    LeaseRow: "SELECT, INSERT, UPDATE",
    SignerJournalRow: "SELECT, INSERT, UPDATE",
    VaultOpeningRow: "SELECT, INSERT, DELETE",
    IdempotencyRow: "SELECT, INSERT, UPDATE, DELETE",  # a payment is known by its id besides
    ReconciledRow: "SELECT, INSERT, UPDATE",
    SchemaBoundsRow: "SELECT",
}
"""Tables without a past (see `triggers`)."""


def rights() -> Iterator[tuple[Table, str]]:
    """What the program may do with each table. Of a row that goes through a life it may change
    what changes, column by column."""
    for grown in triggers.GROWS:
        yield _table(grown), "SELECT, INSERT"
    for lived, life in triggers.LIVES.items():
        changing = ", ".join([*life.changing, *life.once])
        yield _table(lived), f"SELECT, INSERT, UPDATE ({changing})"
    for other, granted in OTHERS.items():
        yield _table(other), granted


def grant(connection: Connection, role: str) -> None:
    """Give `role` these rights and take every other one. In the owner's transaction."""
    name = connection.dialect.identifier_preparer.quote_identifier(role)
    schema = connection.dialect.identifier_preparer.quote_identifier(_schema(connection))
    everything = f"ON ALL TABLES IN SCHEMA {schema}"
    statements = [
        f"REVOKE ALL {everything} FROM PUBLIC, {name}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM PUBLIC, {name}",
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {name}",
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}",
        f"GRANT SELECT ON alembic_version TO {name}",
        *(f"GRANT {granted} ON {table.name} TO {name}" for table, granted in rights()),
    ]
    for statement in statements:
        connection.execute(text(statement))


def powers(connection: Connection) -> tuple[str, ...]:
    """What the connected role could do to the past, in words; nothing on SQLite, where whoever
    runs the program owns the file."""
    if connection.dialect.name == "sqlite":
        return ()
    found = []
    is_super, makes_roles = _asked(
        connection, "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    )[0]
    if is_super:
        return ("it is a superuser",)
    if makes_roles:
        found.append("it can make roles")
    owned = _asked(
        connection,
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        " AND relkind IN ('r', 'p') AND pg_has_role(current_user, relowner, 'MEMBER')"
        " ORDER BY relname",
    )
    if owned:
        found.append(f"it owns {owned[0][0]}" + (f" and {len(owned) - 1} more" * (len(owned) > 1)))
    for table in triggers.protected():
        more = ["DELETE", "TRUNCATE", "TRIGGER"]
        if any(table is _table(row) for row in triggers.GROWS):
            more.append("UPDATE")
        for right in more:
            (has,) = _asked(
                connection,
                "SELECT has_table_privilege(current_user, CAST(:name AS text), :right)",
                {"name": table.name, "right": right},
            )[0]
            if has and not owned:
                found.append(f"it has {right} on {table}")
    return tuple(found)


def missing_triggers(connection: Connection) -> tuple[str, ...]:
    """Names of the triggers that are not there, are not ours, or are switched off."""
    if connection.dialect.name == "sqlite":
        stored = {sql for (sql,) in _asked(connection, "SELECT sql FROM sqlite_master")}
        return tuple(_name(each) for each in triggers.sqlite() if each not in stored)
    working = _asked(
        connection,
        "SELECT tgname, proname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
        " WHERE tgenabled IN ('O', 'A')",
    )
    found = {(name, function) for name, function in working}
    expected = [each for each in triggers.postgresql() if "CREATE TRIGGER" in each]
    return tuple(_name(each) for each in expected if (_name(each), _called(each)) not in found)


def _name(statement: str) -> str:
    return statement.split()[2]


def _called(statement: str) -> str:
    return statement.rpartition(" ")[2].removesuffix("()")


def _schema(connection: Connection) -> str:
    return str(_asked(connection, "SELECT current_schema()")[0][0])


def _asked(
    connection: Connection, statement: str, given: Mapping[str, Any] | None = None
) -> Sequence[Any]:
    return connection.execute(text(statement), given).all()


def _table(row: type[Row]) -> Table:
    assert isinstance(row.__table__, Table)
    return row.__table__
