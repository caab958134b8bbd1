"""Every filter of the lists of transfers and deposits is answered by an index, on both databases:
the database itself says how it would look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Boolean, Connection, Integer, LargeBinary, Table, event, insert, text

from chains.model import AssetId, NetworkId
from custody.db.engines import open_engines
from custody.db.listing import Times, Window
from custody.db.session import Database
from custody.db.tables import DepositRow, ForeignDebitRow
from custody.db.transfer_tables import (
    TransactionRow,
    TransactionTransferRow,
    TransferOutputRow,
    TransferRow,
)
from custody.db.types import BaseUnits, ByKind, UtcTime
from custody.debits.repository import DebitFilter, page_of_debits
from custody.deposits.filters import DepositFilter
from custody.deposits.list_repository import page_of_deposits
from custody.deposits.states import DebitState, DepositState
from custody.transfers import repository as transfer_queries
from custody.transfers.filters import TransferFilter
from custody.transfers.list_repository import page_of_transfers
from custody.transfers.priority import Priority
from custody.transfers.state import State
from tests.support.database import PostgresServer

ROWS = 2_000
SOME = 200
"""Of so many rows one has the value that is asked for."""
THEN = datetime(2026, 1, 1, tzinfo=UTC)
NARROW = Times(THEN + timedelta(minutes=900), THEN + timedelta(minutes=910))
LATE = Times(first=THEN + timedelta(minutes=ROWS - 10))

Row = dict[str, Any]


def value(column: Any, n: int) -> object:
    kind = column.type
    if column.nullable:
        return None
    if isinstance(kind, UtcTime):
        return THEN + timedelta(minutes=n)
    if isinstance(kind, ByKind):
        return {}
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, BaseUnits | Integer):
        return n
    return f"{column.name} {n}".encode() if isinstance(kind, LargeBinary) else f"{column.name} {n}"


def row(table: Table, n: int, **given: object) -> Row:
    return {column.name: value(column, n) for column in table.columns} | given


def rows() -> Iterator[tuple[Table, list[Row]]]:
    """Four in five are done; what is asked for is one in `SOME`."""
    few = range(ROWS)
    common = [
        {
            "serial": n + 1,
            "client_id": f"cli_{n % SOME}",
            "vault_id": f"vlt_{n % SOME}",
            "network": f"net_{n % SOME}",
            "asset": f"ast_{n % SOME}",
            "updated_at": THEN + timedelta(minutes=n),
        }
        for n in few
    ]
    transfers, deposits = TransferRow.__table__, DepositRow.__table__
    assert isinstance(transfers, Table)
    assert isinstance(deposits, Table)
    states = ["in_flight" if n % SOME == 7 else "final" if n % 5 else "failed" for n in few]
    yield (
        transfers,
        [
            row(transfers, n, id=f"tfr_{n}", external_id=f"name {n}", state=states[n],
                destination=f"to_{n % SOME}", **common[n],
                priority="high" if n % SOME == 7 else "normal")
            for n in few
        ],
    )  # fmt: skip
    outputs = TransferOutputRow.__table__
    assert isinstance(outputs, Table)
    yield (
        outputs,
        [
            row(outputs, n, transfer_id=f"tfr_{n}", position=1, destination=f"to_{n % SOME}")
            for n in few
        ],
    )
    states = ["pending" if n % SOME == 7 else "credited" if n % 5 else "reversed" for n in few]
    yield (
        deposits,
        [
            row(deposits, n, id=f"dep_{n}", state=states[n], address_id=f"adr_{n % SOME}",
                txid=f"tx {n}", **common[n])
            for n in few
        ],
    )  # fmt: skip
    debits = ForeignDebitRow.__table__
    assert isinstance(debits, Table)
    states = ["pending" if n % SOME == 7 else "booked" if n % 5 else "reversed" for n in few]
    common_to = ("serial", "client_id", "vault_id", "network", "asset")
    yield (
        debits,
        [
            row(debits, n, id=f"fdb_{n}", state=states[n], **{k: common[n][k] for k in common_to})
            for n in few
        ],
    )
    made, carried = TransactionRow.__table__, TransactionTransferRow.__table__
    assert isinstance(made, Table)
    assert isinstance(carried, Table)
    yield made, [row(made, n, id=f"txn_{n}", txid=f"tx {n}") for n in few]
    yield (
        carried,
        [
            row(carried, n, transaction_id=f"txn_{n}", transfer_id=f"tfr_{n}", mandate_version=1)
            for n in few
        ],
    )


TRANSFERS: Mapping[str, tuple[TransferFilter, str]] = {
    "nothing": (TransferFilter(), "ix_transfers_serial"),
    "client": (TransferFilter(client_id="cli_7"), "ix_transfers_client_id_serial"),
    "vault": (TransferFilter(vault_id="vlt_7"), "ix_transfers_vault_id_serial"),
    "network": (TransferFilter(network=NetworkId("net_7")), "ix_transfers_network_serial"),
    "asset": (TransferFilter(asset=AssetId("ast_7")), "ix_transfers_asset_serial"),
    "state": (TransferFilter(states=(State.IN_FLIGHT,)), "ix_transfers_state_serial"),
    "states": (TransferFilter(states=(State.IN_FLIGHT, State.DENIED)), "ix_transfers_state_serial"),
    "txid": (TransferFilter(txid="tx 7"), "ix_transactions_txid"),
    "external_id": (TransferFilter(external_id="name 7"), "ix_transfers_external_id"),
    "address": (TransferFilter(destinations=("to_7",)), "ix_transfers_destination_serial"),
    "priority": (TransferFilter(priority=Priority.HIGH), "ix_transfers_priority_serial"),
    "created": (TransferFilter(created=NARROW), "ix_transfers_requested_at"),
    "updated": (TransferFilter(updated=NARROW), "ix_transfers_updated_at"),
    "created since": (TransferFilter(created=LATE), "ix_transfers_requested_at"),
    "updated since": (TransferFilter(updated=LATE), "ix_transfers_updated_at"),
}
DEPOSITS: Mapping[str, tuple[DepositFilter, str]] = {
    "nothing": (DepositFilter(), "ix_deposits_serial"),
    "client": (DepositFilter(client_id="cli_7"), "ix_deposits_client_id_serial"),
    "vault": (DepositFilter(vault_id="vlt_7"), "ix_deposits_vault_id_serial"),
    "network": (DepositFilter(network=NetworkId("net_7")), "ix_deposits_network_serial"),
    "asset": (DepositFilter(asset=AssetId("ast_7")), "ix_deposits_asset_serial"),
    "state": (DepositFilter(states=(DepositState.PENDING,)), "ix_deposits_state_serial"),
    "states": (
        DepositFilter(states=(DepositState.PENDING, DepositState.REVERSED)),
        "ix_deposits_state_serial",
    ),
    "txid": (DepositFilter(txid="tx 7"), "ix_deposits_txid_serial"),
    "address": (DepositFilter(addresses=("adr_7",)), "ix_deposits_address_id_serial"),
    "created": (DepositFilter(created=NARROW), "ix_deposits_created_at"),
    "updated": (DepositFilter(updated=NARROW), "ix_deposits_updated_at"),
    "created since": (DepositFilter(created=LATE), "ix_deposits_created_at"),
    "updated since": (DepositFilter(updated=LATE), "ix_deposits_updated_at"),
}
DEBITS: Mapping[str, tuple[DebitFilter, str]] = {
    "nothing": (DebitFilter(), "ix_foreign_debits_serial"),
    "client": (DebitFilter(client_id="cli_7"), "ix_foreign_debits_client_id"),
    "vault": (DebitFilter(vault_id="vlt_7"), "ix_foreign_debits_vault_id"),
    "network": (DebitFilter(network=NetworkId("net_7")), "ix_foreign_debits_network_serial"),
    "state": (DebitFilter(states=(DebitState.PENDING,)), "ix_foreign_debits_state_serial"),
    "states": (
        DebitFilter(states=(DebitState.PENDING, DebitState.REVERSED)),
        "ix_foreign_debits_state_serial",
    ),
}
IN_ORDER = {"nothing", "client", "vault", "network", "asset", "state"}
"""What needs no sorting, so that a page costs the same however many rows there are."""


@pytest_asyncio.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def filled(request: pytest.FixtureRequest) -> Any:
    """A database with many rows, that refer to none."""
    lite = request.param == "sqlite"
    url: str = request.getfixturevalue("sqlite_url" if lite else "postgres_url")
    owner = url
    if not lite:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        owner = server.url("custody")
    engines = open_engines(owner)
    async with engines.write.connect() as connection:
        if lite:
            await connection.exec_driver_sql("ROLLBACK")
            await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            await connection.exec_driver_sql("SET session_replication_role = replica")
        for table, made in rows():
            await connection.execute(insert(table), made)
        await connection.commit()
    if not lite:
        async with engines.write.connect() as connection:
            await connection.execute(text("ANALYZE"))
            await connection.commit()
    await engines.close()
    database = Database(url)
    yield database
    await database.close()


async def plan_of(database: Database, ask: Callable[..., Any]) -> str:
    """How the database looks for what `ask` asks first."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    engine = database._engines.read.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    async with database.read() as session:
        await ask(session)
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    (statement, parameters) = asked[-1]

    def run(connection: Connection) -> str:
        if not database.is_sqlite:  # so few rows may be cheaper to read whole than one by one
            connection.exec_driver_sql("SET enable_seqscan = off")
        found = connection.exec_driver_sql(explain + statement, parameters)
        return "\n".join(str(each[-1]) for each in found)

    async with database._engines.read.connect() as connection:
        return await connection.run_sync(run)


