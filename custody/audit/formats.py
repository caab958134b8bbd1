"""How an export is written: CSV (RFC 4180) for people's tools, JSON lines for programs.

Both end with a line whose `record` is `end`: how many rows there were, and up to which number
everything was looked at. Pure.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from enum import StrEnum
from io import StringIO
from typing import Any, Final, Protocol

from custody.audit.export import Line

END: Final = "end"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet runs a cell that begins like this."""


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


MEDIA_TYPES: Final = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.JSONL: "application/jsonl",
}


class Writer(Protocol):
    def head(self) -> str: ...

    def lines(self, record: str, lines: Sequence[Line]) -> str: ...

    def end(self, rows: int, through: int) -> str: ...


class CsvWriter:
    """`columns` after the column `record`. Text that a spreadsheet would take for a formula gets an
    apostrophe before it."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def head(self) -> str:
        return csv_rows([["record", *self._columns]])

    def lines(self, record: str, lines: Sequence[Line]) -> str:
        return csv_rows([record, *(cell(line[name]) for name in self._columns)] for line in lines)

    def end(self, rows: int, through: int) -> str:
        """In the columns of the number and of the id."""
        rest = [""] * (len(self._columns) - 2)
        return csv_rows([[END, str(through), str(rows), *rest]])


class JsonLinesWriter:
    def head(self) -> str:
        return ""

    def lines(self, record: str, lines: Sequence[Line]) -> str:
        return "".join(json_line({"record": record, **line}) for line in lines)

    def end(self, rows: int, through: int) -> str:
        return json_line({"record": END, "sequence": through, "rows": rows})


def writer(form: Format, columns: Sequence[str]) -> Writer:
    return CsvWriter(columns) if form is Format.CSV else JsonLinesWriter()


def cell(value: str | int | None) -> str:
    """Safe to open: what would be a formula is text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_rows(rows: Any) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def json_line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
