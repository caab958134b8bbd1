"""Files of payments as people and their programs write them: read, or refused with a clear word."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from custody.audit.formats import Format
from custody.errors import Invalid
from custody.payouts.reading import LINE_CHARACTERS_MAX, Reader, Record

COLUMNS = frozenset({"destination", "amount", "amount_base_units", "note"})
NEEDED = (frozenset({"destination"}), frozenset({"amount", "amount_base_units"}))


def read(data: bytes | str, form: Format = Format.CSV, *, size: int = 0) -> list[Record]:
    """In parts of `size` bytes; 0: in one."""
    data = data.encode() if isinstance(data, str) else data
    reader = Reader(form, COLUMNS, NEEDED)
    records: list[Record] = []
    for at in range(0, len(data), size or len(data) or 1):
        records += reader.feed(data[at : at + (size or len(data))])
    return records + list(reader.end())


def cells(records: list[Record]) -> list[dict[str, Any]]:
    assert [each.fault for each in records] == [None] * len(records)
    return [dict(each.cells) for each in records]


PLAIN = "destination,amount,note\na,1,x\nb,2,y\n"
MEANS = [
    {"destination": "a", "amount": "1", "note": "x"},
    {"destination": "b", "amount": "2", "note": "y"},
]


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.removesuffix("\n"),
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\n\n") + ",,\n \n",
        '"destination","amount","note"\r\n"a","1","x"\r\n"b","2","y"\r\n',
        "note,destination,amount\nx,a,1\ny,b,2\n",
        " note , destination,amount\nx,a,1\ny,b,2\n",
    ],
    ids=["plain", "crlf", "no last break", "bom", "empty", "quoted", "order", "spaces in header"],
)
@pytest.mark.parametrize("size", [0, 1, 7])
def test_the_same_lines_however_they_are_written(data: str, size: int):
    assert cells(read(data, size=size)) == MEANS


@pytest.mark.parametrize("size", [0, 1, 5])
def test_quotation_marks_commas_breaks_and_letters_within_cells(size: int):
    data = 'destination,amount,note\na,1,"x, ""y""\r\nz"\nb,2,Zürich 東京 \U0001f600\n'
    first, second = read(data, size=size)
    assert first.cells["note"] == 'x, "y"\r\nz'
    assert (first.line, second.line) == (2, 4), "where it begins in the file"
    assert second.cells["note"] == "Zürich 東京 \U0001f600"


def test_amounts_are_handed_on_as_they_stand():
    """What they mean is not for the reader to say."""
    for text in ("1e3", "0,5", "1.000,00", "=1+1", "-1", " 1"):
        assert read(f'destination,amount\na,"{text}"\n')[0].cells["amount"] == text


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("a", "payout_cells_miscounted"),
        ("a,1,x,y", "payout_cells_miscounted"),
        ('"a"b,1,x', "payout_line_malformed"),
        ("a\rb,1,x", "payout_line_malformed"),
    ],
)
def test_a_line_that_can_t_be_read_is_told_and_the_others_are_read(row: str, code: str):
    first, bad, last = read(f"destination,amount,note\na,1,x\n{row}\nb,2,y\n")
    assert bad.fault is not None
    assert (bad.line, bad.fault.code) == (3, code)
    assert cells([first, last]) == MEANS


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"destination,amount\n\xff,1\n", "payout_file_not_utf8"),
        (b"destination,amount\na,1\xc3", "payout_file_not_utf8"),
        ("destination,amount\na,1\n".encode("utf-16"), "payout_file_not_utf8"),
        (b'destination,amount\n"a,1\nb,2\n', "payout_file_quote_open"),
        (b'destination,amount\n"' + b"a\n" * LINE_CHARACTERS_MAX, "payout_file_quote_open"),
        (b"destination,amount\n" + b"a" * (LINE_CHARACTERS_MAX + 1), "payout_line_too_long"),
        (b"destination;amount\na;1\n", "payout_column_unknown"),
        (b"destination,amount,iban\na,1,x\n", "payout_column_unknown"),
        (b"destination,amount,\na,1,\n", "payout_column_unknown"),
        (b"destination,amount,amount\na,1,1\n", "payout_column_repeated"),
        (b"destination,note\na,x\n", "payout_column_missing"),
        (b"amount,note\n1,x\n", "payout_column_missing"),
        (b"a,1\nb,2\n", "payout_column_unknown"),
        (b'"\n', "payout_file_quote_open"),
        (b'"a"b\n', "payout_column_missing"),
    ],
)
def test_what_leaves_no_lines_to_speak_of_ends_the_file(data: bytes, code: str):
    for size in (0, 1):
        with pytest.raises(Invalid) as caught:
            read(data, size=size)
        assert caught.value.code == code


def test_an_empty_file_has_no_lines():
    assert read(b"") == read(b"\xef\xbb\xbf") == read(b"\n\n") == read(PLAIN.split("\n")[0]) == []


@pytest.mark.parametrize("size", [0, 1, 6])
def test_json_lines_say_the_same(size: int):
    data = '\ufeff{"destination":"a","amount":"1","note":"x"}\r\n\n{"note":"y","amount":"2","destination":"b"}'  # noqa: E501
    assert cells(read(data, Format.JSONL, size=size)) == MEANS


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("[]", "payout_line_malformed"),
        ("{", "payout_line_malformed"),
        ('{"amount":"1","amount":"2"}', "payout_line_malformed"),
        ('{"amount":NaN}', "payout_line_malformed"),
        ('{"iban":"1"}', "payout_column_unknown"),
    ],
)
def test_json_lines_that_can_t_be_read(row: str, code: str):
    first, bad, last = read(
        f'{{"destination":"a","amount":"1"}}\n{row}\n{{"destination":"b","amount":"2"}}\n',
        Format.JSONL,
    )
    assert bad.fault is not None
    assert (bad.line, bad.fault.code) == (2, code)
    assert not first.fault
    assert not last.fault


def test_it_holds_no_more_than_one_line():
    reader = Reader(Format.CSV, COLUMNS, NEEDED)
    list(reader.feed(b"destination,amount\n"))
    for _ in range(3):
        list(reader.feed(b"a,1\n" * 10_000))
        assert len(reader._text) < LINE_CHARACTERS_MAX


def test_lines_are_numbered_as_an_editor_does():
    lines = [each.line for each in read("destination,amount\n" + "a,1\n" * 50)]
    assert lines[0] == 2
    assert all(later == earlier + 1 for earlier, later in pairwise(lines))
