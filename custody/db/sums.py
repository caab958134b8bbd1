"""Exact sums of base units, added up by the database.

PostgreSQL adds NUMERIC exactly. SQLite keeps amounts as text, because its integers end at 2**63, so
there each text is added up in pieces of eleven digits, and the pieces are put together here. An
integer of SQLite holds the sum of ninety million such pieces; beyond that it refuses, and is never
wrong.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Dialect, Numeric, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

_DIGITS: Final = 11
_PIECES: Final = 8
"""Together more than the 78 digits of 2**256."""


class _Total(TypeDecorator[int]):
    """Read only: a number, or its pieces with the last digits first."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else String())

    def process_result_value(self, value: Any, dialect: Dialect) -> int:
        if dialect.name == "postgresql":
            return int(value or 0)
        return sum(
            int(piece) * 10 ** (_DIGITS * at) for at, piece in enumerate(str(value).split(" "))
        )


class exact_sum(FunctionElement[int]):  # noqa: N801 - reads as a function of SQL
    """The sum of a column of `BaseUnits`; 0 of no rows."""

    inherit_cache = True
    type = _Total()

    def __init__(self, units: ColumnElement[int] | Any) -> None:
        super().__init__(units)


@compiles(exact_sum)
def _added(element: exact_sum, compiler: SQLCompiler, **options: Any) -> str:
    return f"sum({compiler.process(element.clauses, **options)})"


@compiles(exact_sum, "sqlite")
def _added_in_pieces(element: exact_sum, compiler: SQLCompiler, **options: Any) -> str:
    """A negative start counts from the end, and what lies before the text's begin is nothing. Most
    amounts have no further pieces, and looking at their length first saves half of the time."""
    units = compiler.process(element.clauses, **options)
    pieces = []
    for at in range(_PIECES):
        digits = f"CAST(substr({units}, {-_DIGITS * (at + 1)}, {_DIGITS}) AS INTEGER)"
        longer = f"length({units}) > {_DIGITS * at}"
        pieces.append(f"coalesce(sum({digits}) FILTER (WHERE {longer}), 0)")
    return "(" + " || ' ' || ".join(pieces) + ")"