def check(plan: str, table: str, index: str, *, in_order: bool) -> None:
    lines = plan.splitlines()
    assert any(index in line for line in lines), plan
    assert not any(f"Seq Scan on {table}" in line for line in lines), plan
    assert not any(f"SCAN {table}" in line and "INDEX" not in line for line in lines), plan
    if in_order:
        assert not any("Sort" in line or "ORDER BY" in line for line in lines), plan


WINDOWS = (Window(limit=21), Window(after=1_500, limit=21, descending=True, settled=ROWS))


async def test_transfers(filled: Database):
    for name, (wanted, index) in TRANSFERS.items():
        for window in WINDOWS:
            plan = await plan_of(filled, lambda s: page_of_transfers(s, wanted, window))  # noqa: B023
            check(plan, "transfers", index, in_order=name in IN_ORDER and filled.is_sqlite)


async def test_the_newest_same_payment(filled: Database):
    """Of outputs by their payee or by the vault's transfers, whichever are fewer."""
    asked = {"vault": "vlt_7", "destination": "to_7", "memo": None, "amount": 7, "asset": "ast_7"}
    plan = await plan_of(filled, lambda s: s.rows(transfer_queries._NEWEST_SAME, asked))
    check(plan, "transfers", "ix_transfers_same_payment", in_order=False)
    check(plan, "transfer_outputs", "_transfer_outputs", in_order=False)


async def test_deposits(filled: Database):
    for name, (wanted, index) in DEPOSITS.items():
        for window in WINDOWS:
            plan = await plan_of(filled, lambda s: page_of_deposits(s, wanted, window))  # noqa: B023
            check(plan, "deposits", index, in_order=name in IN_ORDER and filled.is_sqlite)


async def test_foreign_debits(filled: Database):
    for name, (wanted, index) in DEBITS.items():
        for window in WINDOWS:
            plan = await plan_of(filled, lambda s: page_of_debits(s, wanted, window))  # noqa: B023
            check(plan, "foreign_debits", index, in_order=name in IN_ORDER and filled.is_sqlite)
