"""Writes what became of a file's lines, in the format of the file. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from custody.audit.formats import Format, cell, csv_rows, json_line

OUTCOME: Final = (
    *("line", "state", "transfer_id", "transfer_state", "code", "column", "detail", "same_as_line"),
)
"""Columns behind those of the file."""


class Writer:
    """`columns`: of the file, in their order. A row is what a line gave, and what became of it; in
    JSON lines that is an object of its own, because a file's fields keep their names."""

    def __init__(self, form: Format, columns: Sequence[str]) -> None:
        self._form = form
        self._columns = columns

    def head(self) -> bytes:
        if self._form is Format.JSONL:
            return b""
        return _bytes(csv_rows([[*self._columns, *OUTCOME]]))

    def lines(self, rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> bytes:
        if self._form is Format.JSONL:
            return _bytes("".join(json_line({**given, "result": done}) for given, done in rows))
        return _bytes(csv_rows([self._cells(given, done) for given, done in rows]))

    def _cells(self, given: Mapping[str, Any], done: Mapping[str, Any]) -> list[str]:
        values = [given.get(name) for name in self._columns] + [done[name] for name in OUTCOME]
        return [cell(each) for each in values]


def writer(form: Format, columns: Sequence[str]) -> Writer:
    return Writer(form, columns)


def _bytes(text: str) -> bytes:
    """JSON may hold halves of characters, which UTF-8 has not."""
    return text.encode("utf-8", "backslashreplace")
