"""Reads a file of payments as its bytes come in: CSV (RFC 4180, with a header) or JSON lines.

A line that can't be read is told and the next one is read; what leaves no lines to speak of (bytes
that are no UTF-8, a quotation that never ends, a header that nobody understands) ends the file.
Pure: it knows the names of columns and not what they mean.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from custody.audit.formats import Format
from custody.errors import Invalid
from signer.wire import read_strict_json

LINE_CHARACTERS_MAX: Final = 16 * 1024
_QUOTE: Final = '"'


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line can't be a payment. `field`: the column, where it is one's."""

    code: str
    detail: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """`line`: where it begins in the file, from 1. `cells`: what it gives, by column, without what
    is empty; of a line that can't be read, as much of it as there is."""

    line: int
    cells: Mapping[str, Any]
    fault: Fault | None = None


@dataclass
class Reader:
    """`feed` bytes and then `end`. `columns`: those that there are; `needed`: one of each of these.
    `header`: of CSV, once it is read, in the file's order. Both methods raise Invalid
    (payout_file_not_utf8, payout_file_quote_open, payout_line_too_long, payout_column_…)."""

    form: Format
    columns: frozenset[str]
    needed: tuple[frozenset[str], ...]
    header: tuple[str, ...] = field(default=(), init=False)
    _text: str = field(default="", init=False)
    _line: int = field(default=1, init=False)
    _looked: int = field(default=0, init=False)
    _open: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")

    def feed(self, part: bytes) -> Iterator[Record]:
        yield from self._read(self._decoded(part), final=False)

    def end(self) -> Iterator[Record]:
        yield from self._read(self._decoded(b"", final=True), final=True)

    def _decoded(self, part: bytes, *, final: bool = False) -> str:
        try:
            return self._decoder.decode(part, final)
        except UnicodeDecodeError:
            where = f"at or after line {self._line}: the file is not UTF-8; save it as that"
            raise Invalid("payout_file_not_utf8", where) from None

    def _read(self, text: str, *, final: bool) -> Iterator[Record]:
        """The lines that are whole by now."""
        self._text += text
        begin = 0
        while (end := self._end_of_line(begin)) >= 0:
            yield from self._record(self._text[begin:end])
            self._line += self._text.count("\n", begin, end + 1)
            begin = self._looked = end + 1
        self._text = self._text[begin:]
        self._looked -= begin
        if len(self._text) > LINE_CHARACTERS_MAX:
            self._too_long(self._text)
        if final and self._text:
            if self._is_open(self._text):
                self._too_long(self._text)
            yield from self._record(self._text)

    def _end_of_line(self, begin: int) -> int:
        """Where the record ends that begins there, -1 if that is not here yet. In CSV a line break
        within quotation marks ends none: their number is odd then. No break is looked at twice,
        however small the parts are in which a file comes."""
        while (end := self._text.find("\n", self._looked)) >= 0:
            self._open ^= self._is_open(self._text[self._looked : end])
            if not self._open:
                return end
            self._looked = end + 1
            if end - begin > LINE_CHARACTERS_MAX:
                self._too_long(self._text[begin:end])
        return -1

    def _is_open(self, text: str) -> bool:
        return self.form is Format.CSV and text.count(_QUOTE) % 2 == 1

    def _too_long(self, text: str) -> None:
        if self._is_open(text):
            words = f"line {self._line}: a quotation begins there that does not end"
            raise Invalid("payout_file_quote_open", words)
        words = f"line {self._line} has more than {LINE_CHARACTERS_MAX} characters"
        raise Invalid("payout_line_too_long", words)

    def _record(self, text: str) -> Iterator[Record]:
        if len(text) > LINE_CHARACTERS_MAX:
            self._too_long(text)
        text = text.removesuffix("\r")
        if not text.strip():
            return
        if self.form is Format.JSONL:
            yield self._json(text)
            return
        try:
            (row,) = csv.reader([text], strict=True)
        except (csv.Error, ValueError):
            row = None
        if not self.header:
            self.header = self._checked(row)
        elif row is None:
            fault = Fault("payout_line_malformed", "not a line of CSV (RFC 4180)")
            yield Record(self._line, {}, fault)
        elif any(row):
            yield self._cells(row)

    def _json(self, text: str) -> Record:
        try:
            row = read_strict_json(text.encode())
        except ValueError:
            row = None
        if not isinstance(row, dict):
            words = "not one JSON object with distinct names"
            return Record(self._line, {}, Fault("payout_line_malformed", words))
        cells = {name: value for name, value in row.items() if value is not None}
        unknown = sorted(set(cells) - self.columns)
        if unknown:
            name = unknown[0][:64]
            return Record(self._line, cells, Fault("payout_column_unknown", _known(self), name))
        return Record(self._line, cells)

    def _cells(self, row: list[str]) -> Record:
        cells = {name: cell for name, cell in zip(self.header, row, strict=False) if cell}
        if len(row) != len(self.header):
            words = f"{len(row)} cells, the header has {len(self.header)}"
            return Record(self._line, cells, Fault("payout_cells_miscounted", words))
        return Record(self._line, cells)

    def _checked(self, row: list[str] | None) -> tuple[str, ...]:
        """Names in any order, each once, all of them known, and the needed ones among them."""
        names = [name.strip() for name in row or ()]
        for name in names:
            if name not in self.columns:
                shown = name if name.isprintable() else "?"
                raise Invalid("payout_column_unknown", f"no column {shown[:64]!r}: {_known(self)}")
            if names.count(name) > 1:
                raise Invalid("payout_column_repeated", f"the column {name} stands there twice")
        for choice in self.needed:
            if not choice.intersection(names):
                words = "no column " + " or ".join(sorted(choice))
                raise Invalid("payout_column_missing", words)
        return tuple(names)


def _known(reader: Reader) -> str:
    return "there are " + ", ".join(sorted(reader.columns)) + ", separated by commas"
