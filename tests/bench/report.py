"""The page docs/performance.md: what was measured where, the table, and how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.bench.table import Row, markdown


def page(where: Mapping[str, str], rows: Sequence[Row]) -> str:
    return markdown(rows)
