"""Column types that mean the same on SQLite and PostgreSQL.

`BaseUnits` exists because SQLite's integers end at 2**63 while one ether is 10**18 wei: it stores
decimal text there and NUMERIC(78, 0) on PostgreSQL. Sums of many are taken by `sums.exact_sum`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Numeric, String
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from chains.costs import CostKind, Costs
from chains.model import AssetId

Ordinal = BigInteger().with_variant(Integer(), "sqlite")
"""A number of a row, for as many rows as there may ever be. SQLite fills only what it calls
INTEGER, and that has 64 bits there too."""
Serial = Annotated[int | None, mapped_column(Ordinal, index=True)]
"""The place of a row in lists (`serials`), which the database gives it: only a row that it has not
seen yet has none."""
Height = Annotated[int, mapped_column(Ordinal)]
"""Of a block. Chains with several blocks a second outgrow 32 bits."""


class BaseUnits(TypeDecorator[int]):
    """A non-negative integer below 2**256."""

    impl = String(78)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(78, 0))
        return dialect.type_descriptor(String(78))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> object:
        if value is None:
            return None
        assert isinstance(value, int) and 0 <= value < 2**256, "amount out of range"
        return Decimal(value) if dialect.name == "postgresql" else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class SumOfUnits(TypeDecorator[int]):
    """A sum of such integers, or a difference, as long as it gets."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> object:
        if value is None:
            return None
        assert isinstance(value, int), "not a whole number"
        return Decimal(value) if dialect.name == "postgresql" else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time. Naive ones are refused; SQLite gets them back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert value.tzinfo is not None, "naive time"
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


SQLITE_NOW: Final = (
    "strftime('%Y-%m-%d %H:%M:%S.', 'now')"
    " || substr(1000 + CAST(julianday('now') * 172800000 + 1 AS INTEGER) / 2 % 1000, 2)"
    " || '000'"
)
"""The clock of this host to the millisecond, as `UtcTime` is stored on SQLite. Neither by `%f` nor
with a fraction in it: SQLite writes and reads those by the processor's oldest registers, and a
library that leaves them full makes NaN of every one until they are emptied. It was met."""


class ByKind(TypeDecorator[Costs]):
    """Costs by asset and kind, as JSON text; amounts are decimal strings."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Costs | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        rows = [[asset, kind.value, str(units)] for (asset, kind), units in sorted(value.items())]
        return json.dumps(rows, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Costs | None:
        if value is None:
            return None
        rows = json.loads(value)
        return {(AssetId(asset), CostKind(kind)): int(units) for asset, kind, units in rows}
