"""Heights of blocks on networks that make several a second."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.dialects import postgresql

from custody.db.tables import Row


def test_no_height_ends_with_32_bits():
    """Four blocks a second pass 2^31 within 17 years, and some numbers begin far above zero."""
    heights = {
        f"{table.name}.{column.name}": column.type.dialect_impl(postgresql.dialect())
        for table in Row.metadata.tables.values()
        for column in table.columns
        if column.name == "height" or column.name.endswith("_height")
    }
    assert len(heights) > 15
    assert [name for name, kind in heights.items() if not isinstance(kind, BigInteger)] == []
